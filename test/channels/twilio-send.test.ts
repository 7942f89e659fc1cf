// Twilio outbound: what each kind becomes, how every ending is read, what a list proves.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channels, type Ending, type RenderContext } from '#channels'
import type { MessageContent } from '#schemas/log'

const provider = channels.twilio.provider ?? assert.fail('twilio has a provider')
const SMS = '+15550100'
const WHATSAPP = 'whatsapp:+15550100'

const contentOf = (fields: Partial<MessageContent>): MessageContent => ({
  kind: 'text',
  text: null,
  attachments: [],
  location: null,
  answer: null,
  template: null,
  native: null,
  providerMessageId: null,
  providerEventId: null,
  clientKey: null,
  ...fields,
})
const contextOf = (ours: string, overrides: Partial<RenderContext> = {}): RenderContext => ({
  apiUrl: 'https://api.twilio.com',
  credentials: { accountSid: 'AC1', authToken: 'token' },
  address: { userId: ours.replace('0100', '0101'), threadId: null, accountAddress: ours },
  account: { externalId: ours, options: {} },
  callbackUrl: null,
  attachmentUrls: [],
  ...overrides,
})
interface Rendered {
  readonly kind: string
  readonly form: URLSearchParams
  readonly degraded: readonly string[]
  readonly headers: Readonly<Record<string, string>>
}
const render = (fields: Partial<MessageContent>, ours = SMS, overrides: Partial<RenderContext> = {}): Rendered => {
  const rendering = provider.render(contentOf(fields), contextOf(ours, overrides))
  if (rendering.kind === 'refused' || rendering.kind === 'local')
    return { kind: rendering.kind, form: new URLSearchParams(), degraded: [], headers: {} }
  return {
    kind: rendering.kind,
    form: new URLSearchParams(rendering.request.body ?? ''),
    degraded: rendering.kind === 'degraded' ? rendering.degraded : [],
    headers: rendering.request.headers,
  }
}

test('renders text to the very address received, from the number written to', () => {
  const { kind, form } = render({ text: 'Grüße' }, SMS, { account: { externalId: 'MG1', options: {} } })
  assert.deepEqual([kind, Object.fromEntries(form)], ['exact', { To: '+15550101', MessagingServiceSid: 'MG1', Body: 'Grüße' }])
  assert.equal(render({ text: 'x' }, SMS, { address: { userId: 'MYBANK', threadId: null, accountAddress: null } }).form.get('To'), 'MYBANK')
})

test('refuses what Twilio would: empty and long texts, too many files, files without bytes, kinds it lacks', () => {
  const attachment = {
    kind: 'image',
    fileId: 'f',
    state: 'ready',
    sourceUrl: null,
    name: null,
    contentType: 'image/png',
    sizeBytes: 1,
    sha256: null,
  } as const
  const refused = [
    render({ text: '' }),
    render({ text: 'x'.repeat(1601) }),
    render({ kind: 'media', attachments: [attachment] }),
    render({ kind: 'unsupported' }),
    render({ kind: 'native', native: 'no JSON' }),
  ]
  assert.deepEqual(
    refused.map(({ kind }) => kind),
    Array.from(refused, () => 'refused'),
  )
  const two: Partial<MessageContent> = { kind: 'media', attachments: [attachment, attachment] }
  const urls = { attachmentUrls: ['https://a/1', 'https://a/2'] }
  assert.deepEqual(render({ ...two, text: 'both' }, SMS, urls).form.getAll('MediaUrl'), urls.attachmentUrls)
  assert.equal(render(two, WHATSAPP, urls).kind, 'refused')
})

test('shows a location exactly on WhatsApp and as text on SMS, and says so', () => {
  const location = { latitude: 1.5, longitude: -2.5, name: 'Here', address: null }
  assert.equal(render({ kind: 'location', location }, WHATSAPP).form.get('PersistentAction'), 'geo:1.5,-2.5|Here')
  const sms = render({ kind: 'location', location })
  assert.deepEqual(
    [sms.kind, sms.degraded, sms.form.get('Body')],
    ['degraded', ['location→text'], 'Here\nhttps://maps.google.com/?q=1.5,-2.5'],
  )
})

