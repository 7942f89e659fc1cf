// The inbox over a line and an API that a test holds in its hand: what is asked, and what is shown of the answers.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServerFrame } from '#schemas'
import { openInbox } from '../../src/inbox/live/open-inbox.ts'
import type { Api, Line, LineHandlers } from '../../src/inbox/live/ports.ts'
import type { Answered } from '../../src/inbox/state/inbox.ts'
import { me, messageOf, minute, queued, received, rowOf } from './fixtures.ts'

interface Command {
  readonly type: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly id: string
  readonly settle: (answer: Answered<never>) => void
}

const open = (answers: Readonly<Record<string, unknown>> = {}) => {
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
    clock: () => Date.parse(minute(30)),
    newId: () => `drawn-${ids++}`,
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
  return { inbox, commands, asked, subscribed, frame, snapshot, event }
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
