// The reply window: said when it opens and an hour before it closes while someone waits; one timer, however much is written.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accepted, agentBy, dataOf, refused, systemBy, typesOf, World } from './world.ts'

const HOUR_MS = 3_600_000
const anna = agentBy('anna')

const timerOf = (world: World) => world.open('timer').find(({ kind }) => kind === 'window')
const fire = (world: World): string[] => {
  const timer = timerOf(world)
  assert.ok(timer, 'no timer is set')
  world.now = Math.max(world.now, timer.dueAt)
  return typesOf(world.do('timer.fire', { kind: 'window', setBySeq: timer.setBySeq }, { by: systemBy }))
}
const open = (): World => {
  const world = new World({ userId: 'whatsapp:+15550199' })
  const decision = world.receive('hello')
  assert.deepEqual(dataOf(decision, 'window.opened').window.expiresAt, world.now + 24 * HOUR_MS)
  return world
}

test('a window opens once: messages in full flow neither say so again nor write a timer', () => {
  const world = open()
  const start = world.now
  for (let n = 1; n <= 20; n++) {
    world.now += HOUR_MS
    const decision = world.receive(`more ${n}`)
    assert.deepEqual(typesOf(decision), ['message.received'])
    assert.deepEqual(decision.effects, [])
  }
  assert.equal(timerOf(world)?.dueAt, start + 23 * HOUR_MS)
  assert.deepEqual(fire(world), [], 'it looks at what the window has become')
  assert.equal(timerOf(world)?.dueAt, start + 43 * HOUR_MS)
})

test('an hour before its end it closes, once, while someone waits', () => {
  const world = open()
  const end = world.now + 24 * HOUR_MS
  assert.deepEqual(fire(world), ['window.closing'])
  assert.equal(world.now, end - HOUR_MS)
  const again = world.do('timer.fire', { kind: 'window', setBySeq: 3 }, { by: systemBy })
  assert.deepEqual(typesOf(again), [], 'the same firing twice')
  assert.equal(timerOf(world)?.dueAt, end)
  assert.deepEqual(fire(world), [])
  assert.equal(timerOf(world), undefined, 'nothing is left to wake for')
})

test('who has been answered is not waiting: nothing is said, and a message of the last hour is looked after', () => {
  const world = open()
  const end = world.now + 24 * HOUR_MS
  accepted(world.send('hi', anna))
  assert.deepEqual(fire(world), [])
  assert.equal(timerOf(world)?.dueAt, end)
  world.now = end - HOUR_MS / 2
  assert.deepEqual(typesOf(world.receive('one more thing')), ['message.received'])
  assert.deepEqual(fire(world), [])
  assert.equal(timerOf(world)?.dueAt, end - HOUR_MS / 2 + 23 * HOUR_MS)
  assert.deepEqual(fire(world), ['window.closing'])
})

test('after its end sends are refused with what is allowed; the next message opens it anew', () => {
  const world = open()
  fire(world)
  fire(world)
  world.now += HOUR_MS
  assert.deepEqual(refused(world.send('late', anna), 'window_closed')['allowed'], ['template'])
  assert.deepEqual(typesOf(world.receive('back')), ['message.received', 'window.opened'])
  assert.equal(timerOf(world)?.dueAt, world.now + 23 * HOUR_MS)
  accepted(world.send('in time', anna))
})

test('a channel without a window has no timer and says nothing', () => {
  const world = new World()
  assert.ok(!typesOf(world.receive('hello')).includes('window.opened'))
  assert.deepEqual(world.open('timer'), [])
})
