// Messages that wait for their time: hidden till then, checked again when due, called off when the contact writes first.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConversationSnapshot, Principal } from '#schemas/log'
import type { Decision } from '#actors'
import { accepted, agentBy, contactBy, dataOf, idOf, refused, systemBy, textContent, typesOf, World, type WorldOptions } from './world.ts'

const DAY_MS = 86_400_000
const anna = agentBy('anna')
const bot: Principal = { kind: 'bot', id: idOf('bot') }

const begun = (options: WorldOptions = {}): World => {
  const world = new World(options)
  world.receive('hello')
  return world
}
const later = (world: World, name: string, ms: number, more = {}, by = anna) => world.send(name, by, { sendAt: world.now + ms, ...more })
/** The clock reaches the timer, and it fires as the carrier makes it. */
const fire = (world: World): Decision<ConversationSnapshot> => {
  const timer = world.open('timer').find(({ kind }) => kind === 'schedule')
  assert.ok(timer, 'no timer is set')
  world.now = Math.max(world.now, timer.dueAt)
  return world.do('timer.fire', { kind: 'schedule', setBySeq: timer.setBySeq }, { by: systemBy })
}
const sendOf = (world: World, name: string) => {
  const { send } = world.message(name)
  return [send?.state, send?.reason]
}

test('what is scheduled is queued, takes no number of the contact, answers nobody and is sent by nobody before its time', () => {
  for (const channel of ['twilio', 'web'] as const) {
    const world = begun({ channel })
    const before = world.state
    const decision = later(world, 'm', 60_000)
    assert.deepEqual(typesOf(decision), ['message.queued'])
    assert.deepEqual(
      [world.message('m').sendAt, world.message('m').contactSeq, sendOf(world, 'm')[0]],
      [world.now + 60_000, null, 'queued'],
    )
    assert.equal(world.message('m').orderAt, world.now + 60_000, 'it stands in the thread where its time is')
    assert.deepEqual(world.open('send'), [])
    for (const field of ['contactSeq', 'waitingSince', 'lastReplyAt', 'orderFloor', 'assignee'] as const)
      assert.deepEqual(world.state[field], before[field], field)
  }
})

test('when due it is sent as its author, shown to the contact, and counts as the reply it is', () => {
  const world = begun()
  later(world, 'm', 60_000)
  const decision = fire(world)
  assert.deepEqual(typesOf(decision), ['message.queued'])
  assert.deepEqual(
    [decision.events[0]?.by.id, dataOf(decision, 'message.queued').isDue, decision.events[0]?.contactSeq],
    [anna.id, true, 2],
  )
  assert.deepEqual([world.state.waitingSince, world.state.lastReplyAt, world.state.firstReplyAt], [null, world.now, world.now])
  assert.deepEqual([world.state.scheduled, world.open('timer')], [[], []])
  assert.deepEqual(
    world.open('send').map(({ messageId, attempt, content }) => [messageId, attempt, content.text]),
    [[idOf('m'), 2, 'm']],
  )
  world.report('m', { attempt: 2, state: 'sent' })
  assert.deepEqual(sendOf(world, 'm'), ['sent', null])
})

test('web chat sends in the decision, with the content that the contact is shown', () => {
  const world = begun({ channel: 'web' })
  later(world, 'm', 60_000)
  const decision = fire(world)
  assert.deepEqual(typesOf(decision), ['message.queued', 'message.sent'])
  assert.equal((decision.contents[0]?.[0]?.body as { text: string }).text, 'm')
  assert.deepEqual([world.message('m').contactSeq, sendOf(world, 'm')[0]], [2, 'sent'])
})

test('one timer for all, of the earliest; as many as are due go out, whatever order they were written in', () => {
  const world = begun()
  later(world, 'late', 90_000)
  later(world, 'early', 30_000)
  later(world, 'early too', 30_000)
  assert.deepEqual(
    world.open('timer').map(({ dueAt }) => dueAt - world.now),
    [30_000],
  )
  assert.equal(fire(world).events.length, 2)
  assert.deepEqual([sendOf(world, 'late')[0], world.open('timer').length, world.open('send').length], ['queued', 1, 2])
  assert.equal(fire(world).events.length, 1)
  assert.deepEqual(world.open('timer'), [])
  for (let n = 0; n < 11; n++) later(world, `crowd ${n}`, 1_000)
  assert.equal(fire(world).events.length, 8, 'a few at a time')
  assert.equal(fire(world).events.length, 3)
  assert.deepEqual(world.state.scheduled, [])
})

