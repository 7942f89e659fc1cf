// An installed Chromium, driven as a person would use it; screenshots land in test/artifacts.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'

/** Set by `npm test`, which finds or installs it; found here too, so that a file can be run alone. */
export const chromiumPath = process.env['CONFAB_TEST_CHROMIUM'] ?? '/usr/bin/chromium'

const artifacts = join(import.meta.dirname, '..', 'artifacts')

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export const openBrowser = (): Promise<Browser> => chromium.launch({ executablePath: chromiumPath, args: flags })

export interface Visitor {
  readonly context: BrowserContext
  readonly page: Page
  /** What the page complained of: errors thrown, policies broken. */
  readonly complaints: string[]
}

/** Someone with a browser of their own: no cookie or storage is shared. */
export const openPage = async (
  browser: Browser,
  options: { width: number; height: number; colorScheme?: 'light' | 'dark' },
): Promise<Visitor> => {
  const { width, height, colorScheme = 'light' } = options
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme,
    reducedMotion: 'reduce',
    locale: 'en-GB',
    timezoneId: 'UTC',
  })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' && /Content Security Policy|Uncaught/.test(message.text())) complaints.push(message.text())
  })
  return { context, page, complaints }
}

export const keepScreenshot = async (page: Page, name: string): Promise<void> => {
  mkdirSync(artifacts, { recursive: true })
  await page.screenshot({ path: join(artifacts, `${name}.png`) })
}
