// What leaves for Messenger, Instagram and WhatsApp, field by field, and what is refused before it leaves.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channels, type Content, type RenderContext, type Signal } from '#channels'
import { blank, choice, contextOf, correlation, file, option, samples } from './content.ts'

type Name = 'messenger' | 'instagram' | 'whatsapp'
const providerOf = (name: Name) => channels[name].provider ?? assert.fail(`${name} has a provider`)
const credentials = { accessToken: 'EAAB', appSecret: 'secret' }
const CARRIED = `confab.${correlation.conversationId}.${correlation.messageId}.${correlation.seal}`

const contexts: Readonly<Record<Name, RenderContext>> = {
  messenger: contextOf({
    credentials,
    address: { userId: '5501', threadId: null, accountAddress: '101' },
    account: { externalId: '101', options: {} },
  }),
  instagram: contextOf({
    credentials,
    address: { userId: '9901', threadId: null, accountAddress: '178' },
    account: { externalId: '178', options: {} },
  }),
  whatsapp: contextOf({ credentials }),
}

const sent = (name: Name, content: Content, more: Partial<RenderContext> = {}) => {
  const rendering = providerOf(name).render(content, { ...contexts[name], ...more })
  assert.ok(rendering.kind === 'exact' || rendering.kind === 'degraded', JSON.stringify(rendering))
  const { url, headers, body } = rendering.request
  const degraded = rendering.kind === 'degraded' ? rendering.degraded : []
  return { url, headers, body: JSON.parse(body ?? '') as Record<string, Record<string, unknown>>, degraded }
}
const refusal = (name: Name, content: Content, more: Partial<RenderContext> = {}) => {
  const rendering = providerOf(name).render(content, { ...contexts[name], ...more })
  assert.ok(rendering.kind === 'refused', JSON.stringify(rendering))
  return rendering.reason
}

test('Messenger: a text carries our ids in its metadata and quotes what it answers', () => {
  const { url, headers, body } = sent('messenger', samples.text, { replyTo: 'm_1' })
  assert.equal(url, 'https://api.example/v25.0/101/messages')
  assert.equal(headers['authorization'], 'Bearer EAAB')
  assert.deepEqual(body, {
    recipient: { id: '5501' },
    messaging_type: 'RESPONSE',
    message: { text: 'Grüße & more 🙂', reply_to: { mid: 'm_1' }, metadata: CARRIED },
  })
})

test('Messenger: outside of the window agents answer under a tag, machines not at all unless the account names one', () => {
  const tagged = sent('messenger', samples.text, { window: 'closed', author: 'agent' }).body
  assert.deepEqual([tagged['messaging_type'], tagged['tag']], ['MESSAGE_TAG', 'HUMAN_AGENT'])
  assert.equal(refusal('messenger', samples.text, { window: 'closed', author: 'bot' }), 'window_closed')
  const account = (options: Record<string, string>) => ({ account: { externalId: '101', options } })
  assert.equal(refusal('messenger', samples.text, { window: 'closed', author: 'agent', ...account({ agentTag: '' }) }), 'window_closed')
  assert.equal(
    sent('messenger', samples.text, { window: 'closed', author: 'bot', ...account({ tag: 'ACCOUNT_UPDATE' }) }).body['tag'],
    'ACCOUNT_UPDATE',
  )
})

