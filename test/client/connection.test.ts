// The client over real sockets: resume, dedupe, commands sent again.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { event, settled, World } from './world.ts'

const seqsOf = (world: World): number[] => world.applied.flatMap((frame) => (frame.frame === 'event' ? [frame.event.seq] : []))
const names = (world: World): string[] => world.statuses.map(({ state }) => state)

test('goes from connecting over catching up to live, and says hello first', async () => {
  const world = new World()
  const client = world.connect()
  const socket = await world.welcome()
  assert.deepEqual(names(world), ['catching-up', 'live'])
  assert.equal(client.status.state, 'live')
  assert.deepEqual(socket.sent[0], { frame: 'hello', token: 'token', subscriptions: [{ id: 'inbox', scope: { all: true } }] })
})

test('drops what it has applied, once and for all', async () => {
  const world = new World()
  const client = world.connect()
  const socket = await world.welcome([{ id: 'a', seq: 3 }])
  for (const seq of [2, 3, 4, 4, 5, 4]) socket.say(event('a', seq))
  assert.deepEqual(seqsOf(world), [4, 5])
  assert.equal(client.repeats, 4)
})

test('heals a hole by taking the conversation up anew', async () => {
  const world = new World()
  const client = world.connect()
  const socket = await world.welcome([{ id: 'a', seq: 3 }])
  socket.say(event('a', 5))
  socket.say(event('a', 6))
  assert.deepEqual(seqsOf(world), [])
  assert.equal(client.resumePoint(), undefined)
  assert.deepEqual(socket.sentOf('subscribe'), [{ frame: 'subscribe', id: 'heal-a', scope: { conversation: 'a' } }])
  socket.say({ frame: 'subscribed', id: 'heal-a', cursor: 'asOf' })
  socket.say({ frame: 'snapshot', id: 'heal-a', items: [{ id: 'a', seq: 5 }], messages: [], asOf: 'asOf' })
  socket.say(event('a', 6))
  socket.say({ frame: 'checkpoint', cursor: 'later' })
  assert.deepEqual(seqsOf(world), [6])
  assert.deepEqual(socket.sentOf('unsubscribe'), [{ frame: 'unsubscribe', id: 'heal-a' }])
  assert.equal(client.resumePoint()?.checkpoint, 'later')
})

test('resumes from the last checkpoint and the newest cursor of each slot', async () => {
  const world = new World()
  world.connect()
  const first = await world.welcome([{ id: 'a', seq: 1 }])
  first.say(event('a', 2))
  first.say(event('a', 3))
  first.cut()
  assert.equal(world.statuses.at(-1)?.state, 'reconnecting')
  await world.advance(20_000)
  await world.welcome()
  assert.deepEqual(world.socket.sent[0], {
    frame: 'hello',
    token: 'token',
    resume: { checkpoint: 'checkpoint', slots: { 7: 'cursor-a-3' } },
    subscriptions: [{ id: 'inbox', scope: { all: true } }],
  })
})

test('a subscription cut before its checkpoint begins where its snapshot stood, beside the resume of the others', async () => {
  const world = new World()
  const client = world.connect()
  const first = await world.welcome()
  client.subscribe('open', { conversation: 'b' })
  first.say({ frame: 'subscribed', id: 'open', cursor: 'asOf-b' })
  first.say({ frame: 'snapshot', id: 'open', items: [{ id: 'b', seq: 1 }], messages: [], asOf: 'asOf-b' })
  client.subscribe('other', { conversation: 'c' })
  first.cut()
  await world.advance(20_000)
  const second = await world.welcome()
  assert.deepEqual(
    ((second.sent[0]?.['subscriptions'] ?? []) as { id: string }[]).map(({ id }) => id),
    ['inbox'],
  )
  assert.deepEqual(second.sentOf('subscribe'), [
    { frame: 'subscribe', id: 'open', scope: { conversation: 'b' }, from: 'asOf-b' },
    { frame: 'subscribe', id: 'other', scope: { conversation: 'c' } },
  ])
})

test('keeps the old checkpoint when a refused resume is cut off before its resync', async () => {
  const world = new World()
  world.connect()
  const first = await world.welcome()
  first.cut()
  await world.advance(20_000)
  await settled()
  world.socket.accept()
  world.socket.say({
    frame: 'welcome',
    sessionId: 's',
    principal: { kind: 'agent', id: 'me', role: 'agent', organizationId: 'o' },
    cursor: 'heads',
    serverTime: '2026-01-01T00:00:00.000Z',
  })
  world.socket.cut()
  await world.advance(20_000)
  await settled()
  world.socket.accept()
  assert.deepEqual(world.socket.sent[0]?.['resume'], { checkpoint: 'checkpoint', slots: {} })
})

