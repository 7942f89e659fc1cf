// The custom channel: Standard Webhooks both ways, what a connector may send, what it gets, and what its answers prove.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channels, type Content, type RenderContext, type Signal } from '#channels'
import { blank, choice, contextOf, correlation, file, samples } from './content.ts'
import { parseBody, samplesOf } from './samples.ts'

const webhook = channels.custom.webhook ?? assert.fail('custom has a webhook')
const provider = channels.custom.provider ?? assert.fail('custom has a provider')

interface Vector {
  readonly secret: string
  readonly id: string
  readonly timestamp: string
  readonly body: string
  readonly signature: string
}
/** The two published for v1: the specification's example, and one with the prefix that its libraries accept. */
const vectors: readonly Vector[] = [
  {
    secret: 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    timestamp: '1614265330',
    body: '{"test": 2432232314}',
    signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  },
  {
    secret: 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD',
    id: 'msg_27UH4WbU6Z5A5EzD8u03UvzRbpk',
    timestamp: '1649367553',
    body: '{"email":"test@example.com","username":"test_user"}',
    signature: 'v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=',
  },
]
const proof = ({ id, timestamp, signature, body, secret }: Vector, more: object = {}) =>
  webhook.verify({
    method: 'POST',
    url: 'https://confab.example/v1/ingest/custom/key',
    headers: { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature },
    body: Buffer.from(body),
    secrets: [secret],
    ...more,
  })

for (const [index, vector] of vectors.entries())
  test(`vector ${index + 1} of Standard Webhooks`, () => {
    assert.ok(proof(vector))
    assert.ok(proof({ ...vector, signature: `v1,AAAA v1a,xyz ${vector.signature}` }), 'one of several signatures')
    assert.ok(!proof({ ...vector, signature: vector.signature.replace('v1,', 'v2,') }))
    assert.ok(!proof({ ...vector, id: `${vector.id}.1` }), 'a dot would move the seam')
  })

test('a proof is valid for five minutes on either side of its time', () => {
  const [vector] = vectors
  assert.ok(vector !== undefined)
  const at = Number(vector.timestamp) * 1000
  assert.deepEqual(
    [at, at + 300_000, at - 300_000, at + 301_000, at - 301_000].map((moment) => proof(vector, { at: moment })),
    [true, true, true, false, false],
  )
})

const sendUrl = 'https://connector.example/send'
const secret = vectors[1]?.secret ?? ''
const context = (options: Record<string, string> = {}, more: Partial<RenderContext> = {}): RenderContext =>
  contextOf({
    credentials: { secret },
    address: { userId: 'u1', threadId: 't1', accountAddress: 'demo' },
    account: { externalId: 'demo', options: { sendUrl, ...options } },
    ...more,
  })
const sent = (content: Content, options: Record<string, string> = {}, more: Partial<RenderContext> = {}) => {
  const rendering = provider.render(content, context(options, more))
  assert.ok(rendering.kind === 'exact' || rendering.kind === 'degraded', JSON.stringify(rendering))
  return {
    ...rendering.request,
    json: JSON.parse(rendering.request.body ?? '') as { message: { content: Record<string, unknown> } } & Record<string, unknown>,
    rendering,
  }
}

test('a send is signed under our message’s id, and passes our own check', () => {
  const { url, headers, body, json } = sent(samples.text, {}, { replyTo: 'x1' })
  assert.equal(url, sendUrl)
  assert.equal(headers['webhook-id'], correlation.messageId)
  assert.ok(webhook.verify({ method: 'POST', url, headers, body: Buffer.from(body ?? ''), secrets: [secret], at: 1_790_000_000_000 }))
  assert.deepEqual(json, {
    type: 'message.send',
    message: { id: correlation.messageId, replyTo: 'x1', content: { kind: 'text', text: 'Grüße & more 🙂' } },
    conversation: { id: correlation.conversationId, account: 'demo', user: 'u1', thread: 't1' },
  })
  assert.equal(
    sent(samples.text, {}, { credentials: { secret, previousSecret: vectors[0]?.secret ?? '' } }).headers['webhook-signature']?.split(' ')
      .length,
    2,
  )
})

test('contents go as they are, files as links', () => {
  const content: Content = { ...blank, kind: 'media', text: 'look', attachments: [file('file', 'application/pdf', 'a.pdf')] }
  assert.deepEqual(sent(content).json.message.content, {
    kind: 'media',
    text: 'look',
    attachments: [
      { kind: 'file', url: 'https://confab.example/v1/files/1?signed', name: 'a.pdf', contentType: 'application/pdf', sizeBytes: 1000 },
    ],
  })
  assert.deepEqual(
    (sent(samples.cards).json.message.content['cards'] as { imageUrl: string }[])[0]?.imageUrl,
    'https://confab.example/v1/files/1?signed',
  )
  assert.deepEqual(sent(samples.native).json.message.content['native'], { type: 'text', text: { body: 'as it is' } })
  assert.deepEqual(sent(samples.template).json.message.content['template'], {
    name: 'order_shipped',
    language: 'en_US',
    parameters: { '1': 'A-17' },
  })
})

