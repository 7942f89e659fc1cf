// Presence, viewers and typing on one node: who is told, what ends by itself, what a contact learns.

import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { contactOf, grantsOf, idOf, ids, openSite, removeSite, type Site } from '../site.ts'
import { TestSocket, type Received } from '../socket.ts'

type Ephemeral = Received<'ephemeral'>

let site: Site
let now = Date.now()
const conversation = idOf('viewers', 1)
before(async () => {
  site = await openSite({ clock: () => now })
  const who = (grants: Parameters<typeof grantsOf>[0]) => ({ grants: grantsOf(grants), expiresAt: null, source: null, origin: null })
  site.tokens.set('colleague', who({ id: ids.colleague }))
  site.tokens.set('newcomer', who({ id: idOf('newcomer') }))
  site.tokens.set('elsewhere', who({ id: idOf('confined'), accountIds: [ids.second] }))
  site.tokens.set('stranger', who({ organizationId: ids.other, id: idOf('stranger') }))
  site.tokens.set('visitor', { grants: contactOf(conversation), expiresAt: null, source: null, origin: null })
  await site.writer.events(conversation, site.writer.created(conversation))
})
after(async () => {
  await site.close()
  await removeSite(site)
})

beforeEach(() => {
  // What was told a second ago holds nothing back.
  now += 20_000
})

const open = async (token: string, scope: object = { all: true }): Promise<TestSocket> => {
  const socket = new TestSocket(site.url)
  socket.send({ frame: 'hello', token, subscriptions: [{ id: 'x', scope }] })
  await socket.next('checkpoint')
  return socket
}
const kind =
  (name: string, fits: (frame: Ephemeral) => boolean = () => true) =>
  (frame: Ephemeral): boolean =>
    frame.kind === name && fits(frame)
const ephemerals = (socket: TestSocket): Ephemeral[] => socket.frames.filter((frame): frame is Ephemeral => frame.frame === 'ephemeral')
const viewersAre = (...viewers: { agentId: string; state: string }[]) =>
  kind('viewers', (frame) => JSON.stringify(frame.viewers) === JSON.stringify(viewers))

test('who may see a conversation is told who looks at it, and nobody else is', async () => {
  const colleague = await open('colleague', { assignee: 'none' })
  const outsiders = [await open('elsewhere'), await open('stranger'), await open('visitor')]
  const agent = await open('agent')
  agent.send({ frame: 'presence', conversationId: conversation, state: 'viewing' })
  const shown = await colleague.next('ephemeral', viewersAre({ agentId: ids.agent, state: 'viewing' }))
  assert.equal(shown.conversationId, conversation)
  // Twice within a second: the second waits for the tick.
  agent.send({ frame: 'presence', conversationId: conversation, state: 'replying' })
  agent.send({ frame: 'ping' })
  await agent.next('pong')
  now += 1_000
  await colleague.next('ephemeral', viewersAre({ agentId: ids.agent, state: 'replying' }))
  const late = await open('colleague')
  const picture = ephemerals(late).find(({ kind: name }) => name === 'awareness')
  assert.equal(picture?.isKnown, true)
  assert.deepEqual(picture.viewing, [{ conversationId: conversation, viewers: [{ agentId: ids.agent, state: 'replying' }] }])
  now += 2_000
  agent.send({ frame: 'presence', conversationId: conversation, state: 'gone' })
  await colleague.next('ephemeral', viewersAre())
  for (const socket of outsiders) {
    assert.equal(
      ephemerals(socket).some(({ kind: name }) => name === 'viewers'),
      false,
    )
    const seen = ephemerals(socket).flatMap(({ viewing }) => viewing ?? [])
    assert.deepEqual(seen, [])
  }
  for (const socket of [colleague, agent, late, ...outsiders]) socket.cut()
})

test('a viewer who does not say so again is gone after the lease, one who does stays', async () => {
  const [agent, colleague, watcher] = [await open('agent'), await open('colleague'), await open('agent')]
  agent.send({ frame: 'presence', conversationId: conversation, state: 'viewing' })
  await watcher.next(
    'ephemeral',
    kind('viewers', ({ viewers }) => viewers?.length === 1),
  )
  now += 2_000
  colleague.send({ frame: 'presence', conversationId: conversation, state: 'viewing' })
  await watcher.next(
    'ephemeral',
    kind('viewers', ({ viewers }) => viewers?.length === 2),
  )
  now += 10_000
  colleague.send({ frame: 'presence', conversationId: conversation, state: 'viewing' })
  colleague.send({ frame: 'ping' })
  await colleague.next('pong')
  now += 5_001
  await watcher.next('ephemeral', viewersAre({ agentId: ids.colleague, state: 'viewing' }))
  for (const socket of [agent, colleague, watcher]) socket.cut()
})

test('an agent is online while any of their sockets is, and offline fifteen seconds after the last', async () => {
  const watcher = await open('colleague')
  const [first, second] = [await open('newcomer'), await open('newcomer')]
  await watcher.next(
    'ephemeral',
    kind('presence', ({ agentId, state }) => agentId === idOf('newcomer') && state === 'online'),
  )
  now += 2_000
  for (const socket of [first, second]) socket.send({ frame: 'presence', state: 'away' })
  await watcher.next(
    'ephemeral',
    kind('presence', ({ agentId, state }) => agentId === idOf('newcomer') && state === 'away'),
  )
  for (const socket of [first, second]) socket.cut()
  await Promise.all([first.closed, second.closed])
  now += 16_000
  await watcher.next(
    'ephemeral',
    kind('presence', ({ agentId, state }) => agentId === idOf('newcomer') && state === 'offline'),
  )
  watcher.cut()
})

test('typing is told once a second at most, ends by itself, and none of a note reaches the contact', async () => {
  const [agent, visitor] = [await open('agent'), await open('visitor')]
  for (let times = 0; times < 5; times++) visitor.send({ frame: 'typing', conversationId: conversation, isTyping: true })
  visitor.send({ frame: 'ping' })
  await visitor.next('pong')
  now += 7_000
  await agent.next(
    'ephemeral',
    kind('typing', ({ isTyping }) => isTyping === false),
  )
  assert.equal(ephemerals(agent).filter(kind('typing', ({ isTyping }) => isTyping === true)).length, 1)
  agent.send({ frame: 'typing', conversationId: conversation, isTyping: true, isNote: true })
  agent.send({ frame: 'typing', conversationId: conversation, isTyping: true })
  await visitor.next('ephemeral', kind('typing'))
  assert.equal(ephemerals(visitor).filter(kind('typing')).length, 1)
  for (const socket of [agent, visitor]) socket.cut()
})

test('a contact learns whether anybody is available, by setting and not by presence', async () => {
  const visitor = await open('visitor')
  const first = ephemerals(visitor).find(kind('availability')) ?? (await visitor.next('ephemeral', kind('availability')))
  assert.equal(first.state, 'available')
  for (const id of [ids.agent, ids.colleague]) {
    const agent = site.settings.agent(id)
    await site.writer.setting('agent', { ...agent, isAvailable: false, rev: 2 } as never)
  }
  await visitor.next(
    'ephemeral',
    kind('availability', ({ state }) => state === 'unavailable'),
  )
  const names = new Set(ephemerals(visitor).map(({ kind: name }) => name))
  assert.deepEqual(
    [...names].filter((name) => name !== 'availability'),
    [],
  )
  visitor.cut()
})