test('sends a command again under its id after a cut, and the outcome settles it once', async () => {
  const world = new World()
  const client = world.connect()
  const first = await world.welcome()
  const results: unknown[] = []
  const done = client.command('message.send', { conversationId: 'a', text: 'hi' }).then((result) => results.push(result))
  const sent = first.sentOf('command')
  assert.deepEqual(sent, [{ frame: 'command', id: 'drawn-1', type: 'message.send', conversationId: 'a', text: 'hi' }])
  first.cut()
  await world.advance(20_000)
  const second = await world.welcome()
  assert.deepEqual(second.sentOf('command'), sent)
  second.say({ frame: 'result', id: 'drawn-1', ok: { seq: 4 }, position: 'p' })
  await done
  assert.deepEqual(results, [{ ok: { seq: 4 }, position: 'p' }])
  assert.deepEqual(client.pendingCommands, [])
})

test('a command made while offline waits for live, and fails visibly after a minute', async () => {
  const world = new World()
  world.isOnline = false
  const client = world.connect()
  await settled()
  world.socket.cut()
  assert.equal(client.status.state, 'offline')
  const outcome = client.command('conversation.claim', { conversationId: 'a' }, 'click')
  await world.advance(61_000)
  assert.equal((await outcome).problem?.code, 'outcome_pending')
})

test('backs off with full jitter to 20 s, and starts over after half a minute live', async () => {
  const world = new World()
  world.connect()
  await settled()
  const waits: number[] = []
  for (let cut = 0; cut < 9; cut++) {
    world.socket.cut()
    const status = world.statuses.at(-1)
    assert.equal(status?.state, 'reconnecting')
    waits.push(status.state === 'reconnecting' ? status.retryAt - world.now : 0)
    await world.advance(20_000)
  }
  assert.deepEqual(waits, [125, 250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000])
  await world.welcome()
  await world.advance(31_000)
  world.socket.cut()
  const status = world.statuses.at(-1)
  assert.equal(status?.state === 'reconnecting' ? status.retryAt - world.now : 0, 125)
})

test('takes 45 s without a frame for a dead line, and a probe after waking for 3', async () => {
  const world = new World()
  world.connect()
  await world.welcome()
  await world.advance(44_000)
  assert.equal(world.statuses.at(-1)?.state, 'live')
  await world.advance(6_000)
  assert.equal(
    world.statuses.some(({ state }) => state === 'reconnecting'),
    true,
  )
  await world.welcome()
  await world.advance(1_000)
  world.wake()
  assert.equal(world.socket.sentOf('ping').length, 1)
  const sockets = world.sockets.length
  await world.advance(3_500)
  assert.equal(world.sockets.length, sockets + 1)
})

test('stays away when told to, and comes back when told when', async () => {
  const world = new World()
  const client = world.connect()
  const socket = await world.welcome()
  socket.say({ frame: 'reconnect', afterMs: 777 })
  socket.cut(4000, 'drain')
  const status = client.status
  assert.equal(status.state === 'reconnecting' ? status.retryAt - world.now : 0, 777)
  await world.advance(777)
  await settled()
  world.socket.cut(4502, 'revoked')
  assert.deepEqual(client.status, { state: 'ended', reason: 'revoked' })
  await world.advance(60_000)
  assert.equal(world.sockets.length, 2)
})

test('fetches a fresh token at four fifths of its life', async () => {
  const world = new World()
  let tokens = 0
  world.connect({ token: () => Promise.resolve({ token: `token-${++tokens}`, expiresAt: world.now + 100_000 }) })
  const socket = await world.welcome()
  for (let seconds = 0; seconds < 81; seconds += 10) {
    await world.advance(10_000)
    socket.say({ frame: 'ephemeral', kind: 'presence' })
  }
  assert.deepEqual(socket.sentOf('refresh'), [{ frame: 'refresh', token: 'token-2' }])
})

test('applies each event once and in order, however cuts and repeats fall', async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.constant('event' as const) },
    { weight: 1, arbitrary: fc.constant('checkpoint' as const) },
    { weight: 1, arbitrary: fc.constant('cut' as const) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.nat(5), async (steps, repeats) => {
      const world = new World()
      world.connect()
      let socket = await world.welcome([{ id: 'a', seq: 0 }])
      let written = 0
      let covered = 0
      for (const what of steps) {
        if (what === 'event') socket.say(event('a', ++written))
        else if (what === 'checkpoint') {
          covered = written
          socket.say({ frame: 'checkpoint', cursor: `covers ${covered}` })
        } else {
          socket.cut()
          await world.advance(20_000)
          socket = await world.welcome([], `covers ${covered}`)
          // A server sends again from where the resume says, or a little before.
          for (let seq = Math.max(1, covered - repeats); seq <= written; seq++) socket.say(event('a', seq))
        }
      }
      assert.deepEqual(
        seqsOf(world),
        Array.from({ length: written }, (_, index) => index + 1),
      )
    }),
    { numRuns: 60 },
  )
})