test('renders templates by their id and variables, and native parts without letting them choose the recipient', () => {
  const template = render(
    { kind: 'template', template: { name: 'HX1', language: null, parameters: [{ name: '1', value: 'Ada' }] } },
    WHATSAPP,
  ).form
  assert.deepEqual([template.get('ContentSid'), template.get('ContentVariables')], ['HX1', '{"1":"Ada"}'])
  const native = render({ kind: 'native', native: '{"Body":"x","To":"+1","ValidityPeriod":60,"MediaUrl":["https://a","https://b"]}' }).form
  assert.deepEqual(
    [native.getAll('To'), native.get('ValidityPeriod'), native.getAll('MediaUrl')],
    [['+15550101'], '60', ['https://a', 'https://b']],
  )
})

test('signs in with the API key where there is one', () => {
  const credentials = { accountSid: 'AC1', authToken: 'token', apiKeySid: 'SK1', apiKeySecret: 'secret' }
  assert.deepEqual(
    render({ text: 'x' }, SMS, { credentials }).headers['authorization'],
    `Basic ${Buffer.from('SK1:secret').toString('base64')}`,
  )
  assert.deepEqual(render({ text: 'x' }).headers['authorization'], `Basic ${Buffer.from('AC1:token').toString('base64')}`)
})

const answer = (status: number, code?: number, headers: Record<string, string> = {}): Ending => ({
  kind: 'answer',
  status,
  headers,
  body: JSON.stringify({ code, message: 'x' }),
})
const fates: readonly (readonly [string, Ending, object])[] = [
  ['acceptance', { kind: 'answer', status: 201, headers: {}, body: '{"sid":"SM1"}' }, { kind: 'accepted', providerMessageId: 'SM1' }],
  [
    'a 2xx that cannot be read',
    { kind: 'answer', status: 201, headers: {}, body: '<html>' },
    { kind: 'unknown', reason: 'provider_error', providerCode: null },
  ],
  ['a redirect', answer(302), { kind: 'unknown', reason: 'provider_error', providerCode: null }],
  ['429 with Retry-After', answer(429, 20429, { 'retry-after': '7' }), { kind: 'throttle', afterMs: 7000, providerCode: 20429 }],
  [
    '429 with a date',
    answer(429, undefined, { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' }),
    { kind: 'throttle', afterMs: null, providerCode: null },
  ],
  ['a throttle code under 400', answer(400, 21611), { kind: 'throttle', afterMs: null, providerCode: 21611 }],
  [
    'a rejection code under 500: the status decides',
    answer(500, 21211),
    { kind: 'unknown', reason: 'provider_error', providerCode: 21211 },
  ],
  ['408', answer(408), { kind: 'unknown', reason: 'provider_error', providerCode: null }],
  ['503', answer(503, 20503), { kind: 'unknown', reason: 'provider_error', providerCode: 20503 }],
  ['an invalid recipient', answer(400, 21211), { kind: 'permanent-recipient', reason: 'recipient_invalid', providerCode: 21211 }],
  ['a newer split of it', answer(400, 21265), { kind: 'permanent-recipient', reason: 'recipient_invalid', providerCode: 21265 }],
  ['a suspended account', answer(403, 20005), { kind: 'permanent-credential', reason: 'account_suspended', providerCode: 20005 }],
  [
    '401 without a body',
    { kind: 'answer', status: 401, headers: {}, body: '' },
    { kind: 'permanent-credential', reason: 'credentials_refused', providerCode: null },
  ],
  ['a closed window', answer(400, 63016), { kind: 'permanent-message', reason: 'window_closed', providerCode: 63016 }],
  ['an unknown code under 4xx', answer(400, 12345), { kind: 'permanent-message', reason: 'rejected', providerCode: 12345 }],
  ['nothing sent', { kind: 'not-sent' }, { kind: 'retry', reason: 'connection_lost', providerCode: null }],
  ['a cut after bytes left', { kind: 'bytes-left', reason: 'timed_out' }, { kind: 'unknown', reason: 'timed_out', providerCode: null }],
]
for (const [what, ending, fate] of fates)
  test(`reads ${what} as ${JSON.stringify(fate)}`, () => assert.deepEqual(provider.interpret(ending), fate))

test('the web chat leaves nothing to send', () => assert.deepEqual([channels.web.webhook, channels.web.provider], [null, null]))
