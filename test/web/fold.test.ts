// What frames do to the inbox's state: rows, threads, counts and marks follow events, and nothing is applied twice.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { applyEvent, applyState, withRows } from '../../src/inbox/live/fold.ts'
import { emptyThread } from '../../src/inbox/state/model.ts'
import { eventOf, me, messageOf, minute, queued, received, rowOf, stateOf } from './fixtures.ts'

const rowIn = (state: ReturnType<typeof stateOf>) => {
  const row = state.rows.get('conversation-1')
  assert.ok(row)
  return row
}
const threadIn = (state: ReturnType<typeof stateOf>) => {
  const thread = state.threads.get('conversation-1')
  assert.ok(thread)
  return thread
}

test('an inbound message shows in row and thread, counts as unread and ends the typing mark', () => {
  const { state, wanted } = applyEvent(stateOf({ typing: new Set(['conversation-1']) }), received(2))
  assert.equal(wanted, null)
  assert.equal(rowIn(state).unread, 1)
  assert.equal(rowIn(state).lastMessage?.preview, 'text 2')
  assert.deepEqual(
    threadIn(state).messages.map(({ id }) => id),
    ['message-2'],
  )
  assert.equal(state.typing.size, 0)
})

test('an event that is known changes nothing, in row or thread', () => {
  const once = applyEvent(stateOf(), received(2)).state
  const twice = applyEvent(once, received(2)).state
  assert.equal(twice, once)
})

test('any repetition and regression of events ends in the state of each once', () => {
  const events = [
    received(2),
    queued(3, 'mine'),
    eventOf(4, 'message.sent', { messageId: 'message-3', attempt: 1 }),
    received(5),
    eventOf(6, 'conversation.resolved', { before: 'open', row: { ...rowOf(), state: 'resolved', seq: 6 } }),
  ]
  const clean = events.reduce((state, event) => applyEvent(state, event).state, stateOf())
  fc.assert(
    fc.property(fc.array(fc.nat(3), { minLength: events.length, maxLength: events.length }), (rewinds) => {
      let state = stateOf()
      for (const [index, event] of events.entries()) {
        state = applyEvent(state, event).state
        for (const earlier of events.slice(Math.max(0, index - (rewinds[index] ?? 0)), index)) state = applyEvent(state, earlier).state
      }
      assert.deepEqual(state, clean)
    }),
  )
})

test('a hole in seq, or a conversation that is not known, asks for its row and only then', () => {
  assert.equal(applyEvent(stateOf(), received(2)).wanted, null)
  assert.equal(applyEvent(stateOf(), received(4)).wanted, 'conversation-1')
  assert.equal(applyEvent(stateOf({ rows: new Map(), threads: new Map() }), received(4)).wanted, 'conversation-1')
})

test('a thread whose snapshot is older than its row still takes the events between', () => {
  const state = stateOf({
    rows: new Map([['conversation-1', rowOf({ seq: 5 })]]),
    threads: new Map([['conversation-1', { ...emptyThread, isLoaded: true, seq: 3 }]]),
  })
  const after = applyEvent(applyEvent(state, received(4)).state, received(5)).state
  assert.deepEqual(
    threadIn(after).messages.map(({ id }) => id),
    ['message-4', 'message-5'],
  )
  assert.equal(rowIn(after).unread, 0)
})

test('the optimistic bubble gives way to its message, whose key it keeps', () => {
  const pending = {
    clientId: 'mine',
    text: 'text 2',
    isNote: false,
    uploads: [],
    seenSeq: 1,
    isOverride: false,
    at: minute(2),
    refusal: null,
  }
  const state = stateOf({ threads: new Map([['conversation-1', { ...emptyThread, isLoaded: true, seq: 1, pending: [pending] }]]) })
  const thread = threadIn(applyEvent(state, queued(2, 'mine')).state)
  assert.deepEqual(thread.pending, [])
  assert.equal(thread.messages[0]?.clientId, 'mine')
})

test('a watermark moves every message of ours up to it, and none that failed', () => {
  const messages = [
    messageOf(2, 'out'),
    messageOf(3, 'out', { send: { state: 'failed', reason: 'rejected', providerCode: null, attempt: 1 } }),
    messageOf(4, 'out'),
    messageOf(5, 'out'),
  ]
  const state = stateOf({
    rows: new Map([['conversation-1', rowOf({ seq: 5, contactSeq: 5 })]]),
    threads: new Map([['conversation-1', { ...emptyThread, isLoaded: true, seq: 5, messages }]]),
  })
  const after = applyEvent(state, eventOf(6, 'message.read', { messageId: null, upToSeq: 4 })).state
  assert.deepEqual(
    threadIn(after).messages.map(({ send }) => send?.state),
    ['read', 'failed', 'read', 'sent'],
  )
})

test('counts follow a row from list to list', () => {
  const claimed = eventOf(2, 'conversation.assigned', {
    because: 'claim',
    row: { ...rowOf(), assignee: { kind: 'agent', id: me.id }, seq: 2 },
  })
  const mine = applyEvent(stateOf(), claimed).state
  assert.deepEqual(mine.counts, { mine: 1, unassigned: 0, all: 1, waiting: 0, snoozed: 0, resolved: 0 })
  const resolved = eventOf(3, 'conversation.resolved', {
    before: 'open',
    row: { ...rowOf(), state: 'resolved', assignee: { kind: 'agent', id: me.id }, seq: 3 },
  })
  assert.deepEqual(applyEvent(mine, resolved).state.counts, { mine: 0, unassigned: 0, all: 0, waiting: 0, snoozed: 0, resolved: 1 })
})

test('a conversation that is withdrawn is forgotten, thread and all', () => {
  const { state } = applyEvent(stateOf(), eventOf(2, 'conversation.withdrawn'))
  assert.equal(state.rows.size, 0)
  assert.equal(state.threads.size, 0)
  assert.equal(state.counts?.all, 0)
})

test('rows that are read never undo what events have told', () => {
  const state = withRows(stateOf({ rows: new Map([['conversation-1', rowOf({ seq: 9 })]]) }), [rowOf({ seq: 4, state: 'resolved' })])
  assert.equal(rowIn(state).state, 'open')
  assert.equal(rowIn(withRows(state, [rowOf({ seq: 10, state: 'resolved' })])).state, 'resolved')
})

test("my mark from another tab empties the number, another agent's does not", () => {
  const state = applyEvent(stateOf(), received(2)).state
  const mark = { conversationId: 'conversation-1', agentId: me.id, readUpTo: 2 }
  assert.equal(rowIn(applyState(state, 'mark', 'conversation-1/other', { ...mark, agentId: 'other' })).unread, 1)
  assert.equal(rowIn(applyState(state, 'mark', `conversation-1/${me.id}`, mark)).unread, 0)
})

test('settings come and go by state frames', () => {
  const label = { id: 'label-1', name: 'VIP', color: '#b07d10' }
  const state = applyState(stateOf(), 'label', label.id, label)
  assert.equal(state.labels.get('label-1')?.name, 'VIP')
  assert.equal(applyState(state, 'label', label.id, null).labels.size, 0)
})