test('block, opt-out and window are looked at again when its time has come', () => {
  const cases: [WorldOptions, (world: World) => unknown, string][] = [
    [{}, (w) => w.do('conversation.block', { isBlocked: true }, { by: systemBy }), 'blocked'],
    [{}, (w) => w.do('conversation.opt', { isOptedOut: true }, { by: systemBy }), 'recipient_opted_out'],
    [{ userId: 'whatsapp:+15550199' }, () => undefined, 'window_closed'],
    [{}, (w) => w.do('conversation.erase', { reason: null }, { by: anna }), 'superseded'],
  ]
  for (const [options, change, reason] of cases) {
    const world = begun(options)
    accepted(later(world, 'm', 2 * DAY_MS))
    change(world)
    assert.deepEqual(typesOf(fire(world)), ['message.failed'])
    assert.deepEqual([sendOf(world, 'm'), world.open('send'), world.state.scheduled], [['failed', reason], [], []])
  }
  const template = begun({ userId: 'whatsapp:+15550199' })
  later(template, 'm', 2 * DAY_MS, { content: textContent('x', { kind: 'template' }) })
  assert.deepEqual(typesOf(fire(template)), ['message.queued'])
})

test('unless the contact writes first: then it is called off at once, and only that one', () => {
  const world = begun()
  later(world, 'nudge', 60_000, { isUnlessReply: true })
  later(world, 'notice', 90_000)
  const decision = world.receive('I am back')
  assert.deepEqual(typesOf(decision), ['message.received', 'message.failed'])
  assert.deepEqual(
    [sendOf(world, 'nudge'), sendOf(world, 'notice')],
    [
      ['failed', 'contact_replied'],
      ['queued', null],
    ],
  )
  assert.deepEqual(
    world.open('timer').map(({ dueAt }) => dueAt - world.now),
    [90_000],
  )
  assert.deepEqual(typesOf(world.do('message.retry', { messageId: idOf('nudge'), acceptsDuplicate: false }, { by: anna })), [
    'message.queued',
  ])
  assert.deepEqual([world.message('nudge').contactSeq, world.open('send').length], [3, 1])
})

test('until then its author may change its words and take it back on any channel, and the contact is told nothing', () => {
  const world = begun()
  later(world, 'm', 60_000)
  refused(world.do('message.edit', { messageId: idOf('m'), text: 'no' }, { by: agentBy('ben') }), 'not_author')
  const edited = world.do('message.edit', { messageId: idOf('m'), text: 'better' }, { by: anna })
  assert.deepEqual([typesOf(edited), edited.events[0]?.contactSeq], [['message.edited'], null])
  later(world, 'gone', 60_000)
  const deleted = world.do('message.delete', { messageId: idOf('gone') }, { by: anna })
  assert.deepEqual(
    deleted.events.map(({ type, contactSeq }) => [type, contactSeq]),
    [
      ['message.deleted', null],
      ['message.failed', null],
    ],
  )
  fire(world)
  assert.deepEqual(
    world.open('send').map(({ content }) => content.text),
    ['better'],
  )
  refused(world.do('message.edit', { messageId: idOf('m'), text: 'too late' }, { by: anna }), 'not_on_this_channel')
})

test('only ahead, within 90 days, twenty at once; what is refused now is not scheduled', () => {
  const world = begun()
  refused(later(world, 'm', 0), 'schedule_out_of_range')
  refused(later(world, 'm', 90 * DAY_MS + 1), 'schedule_out_of_range')
  accepted(later(world, 'm', 90 * DAY_MS))
  for (let n = 1; n < 20; n++) accepted(later(world, `m${n}`, n * 1_000))
  assert.deepEqual(refused(later(world, 'one more', 1_000), 'scheduled_too_many'), { scheduledMax: 20 })
  const taken = begun()
  taken.do('conversation.claim', {}, { by: agentBy('ben') })
  refused(later(taken, 'm', 1_000), 'conversation_taken')
  assert.deepEqual(accepted(later(world, 'm', 90 * DAY_MS)).createdId, idOf('m'), 'a repeat gets its first answer')
})

test('a bot that lost the conversation meanwhile says nothing', () => {
  const world = begun()
  world.do('conversation.assign', { to: { kind: 'bot', id: idOf('bot') }, teamId: null, expect: null, hasExpect: false }, { by: anna })
  accepted(later(world, 'taken', 60_000, {}, bot))
  world.do('conversation.claim', {}, { by: anna })
  assert.deepEqual([sendOf(world, 'taken'), world.state.scheduled], [['failed', 'superseded'], []])
  world.do('conversation.assign', { to: { kind: 'bot', id: idOf('bot') }, teamId: null, expect: null, hasExpect: false }, { by: anna })
  accepted(later(world, 'let go', 60_000, {}, bot))
  world.do('conversation.release', {}, { by: bot })
  assert.deepEqual(typesOf(fire(world)), ['message.failed'])
  assert.deepEqual(sendOf(world, 'let go'), ['failed', 'superseded'])
})

test('no report and no reaction reaches what has not been said yet', () => {
  const world = begun({ channel: 'web' })
  later(world, 'm', 60_000)
  world.report('m', { state: 'queued' })
  assert.deepEqual(world.open('send'), [])
  refused(world.do('message.react', { messageId: idOf('m'), emoji: 'x', at: world.now }, { by: contactBy }), 'message_not_found')
})
