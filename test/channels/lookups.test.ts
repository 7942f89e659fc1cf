// What providers are asked beside sending, and what answers mean: profiles, health in words, subscriptions, templates, where files lie.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channels, type AccountContext, type Answer } from '#channels'

const credentials = { appId: '77', appSecret: 's', verifyToken: 'v', accessToken: 'EAAB' }
const contextOf = (externalId: string, options: Record<string, string> = {}): AccountContext => ({
  apiUrl: 'https://graph.facebook.com',
  credentials,
  account: { externalId, options },
})
const ok = (value: unknown): Answer => ({ status: 200, body: JSON.stringify(value) })
const error = (status: number, code: number): Answer => ({ status, body: JSON.stringify({ error: { code, message: 'x' } }) })
const providerOf = (name: 'messenger' | 'instagram' | 'whatsapp') => channels[name].provider ?? assert.fail(`${name} has a provider`)

test('a profile is asked for with the token in a header, and read', () => {
  const profile = providerOf('messenger').profile ?? assert.fail('no profile')
  const { url, headers } = profile.request('5501', contextOf('101'))
  assert.equal(url, 'https://graph.facebook.com/v25.0/5501?fields=first_name%2Clast_name%2Cprofile_pic')
  assert.equal(headers['authorization'], 'Bearer EAAB')
  const found = profile.parse(ok({ id: '5501', first_name: 'Ada', last_name: 'L', profile_pic: 'https://p.fbcdn.net/1' }), '5501')
  assert.ok(found.kind === 'found')
  assert.deepEqual([found.profile.name, found.profile.avatarUrl, found.profile.userId], ['Ada L', 'https://p.fbcdn.net/1', '5501'])
})

test('a refused profile is none, a broken answer is asked again, a dead token is the account’s trouble', () => {
  const profile = providerOf('instagram').profile ?? assert.fail('no profile')
  const kindOf = (answer: Answer) => profile.parse(answer, '1').kind
  assert.deepEqual(
    [
      error(400, 100),
      error(403, 230),
      error(403, 10),
      ok({ id: '1' }),
      error(400, 190),
      error(500, 2),
      { status: 0, body: '' },
      error(429, 4),
      { status: 200, body: '<' },
    ].map(kindOf),
    ['none', 'none', 'none', 'none', 'credentials-refused', 'again', 'again', 'again', 'again'],
  )
  const named = profile.parse(ok({ username: 'ada' }), '1')
  assert.ok(named.kind === 'found' && named.profile.name === '@ada')
})

test('Instagram’s own login asks its own host', () => {
  const profile = providerOf('instagram').profile ?? assert.fail('no profile')
  assert.match(profile.request('1', contextOf('178', { login: 'instagram' })).url, /^https:\/\/graph\.instagram\.com\/v25\.0\/1\?/)
})

test('a healthy Page has no findings', () => {
  const health = providerOf('messenger').health ?? assert.fail('no health')
  const context = contextOf('101')
  assert.deepEqual(
    health.requests(context).map(({ name }) => name),
    ['self', 'subscription', 'webhook'],
  )
  const fields = new URL(providerOf('messenger').subscription?.subscribe(context)[0]?.url ?? '').searchParams
    .get('subscribed_fields')
    ?.split(',')
  const answers = { self: ok({ id: '101', name: 'P' }), subscription: ok({ data: [{ id: '77', subscribed_fields: fields }] }) }
  assert.deepEqual(health.findings(answers, context), [])
})

test('what is wrong with a Page is said in words', () => {
  const health = providerOf('messenger').health ?? assert.fail('no health')
  const findings = (self: Answer, subscription: Answer) => health.findings({ self, subscription }, contextOf('101'))
  const self = ok({ id: '101' })
  assert.deepEqual(findings(error(400, 190), ok({ data: [] })), [
    { isBroken: true, what: 'The access token is invalid or has expired: make a new one.' },
  ])
  assert.match(findings(ok({ id: '202' }), ok({ data: [{ id: '77' }] }))[0]?.what ?? '', /another Page: its id is 202/)
  assert.match(findings(self, ok({ data: [{ id: '99' }] }))[0]?.what ?? '', /not subscribed/)
  const partial = findings(self, ok({ data: [{ id: '77', subscribed_fields: ['messages'] }] }))[0]
  assert.deepEqual([partial?.isBroken, partial?.what], [true, 'The app is subscribed without messaging_postbacks: messages will not come.'])
  assert.deepEqual(findings({ status: 0, body: '' }, self), [{ isBroken: false, what: 'Meta could not be reached.' }])
  assert.equal(findings(self, error(403, 200))[0]?.isBroken, false)
})

