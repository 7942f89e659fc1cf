// Inbound messages: once, in order, reopening and waking.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeAny, keys, type Attachment } from '#schemas/log'
import { accepted, agentBy, agentSetting, contactId, conversationId, dataOf, idOf, systemBy, textContent, typesOf, World } from './world.ts'

const HOUR_MS = 3_600_000

const file = (url: string | null): Attachment => ({
  kind: 'image',
  fileId: null,
  state: 'fetching',
  sourceUrl: url,
  name: null,
  contentType: 'image/jpeg',
  sizeBytes: null,
  sha256: null,
})

const resolvedBy = (name: string): World => {
  const world = new World()
  world.receive('hello')
  world.send('hi', agentBy(name))
  world.do('conversation.resolve', {}, { by: agentBy(name) })
  return world
}

test('the first inbound message creates the conversation, tells its contact and stores the address', () => {
  const world = new World()
  const decision = world.receive('hello')
  assert.deepEqual(typesOf(decision), ['conversation.created', 'message.received'])
  assert.equal(world.state.state, 'open')
  assert.equal(world.state.waitingSince, world.now)
  assert.deepEqual(
    decision.events.map(({ contactSeq }) => contactSeq),
    [null, 1],
  )
  assert.deepEqual(
    decision.events.map(({ settingsOffset }) => settingsOffset),
    [7, 7],
  )
  const row = world.rows.get(keys.address(conversationId)) as { address: object }
  assert.deepEqual({ ...row.address }, world.address)
  const [tell] = world.open('tell')
  assert.equal(tell?.type, 'contact.introduce')
  assert.equal(tell?.to.id, contactId)
  const told = decodeAny(tell?.command ?? Buffer.alloc(0)) as { data: { conversationId: string } }
  assert.equal(told.data.conversationId, conversationId)
})

test('the same message again changes nothing and answers as the first did', () => {
  const world = new World()
  const first = world.receive('hello')
  world.receive('more')
  const again = world.receive('hello')
  assert.deepEqual([again.events, again.rows, again.effects], [[], [], []])
  assert.deepEqual(accepted(again), accepted(first))
})

test('the carrier of an effect ends it', () => {
  const world = new World()
  world.receive('hello')
  const [tell] = world.open('tell')
  world.do('effect.end', { effectId: tell?.effectId ?? '' }, { by: systemBy, asksOutcome: false })
  assert.deepEqual(world.open('tell'), [])
})

test('orders by the provider, but not after arrival and never above an answer given without it', () => {
  const world = new World()
  world.receive('early', { providerAt: world.now - 5_000 })
  assert.equal(world.message('early').orderAt, world.now - 5_000)
  world.receive('from the future', { providerAt: world.now + 5_000 })
  assert.equal(world.message('from the future').orderAt, world.now)
  world.now += 1_000
  world.send('answer', agentBy('anna'))
  world.receive('late', { providerAt: world.now - 60_000 })
  assert.equal(world.message('late').orderAt, world.message('answer').orderAt)
  assert.ok(world.message('late').seq > world.message('answer').seq)
})

test('time never runs backwards in a conversation', () => {
  const world = new World()
  world.receive('hello')
  world.now -= 10_000
  const decision = world.receive('later')
  assert.equal(decision.events[0]?.at, world.now + 10_000)
})

test('an inbound message wakes a snoozed conversation, in the same cycle and with its agent', () => {
  const world = new World()
  world.receive('hello')
  world.do('conversation.claim', {}, { by: agentBy('anna') })
  world.do('conversation.snooze', { until: world.now + HOUR_MS }, { by: agentBy('anna') })
  assert.equal(world.open('timer').length, 1)
  const decision = world.receive('still there?')
  assert.deepEqual(typesOf(decision), ['message.received', 'conversation.opened'])
  assert.deepEqual([world.state.state, world.state.cycle, world.state.assignee?.id], ['open', 1, idOf('anna')])
  assert.deepEqual([world.open('timer'), world.state.snoozedUntil], [[], null])
})

test('within the hours a resolved conversation goes back to the agent who answered, in a new cycle', () => {
  const world = resolvedBy('anna')
  world.now += 23 * HOUR_MS
  assert.deepEqual(typesOf(world.receive('again')), ['message.received', 'conversation.opened'])
  assert.deepEqual([world.state.state, world.state.cycle, world.state.assignee?.id], ['open', 2, idOf('anna')])
  assert.equal(world.state.waitingSince, world.now)
})

