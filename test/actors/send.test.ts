// Outbound messages and notes: guards, windows, repeats, retries.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keys, type Mark } from '#schemas/log'
import {
  accepted,
  accountId,
  agentBy,
  accountSetting,
  contactBy,
  contactId,
  conversationId,
  dataOf,
  idOf,
  refused,
  systemBy,
  textContent,
  typesOf,
  World,
} from './world.ts'

const HOUR_MS = 3_600_000
const token = { kind: 'token', id: idOf('token') } as const
const bot = { kind: 'bot', id: idOf('bot') } as const

const begun = (options = {}): World => {
  const world = new World(options)
  world.receive('hello')
  return world
}

test('a reply is queued with an effect that carries address and content, and claims what nobody has', () => {
  const world = begun()
  const decision = world.send('hi', agentBy('anna'))
  assert.deepEqual(typesOf(decision), ['conversation.assigned', 'message.queued'])
  assert.equal(dataOf(decision, 'conversation.assigned').because, 'reply')
  assert.equal(accepted(decision).createdId, idOf('hi'))
  const [send] = world.open('send')
  assert.equal(send?.content.text, 'hi')
  assert.deepEqual({ ...send?.address }, world.address)
  assert.equal(send?.attempt, 1)
  assert.deepEqual([world.state.waitingSince, world.state.firstReplyAt, world.state.lastAgentId], [null, world.now, idOf('anna')])
  assert.equal(world.message('hi').send?.state, 'queued')
})

test('web chat queues and sends in one decision, without an effect', () => {
  const world = begun({ channel: 'web' })
  const decision = world.send('hi', agentBy('anna'))
  assert.deepEqual(typesOf(decision), ['conversation.assigned', 'message.queued', 'message.sent'])
  assert.deepEqual(world.open('send'), [])
  assert.equal(world.message('hi').send?.state, 'sent')
})

test('the same send again gets the first answer and sends nothing; another body under its key is refused', () => {
  const world = begun()
  const first = accepted(world.send('hi', agentBy('anna')))
  world.receive('meanwhile')
  const again = world.send('hi', agentBy('anna'))
  assert.deepEqual([again.events, again.effects], [[], []])
  assert.deepEqual(accepted(again), first)
  refused(world.send('hi', agentBy('anna'), {}, { bodyHash: 'other' }), 'idempotency_mismatch')
})

test('while another agent has it a reply is refused with who and since when', () => {
  const world = begun()
  const claimed = accepted(world.do('conversation.claim', {}, { by: agentBy('anna') }))
  const since = world.now
  world.now += 1_000
  const fields = refused(world.send('mine', agentBy('ben')), 'conversation_taken')
  assert.deepEqual({ ...fields }, { holder: { kind: 'agent', id: idOf('anna') }, since, seq: claimed.seq })
  refused(world.send('mine', agentBy('ben'), { isOverride: true }), 'conversation_taken')
  const decision = world.send('mine', agentBy('ben'), { isOverride: true, mayReplyAny: true })
  assert.equal(dataOf(decision, 'message.queued').isOverride, true)
  assert.equal(world.state.assignee?.id, idOf('anna'), 'an override leaves the holder')
})

test('a reply written before a colleague answered is refused, unless it overrides', () => {
  const world = begun()
  const seenSeq = world.state.seq
  world.send('first', agentBy('anna'))
  const answer = world.message('first').seq
  assert.deepEqual({ ...refused(world.send('second', agentBy('ben'), { seenSeq }), 'answered_meanwhile') }, { seq: answer })
  world.do('conversation.release', {}, { by: agentBy('anna') })
  refused(world.send('second', agentBy('ben'), { seenSeq }), 'answered_meanwhile')
  accepted(world.send('second', agentBy('ben'), { seenSeq, isOverride: true }))
  accepted(world.send('third', agentBy('ben'), { seenSeq: world.state.seq }))
})

test("one's own newer answer is no reason to refuse", () => {
  const world = begun()
  const seenSeq = world.state.seq
  world.send('one', agentBy('anna'), { seenSeq })
  accepted(world.send('two', agentBy('anna'), { seenSeq }))
})

test('an account without the guard neither claims nor refuses', () => {
  const world = begun({ settings: { account: accountSetting({ replyGuard: 'free' }) } })
  assert.deepEqual(typesOf(world.send('a', agentBy('anna'))), ['message.queued'])
  accepted(world.send('b', agentBy('ben'), { seenSeq: 1 }))
})

test('only the bot that holds it speaks; an agent who answers takes it', () => {
  const world = begun()
  refused(world.send('beep', bot), 'not_holder')
  world.do('conversation.assign', { to: bot, teamId: null, expect: null, hasExpect: false }, { by: agentBy('anna') })
  assert.equal(world.state.state, 'pending')
  accepted(world.send('beep', bot))
  assert.equal(world.state.firstReplyAt, null, 'a bot gives no first reply')
  const decision = world.send('hi', agentBy('anna'))
  const taken = ['handover.taken', 'conversation.assigned', 'conversation.opened']
  assert.deepEqual(typesOf(decision), [...taken, 'message.failed', 'message.queued'])
  assert.deepEqual(dataOf(decision, 'message.failed').messageId, idOf('beep'), 'what the bot has not sent yet is called off')
  assert.equal(dataOf(decision, 'conversation.opened').because, 'taken')
  assert.equal(world.state.state, 'open')
  refused(world.send('beep again', bot), 'not_holder')
})

