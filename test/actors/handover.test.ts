// The switchboard: offers that stand a minute, one holder, bots that fall silent when an agent takes over.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accepted, accountId, accountSetting, agentBy, dataOf, idOf, refused, systemBy, typesOf, World } from './world.ts'

const anna = agentBy('anna')
const ben = agentBy('ben')
const bot = { kind: 'bot', id: idOf('bot') } as const
const robot = { kind: 'bot', id: idOf('robot') } as const

/** Decoded records have a prototype of their own. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

const same = (actual: unknown, expected: unknown): void => assert.deepEqual(plain(actual), expected)

const begun = (): World => {
  const world = new World()
  world.receive('hello')
  return world
}

type Given = Partial<{
  to: { kind: 'agent' | 'bot' | 'team'; id: string } | null
  reason: string
  context: string
  mayAssign: boolean
  isNext: boolean
}>
const hand = (world: World, action: 'offer' | 'accept' | 'pass' | 'release', by: ReturnType<typeof agentBy>, given: Given = {}) =>
  world.do('conversation.handover', { action, to: null, isNext: false, reason: null, context: null, mayAssign: false, ...given }, { by })

const heldByBot = (): World => {
  const world = begun()
  accepted(hand(world, 'pass', anna, { to: bot, mayAssign: true }))
  same([world.state.state, world.state.assignee], ['pending', bot])
  return world
}

test('an offer stands for 60 s on a durable timer; only the one offered accepts, and gets what was said with it', () => {
  const world = heldByBot()
  const offered = hand(world, 'offer', bot, { to: { kind: 'agent', id: idOf('ben') }, reason: 'refund', context: 'order 7' })
  assert.deepEqual(typesOf(offered), ['handover.offered'])
  assert.equal(dataOf(offered, 'handover.offered').expiresAt, world.now + 60_000)
  assert.deepEqual(offered.contents[0]?.[0]?.body, { reason: 'refund', context: 'order 7' })
  assert.deepEqual(
    world.open('timer').map(({ kind, dueAt }) => [kind, dueAt]),
    [['offer', world.now + 60_000]],
  )
  refused(hand(world, 'accept', anna), 'not_offered')
  refused(hand(world, 'accept', bot), 'not_offered')
  const seq = offered.snapshot?.seq
  const taken = hand(world, 'accept', ben)
  assert.deepEqual(typesOf(taken), ['handover.accepted', 'conversation.assigned', 'conversation.opened'])
  same(dataOf(taken, 'handover.accepted').context, { seq, n: 0 })
  same([world.state.assignee, world.state.state, world.state.offer], [{ kind: 'agent', id: idOf('ben') }, 'open', null])
  assert.deepEqual(world.open('timer'), [])
  refused(hand(world, 'accept', ben), 'not_offered')
})

test('a new offer voids the old; its time ends it, and a late timer of the old one ends nothing', () => {
  const world = heldByBot()
  hand(world, 'offer', bot, { to: robot })
  const first = world.open('timer')[0]
  world.now += 30_000
  hand(world, 'offer', bot, { to: { kind: 'agent', id: idOf('ben') } })
  refused(hand(world, 'accept', robot), 'not_offered')
  world.now += 30_000
  const stale = world.do('timer.fire', { kind: 'offer', setBySeq: first?.setBySeq ?? 0 }, { by: systemBy })
  assert.deepEqual(typesOf(stale), [])
  assert.notEqual(world.state.offer, null)
  world.now += 30_000
  refused(hand(world, 'accept', ben), 'not_offered')
  const timer = world.open('timer')[0]
  const expired = world.do('timer.fire', { kind: 'offer', setBySeq: timer?.setBySeq ?? 0 }, { by: systemBy })
  assert.deepEqual(typesOf(expired), ['handover.expired'])
  same([world.state.offer, world.open('timer'), world.state.assignee], [null, [], bot])
})

test('any change of holder voids an offer, a change of team alone does not', () => {
  for (const change of [
    (w: World) => w.do('conversation.claim', {}, { by: anna }),
    (w: World) => w.do('conversation.assign', { to: robot, teamId: null, expect: null, hasExpect: false }, { by: anna }),
    (w: World) => hand(w, 'release', bot),
    (w: World) => w.do('conversation.snooze', { until: null }, { by: anna }),
  ]) {
    const world = heldByBot()
    hand(world, 'offer', bot, { to: { kind: 'agent', id: idOf('ben') } })
    accepted(change(world))
    same([world.state.offer, world.open('timer')], [null, []])
    refused(hand(world, 'accept', ben), 'not_offered')
  }
  const world = heldByBot()
  hand(world, 'offer', bot, { to: { kind: 'agent', id: idOf('ben') } })
  accepted(world.do('conversation.assign', { to: bot, teamId: idOf('team'), expect: null, hasExpect: false }, { by: anna }))
  assert.notEqual(world.state.offer, null)
})

test('only its holder, or who may assign, offers and passes; only its holder lets go', () => {
  const world = heldByBot()
  same(refused(hand(world, 'offer', robot, { to: robot }), 'not_holder')['holder'], bot)
  refused(hand(world, 'pass', robot, { to: robot }), 'not_holder')
  refused(hand(world, 'release', robot), 'not_holder')
  refused(hand(world, 'offer', bot), 'handover_target_required')
  accepted(hand(world, 'pass', anna, { to: robot, mayAssign: true }))
  same(world.state.assignee, robot)
})

test('pass gives at once: to a bot, an agent, a team’s people, or to all; to whom has it is no event', () => {
  const world = heldByBot()
  const passed = hand(world, 'pass', bot, { to: robot, context: 'speaks French' })
  assert.deepEqual(typesOf(passed), ['handover.passed', 'conversation.assigned'])
  assert.deepEqual(dataOf(passed, 'handover.passed').context, { seq: passed.events[0]?.seq, n: 0 })
  assert.deepEqual(typesOf(hand(world, 'pass', robot, { to: robot })), [])
  const toTeam = hand(world, 'pass', robot, { to: { kind: 'team', id: idOf('team') } })
  assert.deepEqual(typesOf(toTeam), ['handover.passed', 'conversation.assigned', 'conversation.opened'])
  same([world.state.assignee, world.state.teamId, world.state.state], [null, idOf('team'), 'open'])
  const again = heldByBot()
  accepted(hand(again, 'pass', bot))
  same([again.state.assignee, again.state.state], [null, 'open'])
})

test('an offer to a team is for whichever agent accepts first, and for no bot', () => {
  const world = heldByBot()
  hand(world, 'offer', bot, { to: { kind: 'team', id: idOf('team') } })
  refused(hand(world, 'accept', robot), 'not_offered')
  accepted(hand(world, 'accept', ben))
  refused(hand(world, 'accept', anna), 'not_offered')
  same([world.state.assignee?.id, world.state.teamId], [idOf('ben'), idOf('team')])
})

test('a claim or a public reply takes it from the bot at once, and what the bot has not sent yet is called off', () => {
  for (const take of [(w: World) => w.do('conversation.claim', {}, { by: anna }), (w: World) => w.send('hi', anna)]) {
    const world = heldByBot()
    accepted(world.send('one', bot))
    accepted(world.send('two', bot))
    accepted(world.send('three', bot))
    world.report('one', { state: 'sent' })
    world.report('three', { state: 'unknown', reason: 'crashed' })
    const decision = take(world)
    same(dataOf(decision, 'handover.taken'), { before: bot })
    assert.deepEqual(
      ['one', 'two', 'three'].map((name) => world.message(name).send?.state),
      ['sent', 'failed', 'unknown'],
    )
    assert.equal(world.message('two').send?.reason, 'superseded')
    assert.ok(world.open('send').every(({ messageId }) => messageId === idOf('hi')))
    refused(world.send('late', bot), 'not_holder')
    // The limit: what was on the wire all the same says so itself.
    world.report('two', { state: 'sent' })
    assert.equal(world.message('two').send?.state, 'sent')
  }
})

test('what a bot has said before it hands over of its own will is still sent', () => {
  const world = heldByBot()
  world.send('one moment', bot)
  accepted(hand(world, 'release', bot))
  assert.equal(world.open('send').length, 1)
})

test('who is no active agent, no bot, no team, or a bot not listed for the account gets nothing', () => {
  const world = heldByBot()
  world.bots[idOf('elsewhere')] = { accountIds: [idOf('another account')] }
  world.bots[idOf('here')] = { accountIds: [accountId] }
  const assign = (to: { kind: 'agent' | 'bot'; id: string } | null, teamId: string | null = null) =>
    world.do('conversation.assign', { to, teamId, expect: null, hasExpect: false }, { by: anna })
  for (const to of [{ kind: 'agent', id: idOf('nobody') } as const, { kind: 'bot', id: idOf('nobody') } as const]) {
    assert.deepEqual(refused(assign(to), 'assignee_unknown'), { assigneeId: idOf('nobody') })
    refused(hand(world, 'offer', bot, { to }), 'assignee_unknown')
    refused(hand(world, 'pass', bot, { to }), 'assignee_unknown')
  }
  refused(assign({ kind: 'bot', id: idOf('elsewhere') }), 'assignee_no_access')
  assert.deepEqual(refused(assign(bot, idOf('no team')), 'team_unknown'), { teamId: idOf('no team') })
  refused(hand(world, 'pass', bot, { to: { kind: 'team', id: idOf('no team') } }), 'team_unknown')
  accepted(assign({ kind: 'bot', id: idOf('here') }))
})

test('a bot can neither be offered, given nor accept what is snoozed or resolved', () => {
  const world = begun()
  world.do('conversation.claim', {}, { by: anna })
  hand(world, 'offer', anna, { to: bot })
  world.do('conversation.resolve', {}, { by: anna })
  refused(hand(world, 'accept', bot), 'not_in_this_state')
  refused(hand(world, 'offer', anna, { to: bot }), 'not_in_this_state')
  refused(hand(world, 'pass', anna, { to: bot }), 'not_in_this_state')
})

test('a new conversation begins with the account’s first bot that is there; a returning one whom no agent keeps, too', () => {
  const bots = [idOf('gone'), idOf('bot'), idOf('robot')]
  const world = new World({ settings: { account: accountSetting({ bots }) } })
  world.receive('hello')
  same([world.state.state, world.state.assignee], ['pending', bot])
  accepted(world.do('conversation.resolve', {}, { by: bot }))
  const again = world.receive('again')
  assert.deepEqual(typesOf(again), ['message.received', 'conversation.opened', 'conversation.assigned', 'conversation.held'])
  same([world.state.state, world.state.assignee, world.state.cycle], ['pending', bot, 2])
  accepted(world.send('hi', anna))
  accepted(world.do('conversation.resolve', {}, { by: anna }))
  world.receive('once more')
  same([world.state.state, world.state.assignee], ['open', { kind: 'agent', id: idOf('anna') }])
})

test('a bot lets go to the account’s next bot, the last to people; `next` passes the same way, from an agent to the first', () => {
  const world = new World({ settings: { account: accountSetting({ bots: [idOf('bot'), idOf('robot')] }) } })
  world.receive('hello')
  accepted(hand(world, 'release', bot))
  same(world.state.assignee, robot)
  accepted(hand(world, 'release', robot))
  same([world.state.assignee, world.state.state], [null, 'open'])
  accepted(world.do('conversation.claim', {}, { by: anna }))
  accepted(hand(world, 'pass', anna, { isNext: true }))
  same(world.state.assignee, bot)
  accepted(hand(world, 'pass', bot, { isNext: true }))
  same(world.state.assignee, robot)
  accepted(hand(world, 'pass', robot, { isNext: true }))
  same([world.state.assignee, world.state.state], [null, 'open'])
})
