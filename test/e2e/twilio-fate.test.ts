// Sends whose fate is open, over the whole server: called unknown, never sent again by themselves, settled by whoever knows.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { until } from '../harness.ts'
import { TwilioSite } from './twilio-site.ts'

describe('a send that Twilio did not answer', () => {
  test('is unknown, holds up nothing, and is settled by its callback', async (t) => {
    const site = await TwilioSite.open(t)
    const { id } = await site.begin('+15550201')
    site.twilio.behaviours.push({ kind: 'accept-then-drop' })
    const open = await site.reply(id, 'cut off')
    const next = await site.reply(id, 'the next one')
    await site.reaches(id, open, 'unknown')
    await site.reaches(id, next, 'sent')
    await site.status(await site.created('cut off'), 'delivered')
    await site.reaches(id, open, 'delivered')
    assert.deepEqual([site.twilio.countOf('cut off'), site.twilio.countOf('the next one')], [1, 1])
  })

  test('is found in Twilio’s list, also beside another one with other words', async (t) => {
    const site = await TwilioSite.open(t)
    const { id } = await site.begin('+15550202')
    site.twilio.behaviours.push({ kind: 'accept-then-500' }, { kind: 'accept-then-drop' })
    const one = await site.reply(id, 'first of two')
    const two = await site.reply(id, 'second of two')
    await site.reaches(id, one, 'sent')
    await site.reaches(id, two, 'sent')
    const types = (await site.events(id)).filter(({ data }) => data['messageId'] === one).map(({ type }) => type)
    assert.deepEqual(types, ['message.queued', 'message.unknown', 'message.sent'])
    // What the lookup has learnt leads receipts to it, with or without our query.
    const created = await site.created('first of two')
    await site.status(created, 'delivered')
    await site.reaches(id, one, 'delivered')
    assert.deepEqual([site.twilio.countOf('first of two'), site.twilio.countOf('second of two')], [1, 1])
  })

  test('is settled by an agent, and sent again only by one who accepts the risk', async (t) => {
    const site = await TwilioSite.open(t)
    const { id } = await site.begin('+15550203')
    site.twilio.behaviours.push({ kind: 'drop' }, { kind: 'drop' })
    const settled = await site.reply(id, 'the agent knows')
    const risky = await site.reply(id, 'worth the risk')
    for (const messageId of [settled, risky]) await site.reaches(id, messageId, 'unknown')
    const path = (messageId: string): string => `/v1/conversations/${id}/messages/${messageId}`
    await site.api(`${path(settled)}/settle`, { as: 'failed' })
    const { send } = await site.reaches(id, settled, 'failed')
    assert.equal(send?.reason, 'settled_by_agent')
    const refused = await site.refusal(`${path(risky)}/retry`, {})
    assert.deepEqual([refused.status, refused.code], [409, 'fate_unknown'])
    assert.equal(site.twilio.creates, 0)
    await site.api(`${path(risky)}/retry`, { risk: 'duplicate' })
    assert.equal((await site.reaches(id, risky, 'sent')).send?.attempt, 2)
    assert.equal(site.twilio.countOf('worth the risk'), 1)
    // Failed by the agent's word: nothing stands against another try.
    await site.api(`${path(settled)}/retry`, {})
    await site.reaches(id, settled, 'sent')
    assert.equal(site.twilio.countOf('the agent knows'), 1)
  })

  test('is unknown after the server was killed under it, and its callback settles it', async (t) => {
    const site = await TwilioSite.open(t)
    const { id } = await site.begin('+15550204')
    site.twilio.behaviours.push({ kind: 'accept-then-hang' })
    const messageId = await site.reply(id, 'killed under it')
    const created = await site.created('killed under it')
    await site.server.kill()
    await site.start()
    assert.equal((await site.reaches(id, messageId, 'unknown')).send?.reason, 'crashed')
    await site.reaches(id, await site.reply(id, 'after the restart'), 'sent')
    await site.status(created, 'sent')
    await site.reaches(id, messageId, 'sent')
    await site.status(created, 'delivered')
    await site.reaches(id, messageId, 'delivered')
    assert.equal(site.twilio.countOf('killed under it'), 1)
  })
})

test('a throttled send goes out after Retry-After, once, and what came behind it stays behind it', async (t) => {
  const site = await TwilioSite.open(t)
  const { id } = await site.begin('+15550205')
  const throttle = { kind: 'answer', status: 429, code: 20429, headers: { 'retry-after': '1' } } as const
  site.twilio.behaviours.push(throttle, throttle)
  const texts = ['throttled', 'behind', 'last']
  const messageIds: string[] = []
  for (const text of texts) messageIds.push(await site.reply(id, text))
  for (const messageId of messageIds) await site.reaches(id, messageId, 'sent')
  const sent = site.twilio.messages.filter(({ direction }) => direction !== 'inbound').map(({ form }) => form.get('Body'))
  assert.deepEqual(sent, texts)
})

test('thirty replies of one conversation and one of each of thirty go out in order, once, and no faster than allowed', async (t) => {
  const site = await TwilioSite.open(t, { account: { options: { ratePerSecond: '10' } } })
  const conversations = await Promise.all(Array.from({ length: 31 }, (_, index) => site.begin(`+155503${String(index).padStart(3, '0')}`)))
  const [busy, ...others] = conversations
  assert.ok(busy)
  const texts = Array.from({ length: 30 }, (_, index) => `busy ${index}`)
  for (const text of texts) await site.reply(busy.id, text)
  await Promise.all(others.map(({ id }, index) => site.reply(id, `other ${index}`)))
  const creates = () => site.twilio.messages.filter(({ direction }) => direction !== 'inbound')
  await until('all are created', () => creates().length >= 60)
  const bodies = creates().map(({ form }) => form.get('Body') ?? '')
  assert.deepEqual(
    bodies.filter((body) => body.startsWith('busy')),
    texts,
  )
  assert.equal(new Set(bodies).size, 60)
  // Two seconds' worth at once, the rest at ten a second: no window of a second and a half holds more than that.
  const arrivals = creates().map(({ createdAt }) => createdAt)
  const most = Math.max(...arrivals.map((from, index) => arrivals.slice(index).filter((at) => at - from <= 1500).length))
  assert.ok(most <= 20 + 15 + 5, `${most} in a second and a half`)
  assert.ok((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0) >= 3000, 'sixty take their time')
})