test("a token's send needs the permission, claims nothing and counts as no reply", () => {
  const world = begun()
  refused(world.send('notice', token), 'reply_any_required')
  assert.deepEqual(typesOf(world.send('notice', token, { mayReplyAny: true })), ['message.queued'])
  assert.equal(world.state.assignee, null)
  assert.equal(world.state.waitingSince, world.now, 'still waiting')
})

test('a public message of ours leaves snoozed and resolved as they are', () => {
  for (const type of ['conversation.resolve', 'conversation.snooze'] as const) {
    const world = begun()
    world.send('hi', agentBy('anna'))
    world.do(type, type === 'conversation.snooze' ? { until: null } : {}, { by: agentBy('anna') })
    const { state } = world.state
    world.send('bye', agentBy('anna'))
    assert.equal(world.state.state, state)
  }
})

test('blocked, opted out and outside the window are refused before the provider sees it', () => {
  const world = begun({ userId: 'whatsapp:+15550199' })
  world.do('conversation.block', { isBlocked: true }, { by: systemBy })
  refused(world.send('a', agentBy('anna')), 'contact_blocked')
  world.do('conversation.block', { isBlocked: false }, { by: systemBy })
  world.do('conversation.opt', { isOptedOut: true }, { by: systemBy })
  refused(world.send('a', agentBy('anna')), 'recipient_opted_out')
  world.do('conversation.opt', { isOptedOut: false }, { by: systemBy })
  world.now += 24 * HOUR_MS + 59_000
  accepted(world.send('in the grace minute', agentBy('anna')))
  world.now += 2_000
  assert.deepEqual(
    { ...refused(world.send('a', agentBy('anna')), 'window_closed') },
    { allowed: ['template'], closedAt: world.state.window?.expiresAt },
  )
  const template = textContent('', { kind: 'template', text: null, template: { name: 'HX1', language: null, parameters: [] } })
  accepted(world.send('b', agentBy('anna'), { content: template }))
  accepted(world.send('note', agentBy('anna'), { isInternal: true }))
})

test('a note is no message: no effect, no number of the contact, no claim, no answer', () => {
  const world = begun()
  const decision = world.send('secret', agentBy('ben'), { isInternal: true })
  assert.deepEqual(typesOf(decision), ['note.added'])
  assert.equal(decision.events[0]?.contactSeq, null)
  assert.deepEqual([world.open('send'), world.state.assignee, world.state.waitingSince], [[], null, world.now])
  assert.equal(world.message('secret').direction, 'note')
  assert.equal(world.message('secret').send, null)
})

test('the send takes the draft of its kind with it, and no late save brings it back', () => {
  const world = begun()
  const mark = (): Mark => world.rows.get(keys.mark(conversationId, idOf('anna'))) as Mark
  const save = (text: string, rev: number, isNote = false): void =>
    void world.do('conversation.draft', { text, isNote, rev }, { by: agentBy('anna') })
  save('dear', 1)
  save('dear customer', 3)
  save('dear cust', 2)
  assert.equal(mark().draft, 'dear customer')
  world.send('a note', agentBy('anna'), { isInternal: true })
  assert.equal(mark().draft, 'dear customer')
  world.send('dear customer', agentBy('anna'))
  assert.equal(mark().draft, null)
  save('dear customer', 3)
  assert.equal(mark().draft, null)
  save('and', 4)
  assert.equal(mark().draft, 'and')
})

test('without a conversation there is nothing to send to', () => {
  refused(new World().send('hi', agentBy('anna')), 'conversation_not_found')
})

const starting = (world: World, by: typeof token | ReturnType<typeof agentBy>, name: string | null) => {
  const content = name === null ? null : textContent(name)
  return world.do('conversation.start', { messageId: idOf(name ?? 'none'), ...world.place(), content }, { by, bodyHash: 'hash' })
}

test('begun by an agent it is open and theirs, by a token out of the lists until the contact writes', () => {
  const world = new World()
  const decision = starting(world, agentBy('anna'), 'offer')
  assert.deepEqual(typesOf(decision), ['conversation.created', 'message.queued'])
  assert.deepEqual([world.state.state, world.state.assignee?.id, world.state.startedBy.kind], ['open', idOf('anna'), 'agent'])
  assert.equal(world.open('send').length, 1)
  assert.deepEqual(typesOf(starting(world, agentBy('anna'), 'offer')), [])
  const other = new World()
  starting(other, token, 'notice')
  assert.deepEqual([other.state.state, other.state.assignee], ['resolved', null])
  other.receive('thanks')
  assert.equal(other.state.state, 'open')
})

test('starting goes on with what exists, reopened and claimed for an agent', () => {
  const world = begun()
  world.do('conversation.resolve', {}, { by: agentBy('ben') })
  assert.deepEqual(typesOf(starting(world, agentBy('anna'), 'hello again')), [
    'conversation.assigned',
    'conversation.opened',
    'message.queued',
  ])
  assert.deepEqual([world.state.state, world.state.cycle, world.state.assignee?.id], ['open', 2, idOf('anna')])
  refused(starting(world, agentBy('ben'), 'mine'), 'conversation_taken')
  assert.deepEqual(typesOf(starting(world, agentBy('anna'), null)), [])
})

test('a window that never opened lets only a template begin', () => {
  const world = new World({ userId: 'whatsapp:+15550199' })
  refused(starting(world, agentBy('anna'), 'offer'), 'window_closed')
  assert.equal(world.snapshot, null)
})

test('what a message needs of its place is on its row', () => {
  const world = begun()
  assert.equal(world.message('hello').conversationId, conversationId)
  assert.equal(world.message('hello').author.id, contactBy.id)
  assert.deepEqual([world.state.accountId, world.state.contactId], [accountId, contactId])
})
