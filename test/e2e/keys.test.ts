// An agent's day by keys alone, against a whole server: no mouse is touched from signing in to finding what was said.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { removeDirectory, startServer, until as untilIn, type RunningServer } from '../harness.ts'
import { assertAccessible } from './axe.ts'
import { chromiumPath, keepScreenshot, openBrowser, openPage, type Visitor } from './browser.ts'

const skip = existsSync(chromiumPath) ? false : 'no Chromium: set CONFAB_TEST_CHROMIUM to one'
const root = join(import.meta.dirname, '..', '..')
const SEEN_MS = 15_000
const until = (what: string, check: () => Promise<boolean>): Promise<boolean> => untilIn(what, check, SEEN_MS)

const question = 'Do you repair lamps with green shades?'
const reply = 'We do, bring it by.'
const note = 'Has three lamps already.'

describe('an agent without a mouse', { skip }, () => {
  let server: RunningServer
  let browser: Browser
  let agent: Visitor
  let page: Page

  const inLog = (text: string | RegExp) => page.getByRole('log').getByText(text, { exact: true })
  const activity = (text: RegExp) => page.locator('.activity').getByText(text)
  const press = async (...keys: readonly string[]): Promise<void> => {
    for (const key of keys) await page.keyboard.press(key)
  }
  const hasFocus = (name: RegExp): Promise<boolean> =>
    until(`the focus is on ${name.source}`, async () =>
      name.test((await page.locator(':focus').getAttribute('aria-label', { timeout: 500 })) ?? ''),
    )

  /** A visitor of the web chat, without its page. */
  const write = async (text: string): Promise<void> => {
    const { items } = await server.api<{ items: { id: string; channel: string }[] }>('/v1/accounts')
    const account = items.find(({ channel }) => channel === 'web')
    assert.ok(account !== undefined)
    const json = { 'content-type': 'application/json', origin: server.url }
    const session = await fetch(`${server.url}/v1/chat/${account.id}/session`, { method: 'POST', headers: json, body: '{}' })
    const { token } = (await session.json()) as { token: string }
    const headers = { ...json, authorization: `Bearer ${token}`, 'idempotency-key': text.slice(0, 8).replaceAll(/\W/g, '-') }
    const answer = await fetch(`${server.url}/v1/chat/messages`, { method: 'POST', headers, body: JSON.stringify({ text }) })
    assert.ok(answer.ok, await answer.text())
  }

  before(async () => {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/build-web.ts'], { cwd: root, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    server = await startServer()
    const body = { name: 'Mina Okafor', email: 'mina@example.com', role: 'supervisor', password: 'correct horse battery' }
    await server.api('/v1/agents', { body })
    await write(question)
    browser = await openBrowser()
    agent = await openPage(browser, { width: 1440, height: 900 })
    ;({ page } = agent)
    page.setDefaultTimeout(SEEN_MS)
  })
  after(async () => {
    await browser?.close()
    await server?.stop()
    if (server !== undefined) await removeDirectory(server.dataDirectory)
  })

  test('signs in', async () => {
    await page.goto(`${server.url}/inbox/`)
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await assertAccessible(page, 'sign-in')
    await press('Tab')
    await page.keyboard.type('mina@example.com')
    await press('Tab')
    await page.keyboard.type('correct horse battery')
    await press('Enter')
    await page.getByRole('row').filter({ hasText: question }).waitFor()
    await assertAccessible(page, 'the list')
  })

  test('opens a conversation, takes it and answers', async () => {
    await press('j')
    await inLog(question).waitFor()
    await press('c')
    await activity(/^You took it$/).waitFor()
    await press('r')
    await hasFocus(/^Reply to/)
    await page.keyboard.type(reply)
    await press('Enter')
    await inLog(reply).waitFor()
    await page.locator('.line--out').filter({ hasText: reply }).locator('.tick--sent, .tick--delivered').waitFor()
  })

  test('leaves a note for the team, and leaves the field', async () => {
    await press('Control+/')
    await hasFocus(/^Note to your team$/)
    await page.keyboard.type(note)
    await press('Enter')
    await inLog(note).waitFor()
    await press('Escape')
    await until('no field has the focus', async () => (await page.locator('textarea:focus').count()) === 0)
    await assertAccessible(page, 'the thread')
    await keepScreenshot(page, 'keys-thread')
  })

  test('looks up the keys', async () => {
    await press('?')
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor()
    await press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
  })

  test('snoozes it and reopens it', async () => {
    await press('z')
    await page.getByRole('menu', { name: /^Snooze/ }).waitFor()
    await until('the first choice has the focus', async () => (await page.locator('[role=menuitem]:focus').count()) === 1)
    await press('Enter')
    await activity(/^You snoozed it until/).waitFor()
    await page.getByText('No open conversations.').waitFor()
    await press('Shift+O')
    await activity(/^You reopened it$/).waitFor()
    await page.getByRole('row').first().waitFor()
  })

  test('resolves it and reopens it', async () => {
    await press('e')
    await activity(/^You resolved it$/).waitFor()
    await press('Shift+O')
    await until('reopened twice', async () => (await activity(/^You reopened it$/).count()) === 2)
  })

  test('goes back to the row it came from, and walks the list', async () => {
    await write('Is the red one in stock, too?')
    await page.getByRole('row').nth(1).waitFor()
    await press('Escape')
    await page.getByText('Choose a conversation').waitFor()
    await until('a row has the focus', async () => (await page.locator('.list__button:focus').count()) === 1)
    const before = await page.locator(':focus').getAttribute('data-id')
    await press('Home', 'ArrowDown')
    await until('another row has the focus', async () => (await page.locator(':focus').getAttribute('data-id')) !== null)
    await press('ArrowUp')
    assert.ok(before !== null)
    await press('g', 'u')
    await page.getByRole('heading', { name: 'Unassigned' }).waitFor()
    await press('g', 'a')
    await page.getByRole('heading', { name: 'All open' }).waitFor()
  })

  test('finds what was said, and opens it where it stands', async () => {
    await press('/')
    await hasFocus(/^Search all conversations$/)
    await page.keyboard.type('green')
    await page.getByRole('listitem').filter({ hasText: question }).locator('mark').waitFor()
    await press('ArrowDown', 'Enter')
    await page.locator('.bubble--found').getByText(question, { exact: true }).waitFor()
    await assertAccessible(page, 'a hit')
    await keepScreenshot(page, 'keys-search')
  })

  test('single keys rest once they are switched off, and the switch is kept', async () => {
    await press('?')
    const box = page.getByRole('checkbox', { name: /^Single keys act/ })
    await box.waitFor()
    await press('Tab', 'Space')
    await until('it is off', async () => !(await box.isChecked()))
    await press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.reload()
    await inLog(question).waitFor()
    await press('e', 'u', '?')
    assert.equal(await page.getByRole('dialog').count(), 0)
    const { items } = await server.api<{ items: { state: string; contact: unknown }[] }>('/v1/conversations')
    assert.deepEqual(
      items.map(({ state }) => state),
      ['open', 'open'],
    )
  })

  test('nothing threw and no policy was broken', () => assert.deepEqual(agent.complaints, []))
})
