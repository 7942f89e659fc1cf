// The inbox over a line and an API that a test holds in its hand: what is asked, and what is shown of the answers.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServerFrame } from '#schemas'
import { openInbox } from '../../src/inbox/live/open-inbox.ts'
import type { Api, Line, LineHandlers } from '../../src/inbox/live/ports.ts'
import type { Keeper } from '../../src/inbox/live/unsent.ts'
import type { Answered } from '../../src/inbox/state/inbox.ts'
import { me, messageOf, minute, queued, received, rowOf } from './fixtures.ts'

interface Command {
  readonly type: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly id: string
  readonly settle: (answer: Answered<never>) => void
}

/** A browser's storage; the same one given twice is a reload. */
const keeperOf = (): Keeper => {
  const kept = new Map<string, string>()
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  }
}

const open = (
  answers: Readonly<Record<string, unknown>> = {},
  { keeper = null, at = minute(30) }: { keeper?: Keeper | null; at?: string } = {},
) => {
  const commands: Command[] = []
  const asked: string[] = []
  const subscribed: string[] = []
  let handlers: LineHandlers | undefined
  const line: Line = {
    subscribe: (id) => void subscribed.push(id),
    unsubscribe: () => undefined,
    command: (type, fields, id) => new Promise((resolve) => commands.push({ type, fields, id, settle: resolve })),
    typing: () => undefined,
    reconnect: () => undefined,
    close: () => undefined,
  }
  const api: Api = {
    request: <T>(method: string, path: string) => {
      asked.push(`${method} ${path}`)
      const answer = Object.entries(answers).find(([start]) => path.startsWith(start))?.[1]
      return Promise.resolve({ ok: (answer ?? { items: [], next: null, byState: {}, mine: 0, unassigned: 0 }) as T })
    },
    upload: () => Promise.resolve({ ok: 'file' }),
  }
  let ids = 0
  const inbox = openInbox({
    me,
    api,
    clock: () => Date.parse(at),
    newId: () => `drawn-${ids++}`,
    keeper,
    onSignOut: () => Promise.resolve(),
    openLine: (given) => {
      handlers = given
      return line
    },
  })
  const frame = (value: ServerFrame): void => handlers?.onFrame(value)
  const snapshot = (change: object = {}): void => {
    frame({ frame: 'snapshot', id: 'all', items: [rowOf()], asOf: 'cursor', ...change })
  }
  const event = (value: ReturnType<typeof received>): void => frame({ frame: 'event', cursor: 'cursor', slot: 0, event: value })
  const stand = (state: 'live' | 'offline'): void => handlers?.onConnection({ state })
  return { inbox, commands, asked, subscribed, frame, snapshot, event, stand }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const outgoing = { clientId: 'mine', text: 'Hello', isNote: false, uploads: [], seenSeq: 4, isOverride: false }

test('events are folded: no request follows a message', async () => {
  const { inbox, asked, snapshot, event } = open()
  snapshot()
  await settled()
  const before = asked.length
  for (let seq = 2; seq < 40; seq++) event(received(seq))
  await settled()
  assert.equal(inbox.getState().rows.get('conversation-1')?.seq, 39)
  assert.deepEqual(asked.slice(before), [])
})

test('a conversation that nobody has loaded is read once, by its id', async () => {
  const { inbox, asked, event } = open({ '/v1/conversations/conversation-1': rowOf({ seq: 3, unread: 2 }) })
  event(received(3))
  await settled()
  assert.deepEqual(asked.filter((path) => path === 'GET /v1/conversations/conversation-1').length, 1)
  assert.equal(inbox.getState().rows.get('conversation-1')?.unread, 2)
})

test('a message is shown at once, sent under its own id with the last seq seen, and gives way to its event', async () => {
  const { inbox, commands, snapshot, event } = open()
  snapshot()
  inbox.openThread('conversation-1')
  snapshot({ id: 'thread/conversation-1', messages: [], states: [] })
  inbox.send('conversation-1', outgoing)
  assert.equal(inbox.getState().threads.get('conversation-1')?.pending.length, 1)
  assert.deepEqual(
    [commands[0]?.type, commands[0]?.id, commands[0]?.fields],
    ['message.send', 'mine', { conversationId: 'conversation-1', text: 'Hello', seenSeq: 4 }],
  )
  event(queued(2, 'mine'))
  await settled()
  const thread = inbox.getState().threads.get('conversation-1')
  assert.deepEqual([thread?.pending.length, thread?.messages.length], [0, 1])
})

test('a refused message stays with its refusal, and goes again only when asked', async () => {
  const { inbox, commands, snapshot } = open()
  snapshot()
  inbox.send('conversation-1', outgoing)
  commands[0]?.settle({ problem: { type: '', title: 'taken', status: 409, code: 'conversation_taken' } })
  await settled()
  assert.equal(inbox.getState().threads.get('conversation-1')?.pending[0]?.refusal?.code, 'conversation_taken')
  assert.equal(commands.length, 1)
  inbox.discardPending('conversation-1', 'mine')
  assert.deepEqual(inbox.getState().threads.get('conversation-1')?.pending, [])
})

test('a note carries internal and no seenSeq', () => {
  const { inbox, commands, snapshot } = open()
  snapshot()
  inbox.send('conversation-1', { ...outgoing, isNote: true })
  assert.deepEqual(commands[0]?.fields, { conversationId: 'conversation-1', text: 'Hello', internal: true })
})

test('reading is told once for each place, and empties the number at once', () => {
  const { inbox, commands, snapshot, event } = open()
  snapshot()
  event(received(2))
  inbox.markRead('conversation-1', 2)
  inbox.markRead('conversation-1', 2)
  assert.equal(inbox.getState().rows.get('conversation-1')?.unread, 0)
  assert.deepEqual(
    commands.map(({ type, fields }) => [type, fields['upToSeq']]),
    [['conversation.read', 2]],
  )
})

test('a draft comes back from the mark, and what was typed since is newer', async () => {
  const { inbox, snapshot } = open()
  snapshot()
  const first = inbox.loadDraft('conversation-1')
  inbox.openThread('conversation-1')
  const mark = { conversationId: 'conversation-1', agentId: me.id, readUpTo: 0, draft: 'Half a sent', isNoteDraft: true }
  snapshot({ id: 'thread/conversation-1', messages: [], states: [{ kind: 'mark', id: 'conversation-1/me', rev: 1, value: mark }] })
  assert.deepEqual(await first, { text: 'Half a sent', isNote: true })
  inbox.saveDraft('conversation-1', { text: 'Newer', isNote: false })
  assert.deepEqual(await inbox.loadDraft('conversation-1'), { text: 'Newer', isNote: false })
})

test('after a jump of the line what is not in the snapshot is gone, and open threads are taken up anew', async () => {
  const { inbox, subscribed, frame, snapshot } = open()
  snapshot({ items: [rowOf(), rowOf({ id: 'old' })] })
  inbox.openThread('conversation-1')
  snapshot({ id: 'thread/conversation-1', messages: [messageOf(2, 'in')], states: [] })
  frame({ frame: 'resync', id: 'all', reason: 'expired' })
  snapshot({ items: [rowOf({ seq: 50 })] })
  await settled()
  assert.deepEqual([...inbox.getState().rows.keys()], ['conversation-1'])
  assert.equal(subscribed.filter((id) => id === 'thread/conversation-1').length, 2)
})

test('a thread is turned to a message that was searched for, and goes back to the newest', async () => {
  const around = { items: [messageOf(2, 'in'), messageOf(3, 'in'), messageOf(4, 'out')], next: null }
  const after = { items: [messageOf(5, 'in'), messageOf(30, 'in')], next: null }
  const { inbox, subscribed, snapshot, event } = open({
    '/v1/conversations/conversation-1/messages?around=message-3': around,
    '/v1/conversations/conversation-1/messages?after=': after,
  })
  snapshot({ items: [rowOf({ seq: 30 })] })
  inbox.openThread('conversation-1')
  snapshot({ id: 'thread/conversation-1', items: [rowOf({ seq: 30 })], messages: [messageOf(30, 'in')], states: [] })
  await settled()
  const thread = () => inbox.getState().threads.get('conversation-1')
  assert.equal(await inbox.showMessage('conversation-1', 'message-30'), true)
  assert.equal(thread()?.hasNewer, false)
  assert.equal(await inbox.showMessage('conversation-1', 'message-3'), true)
  assert.deepEqual([thread()?.messages.map(({ seq }) => seq), thread()?.hasNewer, thread()?.hasOlder], [[2, 3, 4], true, false])
  event(received(31))
  await settled()
  assert.equal(thread()?.messages.at(-1)?.seq, 4)
  assert.equal(inbox.getState().rows.get('conversation-1')?.seq, 31)
  inbox.loadNewer('conversation-1')
  await settled()
  assert.deepEqual([thread()?.messages.map(({ seq }) => seq), thread()?.hasNewer], [[2, 3, 4, 5, 30], false])
  assert.equal(await inbox.showMessage('conversation-1', 'nowhere'), false)
  const before = subscribed.length
  inbox.showNewest('conversation-1')
  assert.equal(subscribed.length, before)
})

test('what is sent from an older page brings the newest back', async () => {
  const around = { items: [messageOf(2, 'in')], next: null }
  const { inbox, subscribed, snapshot } = open({ '/v1/conversations/conversation-1/messages?around=message-2': around })
  inbox.openThread('conversation-1')
  snapshot({ id: 'thread/conversation-1', items: [rowOf({ seq: 30 })], messages: [messageOf(30, 'in')], states: [] })
  await settled()
  await inbox.showMessage('conversation-1', 'message-2')
  inbox.send('conversation-1', outgoing)
  assert.equal(subscribed.filter((id) => id === 'thread/conversation-1').length, 2)
})

test('rows that a search asks for are read once, and change no count', async () => {
  const { inbox, asked, snapshot } = open({ '/v1/conversations/found': rowOf({ id: 'found' }) })
  snapshot()
  await settled()
  const { counts } = inbox.getState()
  inbox.lookUp(['found', 'found', 'conversation-1'])
  await settled()
  inbox.lookUp(['found'])
  await settled()
  assert.deepEqual(
    asked.filter((path) => path.startsWith('GET /v1/conversations/')),
    ['GET /v1/conversations/found'],
  )
  assert.deepEqual(inbox.getState().counts, counts)
  assert.equal(inbox.getState().rows.has('found'), true)
})

const pendingOf = ({ inbox }: ReturnType<typeof open>) => inbox.getState().threads.get('conversation-1')?.pending ?? []
const cut = { type: '', title: 'No answer came.', status: 504, code: 'outcome_pending' }

test('a message without an outcome survives a reload and goes again under its own id, once', async () => {
  const keeper = keeperOf()
  open({}, { keeper }).inbox.send('conversation-1', outgoing)
  const second = open({}, { keeper })
  assert.deepEqual(
    pendingOf(second).map(({ clientId, refusal }) => [clientId, refusal]),
    [['mine', null]],
  )
  assert.deepEqual([second.commands.length, second.commands[0]?.id, second.commands[0]?.fields['seenSeq']], [1, 'mine', 4])
  second.commands[0]?.settle({ ok: {} } as Answered<never>)
  await settled()
  assert.deepEqual(pendingOf(second), [])
  assert.equal(open({}, { keeper }).commands.length, 0)
})

test('without a line a wait is no refusal: the message goes again when the line is back', async () => {
  const tab = open({}, { keeper: keeperOf() })
  tab.stand('offline')
  tab.inbox.send('conversation-1', outgoing)
  tab.commands[0]?.settle({ problem: cut })
  await settled()
  assert.equal(pendingOf(tab)[0]?.refusal, null)
  tab.stand('live')
  assert.deepEqual(
    tab.commands.map(({ id }) => id),
    ['mine', 'mine'],
  )
  tab.commands[1]?.settle({ problem: cut })
  await settled()
  assert.equal(pendingOf(tab)[0]?.refusal?.code, 'outcome_pending')
})

test('a refused message is still there after a reload, and does not go by itself; a discarded one is gone', async () => {
  const keeper = keeperOf()
  const first = open({}, { keeper })
  first.inbox.send('conversation-1', outgoing)
  first.commands[0]?.settle({ problem: { type: '', title: 'taken', status: 409, code: 'conversation_taken' } })
  await settled()
  const second = open({}, { keeper })
  assert.deepEqual([pendingOf(second)[0]?.refusal?.code, second.commands.length], ['conversation_taken', 0])
  second.inbox.discardPending('conversation-1', 'mine')
  assert.deepEqual(pendingOf(open({}, { keeper })), [])
})

test('what was never sent for a day waits for its author', () => {
  const keeper = keeperOf()
  open({}, { keeper }).inbox.send('conversation-1', outgoing)
  const later = open({}, { keeper, at: minute(31 + 24 * 60) })
  assert.deepEqual([later.commands.length, pendingOf(later)[0]?.refusal?.code], [0, 'unsent'])
})

test('signing out leaves no unsent word on the machine', async () => {
  const keeper = keeperOf()
  const { inbox } = open({}, { keeper })
  inbox.send('conversation-1', outgoing)
  await inbox.signOut()
  assert.equal(open({}, { keeper }).commands.length, 0)
})

test('storage that throws, or holds nonsense, stops nothing', () => {
  const broken: Keeper = {
    getItem: () => '{"not": "ours"}',
    setItem: () => {
      throw new Error('full')
    },
    removeItem: () => undefined,
  }
  const { inbox, commands } = open({}, { keeper: broken })
  inbox.send('conversation-1', outgoing)
  assert.equal(commands.length, 1)
})
