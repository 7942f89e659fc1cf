// Receipts and fates of sends, in every order and any number of times.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { keys, type EarlyRow, type SendState } from '#schemas/log'
import { accepted, agentBy, contactBy, conversationId, idOf, refused, typesOf, World } from './world.ts'

const queued = (options = {}): World => {
  const world = new World(options)
  world.receive('hello')
  world.send('hi', agentBy('anna'))
  return world
}
const stateOf = (world: World): SendState | undefined => world.message('hi').send?.state
const alias = { aliasId: idOf('SM1') }

test('the report of a send ends its effect and teaches the alias under which receipts come', () => {
  const world = queued()
  assert.deepEqual(typesOf(world.report('hi', { state: 'sent', ...alias })), ['message.sent'])
  assert.deepEqual(world.open('send'), [])
  assert.deepEqual(typesOf(world.receipt('SM1', { state: 'delivered' })), ['message.delivered'])
  assert.deepEqual(typesOf(world.receipt('SM1', { state: 'delivered' })), [])
  assert.deepEqual(typesOf(world.receipt('SM1', { state: 'sent' })), [])
  assert.deepEqual(typesOf(world.receipt('SM1', { state: 'read' })), ['message.read'])
  assert.equal(stateOf(world), 'read')
})

test('receipts before their message wait, are bounded, and are applied when it is known', () => {
  const world = queued()
  assert.deepEqual(typesOf(world.receipt('SM1', { state: 'sent' })), [])
  world.receipt('SM1', { state: 'delivered' })
  world.receipt('SM1', { state: 'delivered' })
  const early = world.rows.get(keys.message(conversationId, idOf('SM1'))) as EarlyRow
  assert.equal(early.reports.length, 2, 'a repeat takes no room')
  assert.deepEqual(typesOf(world.report('hi', { state: 'sent', ...alias })), ['message.sent', 'message.delivered'])
  assert.equal(stateOf(world), 'delivered')
})

test('news older than a day is no news', () => {
  const world = queued()
  world.receipt('SM1', { state: 'delivered' })
  world.now += 25 * 3_600_000
  world.report('hi', { state: 'sent', ...alias })
  assert.equal(stateOf(world), 'sent')
})

test('a receipt that names our message moves it before the sender has reported', () => {
  const world = queued()
  assert.deepEqual(typesOf(world.receipt('SM1', { state: 'delivered', messageId: idOf('hi') })), ['message.delivered'])
  assert.deepEqual(world.open('send'), [], 'nobody may begin it again')
  assert.deepEqual(typesOf(world.report('hi', { state: 'sent', ...alias })), [])
  assert.equal(stateOf(world), 'delivered')
})

test('a late delivery proves a failure wrong, a late failure proves no delivery wrong', () => {
  const world = queued()
  world.report('hi', { state: 'sent', ...alias })
  world.receipt('SM1', { state: 'failed', reason: 'undelivered', providerCode: 30_003 })
  assert.deepEqual([stateOf(world), world.message('hi').send?.providerCode], ['failed', 30_003])
  world.receipt('SM1', { state: 'delivered' })
  assert.deepEqual([stateOf(world), world.message('hi').send?.reason], ['delivered', null])
  world.receipt('SM1', { state: 'failed' })
  assert.equal(stateOf(world), 'delivered')
})

test('throttled: the same attempt waits in its effect, without an event', () => {
  const world = queued()
  const decision = world.report('hi', { state: 'queued', at: world.now + 30_000 })
  assert.deepEqual(typesOf(decision), [])
  const [send] = world.open('send')
  assert.deepEqual([send?.attempt, send?.notBefore, send?.content.text], [1, world.now + 30_000, 'hi'])
  world.report('hi', { state: 'failed', reason: 'retries_spent' })
  assert.deepEqual([stateOf(world), world.open('send')], ['failed', []])
})

test('an unknown fate is settled by a receipt', () => {
  const world = queued()
  assert.deepEqual(typesOf(world.report('hi', { state: 'unknown', reason: 'crashed' })), ['message.unknown'])
  assert.equal(world.message('hi').send?.reason, 'crashed')
  world.receipt('SM1', { state: 'sent', messageId: idOf('hi') })
  assert.equal(stateOf(world), 'sent')
})

for (const as of ['sent', 'failed'] as const) {
  test(`an agent settles an unknown fate as ${as}`, () => {
    const world = queued()
    refused(world.do('message.settle', { messageId: idOf('hi'), as }, { by: agentBy('anna') }), 'fate_known')
    world.report('hi', { state: 'unknown', reason: 'timed_out' })
    assert.deepEqual(typesOf(world.do('message.settle', { messageId: idOf('hi'), as }, { by: agentBy('anna') })), ['message.settled'])
    assert.equal(stateOf(world), as)
  })
}