test('what is wrong with a WhatsApp number is said in words', () => {
  const health = providerOf('whatsapp').health ?? assert.fail('no health')
  const context = contextOf('106', { wabaId: '1022' })
  assert.deepEqual(
    health.requests(context).map(({ request }) => new URL(request.url).pathname),
    ['/v25.0/106', '/v25.0/77/subscriptions', '/v25.0/1022/subscribed_apps'],
  )
  const app = ok({ data: [{ whatsapp_business_api_data: { id: '77', name: 'App' } }] })
  assert.deepEqual(
    health.findings({ number: ok({ id: '106', status: 'CONNECTED', quality_rating: 'GREEN' }), subscription: app }, context),
    [],
  )
  const bad = health.findings(
    { number: ok({ id: '106', status: 'BANNED', quality_rating: 'RED' }), subscription: ok({ data: [] }) },
    context,
  )
  assert.deepEqual(
    bad.map(({ isBroken }) => isBroken),
    [true, false, true],
  )
  assert.equal(health.requests(contextOf('106')).length, 2)
})

test('subscribing and its end are requests of their own', () => {
  const page = providerOf('messenger').subscription ?? assert.fail('no subscription')
  const [subscribe] = page.subscribe(contextOf('101'))
  const [unsubscribe] = page.unsubscribe(contextOf('101'))
  assert.deepEqual([subscribe?.method, unsubscribe?.method], ['POST', 'DELETE'])
  assert.match(subscribe?.url ?? '', /\/v25\.0\/101\/subscribed_apps\?subscribed_fields=messages%2Cmessaging_postbacks%2C/)
  assert.equal(page.failure(ok({ success: true })), null)
  assert.match(page.failure(error(403, 200)) ?? '', /permission/)
  const whatsapp = providerOf('whatsapp').subscription ?? assert.fail('no subscription')
  assert.equal(whatsapp.subscribe(contextOf('106', { wabaId: '1022' }))[0]?.url, 'https://graph.facebook.com/v25.0/1022/subscribed_apps')
})

test('templates come with their variables, page by page', () => {
  const templates = providerOf('whatsapp').templates ?? assert.fail('no templates')
  const context = contextOf('106', { wabaId: '1022' })
  assert.match(templates.request(context, null).url, /\/v25\.0\/1022\/message_templates\?fields=/)
  assert.match(templates.request(context, 'MQ').url, /&after=MQ/)
  const components = [
    { type: 'HEADER', format: 'IMAGE' },
    { type: 'BODY', text: 'Hi {{1}}, {{ 2 }}' },
    {
      type: 'BUTTONS',
      buttons: [
        { type: 'QUICK_REPLY', text: 'Ok' },
        { type: 'URL', url: 'https://x.example/{{1}}' },
      ],
    },
  ]
  const page = templates.parse(
    ok({
      data: [{ name: 't', language: 'de', status: 'APPROVED', category: 'UTILITY', components }, { name: 'broken' }],
      paging: { cursors: { after: 'MQ' }, next: 'https://graph.facebook.com/x' },
    }),
  )
  assert.deepEqual(page, {
    templates: [
      {
        name: 't',
        language: 'de',
        category: 'UTILITY',
        isApproved: true,
        text: 'Hi {{1}}, {{ 2 }}',
        parameters: ['header.image', '1', '2', 'button.1'],
      },
    ],
    after: 'MQ',
  })
  assert.equal(templates.parse(ok({ data: [], paging: { cursors: { after: 'MQ' } } }))?.after, null)
  assert.equal(templates.parse(error(400, 100)), null)
})

