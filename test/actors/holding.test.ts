// Who has a conversation: claim, assign, release, snooze, resolve, reopen.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { keys, type Mark } from '#schemas/log'
import { accepted, agentBy, agentSetting, conversationId, dataOf, idOf, refused, systemBy, typesOf, World } from './world.ts'

const HOUR_MS = 3_600_000
const bot = { kind: 'bot', id: idOf('bot') } as const
const anna = agentBy('anna')
const ben = agentBy('ben')

const begun = (options = {}): World => {
  const world = new World(options)
  world.receive('hello')
  return world
}
const claim = (world: World, by: ReturnType<typeof agentBy>) => world.do('conversation.claim', {}, { by })
const assign = (world: World, to: { kind: 'agent' | 'bot'; id: string } | null, more = {}) =>
  world.do('conversation.assign', { to, teamId: null, expect: null, hasExpect: false, ...more }, { by: anna })

test('of any number of claims exactly one wins and the others learn of the same holder', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('anna', 'ben', 'carl'), { minLength: 1, maxLength: 30 }), (names) => {
      const world = begun()
      const decisions = names.map((name) => ({ name, decision: claim(world, agentBy(name)) }))
      const [winner] = names
      assert.equal(decisions.filter(({ decision }) => decision.events.length > 0).length, 1)
      for (const { name, decision } of decisions) {
        if (name === winner) accepted(decision)
        else assert.equal((refused(decision, 'conversation_taken')['holder'] as { id: string }).id, idOf(winner ?? ''))
      }
    }),
  )
})

test('claiming what one has is the same outcome without an event; only agents claim', () => {
  const world = begun()
  const first = accepted(claim(world, anna))
  const again = claim(world, anna)
  assert.deepEqual([again.events, accepted(again)], [[], first])
  refused(world.do('conversation.claim', {}, { by: bot }), 'not_an_agent')
})

test('a claim takes it from a bot and opens it', () => {
  const world = begun()
  assert.deepEqual(typesOf(assign(world, bot)), ['handover.passed', 'conversation.assigned', 'conversation.held'])
  assert.equal(world.state.state, 'pending')
  assert.deepEqual(typesOf(claim(world, anna)), ['handover.taken', 'conversation.assigned', 'conversation.opened'])
  assert.deepEqual([world.state.state, world.state.assignee?.id], ['open', idOf('anna')])
})

test('release lets go of what is one’s own, a bot’s hold ends open', () => {
  const world = begun()
  accepted(world.do('conversation.release', {}, { by: anna }))
  claim(world, anna)
  refused(world.do('conversation.release', {}, { by: ben }), 'not_holder')
  assert.deepEqual(typesOf(world.do('conversation.release', {}, { by: anna })), ['conversation.assigned'])
  assign(world, bot)
  const decision = world.do('conversation.release', {}, { by: bot })
  assert.equal(dataOf(decision, 'conversation.opened').because, 'release')
})

test('assign may replace anyone, unless what was expected is no longer so', () => {
  const world = begun()
  claim(world, anna)
  refused(assign(world, { kind: 'agent', id: idOf('ben') }, { hasExpect: true, expect: null }), 'conversation_moved')
  accepted(assign(world, { kind: 'agent', id: idOf('ben') }, { hasExpect: true, expect: idOf('anna') }))
  assert.deepEqual(typesOf(assign(world, { kind: 'agent', id: idOf('ben') })), [], 'no change, no event')
  refused(assign(world, { kind: 'agent', id: idOf('nobody') }), 'assignee_unknown')
  world.agents[idOf('carl')] = agentSetting('carl', { isActive: false })
  refused(assign(world, { kind: 'agent', id: idOf('carl') }), 'assignee_unknown')
  accepted(assign(world, null, { teamId: idOf('team') }))
  assert.deepEqual([world.state.assignee, world.state.teamId], [null, idOf('team')])
})

