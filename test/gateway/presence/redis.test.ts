// Presence across nodes, over a real Redis: one picture everywhere, a killed node's people vanish, a lost Redis is said to be lost.

import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openRedisBoard } from '#gateway'
import { until } from '../../harness.ts'
import { contactOf, grantsOf, idOf, ids, openSite, removeSite, type Site } from '../site.ts'
import { TestSocket, type Received } from '../socket.ts'
import { RedisServer } from './redis-server.ts'

const CHILD = fileURLToPath(new URL('./board.child.ts', import.meta.url))
const program = process.env['CONFAB_TEST_REDIS']
const skip = program === undefined ? 'No redis-server: npm test installs it, or set CONFAB_TEST_REDIS.' : false

type Ephemeral = Received<'ephemeral'>
const conversation = idOf('redis', 1)
let redis: RedisServer
let site: Site
let other: Site

const boardOf = (site: string, now: () => number = () => performance.now()) =>
  openRedisBoard({ url: redis.url, site, node: randomUUID(), now, onState: () => undefined })

before(async () => {
  if (program === undefined) return
  redis = await RedisServer.start(program)
  site = await openSite({ openBoard: boardOf('one') })
  other = await openSite({ beside: site, openBoard: boardOf('one') })
  site.tokens.set('colleague', { grants: grantsOf({ id: ids.colleague }), expiresAt: null, source: null, origin: null })
  site.tokens.set('visitor', { grants: contactOf(conversation), expiresAt: null, source: null, origin: null })
  await site.writer.events(conversation, site.writer.created(conversation))
})
after(async () => {
  if (program === undefined) return
  await other.close()
  await site.close()
  await removeSite(site)
  await redis.stop()
})

const open = async (at: Site, token: string): Promise<TestSocket> => {
  const socket = new TestSocket(at.url)
  socket.send({ frame: 'hello', token, subscriptions: [{ id: 'x', scope: { all: true } }] })
  await socket.next('checkpoint')
  return socket
}
const kind =
  (name: string, fits: (frame: Ephemeral) => boolean = () => true) =>
  (frame: Ephemeral): boolean =>
    frame.kind === name && fits(frame)

/** What a client that folds the frames would show. */
const pictureOf = (socket: TestSocket): { isKnown: boolean; agents: Map<string, string>; viewers: Map<string, string> } => {
  let isKnown = false
  let agents = new Map<string, string>()
  let viewers = new Map<string, string>()
  for (const frame of socket.frames) {
    if (frame.frame !== 'ephemeral') continue
    if (frame.kind === 'awareness') {
      isKnown = frame.isKnown === true
      agents = new Map((frame.agents ?? []).map(({ agentId, state }) => [agentId, state]))
      viewers = new Map((frame.viewing ?? []).map((each) => [each.conversationId, JSON.stringify(each.viewers)]))
    } else if (frame.kind === 'presence') agents.set(frame.agentId ?? '', frame.state ?? '')
    else if (frame.kind === 'viewers') viewers.set(frame.conversationId ?? '', JSON.stringify(frame.viewers))
  }
  return { isKnown, agents, viewers }
}

test('presence, viewers and typing of one node show on the other, whoever came first', { skip }, async () => {
  const agent = await open(site, 'agent')
  agent.send({ frame: 'presence', conversationId: conversation, state: 'replying' })
  const colleague = await open(other, 'colleague')
  await until('the picture', () => pictureOf(colleague).isKnown && pictureOf(colleague).agents.get(ids.agent) === 'online')
  await until('the picture', () => pictureOf(colleague).viewers.get(conversation)?.includes('replying') === true)
  await until('the picture', () => pictureOf(agent).agents.get(ids.colleague) === 'online')
  const visitor = await open(other, 'visitor')
  agent.send({ frame: 'typing', conversationId: conversation, isTyping: true })
  const shown = await visitor.next('ephemeral', kind('typing'))
  assert.deepEqual(shown.by, { kind: 'agent', name: 'Anna' })
  site.gateway.typing(grantsOf({ id: idOf('bot'), kind: 'bot', role: 'bot' }), { conversationId: conversation, isTyping: true })
  await colleague.next(
    'ephemeral',
    kind('typing', ({ by }) => by?.kind === 'bot'),
  )
  agent.send({ frame: 'presence', conversationId: conversation, state: 'gone' })
  await until('the picture', () => pictureOf(colleague).viewers.get(conversation) === '[]')
  for (const socket of [agent, colleague, visitor]) socket.cut()
})

test('says that nothing is known while Redis is away, delays no event, and has the whole picture again by itself', { skip }, async () => {
  const [agent, colleague] = [await open(site, 'agent'), await open(other, 'colleague')]
  await until('the picture', () => pictureOf(colleague).isKnown && pictureOf(colleague).agents.get(ids.agent) === 'online')
  await redis.stop()
  await until('the picture', () => !pictureOf(colleague).isKnown)
  assert.equal(pictureOf(colleague).agents.get(ids.agent), undefined)
  await site.writer.events(conversation, site.writer.received(conversation, 'while it is away'))
  await colleague.next('event', ({ event }) => event.seq === 2)
  const third = await open(other, 'agent')
  assert.equal(pictureOf(third).isKnown, false)
  agent.send({ frame: 'presence', conversationId: conversation, state: 'viewing' })
  await redis.start()
  await until(
    'the picture',
    () => pictureOf(colleague).isKnown && pictureOf(colleague).viewers.get(conversation)?.includes('viewing') === true,
    20_000,
  )
  assert.equal(pictureOf(colleague).agents.get(ids.agent), 'online')
  for (const socket of [agent, colleague, third]) socket.cut()
})

test('notices a Redis that is there and mute', { skip }, async () => {
  const colleague = await open(other, 'colleague')
  await until('the picture', () => pictureOf(colleague).isKnown)
  redis.freeze()
  await until('the picture', () => !pictureOf(colleague).isKnown, 20_000)
  redis.thaw()
  await until('the picture', () => pictureOf(colleague).isKnown, 20_000)
  colleague.cut()
})

test('the people of a killed node are gone when its lease ends, not before, and those of the living stay', { skip }, async () => {
  const dropped: string[] = []
  const watching = boardOf('lease')({
    onPut: () => undefined,
    onDrop: ({ principal }) => dropped.push(principal.id),
    onTyping: () => undefined,
    onKnown: () => undefined,
  })
  watching.follow('o')
  const [dead, living] = ['dead', 'living'].map((agent) =>
    spawn(process.execPath, [CHILD, redis.url, 'lease', agent], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  ) as [ChildProcess, ChildProcess]
  const here = (): string =>
    [...watching.of('o')]
      .map(({ principal }) => principal.id)
      .toSorted()
      .join(' ')
  await until('both nodes show', () => here() === 'dead living')
  dead.kill('SIGKILL')
  await once(dead, 'exit')
  const killedAt = performance.now()
  assert.equal(here(), 'dead living')
  await until('the dead one is gone', () => here() === 'living', 25_000)
  assert.deepEqual(dropped, ['dead'])
  assert.ok(performance.now() - killedAt > 5_000, 'it was a lease that ended')
  living.kill('SIGKILL')
  await watching.close()
})