test('retry: same id, next attempt, no new number for the contact; an unknown fate only by one who accepts a duplicate', () => {
  const world = queued()
  const retry = (acceptsDuplicate: boolean) =>
    world.do('message.retry', { messageId: idOf('hi'), acceptsDuplicate }, { by: agentBy('anna') })
  assert.deepEqual({ ...refused(retry(false), 'send_not_retryable') }, { state: 'queued' })
  world.report('hi', { state: 'failed', reason: 'provider_error' })
  const { contactSeq } = world.state
  assert.deepEqual(typesOf(retry(false)), ['message.queued'])
  assert.deepEqual([world.open('send')[0]?.attempt, world.state.contactSeq, stateOf(world)], [2, contactSeq, 'queued'])
  world.report('hi', { state: 'unknown', reason: 'timed_out', attempt: 2 })
  refused(retry(false), 'fate_unknown')
  accepted(retry(true))
  assert.equal(world.message('hi').send?.attempt, 3)
})

test('what is reported late of an earlier attempt does not fail the new one, but proves a delivery', () => {
  const world = queued()
  world.report('hi', { state: 'sent', ...alias })
  world.receipt('SM1', { state: 'failed', reason: 'undelivered' })
  world.do('message.retry', { messageId: idOf('hi'), acceptsDuplicate: false }, { by: agentBy('anna') })
  world.receipt('SM1', { state: 'failed', reason: 'undelivered' })
  world.report('hi', { state: 'unknown', reason: 'crashed', attempt: 1 })
  assert.equal(stateOf(world), 'queued')
  assert.equal(world.open('send').length, 1)
  world.receipt('SM1', { state: 'delivered' })
  assert.equal(stateOf(world), 'delivered')
})

test('a receipt that came before the answer to a second attempt waits until it is known whose it is', () => {
  const world = queued()
  world.report('hi', { state: 'unknown', reason: 'timed_out' })
  world.do('message.retry', { messageId: idOf('hi'), acceptsDuplicate: true }, { by: agentBy('anna') })
  world.receipt('SM1', { state: 'failed', reason: 'undelivered', messageId: idOf('hi') })
  world.receipt('SM2', { state: 'failed', reason: 'undelivered', messageId: idOf('hi') })
  assert.deepEqual([stateOf(world), world.open('send').length], ['queued', 1])
  world.report('hi', { state: 'sent', attempt: 2, aliasId: idOf('SM2') })
  assert.equal(stateOf(world), 'failed')
})

test('deleting a message still queued calls it off; one that was on the wire all the same says so', () => {
  const world = queued()
  assert.deepEqual(typesOf(world.do('message.delete', { messageId: idOf('hi') }, { by: agentBy('anna') })), [
    'message.failed',
    'message.deleted',
  ])
  assert.deepEqual([stateOf(world), world.message('hi').send?.reason, world.open('send')], ['failed', 'superseded', []])
  world.report('hi', { state: 'sent', ...alias })
  assert.equal(stateOf(world), 'sent')
})

test("the contact's watermarks are one event each and never go back", () => {
  const world = queued({ channel: 'web' })
  const ack = (deliveredUpTo: number | null, readUpTo: number | null) =>
    typesOf(world.do('contact.acknowledge', { deliveredUpTo, readUpTo }, { by: contactBy }))
  assert.deepEqual(ack(2, null), ['message.delivered'])
  assert.deepEqual(ack(2, null), [])
  assert.deepEqual(ack(99, 2), ['message.read'])
  assert.deepEqual({ ...world.state.receipts }, { delivered: 2, read: 2 })
  assert.deepEqual(ack(1, 1), [])
  assert.equal(world.message('hi').send?.state, 'sent', 'rows are not touched: readers take the greater of both')
})

const permutations = <T>(items: readonly T[]): T[][] =>
  items.length <= 1 ? [[...items]] : items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]))

test('create response, sent, delivered and read end alike in every order, repeated or not', () => {
  const steps = ['response', 'sent', 'delivered', 'read', 'delivered'] as const
  for (const order of permutations(steps)) {
    for (const named of [false, true]) {
      const world = queued()
      for (const step of order) {
        if (step === 'response') world.report('hi', { state: 'sent', ...alias })
        else world.receipt('SM1', { state: step, messageId: named ? idOf('hi') : null })
      }
      assert.equal(stateOf(world), 'read', order.join(' '))
      assert.deepEqual(world.open('send'), [])
      assert.deepEqual(
        { ...(world.rows.get(keys.message(conversationId, idOf('SM1'))) as object) },
        { aliasId: idOf('SM1'), messageId: idOf('hi'), attempt: 1 },
      )
    }
  }
})

const rank: Record<SendState, number> = { queued: 0, unknown: 1, sent: 1, failed: 2, delivered: 3, read: 4 }

test('a send never goes back, whatever is reported', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('sent', 'delivered', 'read', 'failed', 'unknown', 'queued'), { maxLength: 12 }), (states) => {
      const world = queued()
      let before: SendState = 'queued'
      for (const [index, state] of states.entries()) {
        if (index % 2 === 0) world.report('hi', { state, ...alias })
        else if (state !== 'queued') world.receipt('SM1', { state })
        const after: SendState = stateOf(world) ?? before
        assert.ok(after === before || rank[after] > rank[before] || before === 'unknown', `${before} → ${after}`)
        before = after
      }
    }),
    { numRuns: 200 },
  )
})