test('giving it to people never wakes snoozed or resolved; a bot cannot get those', () => {
  for (const type of ['conversation.resolve', 'conversation.snooze'] as const) {
    const world = begun()
    world.do(type, type === 'conversation.snooze' ? { until: null } : {}, { by: anna })
    const { state } = world.state
    claim(world, ben)
    assert.deepEqual([world.state.state, world.state.assignee?.id], [state, idOf('ben')])
    assert.deepEqual({ ...refused(assign(world, bot), 'not_in_this_state') }, { state })
  }
})

test('snooze sets a durable timer; only the timer that is still set wakes it', () => {
  const world = begun()
  world.do('conversation.snooze', { until: world.now + HOUR_MS }, { by: anna })
  const first = world.open('timer')[0]
  assert.deepEqual([first?.dueAt, first?.setBySeq], [world.now + HOUR_MS, world.state.seq])
  world.do('conversation.snooze', { until: world.now + 2 * HOUR_MS }, { by: anna })
  assert.equal(world.open('timer').length, 1)
  const fire = (setBySeq = 0) => world.do('timer.fire', { kind: 'wake', setBySeq }, { by: systemBy, asksOutcome: false })
  world.now += HOUR_MS
  assert.deepEqual(typesOf(fire(first?.setBySeq)), [], 'stale')
  const second = world.open('timer')[0]
  const early = fire(second?.setBySeq)
  assert.deepEqual([typesOf(early), early.effects.length], [[], 1], 'too early: set again')
  world.now += HOUR_MS
  assert.equal(dataOf(fire(second?.setBySeq), 'conversation.opened').because, 'wake')
  assert.deepEqual([world.state.state, world.state.cycle, world.open('timer')], ['open', 1, []])
  assert.deepEqual(typesOf(fire(second?.setBySeq)), [], 'fired twice')
})

test('snooze: not in the past, not of what is resolved, the same again is no event, from a bot it is taken', () => {
  const world = begun()
  const snooze = (until: number | null) => world.do('conversation.snooze', { until }, { by: anna })
  refused(snooze(world.now), 'snooze_in_past')
  assign(world, bot)
  assert.deepEqual(typesOf(snooze(null)), ['conversation.assigned', 'conversation.snoozed'])
  assert.deepEqual(typesOf(snooze(null)), [])
  world.do('conversation.resolve', {}, { by: anna })
  refused(snooze(null), 'not_in_this_state')
})

test('resolve ends the cycle, reopen begins the next and keeps the agent; both again are no event', () => {
  const world = begun()
  assign(world, bot)
  assert.deepEqual(typesOf(world.do('conversation.resolve', {}, { by: bot })), ['conversation.assigned', 'conversation.resolved'])
  assert.deepEqual(typesOf(world.do('conversation.resolve', {}, { by: anna })), [])
  claim(world, anna)
  assert.deepEqual(typesOf(world.do('conversation.reopen', {}, { by: ben })), ['conversation.opened'])
  assert.deepEqual([world.state.cycle, world.state.assignee?.id, world.state.waitingSince], [2, idOf('anna'), null])
  assert.deepEqual(typesOf(world.do('conversation.reopen', {}, { by: ben })), [])
})

test('labels are a set of known ones', () => {
  const world = begun()
  const label = (add: string[], remove: string[] = []) =>
    world.do('conversation.label', { add: add.map(idOf), remove: remove.map(idOf) }, { by: anna })
  assert.deepEqual({ ...refused(label(['vip', 'nolabel']), 'label_unknown') }, { labelId: idOf('nolabel') })
  assert.deepEqual(dataOf(label(['vip', 'vip', 'late']), 'conversation.labeled'), { added: [idOf('vip'), idOf('late')], removed: [] })
  assert.deepEqual(typesOf(label(['vip'])), [])
  assert.deepEqual(dataOf(label(['spam'], ['spam', 'vip', 'never']), 'conversation.labeled'), { added: [], removed: [idOf('vip')] })
  assert.deepEqual(world.state.labels, [idOf('late')])
  refused(label(Array.from({ length: 64 }, (_, n) => `l${n}`)), 'labels_too_many')
})

