// The visitor's thread: the contact's own projection folded, marks of both sides, nothing twice.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { contrast, ringOf, textOn } from '../../src/chat/panel/colors.ts'
import { initialState, markOf, newestAnswer, unreadOf, withEvent, withSnapshot } from '../../src/chat/panel/state.ts'
import { linked } from '../../src/chat/panel/words.ts'
import { eventOf, messageOf, minute, queued, received } from './fixtures.ts'

const pending = { clientId: 'mine', text: 'text 1', attachments: [], at: minute(1), problem: null }
const withKey = (seq: number, clientId: string) => {
  const event = received(seq)
  return { ...event, data: { ...event.data, clientId } }
}

test('a message on its way gives way to its event, and is delivered, then read', () => {
  const state = withEvent({ ...initialState, pending: [pending] }, withKey(1, 'mine'))
  assert.deepEqual([state.pending.length, state.messages.length], [0, 1])
  assert.deepEqual(markOf(state), { id: 'message-1', mark: 'delivered' })
  assert.deepEqual(markOf({ ...state, readByTeam: 1 }), { id: 'message-1', mark: 'read' })
})

test('while something is on its way no mark is claimed for what came before it', () => {
  const state = withEvent(initialState, received(1))
  assert.equal(markOf({ ...state, pending: [pending] }), null)
})

test('the same event twice is one message', () => {
  const once = withEvent(initialState, queued(1))
  assert.equal(withEvent(once, queued(1)), once)
})

test('answers count as unread until the read mark reaches them', () => {
  const state = withEvent(withEvent(initialState, queued(1)), queued(2))
  assert.equal(unreadOf(state), 2)
  assert.equal(newestAnswer(state), 2)
  assert.equal(unreadOf(withEvent(state, eventOf(3, 'message.read', { messageId: null, upToSeq: 2 }))), 0)
})

test('an answer ends the typing mark; the visitor’s own message does not', () => {
  const typing = { ...initialState, typing: 'Mina' }
  assert.equal(withEvent(typing, queued(1)).typing, null)
  assert.equal(withEvent(typing, received(1)).typing, 'Mina')
})

test('a snapshot replaces the thread and keeps what it does not hold yet', () => {
  const row = { seq: 4, receipts: { delivered: 3, read: 2 } }
  const other = { ...pending, clientId: 'other' }
  const state = withSnapshot({ ...initialState, pending: [pending, other] }, row, [messageOf(1, 'in', { clientId: 'mine' })])
  assert.deepEqual(state.pending, [other])
  assert.deepEqual([state.seq, state.delivered, state.read], [4, 3, 2])
})

test('only web addresses become links', () => {
  assert.deepEqual(
    linked('a https://example.com/x, b').map(({ href }) => href),
    [undefined, 'https://example.com/x', undefined],
  )
  assert.deepEqual(linked('data:text/html,x'), [{ text: 'data:text/html,x' }])
})

test('text on any colour an account may choose can be read, and focus is seen around it', () => {
  const color = fc.integer({ min: 0, max: 0xff_ff_ff }).map((value) => `#${value.toString(16).padStart(6, '0')}`)
  fc.assert(
    fc.property(color, (chosen) => {
      assert.ok(contrast(chosen, textOn(chosen)) >= 4.5)
      const [, light = '', dark = ''] = /^light-dark\((#\w{6}), (#\w{6})\)$/.exec(ringOf(chosen)) ?? []
      assert.ok(contrast(light, '#ffffff') >= 3 && contrast(dark, '#191e26') >= 3)
    }),
  )
  assert.deepEqual([textOn('#ffe14d'), textOn('#2f5fd0')], ['#000000', '#ffffff'])
})
