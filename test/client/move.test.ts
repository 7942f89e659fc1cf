// Told to come back, the client opens the new socket before it leaves the old one, and loses nothing on the way.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { event, settled, World } from './world.ts'

const seqsOf = (world: World): number[] => world.applied.flatMap((frame) => (frame.frame === 'event' ? [frame.event.seq] : []))
const welcome = {
  frame: 'welcome',
  sessionId: 's2',
  principal: { kind: 'agent', id: 'me', role: 'agent', organizationId: 'o' },
  cursor: 'welcome',
  serverTime: '2026-01-01T00:00:00.000Z',
} as const

test('the old socket serves until the new one is welcome; events of both are applied once', async () => {
  const world = new World()
  const client = world.connect()
  const old = await world.welcome([{ id: 'a', seq: 1 }])
  old.say({ frame: 'reconnect', afterMs: 700 })
  await world.advance(699)
  assert.equal(world.sockets.length, 1)
  await world.advance(1)
  assert.equal(world.sockets.length, 2)
  const next = world.socket
  next.accept()
  assert.equal(client.status.state, 'live')
  old.say(event('a', 2))
  assert.deepEqual(next.sentOf('hello')[0]?.['resume'], { checkpoint: 'checkpoint', slots: {} })
  next.say(welcome)
  assert.equal(old.readyState, 3)
  old.say(event('a', 3))
  for (const seq of [2, 3]) next.say(event('a', seq))
  next.say({ frame: 'checkpoint', cursor: 'later' })
  assert.deepEqual(seqsOf(world), [2, 3])
  assert.equal(client.status.state, 'live')
  assert.equal(
    world.statuses.some(({ state }) => state === 'reconnecting'),
    false,
  )
})

test('a command without an outcome is sent again on the new socket under its id', async () => {
  const world = new World()
  const client = world.connect()
  const old = await world.welcome()
  const answer = client.command('message.send', {}, 'click')
  old.say({ frame: 'reconnect', afterMs: 0 })
  await world.advance(0)
  const next = world.socket
  next.accept()
  next.say(welcome)
  next.say({ frame: 'checkpoint', cursor: 'later' })
  assert.deepEqual(
    next.sentOf('command').map(({ id }) => id),
    ['click'],
  )
  next.say({ frame: 'result', id: 'click', ok: {} })
  assert.deepEqual((await answer).ok, {})
})

test('where the new one is refused the old one goes on, and its end is an end like any other', async () => {
  const world = new World()
  const client = world.connect()
  const old = await world.welcome([{ id: 'a', seq: 1 }])
  old.say({ frame: 'reconnect', afterMs: 0 })
  await world.advance(0)
  world.socket.cut()
  old.say(event('a', 2))
  assert.deepEqual(seqsOf(world), [2])
  assert.equal(client.status.state, 'live')
  old.cut(4000, 'drain')
  assert.equal(world.statuses.at(-1)?.state, 'reconnecting')
  await world.advance(20_000)
  assert.equal(world.sockets.length, 3)
  await world.welcome()
  assert.equal(world.statuses.at(-1)?.state, 'live')
})

test('where the old one ends first the new one takes its place, unless the end says to stay away', async () => {
  for (const [code, state] of [
    [4000, 'live'],
    [4502, 'ended'],
  ] as const) {
    const world = new World()
    const client = world.connect()
    const old = await world.welcome()
    old.say({ frame: 'reconnect', afterMs: 0 })
    await world.advance(0)
    old.cut(code)
    if (state === 'live') await world.welcome()
    assert.equal(world.sockets.length, 2)
    assert.equal(client.status.state, state)
  }
})

test('a new socket that says nothing is left after ten seconds', async () => {
  const world = new World()
  const client = world.connect()
  const old = await world.welcome()
  old.say({ frame: 'reconnect', afterMs: 0 })
  await world.advance(0)
  world.socket.accept()
  await world.advance(10_000)
  assert.equal(world.sockets[1]?.readyState, 3)
  assert.equal(client.status.state, 'live')
  client.close()
  await settled()
  assert.equal(old.readyState, 3)
})