test('priority and attributes: a change that changes nothing is no event', () => {
  const world = begun()
  const prioritize = (priority: 'high' | 'none') => typesOf(world.do('conversation.prioritize', { priority }, { by: anna }))
  assert.deepEqual([prioritize('none'), prioritize('high'), prioritize('high')], [[], ['conversation.prioritized'], []])
  const change = (attributes: Record<string, string>) => world.do('conversation.change', { attributes }, { by: anna })
  const decision = change({ plan: 'gold', seats: '3' })
  assert.deepEqual(typesOf(decision), ['conversation.changed'])
  assert.deepEqual({ ...world.state.attributes }, { seq: world.state.seq, n: 0 })
  assert.deepEqual(typesOf(change({ plan: 'gold', gone: '' })), [])
  change({ seats: '', zone: 'eu' })
  const row = world.rows.get(keys.attributes(conversationId)) as { attributes: object }
  assert.deepEqual({ ...row.attributes }, { plan: 'gold', zone: 'eu' })
  refused(change(Object.fromEntries(Array.from({ length: 63 }, (_, n) => [`k${n}`, 'v']))), 'attributes_too_large')
  refused(change({ big: 'é'.repeat(4_096) }), 'attributes_too_large')
})

test('read marks only grow, unless set back on purpose; the contact is told in their own numbers', () => {
  const world = begun()
  world.receive('two')
  claim(world, anna)
  const read = (data: { readUpTo?: number; unreadFrom?: number }): Mark => {
    const decision = world.do('conversation.read', { readUpTo: null, unreadFrom: null, ...data }, { by: anna })
    assert.deepEqual(decision.events, [], 'browsing never outwrites customers')
    return world.rows.get(keys.mark(conversationId, idOf('anna'))) as Mark
  }
  const { seq } = world.state
  assert.deepEqual([read({ readUpTo: 2 }).readUpTo, read({ readUpTo: 2 }).readUpToContactSeq], [2, 1])
  assert.equal(read({ readUpTo: 1 }).readUpTo, 2)
  assert.deepEqual([read({ readUpTo: 999 }).readUpTo, read({ readUpTo: 999 }).readUpToContactSeq], [seq, 2])
  const back = read({ unreadFrom: 2 })
  assert.deepEqual([back.readUpTo, back.readUpToContactSeq], [1, 2], 'what the contact was told stays')
})

test('messages are edited by their author where the channel can, notes anywhere', () => {
  const world = begun({ channel: 'web' })
  world.send('helo', anna)
  const edit = (name: string, text: string, by = anna) => world.do('message.edit', { messageId: idOf(name), text }, { by })
  refused(edit('helo', 'hello', ben), 'not_author')
  refused(edit('hello', 'mine'), 'message_not_found')
  const decision = edit('helo', 'hello')
  assert.deepEqual(typesOf(decision), ['message.edited'])
  assert.notEqual(decision.events[0]?.contactSeq, null, 'the contact sees it')
  assert.deepEqual(
    [world.message('helo').content?.text, world.message('helo').edits, world.message('helo').contents.length],
    ['hello', 1, 2],
  )
  assert.deepEqual(typesOf(edit('helo', 'hello')), [])
  world.do('message.delete', { messageId: idOf('helo') }, { by: anna })
  assert.deepEqual([world.message('helo').isDeleted, world.message('helo').content], [true, null])
  refused(edit('helo', 'back'), 'message_erased')
  const sms = begun()
  sms.send('helo', anna)
  refused(sms.do('message.edit', { messageId: idOf('helo'), text: 'x' }, { by: anna }), 'not_on_this_channel')
  sms.send('note', anna, { isInternal: true })
  assert.deepEqual(typesOf(sms.do('message.edit', { messageId: idOf('note'), text: 'x' }, { by: anna })), ['note.edited'])
  assert.deepEqual(typesOf(sms.do('message.delete', { messageId: idOf('note') }, { by: anna })), ['note.deleted'])
  const deleted = sms.do('message.delete', { messageId: idOf('helo') }, { by: anna })
  assert.equal(dataOf(deleted, 'message.deleted').isRevoked, false, 'the contact keeps a copy')
  assert.deepEqual(typesOf(sms.do('message.delete', { messageId: idOf('helo') }, { by: anna })), [])
})
