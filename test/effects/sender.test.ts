// The sender against a Twilio that misbehaves: order, fates, throttling, retries, and settling by lookup.

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { channels } from '#channels'
import { ConfabError } from '#errors'
import { partitionOf } from '#log'
import { commandsOf } from '#runtime'
import { AUTH_TOKEN } from './fake-twilio.ts'
import { undo, ID_KEY, ORGANIZATION, account, eventually, ledgerOf, openStage, sendEffect, startSender } from './stage.ts'

const start = async (t: TestContext) => {
  const stage = await openStage(t)
  const running = startSender(stage)
  undo(t, () => running.close())
  await running.outbox.ready
  return { ...stage, running }
}

test('sends the messages of a conversation in order, once each, with our ids in the callback', async (t) => {
  const { actor, twilio, log } = await start(t)
  const effects = Array.from({ length: 20 }, (_, index) => sendEffect('+15550111', `text ${index}`))
  await Promise.all(effects.map((effect) => actor.queue(effect)))
  await eventually('all reported', () => actor.reports.length === 20)
  assert.deepEqual(
    twilio.messages.map(({ form }) => form.get('Body')),
    effects.map(({ content }) => content.text),
  )
  const [first] = effects
  assert.ok(first)
  const form = twilio.messages[0]?.form
  assert.deepEqual([form?.get('To'), form?.get('From')], ['+15550111', '+15550100'])
  assert.match(
    form?.get('StatusCallback') ?? '',
    new RegExp(`/v1/ingest/twilio/key\\?c=${first.conversationId}&m=${first.messageId}&s=[0-9a-f]{32}#rc=5&rp=5xx,ct,rt&ct=2000&rt=4000$`),
  )
  assert.equal((await ledgerOf(log, first))?.outcome, 'sent')
  assert.equal(actor.reports[0]?.data.providerMessageId, twilio.messages[0]?.sid)
})

test('repeats what provably was not sent, after the pause a throttle asks for, and pauses the whole account', async (t) => {
  const { actor, twilio, time } = await start(t)
  twilio.behaviours.push({ kind: 'answer', status: 429, code: 20429, headers: { 'retry-after': '30' } })
  const first = sendEffect('+15550112', 'throttled')
  const began = time.clock()
  await actor.queue(first)
  await eventually('the first try was made', () => twilio.requests.length === 1)
  const second = sendEffect('+15550113', 'another conversation of the account')
  await actor.queue(second)
  await eventually('both reported', () => actor.reports.length === 2)
  assert.ok(time.clock() - began >= 30_000, 'not before Retry-After')
  assert.deepEqual([twilio.countOf('throttled'), twilio.countOf('another conversation of the account'), twilio.requests.length], [1, 1, 3])
  assert.deepEqual([actor.statesOf(first), actor.statesOf(second)], [['sent'], ['sent']])
})

const fates = [
  [{ kind: 'answer', status: 400, code: 21211 }, 'recipient_invalid'],
  [{ kind: 'answer', status: 400, code: 21610 }, 'recipient_opted_out'],
  [{ kind: 'answer', status: 400, code: 21617 }, 'content_refused'],
  [{ kind: 'answer', status: 401, code: 20003 }, 'credentials_refused'],
  [{ kind: 'answer', status: 400, code: 99999 }, 'rejected'],
] as const
for (const [behaviour, reason] of fates)
  test(`fails at once on HTTP ${behaviour.status}, code ${behaviour.code}: ${reason}`, async (t) => {
    const { actor, twilio } = await start(t)
    twilio.behaviours.push(behaviour)
    const effect = sendEffect('+15550114', `refused ${behaviour.code}`)
    await actor.queue(effect)
    await eventually(
      'reported',
      () => actor.commands.length === (reason === 'recipient_opted_out' || reason === 'credentials_refused' ? 2 : 1),
    )
    assert.deepEqual(
      [actor.reports[0]?.data.state, actor.reports[0]?.data.reason, actor.reports[0]?.data.providerCode],
      ['failed', reason, behaviour.code],
    )
    assert.equal(twilio.requests.length, 1)
    const hasOpted = actor.commands.some(({ type }) => type === 'conversation.opt')
    assert.equal(hasOpted, reason === 'recipient_opted_out')
  })

test('fails with retries_spent when the provider cannot be reached, and never says unknown', async (t) => {
  const stage = await openStage(t)
  const running = startSender({
    ...stage,
    twilioUrl: 'http://127.0.0.1:1',
    outgoing: { request: () => Promise.reject(new ConfabError('request_not_sent')) },
  })
  undo(t, () => running.close())
  const effect = sendEffect('+15550115', 'unreachable')
  await stage.actor.queue(effect)
  await eventually('reported', () => stage.actor.reports.length === 1, 30_000)
  assert.deepEqual([stage.actor.reports[0]?.data.state, stage.actor.reports[0]?.data.reason], ['failed', 'retries_spent'])
  assert.equal((await ledgerOf(stage.log, effect))?.tries, 8)
})

