// Who is there, as the client knows it: folded from frames, unknown without a line, said again while one looks.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openAwareness } from '#client'
import { event, settled, World } from './world.ts'

test('says again that one looks at a conversation until one leaves, and anew on the next socket', async () => {
  const world = new World()
  const client = world.connect()
  const awareness = openAwareness(client, world.platform)
  const socket = await world.welcome()
  awareness.view('c', 'viewing')
  await world.advance(11_000)
  assert.deepEqual(
    socket.sentOf('presence').map(({ conversationId, state }) => [conversationId, state]),
    [['c', 'viewing'], ['c', 'viewing'], ['c', 'viewing']],
  ) // prettier-ignore
  awareness.view('c', 'replying')
  assert.equal(socket.sentOf('presence').at(-1)?.['state'], 'replying')
  socket.cut()
  await world.advance(5_000)
  const next = await world.welcome()
  assert.deepEqual(next.sentOf('presence').at(-1), { frame: 'presence', state: 'replying', conversationId: 'c' })
  awareness.view('c', null)
  const said = next.sentOf('presence').length
  assert.equal(next.sentOf('presence').at(-1)?.['state'], 'gone')
  await world.advance(20_000)
  assert.equal(next.sentOf('presence').length, said)
  client.close()
})

test('shows whom the frames name, and knows nobody without a line or while the server does not', async () => {
  const world = new World()
  const client = world.connect()
  const awareness = openAwareness(client, world.platform)
  const socket = await world.welcome()
  socket.say({
    frame: 'ephemeral', kind: 'awareness', isKnown: true, agents: [{ agentId: 'a', state: 'online' }], viewing: [{ conversationId: 'c', viewers: [{ agentId: 'a', state: 'viewing' }] }],
  }) // prettier-ignore
  assert.equal(awareness.getState().isKnown, true)
  socket.say({ frame: 'ephemeral', kind: 'presence', agentId: 'b', state: 'away' })
  socket.say({ frame: 'ephemeral', kind: 'viewers', conversationId: 'c', viewers: [] })
  assert.deepEqual([...awareness.getState().agents], [['a', 'online'], ['b', 'away']]) // prettier-ignore
  assert.equal(awareness.getState().viewers.size, 0)
  socket.say({ frame: 'ephemeral', kind: 'awareness', isKnown: false, agents: [], viewing: [] })
  assert.equal(awareness.getState().isKnown, false)
  socket.say({ frame: 'ephemeral', kind: 'awareness', isKnown: true, agents: [], viewing: [] })
  socket.cut()
  await settled()
  assert.equal(awareness.getState().isKnown, false)
  client.close()
})

test('events of a work queue come as often as the server sends them, and are acknowledged by cursor', async () => {
  const world = new World()
  const client = world.connect({ subscriptions: [{ id: 'work', scope: { all: true }, queue: 'orders' }] })
  const socket = await world.welcome()
  assert.deepEqual((socket.sentOf('hello')[0]?.['subscriptions'] as unknown[])[0], { id: 'work', scope: { all: true }, queue: 'orders' })
  const dealt = { ...event('c', 4), queue: 'orders', id: 'work' }
  socket.say(dealt)
  socket.say({ ...dealt, redelivered: true })
  assert.equal(world.applied.filter(({ frame }) => frame === 'event').length, 2)
  client.acknowledge(dealt.cursor, 'work')
  assert.deepEqual(socket.sentOf('ack'), [{ frame: 'ack', cursor: dealt.cursor, id: 'work' }])
  client.close()
})