test('a kind that the connector does not declare goes as text, files not at all', () => {
  const { rendering, json } = sent(choice('buttons', ['A', 'B']), { kinds: 'text,native' })
  assert.ok(rendering.kind === 'degraded' && rendering.degraded.join() === 'choice→text')
  assert.equal(json.message.content['text'], 'Which one?\n1. A\n2. B')
  assert.equal(provider.render(samples.media, context({ kinds: 'text' })).kind, 'refused')
  assert.deepEqual(channels.custom.capabilities('demo', { kinds: 'text', windowHours: '24', edits: 'on', receipts: 'read' }).kinds, [
    'text',
  ])
})

test('without a sendUrl a message is sent by being in the log; without a time nothing is signed', () => {
  assert.deepEqual(provider.render(samples.text, context({ sendUrl: '' })), { kind: 'local' })
  const { now: _, ...timeless } = context()
  assert.equal(provider.render(samples.text, timeless).kind, 'refused')
})

test('signals go where they are declared', () => {
  const edit: Signal = { kind: 'edit', providerMessageId: 'y1', text: 'new' }
  assert.equal(provider.signal?.(edit, context()), null)
  const request = provider.signal?.(edit, context({ edits: 'on' })) ?? assert.fail('no request')
  assert.deepEqual(JSON.parse(request.body ?? ''), {
    type: 'message.edit',
    id: 'y1',
    text: 'new',
    conversation: { id: correlation.conversationId, account: 'demo', user: 'u1', thread: 't1' },
  })
  assert.equal(provider.signal?.(edit, context({ edits: 'on' }))?.headers['webhook-id'], request.headers['webhook-id'])
  const declared = { typing: 'on', reads: 'on', reactions: 'on', deletes: 'on' }
  const signals: readonly Signal[] = [
    { kind: 'typing', isTyping: true, lastInboundId: null },
    { kind: 'read', providerMessageId: 'x' },
    { kind: 'react', providerMessageId: 'x', emoji: '👍' },
    { kind: 'delete', providerMessageId: 'y' },
  ]
  assert.deepEqual(
    signals.map((signal) => (JSON.parse(provider.signal?.(signal, context(declared))?.body ?? '{}') as { type: string }).type),
    ['typing', 'message.read', 'message.react', 'message.delete'],
  )
})

test('an answer is a fate by its status and its word; whatever else it says proves nothing', () => {
  const fate = (status: number, body: unknown) => {
    const { kind, ...rest } = provider.interpret({ kind: 'answer', status, headers: {}, body: JSON.stringify(body) })
    return 'reason' in rest ? `${kind} ${rest.reason}` : kind
  }
  assert.deepEqual(
    [
      fate(200, { id: 7 }),
      fate(201, { id: 'y' }),
      fate(200, {}),
      fate(400, { error: 'recipient_invalid' }),
      fate(422, { error: { code: 'blocked', number: 5 } }),
    ],
    ['accepted', 'accepted', 'unknown provider_error', 'permanent-recipient recipient_invalid', 'permanent-recipient blocked'],
  )
  assert.deepEqual(
    [fate(400, { error: 'who knows' }), fate(404, {}), fate(500, { error: 'blocked' }), fate(401, { error: 'credentials_refused' })],
    ['permanent-message rejected', 'unknown provider_error', 'unknown provider_error', 'permanent-credential credentials_refused'],
  )
  assert.equal(provider.isIdempotent?.({ idempotent: 'on' }), true)
  assert.equal(provider.isIdempotent?.({}), false)
})

test('a connector is told at once what was not understood, and answered 2xx', () => {
  const { response, events } = parseBody('custom', samplesOf('custom')['one message that lacks its id beside one that does not']?.body)
  assert.deepEqual([response.status, JSON.parse(response.body), events.length], [200, { accepted: 1, faults: ['a message without id'] }, 1])
})

test('a person’s card, aliases and time are read; an attachment that is no https link is left out', () => {
  const [event] = parseBody('custom', {
    messages: [
      {
        id: 1,
        from: 2,
        at: 1_790_000_000_000,
        aliases: ['tel:+15550101', 2, '2'],
        contact: { name: 'Ada', emails: ['a@example.com'], company: 'E' },
        content: { text: 'x', attachments: [{ url: 'http://files.example/1' }, { url: 'file:///etc/passwd' }] },
      },
    ],
  }).events
  assert.ok(event?.kind === 'message')
  assert.deepEqual(
    [
      event.providerMessageId,
      event.userId,
      event.providerAt,
      event.aliases,
      event.profile?.company,
      event.content.kind,
      event.accountAddresses,
    ],
    ['1', '2', 1_790_000_000_000, ['tel:+15550101'], 'E', 'text', []],
  )
})
