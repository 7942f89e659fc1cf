// Reactions and those who follow: the newest word of each person counts, early news waits, a mention never widens access.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keys, type EarlyRow, type Principal } from '#schemas/log'
import { accepted, agentBy, agentSetting, contactBy, conversationId, dataOf, idOf, refused, typesOf, World } from './world.ts'

const anna = agentBy('anna')
const react = (world: World, name: string, emoji: string | null, by: Principal = contactBy, at = world.now) =>
  world.do('message.react', { messageId: idOf(name), emoji, at }, { by })
const reactionsOf = (world: World, name: string): unknown => world.message(name).reactions.map(({ by, emoji }) => [by.kind, emoji])

test('one reaction a person: another replaces it, null takes it back, the same again is no event', () => {
  const world = new World({ channel: 'web' })
  world.receive('hello')
  const first = react(world, 'hello', '👍', anna)
  assert.deepEqual([typesOf(first), first.events[0]?.contactSeq], [['message.reacted'], 2])
  assert.deepEqual(first.contents[0]?.[0]?.body, { emoji: '👍' })
  react(world, 'hello', '😀')
  assert.deepEqual(typesOf(react(world, 'hello', '👍', anna)), [])
  assert.deepEqual(reactionsOf(world, 'hello'), [
    ['agent', '👍'],
    ['contact', '😀'],
  ])
  assert.equal(dataOf(react(world, 'hello', null, anna), 'message.reacted').isRemoved, true)
  assert.deepEqual(typesOf(react(world, 'hello', null, anna)), [])
  assert.deepEqual(reactionsOf(world, 'hello'), [
    ['agent', null],
    ['contact', '😀'],
  ])
})

test('the newest provider time wins, in whatever order news come, also over what was taken back', () => {
  const world = new World()
  world.receive('hello')
  const at = world.now
  world.now += 10_000
  react(world, 'hello', '👍', contactBy, at + 200)
  assert.deepEqual(typesOf(react(world, 'hello', '😀', contactBy, at + 100)), [])
  react(world, 'hello', null, contactBy, at + 400)
  assert.deepEqual(typesOf(react(world, 'hello', '😀', contactBy, at + 300)), [])
  assert.deepEqual(reactionsOf(world, 'hello'), [['contact', null]])
  react(world, 'hello', '🎉', contactBy, at + 1_000_000)
  assert.equal(world.message('hello').reactions[0]?.at, world.now, 'nobody reacts in the future')
})

test('a reaction that comes before its message waits under its id, and is applied on arrival', () => {
  const world = new World()
  world.receive('first')
  accepted(react(world, 'second', '👍'))
  assert.deepEqual(typesOf(react(world, 'second', '😀', contactBy, world.now - 5)), [])
  const decision = world.receive('second')
  assert.deepEqual(typesOf(decision), ['message.received', 'message.reacted'])
  assert.deepEqual(reactionsOf(world, 'second'), [['contact', '👍']])
  accepted(react(world, 'third', '👍'))
  world.now += 86_400_001
  assert.deepEqual(typesOf(world.receive('third')), ['message.received'], 'after a day it is no news')
})

test("to ours it finds its way by the provider's id, before and after the sender has told it", () => {
  const world = new World()
  world.receive('hello')
  world.send('hi', anna)
  accepted(react(world, 'alias', '👍'))
  world.receipt('alias', { state: 'delivered' })
  const early = world.rows.get(keys.message(conversationId, idOf('alias'))) as EarlyRow
  assert.deepEqual([early.reports.length, early.reactions.length], [1, 1], 'receipts and reactions wait side by side')
  world.report('hi', { state: 'sent', aliasId: idOf('alias') })
  assert.deepEqual(reactionsOf(world, 'hi'), [['contact', '👍']])
  react(world, 'alias', '😀')
  assert.deepEqual(reactionsOf(world, 'hi'), [['contact', '😀']])
})

test('we react where the channel can carry it, to what the contact has seen, while it is there', () => {
  const sms = new World()
  sms.receive('hello')
  assert.deepEqual(refused(react(sms, 'hello', '👍', anna), 'not_on_this_channel'), { channel: 'twilio' })
  const web = new World({ channel: 'web' })
  web.receive('hello')
  web.send('a note', anna, { isInternal: true })
  refused(react(web, 'a note', '👍', anna), 'message_not_found')
  refused(react(web, 'never', '👍', anna), 'message_not_found')
  refused(react(web, 'never', '👍'), 'message_not_found')
  web.send('hi', anna)
  react(web, 'hi', '👍')
  web.do('message.delete', { messageId: idOf('hi') }, { by: anna })
  assert.deepEqual(reactionsOf(web, 'hi'), [])
  refused(react(web, 'hi', '👍'), 'message_erased')
  web.do('conversation.erase', { reason: null }, { by: anna })
  refused(react(web, 'hello', '👍', anna), 'message_erased')
})

test('a reaction reopens nothing and answers nobody', () => {
  const world = new World({ channel: 'web' })
  world.receive('hello')
  world.do('conversation.resolve', {}, { by: anna })
  react(world, 'hello', '👍')
  assert.equal(world.state.state, 'resolved')
})

test('participants are agents of now, as they shall be; what changes nothing is no event', () => {
  const world = new World()
  world.receive('hello')
  const set = (...names: string[]) =>
    world.do('conversation.change', { attributes: {}, participants: names.map((name) => idOf(name)) }, { by: anna })
  assert.deepEqual(dataOf(set('anna', 'ben', 'ben'), 'conversation.joined').participants, [idOf('anna'), idOf('ben')])
  assert.deepEqual(typesOf(set('ben', 'anna')), [])
  assert.deepEqual(typesOf(set('carl', 'ben')), ['conversation.left', 'conversation.joined'])
  assert.deepEqual(world.state.participants, [idOf('ben'), idOf('carl')])
  assert.deepEqual(refused(set('ben', 'nobody'), 'participant_unknown'), { agentId: idOf('nobody') })
  world.agents[idOf('ben')] = agentSetting('ben', { isActive: false })
  accepted(set('ben'))
  for (let n = 0; n < 33; n++) world.agents[idOf(`agent ${n}`)] = agentSetting(`agent ${n}`)
  refused(set(...Array.from({ length: 33 }, (_, n) => `agent ${n}`)), 'participants_too_many')
  world.do('conversation.change', { attributes: { plan: 'gold' }, participants: null }, { by: anna })
  assert.deepEqual(world.state.participants, [idOf('ben')], 'attributes alone move nobody')
})

test('a mention is stored by id and lets its agent follow; who may not see it is not told of it', () => {
  const world = new World()
  world.receive('hello')
  const note = (name: string, ...mentions: string[]) =>
    world.send(name, anna, { isInternal: true, mentions: mentions.map((each) => idOf(each)) })
  const decision = note('one', 'ben')
  assert.deepEqual(typesOf(decision), ['note.added', 'conversation.joined'])
  assert.deepEqual([dataOf(decision, 'note.added').mentions, dataOf(decision, 'conversation.joined').because], [[idOf('ben')], 'mention'])
  assert.deepEqual([...world.message('one').mentions], [idOf('ben')])
  assert.ok(decision.events.every(({ contactSeq }) => contactSeq === null))
  assert.deepEqual(typesOf(note('two', 'ben')), ['note.added'])
  assert.deepEqual(refused(note('three', 'ben', 'nobody'), 'mention_no_access'), { agentId: idOf('nobody') })
})
