// Messenger, Instagram, WhatsApp and a connector over the whole server: in, out, echoes and receipts in every order, each thing once.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Message } from '#schemas'
import { textIn } from '../../src/cli/fakes/graph.ts'
import { signedByMeta, whatsappChange, whatsappText } from '../../src/cli/fakes/webhooks.ts'
import { until } from '../harness.ts'
import { APP_ID, APP_SECRET, ChannelsSite, NUMBER, PAGE, INSTAGRAM } from './channels-site.ts'

const texts = (messages: readonly Message[]) => messages.map(({ direction, content }) => [direction, content?.text])
const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
const echoOf = (account: string, to: string, mid: string, more: object) => ({
  sender: { id: account },
  recipient: { id: to },
  timestamp: Date.now(),
  message: { mid, is_echo: true, ...more },
})

describe('channels', () => {
  let site: ChannelsSite
  const closers: (() => unknown)[] = []

  before(async () => {
    site = await ChannelsSite.open({ after: (close) => void closers.push(close as () => unknown) })
  })
  after(async () => {
    for (const close of closers.toReversed()) await close()
  })

  for (const [channel, from] of [
    ['messenger', '5501'],
    ['instagram', '5502'],
    ['whatsapp', '4915550103'],
    ['custom', 'eve'],
  ] as const)
    test(`${channel}: a text comes in, the answer goes out and is sent`, async () => {
      const { id } = await site.begin(channel, from)
      const messageId = await site.reply(id, `Grüße to ${from}`)
      await site.reaches(id, messageId, 'sent')
      assert.deepEqual(texts(await site.messages(id)).toSorted(byText), [
        ['in', `hello from ${from}`],
        ['out', `Grüße to ${from}`],
      ])
      if (channel !== 'custom') assert.equal((await site.created(`Grüße to ${from}`)).to, from)
      else assert.equal(site.connector.bodies.at(-1)?.body['type'], 'message.send')
    })

  test('a challenge is answered as it came, with the right word alone', async () => {
    const path = new URL(site.accounts.messenger.ingestUrl).pathname
    const ask = (token: string): Promise<Response> =>
      fetch(`${site.server.url}${path}?hub.mode=subscribe&hub.challenge=12345678901234567890&hub.verify_token=${encodeURIComponent(token)}`)
    const answer = await ask('a word of ours')
    assert.deepEqual([answer.status, await answer.text()], [200, '12345678901234567890'])
    assert.equal((await ask('another word')).status, 403)
  })

  test('a body with a byte changed is 403, and one for an account of another app is kept and is nobody’s message', async () => {
    const webhook = signedByMeta(
      whatsappChange(NUMBER, whatsappText({ from: '49155501990', id: 'x1', text: 'forged', at: Date.now() })),
      APP_SECRET,
    )
    assert.equal(await site.post('whatsapp', { ...webhook, body: webhook.body.replace('forged', 'f0rged') }), 403)
    const stranger = whatsappChange('999', whatsappText({ from: '49155501991', id: 'x2', text: 'stray', at: Date.now() }))
    assert.equal(await site.post('whatsapp', signedByMeta(stranger, APP_SECRET)), 200)
    const metrics = await (await fetch(`${site.server.url}/metrics`)).text()
    assert.match(metrics, /ingest_dead_letters_total\{[^}]*channel="whatsapp",code="unknown_account"\} 1/)
  })

  test('the same webhook thrice, at once, is one message', async () => {
    const webhook = signedByMeta(
      whatsappChange(NUMBER, whatsappText({ from: '4915550110', id: 'wamid.once', text: 'only once', at: Date.now() })),
      APP_SECRET,
    )
    assert.deepEqual(await Promise.all([1, 2, 3].map(() => site.post('whatsapp', webhook))), [200, 200, 200])
    const { id } = await site.conversation('4915550110')
    await site.say('whatsapp', '4915550110', 'behind it')
    const messages = await until('both', async () => {
      const all = await site.messages(id)
      return all.length >= 2 && all
    })
    assert.equal(messages.length, 2)
  })

  test('messenger: the echo of our own send, before or after its answer, is the same message', async () => {
    const { id } = await site.begin('messenger', '5510')
    const { promise, resolve } = Promise.withResolvers<void>()
    site.graph.behaviours.push({ kind: 'accept-slowly', until: promise })
    const messageId = await site.reply(id, 'echoed early')
    const create = await site.created('echoed early')
    const metadata = create.message['metadata']
    assert.equal(typeof metadata, 'string')
    const echo = echoOf(PAGE, '5510', create.id, { text: 'echoed early', app_id: Number(APP_ID), metadata })
    await site.items('messenger', echo)
    await site.reaches(id, messageId, 'sent')
    resolve()
    await site.items('messenger', echo, {
      sender: { id: '5510' },
      recipient: { id: PAGE },
      delivery: { mids: [create.id], watermark: Date.now() },
    })
    await site.reaches(id, messageId, 'delivered')
    await site.items('messenger', {
      sender: { id: '5510' },
      recipient: { id: PAGE },
      timestamp: Date.now(),
      read: { watermark: Date.now() },
    })
    await site.reaches(id, messageId, 'read')
    assert.equal((await site.messages(id)).length, 2)
    assert.equal(site.graph.creates.filter((one) => textIn(one) === 'echoed early').length, 1)
  })

  test('messenger: a send whose answer was lost is unknown, and its echo settles it', async () => {
    const { id } = await site.begin('messenger', '5511')
    site.graph.behaviours.push({ kind: 'accept-then-drop' })
    const messageId = await site.reply(id, 'lost answer')
    await site.reaches(id, messageId, 'unknown')
    const create = await site.created('lost answer')
    await site.items('messenger', echoOf(PAGE, '5511', create.id, { text: 'lost answer', metadata: create.message['metadata'] }))
    await site.reaches(id, messageId, 'sent')
    await site.items('messenger', { sender: { id: '5511' }, recipient: { id: PAGE }, delivery: { mids: [create.id], watermark: 1 } })
    await site.reaches(id, messageId, 'delivered')
    assert.equal((await site.messages(id)).length, 2)
  })

  test('messenger: what a person wrote in the Page’s own inbox is a message of the provider, once', async () => {
    const { id } = await site.begin('messenger', '5512')
    const echo = echoOf(PAGE, '5512', 'm_human', { text: 'from the Page’s inbox' })
    await site.items('messenger', echo)
    await site.items('messenger', echo)
    await site.say('messenger', '5512', 'behind it')
    const messages = await until('three', async () => {
      const all = await site.messages(id)
      return all.length >= 3 && all
    })
    const human = messages.filter(({ direction }) => direction === 'out')
    assert.deepEqual(
      human.map(({ author, content, send }) => [author.kind, content?.text, send?.state]),
      [['provider', 'from the Page’s inbox', 'sent']],
    )
  })

  test('instagram: an echo without our ids waits for the answer of the send on its way, and is that message', async () => {
    const { id } = await site.begin('instagram', '5520')
    const { promise, resolve } = Promise.withResolvers<void>()
    site.graph.behaviours.push({ kind: 'accept-slowly', until: promise })
    const messageId = await site.reply(id, 'is it me')
    const create = await site.created('is it me')
    await site.items('instagram', echoOf(INSTAGRAM, '5520', create.id, { text: 'is it me' }))
    await site.items('instagram', echoOf(INSTAGRAM, '5520', 'm_other', { text: 'from the phone' }))
    resolve()
    await site.reaches(id, messageId, 'sent')
    const messages = await until('three', async () => {
      const all = await site.messages(id)
      return all.length >= 3 && all
    })
    assert.deepEqual(
      messages
        .filter(({ direction }) => direction === 'out')
        .map(({ author, content }) => [author.kind, content?.text])
        .toSorted(byText),
      [
        ['provider', 'from the phone'],
        [messages.find((one) => one.id === messageId)?.author.kind, 'is it me'],
      ].toSorted(byText),
    )
  })

  test('whatsapp: statuses before the answer, in reverse and doubled, only move forward', async () => {
    const { id } = await site.begin('whatsapp', '4915550120')
    const { promise, resolve } = Promise.withResolvers<void>()
    site.graph.behaviours.push({ kind: 'accept-slowly', until: promise })
    const messageId = await site.reply(id, 'statuses first')
    const create = await site.created('statuses first')
    const status = (word: string) => ({
      statuses: [
        {
          id: create.id,
          status: word,
          timestamp: String(Math.floor(Date.now() / 1000)),
          recipient_id: '4915550120',
          biz_opaque_callback_data: create.body['biz_opaque_callback_data'],
        },
      ],
    })
    for (const word of ['read', 'delivered', 'sent', 'read']) await site.change(status(word))
    await site.reaches(id, messageId, 'read')
    resolve()
    const next = await site.reply(id, 'behind it')
    await site.reaches(id, next, 'sent')
    assert.equal((await site.message(id, messageId)).send?.state, 'read')
    const ranks = (await site.events(id)).filter(({ data }) => data['messageId'] === messageId).map(({ type }) => type)
    assert.deepEqual(ranks, ['message.queued', 'message.read'])
  })

  test('whatsapp: a business-scoped id and a number are one person: one conversation, whichever comes first', async () => {
    const { id } = await site.begin('whatsapp', '4915550130')
    const at = Date.now()
    await site.change(whatsappText({ from: '4915550130', userId: 'DE.scoped1', id: 'wamid.s1', text: 'under both', at }))
    await until('it is there', async () => (await site.messages(id)).length === 2)
    const only = whatsappText({ from: 'DE.scoped1', userId: 'DE.scoped1', id: 'wamid.s2', text: 'under the scoped id', at })
    await site.change({ ...only, contacts: [{ profile: { name: 'Ada' }, user_id: 'DE.scoped1' }] })
    await until('it is there, too', async () => (await site.messages(id)).length === 3)
    const update = { user_id_update: [{ user_id: { previous: 'DE.scoped1', current: 'DE.scoped2' }, timestamp: '1772998024' }] }
    await site.change(update, 'user_id_update')
    await site.change({
      ...whatsappText({ from: 'DE.scoped2', userId: 'DE.scoped2', id: 'wamid.s3', text: 'under the new id', at }),
      contacts: [],
    })
    await until('and so is this', async () => (await site.messages(id)).length === 4)
    const ours = (await site.conversations()).filter(
      ({ channel, contact }) => channel === 'whatsapp' && /scoped|4915550130/.test(contact.address ?? ''),
    )
    assert.equal(ours.length, 1)
  })

  test('whatsapp: the provider’s own spelling of a number leads back to the conversation that we began', async () => {
    site.graph.waIdOf = (to) => (to === '5511987654321' ? '551187654321' : to)
    const content = { template: { name: 'hello', language: 'pt_BR' } }
    const { subject } = await site.api<{ subject: { id: string } }>('/v1/conversations', {
      accountId: site.accounts.whatsapp.id,
      to: '+55 11 98765-4321',
      content,
    })
    await until('it was sent', async () => (await site.messages(subject.id))[0]?.send?.state === 'sent')
    await site.say('whatsapp', '551187654321', 'oi')
    await until('the answer is in the same place', async () => (await site.messages(subject.id)).length === 2)
  })

  test('edits and words taken back reach the message, also before it', async () => {
    const { id } = await site.begin('custom', 'fay')
    await site.connected({ edits: [{ id: 'c1', from: 'fay', at: Date.now(), text: 'second thought' }] })
    await site.connected({ messages: [{ id: 'c1', from: 'fay', at: Date.now() - 1000, content: { kind: 'text', text: 'first thought' } }] })
    await until('edited', async () => (await site.messages(id)).some(({ content }) => content?.text === 'second thought'))
    await site.connected({ deletes: [{ id: 'c1', from: 'fay', at: Date.now() }] })
    await until('gone', async () => (await site.messages(id)).some(({ isDeleted }) => isDeleted))
    assert.equal((await site.messages(id)).length, 2)
  })

  test('reactions come in and go out; reading is told', async () => {
    const { id } = await site.begin('whatsapp', '4915550140')
    const [inbound] = await site.messages(id)
    assert.ok(inbound)
    await site.api(`/v1/conversations/${id}/messages/${inbound.id}/react`, { emoji: '👍' })
    await until('it left', () => site.graph.signals.some(({ body }) => body['type'] === 'reaction' && body['to'] === '4915550140'))
    await site.api(`/v1/conversations/${id}/claim`, {})
    await site.api(`/v1/conversations/${id}/read`, { upToSeq: 1000 })
    await until('it was marked', () => site.graph.signals.some(({ body }) => body['status'] === 'read'))
  })

  test('messenger: a long text goes out in parts, in order, as one message', async () => {
    const { id } = await site.begin('messenger', '5530')
    const text = 'A sentence of some length. '.repeat(120).trim()
    const messageId = await site.reply(id, text)
    await site.reaches(id, messageId, 'sent')
    const parts = site.graph.creates.filter(({ to }) => to === '5530').map(textIn)
    assert.ok(parts.length > 1)
    assert.equal(parts.join(' '), text)
    assert.equal((await site.messages(id)).length, 2)
  })

  test('whatsapp: media is asked for, then fetched, and compared with its hash', async () => {
    site.graph.files.set('media1', { bytes: Buffer.from('%PDF-1.4 a file'), contentType: 'application/pdf' })
    const document = { id: 'media1', mime_type: 'application/pdf', sha256: 'x', filename: 'offer.pdf', caption: 'look' }
    const value = whatsappText({ from: '4915550150', id: 'wamid.doc', text: '', at: Date.now() }) as { messages: object[] }
    const [first] = value.messages
    await site.change({ ...value, messages: [{ ...first, type: 'document', text: undefined, document }] })
    const { id } = await site.conversation('4915550150')
    const ready = await until('it is home', async () => {
      const file = (await site.messages(id))[0]?.content?.attachments?.[0]
      return file?.state === 'ready' && file
    })
    assert.deepEqual([ready.name, ready.sizeBytes], ['offer.pdf', 15])
  })

  test('messenger: the person’s name is fetched after their first message', async () => {
    await site.begin('messenger', '5540')
    await until('Ada is known', async () => (await site.conversation('5540')).contact.name === 'Ada Lovelace')
  })

  test('what a channel shows otherwise is told in the answer, and what it cannot show is refused before it is queued', async () => {
    const { id } = await site.begin('whatsapp', '4915550160')
    const choice = { style: 'list', options: [{ title: 'One' }, { title: 'Two' }] }
    const path = `/v1/conversations/${id}/messages`
    const shown = await site.api<{ messageId: string; degraded?: string[] }>(path, { text: 'Which?', choice })
    await site.reaches(id, shown.messageId, 'sent')
    const message = await site.message(id, shown.messageId)
    assert.deepEqual([message.content?.kind, message.content?.choice?.options.length], ['choice', 2])
    const facebook = await site.begin('messenger', '5560')
    const degraded = await site.api<{ degraded?: string[] }>(`/v1/conversations/${facebook.id}/messages`, {
      location: { latitude: 1, longitude: 2, name: null, address: null },
    })
    assert.deepEqual(degraded.degraded, ['location→text'])
    const strict = { location: { latitude: 1, longitude: 2, name: null, address: null }, strict: true }
    await assert.rejects(site.api(`/v1/conversations/${facebook.id}/messages`, strict), /content_refused/)
  })

  test('a tapped option, a contact card and a place come in as what they are', async () => {
    const from = '4915550161'
    await site.begin('whatsapp', from)
    const { id } = await site.conversation(from)
    const base = { from, timestamp: String(Math.floor(Date.now() / 1000)) }
    const contacts = [{ profile: { name: 'Ada' }, wa_id: from }]
    await site.change({
      contacts,
      messages: [
        { ...base, id: 'wamid.k1', type: 'interactive', interactive: { type: 'button_reply', button_reply: { id: 'YES', title: 'Yes' } } },
        { ...base, id: 'wamid.k2', type: 'contacts', contacts: [{ name: { formatted_name: 'Bob' }, phones: [{ phone: '+15550100' }] }] },
        { ...base, id: 'wamid.k3', type: 'location', location: { latitude: 52.5, longitude: 13.4 } },
      ],
    })
    const kinds = await until('all three', async () => {
      const all = (await site.messages(id)).map(({ content }) => content?.kind)
      return all.length === 4 && all
    })
    assert.deepEqual(kinds.toSorted(byText), ['answer', 'location', 'text', 'vcards'])
  })

  test('an account’s health is told in words, its templates are listed, and it can be connected', async () => {
    site.graph.templates = [
      { name: 'hello', language: 'de', status: 'APPROVED', category: 'UTILITY', components: [{ type: 'BODY', text: 'Hi {{1}}' }] },
    ]
    const path = `/v1/accounts/${site.accounts.whatsapp.id}`
    const health = await site.api<{ isHealthy: boolean; findings: { what: string }[] }>(`${path}/health`)
    assert.equal(health.isHealthy, false)
    assert.ok(health.findings.some(({ what }) => what.includes('no webhook for whatsapp_business_account')))
    const { items } = await site.api<{ items: { name: string; parameters: string[] }[] }>(`${path}/templates`)
    assert.deepEqual(
      items.map(({ name, parameters }) => [name, parameters]),
      [['hello', ['1']]],
    )
    assert.deepEqual(await site.api(`${path}/connect`, {}), { isConnected: true, what: null })
    await assert.rejects(
      site.api('/v1/accounts', { channel: 'whatsapp', name: 'x', externalId: '1', credentials: { appId: 'no' } }),
      /credentials\.appId/,
    )
    await assert.rejects(
      site.api('/v1/accounts', { channel: 'custom', name: 'x', externalId: 'y', options: { edits: 'maybe' } }),
      /options\.edits/,
    )
  })

  test('a refused token is told in the account, once, and new credentials clear it', async () => {
    const { id } = await site.begin('instagram', '5550')
    site.graph.behaviours.push({ kind: 'answer', status: 401, code: 190 })
    const messageId = await site.reply(id, 'refused')
    await site.reaches(id, messageId, 'failed')
    const path = `/v1/accounts/${site.accounts.instagram.id}`
    await until('it is told', async () => ((await site.api<{ trouble?: { what: string } | null }>(path)).trouble ?? null) !== null)
    await site.server.api(path, { method: 'PATCH', body: { credentials: { accessToken: 'new' } } })
    assert.equal((await site.api<{ trouble?: object | null }>(path)).trouble, null)
    const again = await site.reply(id, 'with a new one')
    await site.reaches(id, again, 'sent')
  })
})
