// The widget on a stranger's page: quiet where it is refused, heard and usable by keys where it is not, and nothing told twice.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Browser, Frame, Page } from 'playwright-core'
import { freePort, removeDirectory, startServer, until as untilIn, type RunningServer } from '../harness.ts'
import { assertAccessible } from './axe.ts'
import { chromiumPath, keepScreenshot, openBrowser, openPage } from './browser.ts'

const skip = existsSync(chromiumPath) ? false : 'no Chromium: set CONFAB_TEST_CHROMIUM to one'
const root = join(import.meta.dirname, '..', '..')
const SEEN_MS = 15_000
const until = <T>(what: string, check: () => Promise<T | undefined> | T | undefined): Promise<T> => untilIn(what, check, SEEN_MS)

/** What the page's own script does before the widget is there: listens, and may open it by itself. */
const pageOf = (host: string, account: string, early: string): string => `<!doctype html><html lang="en"><title>A shop</title>
<main><h1>A shop</h1><p>Lamps and shades.</p><input aria-label="Newsletter" autofocus></main>
<script>window.told = []; window.confab = function () { (confab.q = confab.q || []).push(arguments) }
confab('on', 'unread', (count) => told.push(count)); ${early}</script>
<script async src="${host}/chat.js" data-account="${account}"></script></html>`

describe('the widget on the page of a stranger', { skip }, () => {
  let server: RunningServer
  let shop: Server
  let shopUrl = ''
  let accounts: { readonly open: string; readonly refused: string }
  let browser: Browser

  const visit = async (path: string): Promise<{ page: Page; said: string[] }> => {
    const { page } = await openPage(browser, { width: 1000, height: 760 })
    page.setDefaultTimeout(SEEN_MS)
    const said: string[] = []
    page.on('console', (message) => said.push(message.text()))
    page.on('pageerror', (error) => said.push(error.message))
    await page.goto(shopUrl + path)
    return { page, said }
  }
  const panelOf = (page: Page): Promise<Frame> =>
    until('the panel', () => page.frames().find((frame) => frame.url().endsWith('/chat/panel.html')))

  before(async () => {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/build-web.ts'], { cwd: root, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    server = await startServer()
    const port = await freePort()
    shopUrl = `http://127.0.0.1:${port}`
    const make = (name: string, origin: string): Promise<{ id: string }> =>
      server.api('/v1/accounts', { body: { channel: 'web', name, origins: [origin], options: { color: '#ffe14d' } } })
    const [open, refused] = [await make('Shop', shopUrl), await make('Elsewhere', 'https://elsewhere.example')]
    accounts = { open: open.id, refused: refused.id }
    shop = createServer((request, response) => {
      const url = new URL(request.url ?? '/', shopUrl)
      const early = url.searchParams.has('early') ? `confab('open')` : ''
      response.setHeader('content-type', 'text/html')
      response.end(pageOf(server.url, url.pathname === '/refused' ? accounts.refused : accounts.open, early))
    }).listen(port, '127.0.0.1')
    browser = await openBrowser()
  })
  after(async () => {
    await browser?.close()
    shop?.close()
    await server?.stop()
    if (server !== undefined) await removeDirectory(server.dataDirectory)
  })

  test('a page that is not on the list shows visitors a quiet word and no field; its console says why', async () => {
    const { page, said } = await visit('/refused')
    await page.getByRole('button', { name: 'Open the chat' }).click()
    const panel = await panelOf(page)
    await panel.getByText('The chat is not available here at the moment.').waitFor()
    assert.equal(await panel.getByRole('textbox').count(), 0)
    assert.equal(await panel.getByText(/origin|list/).count(), 0)
    await until('the hint', () => said.find((text) => text.startsWith('confab: no chat for account')))
    await assertAccessible(panel, 'a refused panel')
    await keepScreenshot(page, 'widget-refused')
    await page.context().close()
  })

  test('by keys: opened, written in, closed, with the focus where one expects it', async () => {
    const { page, said } = await visit('/')
    await page.getByRole('button', { name: 'Open the chat' }).waitFor()
    await page.getByLabel('Newsletter').focus()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    const panel = await panelOf(page)
    await until('the field has the focus', async () => ((await panel.locator('textarea:focus').count()) === 1 ? true : undefined))
    await page.keyboard.type('Hello there')
    await page.keyboard.press('Enter')
    await panel.getByText('Delivered', { exact: true }).waitFor()
    await assertAccessible(panel, 'the panel')
    await page.emulateMedia({ colorScheme: 'dark' })
    await assertAccessible(panel, 'the dark panel')
    await page.emulateMedia({ colorScheme: 'light' })
    await keepScreenshot(page, 'widget-yellow')
    await page.keyboard.press('Escape')
    await page.locator('iframe[title=Chat]').waitFor({ state: 'hidden' })
    await until('the button has the focus', async () => {
      const label = await page.evaluate(`document.activeElement?.shadowRoot?.activeElement?.getAttribute('aria-label')`)
      return label === 'Open the chat' ? true : undefined
    })
    await assertAccessible(page, 'the page with the button')

    // An answer while it is closed: told once, spoken once, and gone once it is read.
    const { items } = await server.api<{ items: { id: string }[] }>('/v1/conversations')
    const send = (text: string): Promise<unknown> =>
      server.api(`/v1/conversations/${items[0]?.id ?? ''}/messages`, { body: { text }, headers: { 'idempotency-key': text.slice(0, 5) } })
    await send('First answer')
    await page.getByRole('button', { name: 'Open the chat, 1 new' }).waitFor()
    await page.getByRole('status').getByText('1 new in the chat').waitFor({ state: 'attached' })
    await page.keyboard.press('Enter')
    await panel.getByRole('log').getByText('First answer', { exact: true }).waitFor()
    await panel
      .getByRole('status')
      .getByText(/First answer$/)
      .waitFor({ state: 'attached' })
    await until('it counts as read', async () => {
      const { items: rows } = await server.api<{ items: { receipts: { read: number } }[] }>('/v1/conversations')
      return (rows[0]?.receipts.read ?? 0) > 0 ? true : undefined
    })
    assert.deepEqual(await page.evaluate('told'), [1, 0])
    await send('Other answer, while it is open')
    await panel.getByRole('log').getByText('Other answer, while it is open', { exact: true }).waitFor()
    assert.deepEqual(await page.evaluate('told'), [1, 0])
    assert.deepEqual(said, [])
    await page.context().close()
  })

  test('a page that opens it by itself takes no focus, and posts to nobody who does not listen', async () => {
    const { page, said } = await visit('/?early')
    const panel = await panelOf(page)
    await panel.getByRole('textbox').waitFor()
    await page.locator('iframe[title=Chat]').waitFor()
    assert.equal(await page.evaluate(`document.activeElement?.getAttribute('aria-label')`), 'Newsletter')
    assert.deepEqual(said, [])
    assert.deepEqual(await page.evaluate('told'), [])
    await page.setViewportSize({ width: 320, height: 560 })
    assert.ok(Number(await panel.evaluate('document.documentElement.scrollWidth')) <= 320)
    await keepScreenshot(page, 'widget-320')
    await page.context().close()
  })
})
