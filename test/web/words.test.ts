// What the inbox says: lines of a thread, names, times, refusals, links; and lists whose order follows the rows.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { steadyOrder } from '../../src/inbox/list/steady-order.ts'
import { emptyThread } from '../../src/inbox/state/model.ts'
import { changedRoute, linkCodeOf, parseRoute, routeSearch } from '../../src/inbox/state/route.ts'
import { threadItems } from '../../src/inbox/state/thread-items.ts'
import { listViews, rowsOf } from '../../src/inbox/state/views.ts'
import { contactNameOf, hueOf, initialsOf } from '../../src/inbox/words/names.ts'
import { spokenWords } from '../../src/inbox/words/spoken.ts'
import { linkedText, markedText } from '../../src/inbox/words/text.ts'
import { countdown, duration, snoozeChoices } from '../../src/inbox/words/times.ts'
import { activityLine } from '../../src/inbox/words/activity.ts'
import { refusalOf, type Names } from '../../src/inbox/words/words.ts'
import { eventOf, me, messageOf, minute, rowOf } from './fixtures.ts'

const names: Names = {
  me: me.id,
  contact: 'Ada',
  agent: (id) => (id === 'jonas' ? 'Jonas Weber' : undefined),
  label: (id) => (id === 'vip' ? 'VIP' : undefined),
}
const now = Date.parse(minute(59))

test('a thread groups messages of one author, opens each day, and places activity by time', () => {
  const thread = {
    ...emptyThread,
    isLoaded: true,
    readUpTo: 4,
    messages: [messageOf(2, 'in'), messageOf(3, 'in'), messageOf(5, 'in'), messageOf(6, 'out')],
    events: [eventOf(4, 'conversation.resolved', { before: 'open' }, { by: { kind: 'agent', id: 'jonas' } })],
  }
  const items = threadItems(thread, names, now)
  assert.deepEqual(
    items.map(({ kind }) => kind),
    ['day', 'message', 'message', 'activity', 'unread', 'message', 'message'],
  )
  assert.deepEqual(
    items.flatMap((item) => (item.kind === 'message' ? [[item.isFirst, item.isLast]] : [])),
    [
      [true, false],
      [false, true],
      [true, true],
      [true, true],
    ],
  )
  assert.deepEqual(
    items.flatMap((item) => (item.kind === 'activity' ? [item.text] : [])),
    ['Jonas Weber resolved it'],
  )
})

test('keys of a thread are unique, and a stored message keeps the key of its bubble', () => {
  const pending = { clientId: 'key', text: 'x', isNote: false, uploads: [], seenSeq: 1, isOverride: false, at: minute(9), refusal: null }
  const before = threadItems({ ...emptyThread, isLoaded: true, pending: [pending] }, names, now)
  const after = threadItems(
    { ...emptyThread, isLoaded: true, pending: [pending], messages: [messageOf(2, 'out', { clientId: 'key' })] },
    names,
    now,
  )
  assert.deepEqual(
    before.map(({ key }) => key),
    ['key'],
  )
  assert.equal(after.filter(({ key }) => key === 'key').length, 1)
  assert.equal(
    after.some(({ kind }) => kind === 'pending'),
    false,
  )
})

test('activity says who did what, and passes over what a thread does not show', () => {
  const by = { kind: 'agent', id: 'jonas' } as const
  const line = (type: string, data: Record<string, unknown>) => activityLine(eventOf(2, type, data, { by }), names, now)
  assert.equal(line('conversation.assigned', { because: 'claim', after: { kind: 'agent', id: 'jonas' } }), 'Jonas Weber took it')
  assert.equal(line('conversation.assigned', { because: 'assign', after: { kind: 'agent', id: me.id } }), 'Jonas Weber assigned it to you')
  assert.equal(line('conversation.assigned', { because: 'release', after: null }), 'Jonas Weber released it')
  assert.equal(line('conversation.labeled', { added: ['vip'], removed: [] }), 'Jonas Weber added “VIP”')
  assert.equal(line('conversation.snoozed', { until: null }), 'Jonas Weber snoozed it until the next message')
  assert.equal(line('conversation.created', {}), 'Jonas Weber started the conversation')
  assert.equal(line('conversation.opened', { because: 'release', before: 'pending' }), 'Jonas Weber handed it to your team')
  assert.equal(line('conversation.opted', { isOptedOut: true }), 'Ada opted out of messages')
  assert.equal(line('message.queued', { attempt: 2 }), 'Jonas Weber sent a message again')
  assert.equal(line('message.queued', { attempt: 1 }), null)
  assert.equal(line('something.newer', {}), null)
  assert.equal(line('message.sent', {}), null)
})

test('a refusal names the holder and what to do', () => {
  const problem = { type: '', title: 'taken', status: 409, code: 'conversation_taken', holder: { kind: 'agent', id: 'jonas' } }
  assert.equal(refusalOf(problem, names).title, 'Jonas Weber has this conversation.')
  assert.equal(refusalOf({ ...problem, code: 'answered_meanwhile' }, names).mayOverride, true)
  assert.equal(refusalOf({ ...problem, code: 'window_closed' }, names).mayOverride, false)
})