for (const [why, spoil] of [
  ['after the hours', (world: World) => void (world.now += 25 * HOUR_MS)],
  ['when the agent is away', (world: World) => void (world.agents[idOf('anna')] = agentSetting('anna', { isAvailable: false }))],
  ['when the agent is deactivated', (world: World) => void (world.agents[idOf('anna')] = agentSetting('anna', { isActive: false }))],
] as const) {
  test(`a resolved conversation comes back to nobody ${why}`, () => {
    const world = resolvedBy('anna')
    spoil(world)
    const decision = world.receive('again')
    assert.deepEqual(typesOf(decision), ['message.received', 'conversation.assigned', 'conversation.opened'])
    assert.equal(dataOf(decision, 'conversation.assigned').because, 'reopen')
    assert.deepEqual([world.state.state, world.state.cycle, world.state.assignee], ['open', 2, null])
  })
}

test('a blocked contact is stored and wakes nobody', () => {
  const world = resolvedBy('anna')
  world.do('conversation.block', { isBlocked: true }, { by: systemBy })
  const { lastActivityAt } = world.state
  world.now += 1_000
  assert.deepEqual(typesOf(world.receive('let me in')), ['message.received'])
  assert.deepEqual([world.state.state, world.state.waitingSince, world.state.lastActivityAt], ['resolved', null, lastActivityAt])
  assert.equal(world.message('let me in').content?.text, 'let me in')
})

test('STOP opts out, wakes nobody, tells the contact; START opts in again', () => {
  const world = resolvedBy('anna')
  assert.deepEqual(typesOf(world.receive('stop it', { content: textContent(' Stop ') })), ['conversation.opted', 'message.received'])
  assert.deepEqual([world.state.state, world.state.isOptedOut, world.state.waitingSince], ['resolved', true, null])
  assert.ok(world.open('tell').some(({ type }) => type === 'contact.opt'))
  assert.deepEqual(typesOf(world.receive('begin', { content: textContent('START') })), ['message.received', 'conversation.opted'])
  assert.equal(world.state.isOptedOut, false)
  assert.equal(world.state.state, 'resolved')
})

test('words that only contain STOP, and STOP on other channels, are words', () => {
  const world = new World()
  world.receive('a', { content: textContent('stop sending the red ones') })
  world.receive('b', { content: textContent('yes') })
  assert.deepEqual([world.state.isOptedOut, world.state.state], [false, 'open'])
  const web = new World({ channel: 'web' })
  web.receive('c', { content: textContent('STOP') })
  assert.equal(web.state.isOptedOut, false)
  const whatsapp = new World({ userId: 'whatsapp:+15550101' })
  whatsapp.receive('d', { content: textContent('Cancel') })
  assert.equal(whatsapp.state.isOptedOut, false)
})

test('only windowed channels open a reply window', () => {
  const sms = new World()
  assert.equal(dataOf(sms.receive('hello'), 'message.received').window, null)
  const whatsapp = new World({ userId: 'whatsapp:+15550199' })
  whatsapp.receive('hello')
  assert.deepEqual({ ...whatsapp.state.window }, { expiresAt: whatsapp.now + 24 * HOUR_MS, openedAt: whatsapp.now })
})

test('each attachment that only the provider has is fetched; its report brings a new content, once', () => {
  const world = new World()
  const content = textContent('', { kind: 'media', attachments: [file('https://example.com/1'), file('https://example.com/2')] })
  world.receive('photos', { content })
  assert.deepEqual(
    world.open('fetch').map(({ index, url }) => [index, url]),
    [
      [0, 'https://example.com/1'],
      [1, 'https://example.com/2'],
    ],
  )
  const ready = { ...file(null), state: 'ready' as const, fileId: idOf('file'), sha256: 'ab', sizeBytes: 3 }
  const report = { messageId: idOf('photos'), index: 1, attachment: ready }
  const decision = world.do('attachment.report', report, { by: systemBy })
  assert.deepEqual(typesOf(decision), ['message.attached'])
  assert.deepEqual({ ...dataOf(decision, 'message.attached').supersedes }, { seq: world.message('photos').seq, n: 0 })
  assert.deepEqual(
    world.message('photos').content?.attachments.map(({ state }) => state),
    ['fetching', 'ready'],
  )
  assert.equal(world.message('photos').contents.length, 2)
  assert.equal(world.open('fetch').length, 1)
  assert.deepEqual(typesOf(world.do('attachment.report', { ...report, attachment: { ...ready, state: 'failed' } }, { by: systemBy })), [])
  assert.deepEqual(typesOf(world.do('attachment.report', { ...report, index: 9 }, { by: systemBy })), [])
})