test('a WhatsApp file is found in two steps, and its token shown to Meta’s hosts alone', () => {
  const { media, mediaHeaders, isMediaHost } = providerOf('whatsapp')
  const request = media?.request('whatsapp-media:13', contextOf('106'))
  assert.equal(request?.url, 'https://graph.facebook.com/v25.0/13?phone_number_id=106')
  const url = 'https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=13'
  assert.deepEqual(media?.parse(ok({ url, mime_type: 'image/jpeg', sha256: 'AB'.repeat(32), file_size: '123', id: '13' })), {
    url,
    contentType: 'image/jpeg',
    sizeBytes: 123,
    sha256: 'ab'.repeat(32),
  })
  assert.equal(media?.parse(ok({ url: 'https://evil.example/x' })), null)
  assert.equal(media?.parse(ok({ url: 'http://lookaside.fbsbx.com/x' })), null)
  assert.equal(media?.parse(error(404, 100)), null)
  assert.deepEqual(mediaHeaders(credentials), { authorization: 'Bearer EAAB' })
  assert.deepEqual(providerOf('messenger').mediaHeaders(credentials), {})
  assert.deepEqual(
    ['lookaside.fbsbx.com', 'scontent.xx.fbcdn.net', 'fbcdn.net.evil.example', 'evilfbcdn.net', 'graph.facebook.com'].map(isMediaHost),
    [true, true, false, false, false],
  )
})

test('whether the app calls us is asked with the app’s own token, in a header', () => {
  const health = providerOf('messenger').health ?? assert.fail('no health')
  const context = { ...contextOf('101'), ingestUrl: 'https://confab.example/v1/ingest/messenger/k' }
  const request = health.requests(context).find(({ name }) => name === 'webhook')?.request
  assert.deepEqual([request?.url, request?.headers['authorization']], ['https://graph.facebook.com/v25.0/77/subscriptions', 'Bearer 77|s'])
  const fields = [{ name: 'messages' }, { name: 'messaging_postbacks' }]
  const good = { object: 'page', callback_url: context.ingestUrl, active: true, fields }
  const subscription = ok({ data: [{ id: '77' }] })
  const words = (webhook: object[]) =>
    health.findings({ self: ok({ id: '101' }), subscription, webhook: ok({ data: webhook }) }, context).map(({ what }) => what)
  assert.deepEqual(words([good]), [])
  assert.deepEqual(words([{ ...good, object: 'instagram' }]), ['The app has no webhook for page: enter the ingest URL in its dashboard.'])
  assert.deepEqual(words([{ ...good, active: false }]), ['The app’s webhook for page is switched off.'])
  assert.deepEqual(words([{ ...good, callback_url: 'https://old.example/' }]), [
    'The app’s webhook for page calls https://old.example/, not the ingest URL.',
  ])
  assert.deepEqual(words([{ ...good, fields: [{ name: 'messages' }] }]), ['The app’s webhook for page lacks messaging_postbacks.'])
})

test('Twilio’s account and number say whether messages pass', () => {
  const health = channels.twilio.provider?.health ?? assert.fail('no health')
  const ingestUrl = 'https://confab.example/v1/ingest/twilio/k#rc=5'
  const context = {
    apiUrl: 'https://api.twilio.com',
    credentials: { accountSid: 'AC0', authToken: 't' },
    account: { externalId: '+15550100', options: {} },
    ingestUrl,
  }
  assert.deepEqual(
    health.requests(context).map(({ request }) => request.url),
    [
      'https://api.twilio.com/2010-04-01/Accounts/AC0.json',
      'https://api.twilio.com/2010-04-01/Accounts/AC0/IncomingPhoneNumbers.json?PhoneNumber=%2B15550100',
    ],
  )
  const account = ok({ status: 'active' })
  const words = (smsUrl: string | null) =>
    health.findings({ account, number: ok({ incoming_phone_numbers: [{ sms_url: smsUrl }] }) }, context).map(({ isBroken }) => isBroken)
  assert.deepEqual(
    [words(ingestUrl), words('https://confab.example/v1/ingest/twilio/k'), words('https://old.example'), words(null)],
    [[], [false], [true], [false]],
  )
  assert.equal(health.findings({ account, number: ok({ incoming_phone_numbers: [] }) }, context)[0]?.isBroken, true)
  assert.equal(health.findings({ account: ok({ status: 'suspended' }) }, context)[0]?.what, 'The Twilio account is suspended.')
  assert.equal(health.findings({ account: { status: 401, body: '{}' } }, context)[0]?.what, 'Twilio refuses the credentials.')
  assert.equal(health.requests({ ...context, account: { externalId: 'MG1', options: {} } }).length, 1)
})
