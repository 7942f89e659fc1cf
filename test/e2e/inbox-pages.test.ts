// The built inbox over made-up sites: every state a bubble can have, the reply window, sizes, both schemes, and lists of ten thousand.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import type { Message } from '#schemas'
import { until as untilIn } from '../harness.ts'
import { eventOf, me, messageOf, rowOf } from '../web/fixtures.ts'
import { assertAccessible } from './axe.ts'
import { chromiumPath, keepScreenshot, openBrowser, openPage, type Visitor } from './browser.ts'
import { manyRows, openFixture, type FixtureSite, type RunningSite } from './fixture-site.ts'

const skip = existsSync(chromiumPath) ? false : 'no Chromium: set CONFAB_TEST_CHROMIUM to one'
const root = join(import.meta.dirname, '..', '..')
const MANY = 10_000
/** inbox.md §7. */
const NODES_MAX = 200
const SEEN_MS = 10_000
const MINUTE_MS = 60_000
const now = Date.now()
const until = (what: string, check: () => Promise<boolean> | boolean): Promise<boolean> => untilIn(what, check, SEEN_MS)
const ago = (minutes: number): string => new Date(now - minutes * MINUTE_MS).toISOString()
const thread = '/inbox/?view=all&conversation=conversation-1'

const said = (seq: number, direction: Message['direction'], text: string, change: Partial<Message> = {}): Message =>
  messageOf(seq, direction, { content: { kind: 'text', text }, orderAt: ago(30 - seq), at: ago(30 - seq), ...change })

const sent = (seq: number, state: NonNullable<Message['send']>['state'], reason: string | null = null): Message =>
  said(seq, 'out', `This one is ${state}.`, { send: { state, reason, providerCode: state === 'failed' ? 30_003 : null, attempt: 1 } })

const messages: readonly Message[] = [
  said(2, 'in', 'Hello! My lamp flickers. The order is https://shop.example/orders/1042.'),
  said(3, 'note', 'A returning customer: be generous.', { author: { kind: 'agent', id: 'jonas', name: 'Jonas Weber' } }),
  sent(5, 'read'),
  sent(6, 'delivered'),
  sent(7, 'sent'),
  sent(8, 'queued'),
  sent(9, 'failed', 'undelivered'),
  sent(10, 'unknown', 'timed_out'),
  said(11, 'in', 'Taken back', { isDeleted: true, content: null }),
  said(12, 'out', 'See you tomorrow.', {
    send: { state: 'queued', reason: null, providerCode: null, attempt: 1 },
    sendAt: new Date(now + 24 * 60 * MINUTE_MS).toISOString(),
  }),
  said(13, 'in', 'Thanks!', {
    reactions: [
      { by: { kind: 'agent', id: me.id }, emoji: '👍', at: ago(1) },
      { by: { kind: 'agent', id: 'jonas' }, emoji: '👍', at: ago(1) },
    ],
  }),
]

const everyState: FixtureSite = {
  rows: [
    rowOf({
      contact: { id: 'contact-1', name: 'Ada Lovelace', address: null },
      lastActivityAt: ago(1),
      seq: 12,
      assignee: { kind: 'agent', id: me.id },
      labels: ['vip', 'refund'],
      priority: 'urgent',
      waitingSince: ago(20),
    }),
    ...manyRows(14, now - 5 * MINUTE_MS)
      .slice(1)
      .map((row, index) => ({ ...row, unread: index % 3, priority: index === 2 ? ('high' as const) : ('none' as const) })),
  ],
  messages: { 'conversation-1': messages },
  events: [
    eventOf(
      4,
      'conversation.assigned',
      { because: 'claim', before: null, after: { kind: 'agent', id: 'jonas' } },
      { at: ago(26.5), by: { kind: 'agent', id: 'jonas' } },
    ),
    eventOf(12, 'conversation.labeled', { added: ['vip', 'refund'], removed: [] }, { at: ago(18), by: { kind: 'agent', id: me.id } }),
  ],
}