test('Messenger: options become buttons, quick replies, or numbered text', () => {
  const buttons = sent('messenger', samples.choice)
  assert.deepEqual(buttons.body['message']?.['attachment'], {
    type: 'template',
    payload: {
      template_type: 'button',
      text: 'Which one?',
      buttons: [
        { type: 'postback', title: 'Blue', payload: 'Blue' },
        { type: 'postback', title: 'Red', payload: 'Red' },
      ],
    },
  })
  const five = sent('messenger', choice('buttons', ['A', 'B', 'C', 'D', 'E']))
  assert.deepEqual(five.degraded, ['buttons→quick-replies'])
  assert.equal((five.body['message']?.['quick_replies'] as unknown[]).length, 5)
  const many = sent(
    'messenger',
    choice(
      'list',
      Array.from({ length: 14 }, (_, n) => `O${n}`),
    ),
  )
  assert.deepEqual([many.degraded, String(many.body['message']?.['text']).split('\n')[1]], [['options→text'], '1. O0'])
  const short = sent('messenger', choice('quick-replies', ['A title that is longer than twenty']))
  assert.deepEqual(short.degraded, ['titles→shortened'])
  assert.equal((short.body['message']?.['quick_replies'] as { title: string; payload: string }[])[0]?.title, 'A title that is lon…')
  assert.equal(
    (short.body['message']?.['quick_replies'] as { title: string; payload: string }[])[0]?.payload,
    'A title that is longer than twenty',
  )
})

test('Messenger: cards are a carousel with pictures, links and buttons', () =>
  assert.deepEqual(sent('messenger', samples.cards).body['message']?.['attachment'], {
    type: 'template',
    payload: {
      template_type: 'generic',
      elements: [
        {
          title: 'Chair',
          subtitle: 'Oak',
          image_url: 'https://confab.example/v1/files/1?signed',
          default_action: { type: 'web_url', url: 'https://shop.example/chair' },
          buttons: [{ type: 'postback', title: 'Buy', payload: 'buy:1' }],
        },
      ],
    },
  }))

test('Messenger: a native message goes as it is, recipient and ids remaining ours', () => {
  const native = '{"attachment":{"type":"template","payload":{"template_type":"media"}},"metadata":"theirs"}'
  const { body } = sent('messenger', { ...blank, kind: 'native', native })
  assert.deepEqual(body['message'], { attachment: { type: 'template', payload: { template_type: 'media' } }, metadata: CARRIED })
})

test('Messenger: who is known by a plugin alone is addressed by its reference', () =>
  assert.deepEqual(
    sent('messenger', samples.text, { address: { userId: 'user_ref:r7', threadId: null, accountAddress: '101' } }).body['recipient'],
    {
      user_ref: 'r7',
    },
  ))

test('Messenger: a demanded proof of the secret stands in the query', () => {
  const { url } = sent('messenger', samples.text, {
    account: { externalId: '101', options: { appSecretProof: 'on', apiVersion: 'v26.0' } },
  })
  assert.match(url, /^https:\/\/api\.example\/v26\.0\/101\/messages\?appsecret_proof=[0-9a-f]{64}$/)
})

test('a file with words, or several, is refused whole and sent split', () => {
  const content: Content = { ...samples.media, text: 'look', attachments: [file('image', 'image/png'), file('file', 'application/pdf')] }
  assert.equal(refusal('messenger', content), 'content_refused')
  const parts = providerOf('messenger').split?.(content, '101') ?? []
  assert.deepEqual(
    parts.map(({ kind, text, attachments }) => [kind, text, attachments.map((each) => each.kind).join()]),
    [
      ['media', null, 'image'],
      ['media', null, 'file'],
      ['text', 'look', ''],
    ],
  )
})

test('Instagram: bytes are counted, nothing of ours is carried, options are quick replies, and its own login has its own host', () => {
  assert.equal(refusal('instagram', { ...blank, text: 'ü'.repeat(501) }), 'content_refused')
  const { url, body } = sent('instagram', { ...blank, text: 'ü'.repeat(500) })
  assert.equal(url, 'https://api.example/v25.0/me/messages')
  assert.equal(body['message']?.['metadata'], undefined)
  assert.deepEqual(sent('instagram', samples.choice).degraded, ['buttons→quick-replies'])
  const login = { apiUrl: 'https://graph.facebook.com', account: { externalId: '178', options: { login: 'instagram' } } }
  assert.equal(sent('instagram', samples.text, login).url, 'https://graph.instagram.com/v25.0/me/messages')
  const parts = providerOf('instagram').split?.({ ...blank, text: '🙂'.repeat(600) }, '') ?? []
  assert.ok(parts.length > 1 && parts.every(({ text }) => Buffer.byteLength(text ?? '') <= 1000 && (text ?? '').isWellFormed()))
})

