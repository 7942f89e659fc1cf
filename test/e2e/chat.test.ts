// The main job as people do it, in two browsers against a whole server: a customer writes in the widget, an agent answers in the inbox.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Browser, FrameLocator } from 'playwright-core'
import { removeDirectory, startServer, until, type RunningServer } from '../harness.ts'
import { chromiumPath, keepScreenshot, openBrowser, openPage, type Visitor } from './browser.ts'

const root = join(import.meta.dirname, '..', '..')
const skip = existsSync(chromiumPath) ? false : 'no Chromium: set CONFAB_TEST_CHROMIUM to one'
const SEEN_MS = 10_000

const question = 'Hello! Do you ship to Iceland?'
const answer = 'Yes, we do. It takes about four days.'

describe('a customer and an agent', { skip }, () => {
  let server: RunningServer
  let browser: Browser
  let agent: Visitor
  let customer: Visitor
  let panel: FrameLocator

  const openChat = async (): Promise<void> => {
    await customer.page.getByRole('button', { name: /^Open the chat/ }).click()
    panel = customer.page.frameLocator('iframe[title="Chat"]')
    await panel.getByRole('textbox').waitFor()
  }
  const inLog = (text: string) => agent.page.getByRole('log').getByText(text, { exact: true })

  before(async () => {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/build-web.ts'], { cwd: root, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    server = await startServer()
    browser = await openBrowser()
    agent = await openPage(browser, { width: 1480, height: 900 })
    customer = await openPage(browser, { width: 1100, height: 820 })
    for (const { page } of [agent, customer]) page.setDefaultTimeout(SEEN_MS)
  })

  after(async () => {
    await browser?.close()
    await server?.stop()
    if (server !== undefined) await removeDirectory(server.dataDirectory)
  })

  test('the printed link signs the owner in, once', async () => {
    const path = await until('the sign-in link is printed', () => /\/inbox\/#code=[\w-]+/.exec(server.output())?.[0])
    await agent.page.goto(server.url + path)
    await agent.page.getByRole('heading', { name: 'All open' }).waitFor()
    assert.equal(new URL(agent.page.url()).hash, '')
    const second = await openPage(browser, { width: 900, height: 700 })
    await second.page.goto(server.url + path)
    await second.page.getByRole('alert').waitFor()
    await second.page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await keepScreenshot(second.page, 'sign-in')
    await second.context.close()
  })

  test('what the customer writes appears in the inbox without a reload', async () => {
    await agent.page.getByText('Nobody has written yet').waitFor()
    await customer.page.goto(`${server.url}/try`)
    await openChat()
    await panel.getByRole('textbox').fill(question)
    await panel.getByRole('textbox').press('Enter')
    await panel.getByText('Delivered', { exact: true }).waitFor()
    const row = agent.page.getByRole('row').filter({ hasText: question })
    await row.waitFor()
    await row.getByText('1 unread').waitFor()
    await keepScreenshot(agent.page, 'inbox-new-conversation')
    await row.getByRole('button').click()
    await inLog(question).waitFor()
  })

  test('the customer sees that it was read, and that someone types', async () => {
    await panel.getByText('Read', { exact: true }).waitFor()
    await agent.page.getByRole('textbox', { name: /^Reply/ }).pressSequentially(answer)
    await panel.getByText(/is typing$/).waitFor()
    await keepScreenshot(customer.page, 'widget-typing')
  })

  test('the answer reaches the customer, and its read mark the agent', async () => {
    await agent.page.getByRole('textbox', { name: /^Reply/ }).press('Enter')
    await panel.getByRole('log').getByText(answer, { exact: true }).waitFor()
    await inLog(answer).waitFor()
    await agent.page
      .getByRole('log')
      .getByText(/Read by /)
      .waitFor()
    assert.equal(await agent.page.getByRole('log').getByText(answer, { exact: true }).count(), 1)
    assert.equal(await panel.getByRole('log').getByText(answer, { exact: true }).count(), 1)
    await keepScreenshot(agent.page, 'inbox-answered')
    await keepScreenshot(customer.page, 'widget-answered')
  })

  test('the agent sees the customer type', async () => {
    await panel.getByRole('textbox').pressSequentially('Great')
    await agent.page
      .getByRole('status')
      .getByText(/is typing$/)
      .waitFor()
    await panel.getByRole('textbox').fill('')
  })

  test('a note stays with the team', async () => {
    await agent.page.getByRole('button', { name: 'Note' }).click()
    await agent.page.getByRole('textbox', { name: 'Note to your team' }).fill('A returning customer: be generous.')
    await keepScreenshot(agent.page, 'inbox-note')
    await agent.page.getByRole('textbox', { name: 'Note to your team' }).press('Enter')
    await inLog('A returning customer: be generous.').waitFor()
    await agent.page.getByRole('button', { name: 'Reply', exact: true }).click()
    await agent.page.getByRole('textbox', { name: /^Reply/ }).fill('Anything else?')
    await agent.page.getByRole('textbox', { name: /^Reply/ }).press('Enter')
    await panel.getByText('Anything else?', { exact: true }).waitFor()
    assert.equal(await panel.getByText('be generous').count(), 0)
  })

  test('a file from the customer is shown to the agent', async () => {
    const png = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAYAAABytg0kAAAAFklEQVR42mNkYPhfz0AEYBxVSF+FAP5FDvcfRYWgAAAAAElFTkSuQmCC',
      'base64',
    )
    await panel.locator('input[type=file]').setInputFiles({ name: 'lamp.png', mimeType: 'image/png', buffer: png })
    await panel.getByRole('button', { name: 'Remove lamp.png' }).waitFor()
    await until('the file is stored', async () => (await panel.getByRole('button', { name: 'Send' }).isEnabled()) || undefined, SEEN_MS)
    await panel.getByRole('textbox').fill('This is the one')
    await panel.getByRole('button', { name: 'Send' }).click()
    await inLog('This is the one').waitFor()
    await agent.page.getByRole('img', { name: 'lamp.png' }).waitFor()
    await panel.getByRole('img', { name: 'lamp.png' }).waitFor()
  })

  test('a reload of the widget keeps the thread', async () => {
    await customer.page.reload()
    await openChat()
    for (const text of [question, answer, 'This is the one']) await panel.getByRole('log').getByText(text, { exact: true }).waitFor()
    await keepScreenshot(customer.page, 'widget-reloaded')
  })

  test('while the server is away both say so; what is written then arrives once it is back', async () => {
    const { dataDirectory, port } = server
    await server.stop()
    await agent.page.getByText(/The connection is lost|Connecting/).waitFor()
    await keepScreenshot(agent.page, 'inbox-offline')
    await panel.getByRole('textbox').fill('Are you there?')
    await panel.getByRole('textbox').press('Enter')
    await panel.getByText('Sending…').waitFor()
    server = await startServer({ dataDirectory, port })
    // Back-off reaches 20 s; "try now" is for those who do not want to wait.
    await inLog('Are you there?').waitFor({ timeout: 45_000 })
    await panel.getByText('Sending…').waitFor({ state: 'detached', timeout: 45_000 })
    assert.equal(await inLog('Are you there?').count(), 1)
    assert.equal(await agent.page.getByText(/The connection is lost/).count(), 0)
  })

  test('resolving empties the list, the next message brings it back', async () => {
    await agent.page.locator('body').press('Escape')
    await agent.page.keyboard.press('j')
    await inLog(question).waitFor()
    await agent.page.keyboard.press('e')
    await agent.page.getByText('No open conversations.').waitFor()
    await agent.page
      .getByRole('link', { name: /^Resolved/ })
      .getByText('1')
      .waitFor()
    await panel.getByRole('textbox').fill('One more thing')
    await panel.getByRole('textbox').press('Enter')
    await agent.page.getByRole('row').filter({ hasText: 'One more thing' }).waitFor()
    await agent.page
      .getByRole('log')
      .getByText(/so it was reopened$/)
      .waitFor()
    await keepScreenshot(agent.page, 'inbox-reopened')
  })

  test('a phone has one pane, with a way back', async () => {
    await agent.page.setViewportSize({ width: 390, height: 800 })
    await agent.page.getByRole('button', { name: 'Back to the list' }).waitFor()
    await keepScreenshot(agent.page, 'inbox-phone-thread')
    await agent.page.getByRole('button', { name: 'Back to the list' }).click()
    await agent.page.getByRole('row').first().waitFor()
    await keepScreenshot(agent.page, 'inbox-phone-list')
    await agent.page.setViewportSize({ width: 1480, height: 900 })
  })

  test('dark is dark in both', async () => {
    for (const { page } of [agent, customer]) await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' })
    await agent.page.getByRole('row').first().getByRole('button').click()
    await inLog(question).waitFor()
    await keepScreenshot(agent.page, 'inbox-dark')
    await keepScreenshot(customer.page, 'widget-dark')
  })

  test('nothing threw and no policy was broken', () => {
    assert.deepEqual(agent.complaints, [])
    assert.deepEqual(customer.complaints, [])
  })
})
