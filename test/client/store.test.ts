// The store after a resync: exactly the scope that is taken up anew is forgotten, and everything else stays.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emptyState, foldFrame, type AppliedFrame, type ClientState } from '#client'
import type { Conversation, EventShape, Scope } from '#schemas'
import { foldConversation } from '#views/folds'

const row = (id: string, over: Partial<Conversation> = {}): Conversation =>
  ({ id, seq: 5, accountId: 'shop', contactId: `contact-${id}`, assignee: null, teamId: null, contactSeq: 5, receipts: { delivered: 0, read: 0 }, lastMessage: null, ...over }) as Conversation // prettier-ignore

const rows = [
  row('mine', { assignee: { kind: 'agent', id: 'me' } }),
  row('theirs', { assignee: { kind: 'agent', id: 'other' } }),
  row('nobodys'),
  row('elsewhere', { accountId: 'desk' }),
  row('open', { assignee: { kind: 'agent', id: 'me' } }),
]
const welcome = { frame: 'welcome', principal: { id: 'me' } } as AppliedFrame
const snapshot = (id: string, items: Conversation[], over: object = {}) =>
  ({ frame: 'snapshot', id, items, asOf: 'a', ...over }) as AppliedFrame
const filled = [welcome, snapshot('all', rows), snapshot('thread', [row('open', { assignee: { kind: 'agent', id: 'me' } })], { conversationId: 'open', messages: [] })].reduce(
  foldFrame,
  emptyState,
) // prettier-ignore
const after = (scope: Scope): ClientState => foldFrame(filled, { frame: 'resync', id: 'x', scope, reason: 'behind' })
const idsOf = (state: ClientState): string[] => [...state.conversations.keys()]

test('a list taken up anew forgets its rows, keeps those of others and the thread that is followed', () => {
  assert.deepEqual(idsOf(after({ assignee: 'me' })), ['theirs', 'nobodys', 'elsewhere', 'open'])
  assert.deepEqual(idsOf(after({ assignee: 'none' })), ['mine', 'theirs', 'open'])
  assert.deepEqual(idsOf(after({ assignee: 'other' })), ['mine', 'nobodys', 'elsewhere', 'open'])
  assert.deepEqual(idsOf(after({ account: 'desk' })), ['mine', 'theirs', 'nobodys', 'open'])
  assert.deepEqual(idsOf(after({ contact: 'contact-mine' })), ['theirs', 'nobodys', 'elsewhere', 'open'])
  assert.deepEqual(idsOf(after({ all: true })), ['open'])
  assert.equal(after({ all: true }).messages.has('open'), true)
})

test('a thread taken up anew forgets that conversation alone', () => {
  const state = after({ conversation: 'open' })
  assert.deepEqual(idsOf(state), ['mine', 'theirs', 'nobodys', 'elsewhere'])
  assert.equal(state.messages.size, 0)
})

test('its snapshot fills the scope again, and a row that another scope holds newer stays', () => {
  const state = foldFrame(after({ assignee: 'me' }), snapshot('x', [row('mine', { seq: 9 }), row('open', { seq: 4 })]))
  assert.equal(state.conversations.get('mine')?.seq, 9)
  assert.equal(state.conversations.get('open')?.seq, 5)
  assert.equal(state.conversations.size, 5)
})

const lastOf = (types: readonly (string | [string, object])[]): string | null | undefined => {
  let state: Conversation | null = row('a', { lastMessage: { id: 'm', direction: 'out', author: { kind: 'agent', id: 'me' }, preview: '', at: '', sendState: 'queued', seq: 5, contactSeq: 5 } }) // prettier-ignore
  types.forEach((each, index) => {
    const [type, data] = typeof each === 'string' ? [each, {}] : each
    const event = { id: String(index), type: `message.${type}`, organizationId: 'o', subject: { kind: 'conversation', id: 'a' }, conversationId: 'a', seq: 6 + index, contactSeq: null, at: '', by: { kind: 'system', id: null }, cause: { commandId: 'c' }, data: { messageId: 'm', ...data } } // prettier-ignore
    state = foldConversation(state, event as unknown as EventShape)
  })
  return state?.lastMessage?.sendState
}

test('what the list shows of the last message never goes back: read stays read, and a late failure undoes no delivery', () => {
  assert.equal(lastOf(['read', 'delivered', 'sent']), 'read')
  assert.equal(lastOf(['delivered', 'sent']), 'delivered')
  assert.equal(lastOf(['delivered', 'failed']), 'delivered')
  assert.equal(lastOf(['sent', 'failed']), 'failed')
  assert.equal(lastOf(['failed', 'delivered']), 'delivered')
  assert.equal(lastOf(['failed', 'sent']), 'sent')
  assert.equal(lastOf(['unknown', 'delivered', 'unknown']), 'delivered')
  assert.equal(lastOf([['read', { messageId: null, upToSeq: 5 }], 'sent']), 'read')
  assert.equal(lastOf(['sent', 'failed', ['queued', { attempt: 2 }]]), 'queued')
})