describe('the pages of the inbox', { skip }, () => {
  let browser: Browser
  let visitor: Visitor
  let page: Page

  const open = async (
    site: FixtureSite,
    path: string,
    size: { width: number; height: number; colorScheme?: 'light' | 'dark' },
  ): Promise<RunningSite> => {
    await visitor?.context.close()
    visitor = await openPage(browser, size)
    page = visitor.page
    page.setDefaultTimeout(SEEN_MS)
    return openFixture(page, site, path)
  }
  const pageWidth = async (): Promise<number> => Number(await page.evaluate('document.documentElement.scrollWidth'))
  const scrollTo = (selector: string, share: number): Promise<void> =>
    page.locator(selector).evaluate((element, to) => {
      const scroller = element as unknown as { scrollHeight: number; scrollTop: number }
      scroller.scrollTop = to * scroller.scrollHeight
    }, share)
  const bubble = (state: string) => page.locator('.line').filter({ hasText: `This one is ${state}.` })

  before(async () => {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/build-web.ts'], { cwd: root, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    browser = await openBrowser()
  })
  after(() => browser?.close())

  test('each state of a send has its mark and its word, and what can be done about it is done', async () => {
    const { commands } = await open(everyState, thread, { width: 1440, height: 1000 })
    for (const [state, word] of [
      ['queued', 'Sending'],
      ['sent', 'Sent'],
      ['delivered', 'Delivered'],
      ['read', 'Read'],
      ['failed', 'Not sent'],
      ['unknown', 'Not known whether it arrived'],
    ] as const)
      await bubble(state).locator(`.tick--${state}`).getByText(word, { exact: true }).waitFor({ state: 'attached' })
    await bubble('failed')
      .getByText(/Not sent\..*It could not be delivered\. \(30003\)/)
      .waitFor()
    await bubble('unknown')
      .getByText(/It is not known whether this arrived\..*did not answer in time/)
      .waitFor()
    await page.getByText(/Goes out tomorrow, /).waitFor()
    await page.getByRole('list', { name: 'Reactions' }).getByText('by You, Jonas Weber').waitFor({ state: 'attached' })
    await page.getByText('Jonas Weber took it').waitFor()
    await page.getByText('You added “VIP”, “Refund”').waitFor()
    await assertAccessible(page, 'every state of a bubble')
    await keepScreenshot(page, 'sheet-bubbles')
    await bubble('failed').getByRole('button', { name: 'Try again' }).click()
    for (const name of ['It was sent', 'It was not', 'Send again']) await bubble('unknown').getByRole('button', { name }).click()
    await until('four commands', () => commands.filter(({ type }) => type.startsWith('message.')).length === 4)
    assert.deepEqual(
      commands.filter(({ type }) => type.startsWith('message.')).map(({ type, messageId, as, risk }) => [type, messageId, as ?? risk]),
      [
        ['message.retry', 'message-9', undefined],
        ['message.settle', 'message-10', 'sent'],
        ['message.settle', 'message-10', 'failed'],
        ['message.retry', 'message-10', 'duplicate'],
      ],
    )
  })

  test('a message waits under a clock until the server answers, over a reload too', async () => {
    const { commands } = await open(everyState, thread, { width: 1440, height: 1000 })
    await page.getByRole('textbox', { name: /^Reply/ }).fill('On its way.')
    await page.keyboard.press('Enter')
    await page.locator('.line--pending').getByText('Waiting to be sent').waitFor()
    await until('the send', () => commands.some(({ type }) => type === 'message.send'))
    const [first] = commands.filter(({ type }) => type === 'message.send')
    assert.equal(first?.['seenSeq'], 12)
    // The server has not answered when the page is loaded again.
    await page.reload()
    await page.locator('.line--pending').getByText('On its way.').waitFor()
    await until('the same send', () => commands.filter(({ type, id }) => type === 'message.send' && id === first?.['id']).length === 2)
  })

  test('the reply window counts down, and the composer closes with it but for notes', async () => {
    const [row, ...others] = everyState.rows
    assert.ok(row !== undefined)
    const closing = {
      ...everyState,
      rows: [{ ...row, window: { expiresAt: new Date(Date.now() + 40 * MINUTE_MS).toISOString() } }, ...others],
    }
    await open(closing, thread, { width: 1440, height: 900 })
    await page.getByText(/The reply window closes in (39|40) min/).waitFor()
    await keepScreenshot(page, 'sheet-window-closing')
    const closed = { ...everyState, rows: [{ ...row, window: { expiresAt: ago(5) } }, ...others] }
    await open(closed, thread, { width: 1440, height: 900 })
    await page.getByText('The reply window closed on').waitFor()
    assert.equal(await page.getByRole('textbox', { name: /^Reply/ }).count(), 0)
    await assertAccessible(page, 'a closed window')
    await keepScreenshot(page, 'sheet-window-closed')
    await page.getByRole('button', { name: 'Leave a note' }).click()
    await page.getByRole('textbox', { name: 'Note to your team' }).waitFor()
    const shut = { ...everyState, rows: [{ ...row, window: { expiresAt: new Date(Date.now() + 4_000).toISOString() } }, ...others] }
    await open(shut, thread, { width: 1440, height: 900 })
    await page.getByText(/closes in \d s/).waitFor()
    await page.getByRole('alert').getByText('The reply window closed on').waitFor()
  })

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`the ${colorScheme} pages keep WCAG 2.2 AA at every width`, async () => {
      for (const [width, height] of [
        [1440, 900],
        [900, 800],
        [390, 800],
        [320, 640],
      ] as const) {
        const what = `${colorScheme}-${width}`
        await open(everyState, thread, { width, height, colorScheme })
        await page.getByText('Jonas Weber took it').waitFor()
        assert.ok((await pageWidth()) <= width, `${what} scrolls sideways`)
        await assertAccessible(page, `thread, ${what}`)
        await keepScreenshot(page, `pages-thread-${what}`)
        if (width === 1440 || width === 320) {
          await page.keyboard.press('?')
          await page.getByRole('dialog', { name: 'Keyboard' }).waitFor()
          await assertAccessible(page, `dialog, ${what}`)
          await keepScreenshot(page, `pages-dialog-${what}`)
          await page.keyboard.press('Escape')
          await page.getByRole('dialog').waitFor({ state: 'detached' })
        }
        await page.keyboard.press('Escape')
        await page.getByRole('grid').waitFor()
        await assertAccessible(page, `list, ${what}`)
        await keepScreenshot(page, `pages-list-${what}`)
        if (width >= 1200) continue
        await page.getByRole('button', { name: 'Views' }).click()
        await page.getByRole('link', { name: 'Settings' }).click()
        await page.getByRole('heading', { name: 'Accounts' }).waitFor()
        assert.ok((await pageWidth()) <= width, `settings, ${what} scroll sideways`)
        await keepScreenshot(page, `pages-settings-${what}`)
      }
      for (const name of ['Accounts', 'Agents', 'Labels', 'Tokens']) {
        await page.getByRole('link', { name, exact: true }).click()
        await page.getByRole('heading', { name, exact: true }).waitFor()
        await assertAccessible(page, `settings, ${name}, ${colorScheme}`)
      }
      await open({ ...everyState, isSignedIn: false }, '/inbox/', { width: 900, height: 700, colorScheme })
      await page.getByRole('heading', { name: 'Sign in' }).waitFor()
      await assertAccessible(page, `sign-in, ${colorScheme}`)
    })
  }

  test('a menu is open and keeps the rules, too', async () => {
    await open(everyState, thread, { width: 1440, height: 900 })
    await page.getByText('Jonas Weber took it').waitFor()
    for (const key of ['a', 'l', 'p', 'z']) {
      await page.keyboard.press(key)
      await page.getByRole('menu').waitFor()
      await assertAccessible(page, `the menu of ${key}`)
      await page.keyboard.press('Escape')
      await page.getByRole('menu').waitFor({ state: 'hidden' })
    }
  })

  test(`a list of ${MANY} rows keeps few of them in the page, wherever it is`, async () => {
    await open({ rows: manyRows(MANY) }, '/inbox/', { width: 1440, height: 900 })
    const grid = page.getByRole('grid')
    await grid.waitFor()
    for (const share of [0, 0.5, 1]) {
      await scrollTo('.list__scroller', share)
      const at = Math.max(1, Math.round(share * MANY) - 20)
      await until(`rows near ${at}`, async () => {
        const indexes = await Promise.all(
          (await grid.getByRole('row').all()).map((row) => row.getAttribute('aria-rowindex', { timeout: 500 })),
        )
        return indexes.some((index) => Math.abs(Number(index) - at) < 25)
      })
      const count = await grid.getByRole('row').count()
      assert.ok(count > 5 && count <= NODES_MAX, `${count} rows in the page`)
    }
    await page.locator('.list__button[tabindex="0"]').focus()
    await page.keyboard.press('Home')
    await until('the first row has the focus', async () => (await page.locator(':focus').getAttribute('data-id')) === 'conversation-1')
    await page.keyboard.press('End')
    await until('the last row has the focus', async () => (await page.locator(':focus').getAttribute('data-id')) === `conversation-${MANY}`)
  })

  test(`a thread of ${MANY} messages keeps few of them in the page, and goes from its end to its beginning`, async () => {
    const many = Array.from({ length: MANY }, (_, index) =>
      said(index + 1, index % 3 === 0 ? 'out' : 'in', `Message number ${index + 1}`, {
        id: `message-${index + 1}`,
        orderAt: ago(MANY - index),
        at: ago(MANY - index),
      }),
    )
    await open({ rows: [rowOf({ seq: MANY })], messages: { 'conversation-1': many } }, thread, { width: 1440, height: 900 })
    const lines = page.locator('.log__line')
    await page.getByText(`Message number ${MANY}`, { exact: true }).waitFor()
    assert.ok((await lines.count()) <= NODES_MAX, `${await lines.count()} lines`)
    await scrollTo('.log', 0.5)
    await until('the middle', async () => (await page.getByText(/^Message number (4|5|6)\d{3}$/).count()) > 0)
    assert.ok((await lines.count()) <= NODES_MAX, `${await lines.count()} lines`)
    await page.getByRole('button', { name: 'To the newest message' }).click()
    await page.getByText(`Message number ${MANY}`, { exact: true }).waitFor()
  })

  test('a hit of the search is opened where it stands, and the newest is one step away', async () => {
    const far = Array.from({ length: 50 }, (_, index) =>
      said(index + 100, 'in', index === 25 ? 'The lamp with the green shade' : `Something old ${index}`, {
        id: `old-${index}`,
        orderAt: ago(9_000 - index),
        at: ago(9_000 - index),
      }),
    )
    const hit = {
      conversationId: 'conversation-1',
      messageId: 'old-25',
      at: ago(8_975),
      snippet: 'The \u0002lamp\u0003 with the green shade',
    }
    const person = { conversationId: 'conversation-1', contactId: 'contact-1', at: ago(9_999), snippet: 'Ada \u0002Lampard\u0003' }
    const answers = {
      '/v1/search?q=lamp&type=message': { items: [hit], next: null },
      '/v1/search?q=lamp&type=contact': { items: [person], next: null },
      '/v1/conversations/conversation-1/messages?around=old-25': { items: far, next: 'old-0' },
      '/v1/conversations/conversation-1/messages?after=old-49': { items: messages, next: null },
    }
    await open({ ...everyState, answers }, '/inbox/', { width: 1440, height: 900 })
    await page.getByRole('grid').waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('lamp')
    const result = page.getByRole('listitem').filter({ hasText: 'green shade' })
    await result.locator('mark').getByText('lamp', { exact: true }).waitFor()
    await page.getByText('2 found').waitFor({ state: 'attached' })
    await assertAccessible(page, 'search results')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    const found = page.locator('.bubble--found').getByText('The lamp with the green shade')
    await found.waitFor()
    await until('the message is on screen', async () => {
      const box = await found.boundingBox()
      return box !== null && box.y > 60 && box.y + box.height < 780
    })
    assert.match(page.url(), /search=lamp&conversation=conversation-1&message=old-25/)
    await keepScreenshot(page, 'pages-search')
    await page.getByRole('button', { name: 'To the newest message' }).click()
    await bubble('unknown').waitFor()
  })

  test('nothing threw', () => {
    assert.deepEqual(visitor.complaints, [])
  })
})