test('people have initials and a colour that stays theirs; a visitor is no number', () => {
  assert.equal(initialsOf('Ada Lovelace'), 'AL')
  assert.equal(initialsOf('Sam'), 'S')
  assert.equal(initialsOf('+15550123456'), '56')
  assert.equal(initialsOf('李小龙'), '李')
  assert.equal(hueOf('a'), hueOf('a'))
  assert.equal(contactNameOf(rowOf({ contact: { id: 'c', name: null, address: 'deadbeef' } })), 'Visitor ABCD')
  assert.equal(contactNameOf(rowOf({ channel: 'twilio', contact: { id: 'c', name: null, address: '+15550100' } })), '+15550100')
})

test('only web addresses become links, and no text is lost', () => {
  assert.deepEqual(linkedText('See https://example.com/a?b=1. Or not'), [
    { text: 'See ' },
    { text: 'https://example.com/a?b=1', href: 'https://example.com/a?b=1' },
    { text: '. Or not' },
  ])
  assert.deepEqual(linkedText('javascript:alert(1)'), [{ text: 'javascript:alert(1)' }])
  fc.assert(
    fc.property(
      fc.string(),
      (text) =>
        linkedText(text)
          .map((part) => part.text)
          .join('') === text,
    ),
  )
})

test('what snoozing offers lies ahead, whatever the hour', () => {
  fc.assert(
    fc.property(fc.date({ min: new Date('2026-01-01'), max: new Date('2027-12-31'), noInvalidDate: true }), (date) => {
      for (const { until } of snoozeChoices(date.getTime())) assert.ok(until === null || Date.parse(until) > date.getTime())
    }),
  )
  assert.equal(duration(3 * 3_600_000), '3 h')
})

test('a view holds what belongs in it, the longest waiting first where that counts', () => {
  const rows = [
    rowOf({ id: 'a', waitingSince: minute(5) }),
    rowOf({ id: 'b', waitingSince: minute(2) }),
    rowOf({ id: 'c', state: 'resolved' }),
  ]
  assert.deepEqual(
    rowsOf(listViews.waiting, rows, me.id).map(({ id }) => id),
    ['b', 'a'],
  )
  assert.deepEqual(
    rowsOf(listViews.resolved, rows, me.id).map(({ id }) => id),
    ['c'],
  )
  assert.deepEqual(rowsOf(listViews.mine, [rowOf({ assignee: { kind: 'agent', id: me.id } })], me.id).length, 1)
})

test('under the pointer nothing moves: rows keep their places, new ones wait above, pages grow below', () => {
  const rows = (ids: string): ReturnType<typeof rowOf>[] => ids.split('').map((id) => rowOf({ id }))
  assert.deepEqual(steadyOrder(['a', 'b', 'c'], rows('cabd'), true), { order: ['a', 'b', 'c', 'd'], newCount: 0 })
  assert.deepEqual(steadyOrder(['a', 'b'], rows('xab'), true), { order: ['a', 'b'], newCount: 1 })
  assert.deepEqual(steadyOrder(['a', 'b'], rows('xab'), false), { order: ['x', 'a', 'b'], newCount: 0 })
  assert.deepEqual(steadyOrder(['a', 'b', 'c'], rows('ac'), true).order, ['a', 'c'])
})

test('the address bar carries all that can be chosen, and a link carries its code', () => {
  const route = { view: 'snoozed', search: 'lamp & "shade"', conversationId: 'x', messageId: 'm', settings: null } as const
  assert.deepEqual(parseRoute(routeSearch(route)), route)
  assert.deepEqual(parseRoute('?view=nonsense&message=m'), {
    view: 'all',
    search: '',
    conversationId: null,
    messageId: null,
    settings: null,
  })
  assert.equal(changedRoute(route, { conversationId: 'y' }).messageId, null)
  assert.equal(changedRoute(route, { conversationId: 'y', messageId: 'n' }).messageId, 'n')
  assert.equal(linkCodeOf('#code=abc-_1'), 'abc-_1')
  assert.equal(linkCodeOf(''), null)
})

test('a snippet is parted at its hits, and nothing of its text is lost or made up', () => {
  assert.deepEqual(markedText('a \u0002lamp\u0003 and a \u0002shade\u0003'), [
    { text: 'a ', isHit: false },
    { text: 'lamp', isHit: true },
    { text: ' and a ', isHit: false },
    { text: 'shade', isHit: true },
  ])
  const plain = fc.string().filter((text) => !text.includes('\u0002') && !text.includes('\u0003'))
  fc.assert(
    fc.property(plain, plain, plain, (before, hit, after) => {
      const parts = markedText(`${before}\u0002${hit}\u0003${after}`)
      assert.equal(parts.map((part) => part.text).join(''), before + hit + after)
    }),
  )
})

test('a countdown says seconds only when they count', () => {
  assert.deepEqual([-5, 45_000, 12 * 60_000, 3 * 3_600_000, 200 * 60_000 - 5, 72 * 3_600_000].map(countdown), [
    '0 s',
    '45 s',
    '12 min',
    '3 h',
    '3 h 20 min',
    '3 d',
  ])
})

test('what comes is said with its author, a note as one, and a rush as a number', () => {
  const incoming = messageOf(2, 'in')
  const note = messageOf(3, 'note', { author: { kind: 'agent', id: 'jonas' } })
  assert.equal(spokenWords([incoming, note], names), 'Ada: text 2. Note by Jonas Weber: text 3')
  assert.equal(spokenWords([messageOf(4, 'in', { content: { kind: 'media' } })], names), 'Ada: a file')
  assert.equal(spokenWords([incoming, note, messageOf(4, 'in')], names), '3 new messages')
})