test('WhatsApp: a text with our ids and a quote', () => {
  const { url, body } = sent('whatsapp', samples.text, { replyTo: 'wamid.0' })
  assert.equal(url, 'https://api.example/v25.0/106540352242922/messages')
  assert.deepEqual(body, {
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    to: '16505551234',
    type: 'text',
    text: { body: 'Grüße & more 🙂', preview_url: false },
    context: { message_id: 'wamid.0' },
    biz_opaque_callback_data: CARRIED,
  })
})

test('WhatsApp: a business-scoped id and a group are addressed as such', () => {
  const person = sent('whatsapp', samples.text, { address: { userId: 'US.134912086553', threadId: null, accountAddress: null } }).body
  assert.deepEqual([person['recipient'], person['to']], ['US.134912086553', undefined])
  const group = sent('whatsapp', samples.text, { address: { userId: '1', threadId: 'Y2Fw', accountAddress: null } }).body
  assert.deepEqual([group['recipient_type'], group['to']], ['group', 'Y2Fw'])
})

test('WhatsApp: after the window only a template goes', () => {
  assert.equal(refusal('whatsapp', samples.text, { window: 'closed', author: 'agent' }), 'window_closed')
  assert.equal(sent('whatsapp', samples.template, { window: 'closed' }).body['type'], 'template')
  const native = '{"type":"template","template":{"name":"x","language":{"code":"en"}}}'
  assert.equal(sent('whatsapp', { ...blank, kind: 'native', native }, { window: 'closed' }).body['type'], 'template')
})

test('WhatsApp: variables of a template find header, body and buttons', () => {
  const parameters = Object.entries({
    '2': 'b',
    '1': 'a',
    'header.image': 'https://x.example/1.png',
    'button.0.payload': 'P',
    'button.1': 'path',
    name: 'Ada',
  })
  const template = { name: 't', language: 'de', parameters: parameters.map(([name, value]) => ({ name, value })) }
  assert.deepEqual(sent('whatsapp', { ...blank, kind: 'template', template }).body['template'], {
    name: 't',
    language: { policy: 'deterministic', code: 'de' },
    components: [
      { type: 'header', parameters: [{ type: 'image', image: { link: 'https://x.example/1.png' } }] },
      {
        type: 'body',
        parameters: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
          { type: 'text', parameter_name: 'name', text: 'Ada' },
        ],
      },
      { type: 'button', sub_type: 'quick_reply', index: '0', parameters: [{ type: 'payload', payload: 'P' }] },
      { type: 'button', sub_type: 'url', index: '1', parameters: [{ type: 'text', text: 'path' }] },
    ],
  })
  assert.equal(refusal('whatsapp', { ...blank, kind: 'template', template: { ...template, language: null } }), 'content_refused')
})

test('WhatsApp: options become buttons, a list, one link, or numbered text', () => {
  const shape = (content: Content) => {
    const { body, degraded } = sent('whatsapp', content)
    return [body['type'] as unknown as string, (body['interactive'] ?? {})['type'], degraded.join()]
  }
  assert.deepEqual(shape(samples.choice), ['interactive', 'button', ''])
  assert.deepEqual(shape(choice('list', ['A', 'B'])), ['interactive', 'list', ''])
  assert.deepEqual(shape(choice('buttons', ['A', 'B', 'C', 'D'])), ['interactive', 'list', 'buttons→list'])
  assert.deepEqual(shape(choice('quick-replies', ['A'])), ['interactive', 'button', 'quick-replies→buttons'])
  assert.deepEqual(
    shape(
      choice(
        'list',
        Array.from({ length: 11 }, (_, n) => `O${n}`),
      ),
    ),
    ['text', undefined, 'options→text'],
  )
  const link: Content = {
    ...choice('buttons', []),
    choice: { style: 'buttons', header: null, footer: null, opener: null, options: [option('Shop', { url: 'https://shop.example' })] },
  }
  assert.deepEqual(shape(link), ['interactive', 'cta_url', ''])
  assert.equal(refusal('whatsapp', choice('buttons', ['A', 'A'])), 'content_refused')
})