for (const kind of ['accept-then-drop', 'accept-then-500'] as const)
  test(`says unknown after ${kind}, goes on with the next message, and settles by finding the message in the list`, async (t) => {
    const { actor, twilio, log } = await start(t)
    twilio.behaviours.push({ kind })
    const open = sendEffect('+15550116', 'open fate')
    const next = sendEffect('+15550116', 'next')
    await actor.queue(open)
    await actor.queue(next)
    await eventually('the next one went out', () => actor.statesOf(next).includes('sent'))
    assert.deepEqual(actor.statesOf(open), ['unknown'])
    await eventually('settled', () => actor.statesOf(open).length === 2)
    assert.deepEqual(actor.statesOf(open), ['unknown', 'sent'])
    const report = actor.reports.findLast(({ data }) => data.messageId === open.messageId)
    assert.equal(report?.data.providerMessageId, twilio.messages[0]?.sid)
    assert.deepEqual([twilio.countOf('open fate'), twilio.countOf('next'), (await ledgerOf(log, open))?.outcome], [1, 1, 'sent'])
  })

test('settles as failed only after two empty lookups a minute apart, and sends nothing again', async (t) => {
  const { actor, twilio, time } = await start(t)
  twilio.behaviours.push({ kind: 'drop' })
  const effect = sendEffect('+15550117', 'never accepted')
  const began = time.clock()
  await actor.queue(effect)
  await eventually('settled', () => actor.statesOf(effect).length === 2)
  assert.deepEqual(actor.statesOf(effect), ['unknown', 'failed'])
  assert.ok(time.clock() - began >= 60_000)
  assert.deepEqual([twilio.countOf('never accepted'), twilio.requests.filter(({ method }) => method === 'POST').length], [0, 1])
})

test('leaves two open sends alone that look alike: which of them exists, nobody can say', async (t) => {
  const { actor, twilio } = await start(t)
  twilio.behaviours.push({ kind: 'drop' }, { kind: 'accept-then-drop' })
  const one = sendEffect('+15550118', 'twin')
  const two = { ...sendEffect('+15550118', 'twin 2'), content: one.content }
  await actor.queue(one)
  await actor.queue(two)
  await eventually('both unknown', () => actor.reports.length === 2, 60_000)
  await eventually('looked up', () => twilio.requests.filter(({ method }) => method === 'GET').length >= 2, 60_000)
  assert.deepEqual([actor.statesOf(one), actor.statesOf(two), twilio.countOf('twin')], [['unknown'], ['unknown'], 1])
})

test('tells two open fates apart by their words', async (t) => {
  const { actor, twilio } = await start(t)
  twilio.behaviours.push({ kind: 'accept-then-500' }, { kind: 'accept-then-drop' })
  const one = sendEffect('+15550120', 'first words')
  const two = sendEffect('+15550120', 'other words')
  for (const effect of [one, two]) await actor.queue(effect)
  await eventually('both settled', () => [one, two].every((effect) => actor.statesOf(effect).at(-1) === 'sent'))
  const sids = [one, two].map(({ messageId }) => actor.reports.findLast(({ data }) => data.messageId === messageId)?.data.providerMessageId)
  assert.deepEqual(
    sids,
    twilio.messages.map(({ sid }) => sid),
  )
})

test('plans a send anew once it is its turn: what an account has become meanwhile counts', async (t) => {
  const stage = await openStage(t)
  let isActive = true
  const settings = { account: () => ({ ...account, isActive }), idKey: () => ID_KEY }
  const running = startSender(stage, { settings })
  undo(t, () => running.close())
  stage.twilio.behaviours.push({ kind: 'answer', status: 429, code: 20429, headers: { 'retry-after': '60' } })
  await stage.actor.queue(sendEffect('+15550121', 'throttles the account'))
  await eventually('throttled', () => stage.twilio.requests.length === 1)
  const waiting = sendEffect('+15550122', 'waits at the gate')
  await stage.actor.queue(waiting)
  await eventually('it waits', async () => (await stage.log.bounds('outbox', partitionOf(waiting.conversationId))).end > 0)
  isActive = false
  await eventually('it ends', () => stage.actor.statesOf(waiting).length > 0)
  assert.deepEqual([stage.actor.statesOf(waiting), stage.twilio.creates, stage.twilio.requests.length], [['failed'], 0, 1])
})

test('turns genuine status callbacks, doubled and reordered, into receipts for the message they name', async (t) => {
  const { actor, twilio } = await start(t)
  const effect = sendEffect('+15550119', 'with receipts')
  await actor.queue(effect)
  await eventually('sent', () => actor.reports.length === 1)
  const [message] = twilio.messages
  const webhook = channels.twilio.webhook
  assert.ok(message && webhook)
  const commands = ['delivered', 'sending', 'sent', 'delivered', 'queued', 'undelivered'].flatMap((status) => {
    const { url, headers, body } = twilio.callback(message, status, status === 'undelivered' ? { ErrorCode: '30003' } : {})
    const bytes = Buffer.from(body)
    assert.equal(webhook.verify({ method: 'POST', url, headers, body: bytes, secrets: [AUTH_TOKEN] }), true)
    const { events, faults } = webhook.parse({ url, headers, body: bytes })
    assert.deepEqual(faults, [])
    return commandsOf(events, { organizationId: ORGANIZATION, idKey: ID_KEY, account, receivedAt: 1 })
  })
  const seen = commands.map(({ type, actor: { id }, data }) => [
    type,
    id,
    (data as { messageId: string }).messageId,
    (data as { state: string }).state,
  ])
  const expected = ['delivered', 'sent', 'delivered', 'failed'].map((state) => [
    'receipt.report',
    effect.conversationId,
    effect.messageId,
    state,
  ])
  assert.deepEqual(seen, expected)
  assert.equal(commands[0]?.commandId, commands[2]?.commandId, 'the same news is the same command')
  assert.equal((commands[0]?.data as { aliasId: string } | undefined)?.aliasId, actor.reports[0]?.data.aliasId)
})
