// SMS, MMS and WhatsApp over the whole server: from a signed webhook to the agent, from the agent's reply to Twilio, and its fate back.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import twilioPackage from 'twilio'
import type { Message } from '#schemas'
import { ACCOUNT_SID, AUTH_TOKEN } from '../effects/fake-twilio.ts'
import { until } from '../harness.ts'
import { listen, NUMBER, PUBLIC_URL, TwilioSite } from './twilio-site.ts'

const stateOf = ({ send }: Message): unknown => [send?.state, send?.reason, send?.providerCode]

describe('a Twilio account', () => {
  let site: TwilioSite
  const closers: (() => unknown)[] = []

  before(async () => {
    site = await TwilioSite.open({ after: (close) => void closers.push(close as () => unknown) })
  })
  after(async () => {
    for (const close of closers.toReversed()) await close()
  })

  test('a signed webhook is on the agent’s socket, in the list and in the search, once', async (t) => {
    const events = await listen(t, site.server)
    const message = site.twilio.receive({ From: '+15550110', To: NUMBER, Body: 'Do you sell kittiwakes?' })
    const webhook = site.twilio.webhook(message, site.account.ingestUrl)
    assert.deepEqual(await Promise.all([site.deliver(webhook), site.deliver(webhook), site.deliver(webhook)]), [200, 200, 200])
    const pushed = await until('the message is pushed', () => events.find(({ type }) => type === 'message.received'))
    const { id } = await site.conversation('+15550110')
    assert.equal(pushed.conversationId, id)
    assert.equal(JSON.stringify(pushed.data).includes('kittiwakes'), true)
    assert.deepEqual(
      (await site.messages(id)).map(({ direction, content }) => [direction, content?.text]),
      [['in', 'Do you sell kittiwakes?']],
    )
    const hits = await until('it is found', async () => {
      const { items } = await site.api<{ items: { conversationId?: string }[] }>('/v1/search?q=kittiwakes')
      return items.length > 0 && items
    })
    assert.deepEqual(
      hits.map(({ conversationId }) => conversationId),
      [id],
    )
    assert.equal(events.filter(({ type }) => type === 'message.received').length, 1)
  })

  test('a wrong signature is 403 and stores nothing', async () => {
    const message = site.twilio.receive({ From: '+15550111', To: NUMBER, Body: 'forged' })
    const webhook = site.twilio.webhook(message, site.account.ingestUrl)
    for (const [index, forged] of [
      { ...webhook, body: webhook.body.replace('forged', 'f0rged') },
      { ...webhook, url: `${webhook.url}?x=1` },
      { ...webhook, headers: { 'content-type': webhook.headers['content-type'] ?? '' } },
    ].entries())
      assert.equal(await site.deliver(forged), 403, `forgery ${index}`)
    // A genuine one behind them shows that they would be listed by now.
    await site.begin('+15550112')
    assert.equal(
      (await site.conversations()).some(({ contact }) => contact.address === '+15550111'),
      false,
    )
  })

  test('a reply is one create with Basic auth, From, To and Body; its callbacks make it delivered, then read', async () => {
    const { id } = await site.begin('+15550113')
    const messageId = await site.reply(id, 'Grüße & more')
    const created = await site.created('Grüße & more')
    const sent = await site.reaches(id, messageId, 'sent')
    const request = site.twilio.requests.find(
      ({ method, body }) => method === 'POST' && new URLSearchParams(body).get('Body') === 'Grüße & more',
    )
    assert.equal(request?.path, `/2010-04-01/Accounts/${ACCOUNT_SID}/Messages.json`)
    assert.equal(request?.authorization, `Basic ${Buffer.from(`${ACCOUNT_SID}:${AUTH_TOKEN}`).toString('base64')}`)
    assert.deepEqual([created.form.get('From'), created.form.get('To')], [NUMBER, '+15550113'])
    const callback = new URL(created.form.get('StatusCallback') ?? '')
    assert.deepEqual([callback.origin, callback.searchParams.get('c'), callback.searchParams.get('m')], [PUBLIC_URL, id, messageId])
    assert.equal(sent.send?.attempt, 1)
    await site.status(created, 'delivered')
    await site.reaches(id, messageId, 'delivered')
    await site.status(created, 'read')
    await site.reaches(id, messageId, 'read')
    assert.equal(site.twilio.countOf('Grüße & more'), 1)
  })

  const orders = [
    ['sent', 'delivered', 'read'],
    ['read', 'delivered', 'sent'],
    ['delivered', 'sent', 'read'],
    ['delivered', 'read', 'sent'],
    ['read', 'sent', 'delivered'],
    ['sent', 'read', 'delivered'],
  ] as const
  test('status callbacks in every order, each doubled, only ever move the state forward', async () => {
    const rank = ['message.queued', 'message.sent', 'message.delivered', 'message.read']
    for (const [index, statuses] of orders.entries()) {
      const { id } = await site.begin(`+155501200${index}`)
      const messageId = await site.reply(id, `order ${index}`)
      const created = await site.created(`order ${index}`)
      for (const status of statuses) await Promise.all([site.status(created, status), site.status(created, status)])
      await site.reaches(id, messageId, 'read')
      await until('nothing of it is open', async () => (await site.message(id, messageId)).send?.state === 'read')
      const own = (await site.events(id)).filter(({ type, data }) => rank.includes(type) && data['messageId'] === messageId)
      const ranks = own.map(({ type }) => rank.indexOf(type))
      assert.deepEqual(
        ranks,
        [...new Set(ranks)].toSorted((a, b) => a - b),
        `${statuses.join(', ')}: ${ranks.join(', ')}`,
      )
    }
  })

  test('a callback that overtakes the answer to its create counts, and the answer takes nothing back', async () => {
    const { id } = await site.begin('+15550130')
    const { promise, resolve } = Promise.withResolvers<void>()
    site.twilio.behaviours.push({ kind: 'accept-slowly', until: promise })
    const messageId = await site.reply(id, 'overtaken')
    const created = await site.created('overtaken')
    await site.status(created, 'delivered')
    await site.reaches(id, messageId, 'delivered')
    resolve()
    // The next one goes out behind it: the answer has been dealt with by then.
    const next = await site.reply(id, 'behind it')
    await site.reaches(id, next, 'sent')
    assert.equal((await site.message(id, messageId)).send?.state, 'delivered')
    assert.equal(site.twilio.countOf('overtaken'), 1)
  })

  test('a failure in a callback shows its reason, and a late delivery proves it wrong', async () => {
    const { id } = await site.begin('+15550131')
    const messageId = await site.reply(id, 'to a phone that is off')
    const created = await site.created('to a phone that is off')
    await site.status(created, 'undelivered', { ErrorCode: '30003' })
    assert.deepEqual(stateOf(await site.reaches(id, messageId, 'failed')), ['failed', 'undelivered', 30003])
    await site.status(created, 'delivered')
    await site.reaches(id, messageId, 'delivered')
  })

  const refusals = [
    [21211, 'recipient_invalid'],
    [21617, 'content_refused'],
    [21408, 'rejected'],
    [30007, 'content_refused'],
    [63016, 'window_closed'],
  ] as const
  test('what Twilio refuses is failed with its reason at once, and the next message goes out', async () => {
    for (const [index, [code, reason]] of refusals.entries()) {
      const { id } = await site.begin(`+155501400${index}`)
      site.twilio.behaviours.push({ kind: 'answer', status: 400, code })
      const messageId = await site.reply(id, `refused ${code}`)
      assert.deepEqual(stateOf(await site.reaches(id, messageId, 'failed')), ['failed', reason, code])
      await site.reaches(id, await site.reply(id, `after ${code}`), 'sent')
      assert.deepEqual([site.twilio.countOf(`refused ${code}`), site.twilio.countOf(`after ${code}`)], [0, 1])
    }
  })

  test('21610 opts the contact out: the next send is refused until START', async () => {
    const { id } = await site.begin('+15550150')
    site.twilio.behaviours.push({ kind: 'answer', status: 400, code: 21610 })
    const first = await site.reply(id, 'unwanted')
    assert.deepEqual(stateOf(await site.reaches(id, first, 'failed')), ['failed', 'recipient_opted_out', 21610])
    await until('the conversation knows', async () => (await site.conversation('+15550150')).isOptedOut)
    const { status, code } = await site.refusal(`/v1/conversations/${id}/messages`, { text: 'still unwanted' })
    assert.deepEqual([status, code], [409, 'recipient_opted_out'])
    await site.receive('+15550150', 'START')
    await until('it is wanted again', async () => (await site.conversation('+15550150')).isOptedOut !== true)
    await site.reaches(id, await site.reply(id, 'welcome back'), 'sent')
    assert.deepEqual(
      [site.twilio.countOf('unwanted'), site.twilio.countOf('still unwanted'), site.twilio.countOf('welcome back')],
      [0, 0, 1],
    )
  })

  test('STOP and START by the contact do the same', async () => {
    const { id } = await site.begin('+15550151')
    await site.receive('+15550151', ' stop ')
    await until('opted out', async () => (await site.conversation('+15550151')).isOptedOut)
    assert.equal((await site.refusal(`/v1/conversations/${id}/messages`, { text: 'no' })).code, 'recipient_opted_out')
    await site.receive('+15550151', 'START')
    await until('opted in', async () => (await site.conversation('+15550151')).isOptedOut !== true)
  })

  test('media comes home with credentials, is served by a signed link with its true type, and from no other host', async () => {
    const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
    const message = site.twilio.receive({ From: '+15550160', To: NUMBER, Body: 'look' }, [
      { sid: 'ME1', contentType: 'text/html', bytes: png },
    ])
    const elsewhere = { NumMedia: '2', MediaUrl1: 'https://evil.example/ME2', MediaContentType1: 'image/png' }
    assert.equal(await site.deliver(site.twilio.webhook(message, site.account.ingestUrl, elsewhere)), 200)
    const { id } = await site.conversation('+15550160')
    const attachments = await until('both are settled', async () => {
      const found = (await site.messages(id))[0]?.content?.attachments ?? []
      return found.length === 2 && found.every(({ state }) => state !== 'fetching') && found
    })
    assert.deepEqual(
      attachments.map(({ state, contentType }) => [state, contentType]),
      [
        ['ready', 'image/png'],
        ['blocked', 'application/octet-stream'],
      ],
    )
    const link = attachments[0]?.url ?? assert.fail('no link')
    const answer = await fetch(new URL(link, site.server.url))
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'image/png'])
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), png)
    assert.equal((await fetch(new URL(link.replace(/signature=.{4}/, 'signature=AAAA'), site.server.url))).status, 403)
  })

  test('a JSON webhook counts by the hash of its body in the signed URL', async () => {
    const { id } = await site.begin('+15550170')
    const ingestUrl = site.account.ingestUrl.split('#', 1)[0] ?? ''
    const body = JSON.stringify({ hello: 'world' })
    const url = `${ingestUrl}?bodySHA256=${createHash('sha256').update(body).digest('hex')}`
    const headers = {
      'content-type': 'application/json',
      'x-twilio-signature': twilioPackage.getExpectedTwilioSignature(AUTH_TOKEN, url, {}),
    }
    assert.equal(twilioPackage.validateRequestWithBody(AUTH_TOKEN, headers['x-twilio-signature'], url, body), true)
    assert.equal(await site.deliver({ url, headers, body }), 200)
    assert.equal(await site.deliver({ url, headers, body: body.replace('world', 'w0rld') }), 403)
    assert.equal((await site.messages(id)).length, 1)
  })

  test('WhatsApp: a word like CANCEL opts nobody out, and beyond the window only a template goes', async () => {
    const whatsapp = 'whatsapp:+15550100'
    const credentials = { accountSid: ACCOUNT_SID, authToken: AUTH_TOKEN }
    const account = await site.api<{ id: string; ingestUrl: string }>('/v1/accounts', {
      channel: 'twilio',
      name: 'WhatsApp',
      externalId: whatsapp,
      credentials,
    })
    const started = await site.refusal('/v1/conversations', {
      accountId: account.id,
      to: 'whatsapp:+12025550180',
      content: { text: 'cold call' },
    })
    assert.deepEqual([started.status, started.code], [409, 'window_closed'])
    const message = site.twilio.receive({ From: 'whatsapp:+15550181', To: whatsapp, Body: 'Cancel', ProfileName: 'Kim' })
    assert.equal(await site.deliver(site.twilio.webhook(message, account.ingestUrl)), 200)
    const conversation = await site.conversation('whatsapp:+15550181')
    assert.equal(conversation.isOptedOut ?? false, false)
    assert.ok(conversation.window !== null)
    await site.reaches(conversation.id, await site.reply(conversation.id, 'We have cancelled it.'), 'sent')
    const template = { name: `HX${'0'.repeat(32)}`, parameters: { 1: 'Kim' } }
    const { subject } = await site.api<{ subject: { id: string } }>('/v1/conversations', {
      accountId: account.id,
      to: 'whatsapp:+12025550180',
      content: { template },
    })
    const closed = await site.refusal(`/v1/conversations/${subject.id}/messages`, { text: 'hello?' })
    assert.deepEqual([closed.status, closed.code], [409, 'window_closed'])
    const create = await until('the template is created', () =>
      site.twilio.messages.find(({ form }) => form.get('To') === 'whatsapp:+12025550180'),
    )
    assert.deepEqual([create.form.get('From'), create.form.get('ContentSid')], [whatsapp, template.name])
  })
})