test('WhatsApp: files go as what WhatsApp shows, others as documents', () => {
  const typeOf = (content: Content) => [sent('whatsapp', content).body['type'] as unknown, sent('whatsapp', content).degraded.join()]
  const one = (kind: Parameters<typeof file>[0], type: string, sizeBytes = 1000): Content => ({
    ...blank,
    kind: 'media',
    attachments: [{ ...file(kind, type), sizeBytes }],
  })
  assert.deepEqual(typeOf(one('image', 'image/gif')), ['document', 'image→file'])
  assert.deepEqual(typeOf(one('image', 'image/png', 6_000_000)), ['document', 'image→file'])
  assert.deepEqual(typeOf(one('audio', 'audio/ogg')), ['audio', ''])
  assert.equal(refusal('whatsapp', one('file', 'application/zip', 200_000_000)), 'content_refused')
  const voice = { ...one('audio', 'audio/ogg'), text: 'listen' }
  assert.equal(refusal('whatsapp', voice), 'content_refused')
  assert.deepEqual(
    providerOf('whatsapp')
      .split?.(voice, '')
      .map(({ kind }) => kind),
    ['media', 'text'],
  )
})

test('signals: typing, read marks and reactions as each provider has them', () => {
  const bodyOf = (name: Name, signal: Signal) => JSON.parse(providerOf(name).signal?.(signal, contexts[name])?.body ?? 'null') as unknown
  const typing: Signal = { kind: 'typing', isTyping: true, lastInboundId: 'wamid.7' }
  assert.deepEqual(bodyOf('messenger', typing), { recipient: { id: '5501' }, sender_action: 'typing_on' })
  assert.deepEqual(bodyOf('whatsapp', typing), {
    messaging_product: 'whatsapp',
    status: 'read',
    message_id: 'wamid.7',
    typing_indicator: { type: 'text' },
  })
  assert.equal(bodyOf('whatsapp', { kind: 'typing', isTyping: false, lastInboundId: 'wamid.7' }), null)
  assert.deepEqual(bodyOf('messenger', { kind: 'read', providerMessageId: 'm' }), { recipient: { id: '5501' }, sender_action: 'mark_seen' })
  assert.deepEqual(bodyOf('whatsapp', { kind: 'read', providerMessageId: 'w' }), {
    messaging_product: 'whatsapp',
    status: 'read',
    message_id: 'w',
  })
  assert.deepEqual(bodyOf('instagram', { kind: 'react', providerMessageId: 'm', emoji: '❤️' }), {
    recipient: { id: '9901' },
    sender_action: 'react',
    payload: { message_id: 'm', reaction: '❤️' },
  })
  assert.deepEqual(bodyOf('messenger', { kind: 'react', providerMessageId: 'm', emoji: null }), {
    recipient: { id: '5501' },
    sender_action: 'unreact',
    payload: { message_id: 'm' },
  })
  for (const name of ['messenger', 'instagram', 'whatsapp'] as const)
    assert.equal(bodyOf(name, { kind: 'delete', providerMessageId: 'm' }), null)
})

test('a thread is taken, asked for, and passed to another app, where apps share it', () => {
  const of = (signal: Signal) => providerOf('messenger').signal?.(signal, contexts.messenger) ?? assert.fail('no request')
  assert.equal(of({ kind: 'thread', action: 'take' }).url, 'https://api.example/v25.0/101/take_thread_control')
  const pass = of({ kind: 'thread', action: 'pass', appId: '263902037430900' })
  assert.equal(pass.url, 'https://api.example/v25.0/101/pass_thread_control')
  assert.deepEqual(JSON.parse(pass.body ?? ''), { recipient: { id: '5501' }, target_app_id: '263902037430900' })
  assert.equal(providerOf('whatsapp').signal?.({ kind: 'thread', action: 'take' }, contexts.whatsapp), null)
})
