// What the lines of the samples do not show: fields of Meta's events that identity, windows, media and echoes hang on.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelName, ParsedEvent } from '#channels'
import { openapiWebhooks, parseBody, samplesOf } from './samples.ts'

const eventOf = <K extends ParsedEvent['kind']>(channel: ChannelName, name: string, kind: K): Extract<ParsedEvent, { kind: K }> => {
  const sample = samplesOf(channel)[name] ?? assert.fail(`no sample "${name}"`)
  const event = parseBody(channel, sample.body).events.find((each) => each.kind === kind)
  assert.ok(event?.kind === kind)
  return event as Extract<ParsedEvent, { kind: K }>
}

test('each event of a request names its own account', () =>
  assert.deepEqual(
    parseBody('messenger', samplesOf('messenger')['two pages in one request']?.body).events.map((event) => event.accountAddresses),
    [['101'], ['202']],
  ))

test('a body names no signer, and is answered in words that Meta ignores', () => {
  const { signer, response } = parseBody('messenger', samplesOf('messenger')['a text']?.body)
  assert.deepEqual([signer, response.status, response.contentType], [null, 200, 'text/plain; charset=utf-8'])
})

test('an echo carries our ids, and whose app it was', () => {
  const ours = eventOf('messenger', 'an echo of our own send', 'echo')
  assert.deepEqual([ours.correlation, ours.appId], [{ conversationId: 'c', messageId: 'm', seal: 's' }, '1517776481860111'])
  const person = eventOf('messenger', 'an echo of a person in the inbox of the Page', 'echo')
  assert.deepEqual([person.correlation, person.appId], [null, null])
  const other = eventOf('messenger', 'an echo of another app with buttons', 'echo')
  assert.deepEqual([other.appId, other.content.choice?.options[0]?.payload], ['263902037430900', 'a'])
})

test('an ad says where the person came from', () =>
  assert.deepEqual(eventOf('messenger', 'a first message behind an ad', 'message').referral, {
    source: 'ADS',
    type: 'OPEN_THREAD',
    ref: 'spring',
    url: 'https://scontent.xx.fbcdn.net/v/t1.15752-9/1_n.jpg?oh=1',
    adId: '6045246247433',
    title: 'Spring',
    text: null,
  }))

test('what nobody knows is kept whole', () => {
  const messenger = eventOf('messenger', 'a message of an attachment nobody knows', 'message')
  assert.equal(JSON.parse(messenger.content.native ?? '').attachments[0].payload.depth, 3)
  const whatsapp = eventOf('whatsapp', 'a type that does not exist yet', 'message')
  assert.equal(JSON.parse(whatsapp.content.native ?? '').hologram.depth, 3)
})

test('a shared product is a card with its picture', () => {
  const { content } = eventOf('messenger', 'a shared product', 'message')
  assert.deepEqual([content.cards?.[0]?.title, content.cards?.[0]?.text, content.cards?.[0]?.image], ['Chair', '$30', 0])
})

test('an edit and a reaction are other events when they change again', () => {
  assert.deepEqual(eventOf('messenger', 'an edit', 'edit').eventKey, ['edit', 'm_1', '2'])
  const keys = ['a reaction', 'a reaction taken back'].map((name) => eventOf('messenger', name, 'reaction').eventKey.join())
  assert.equal(new Set(keys).size, 2)
})

test('a post elsewhere than on the CDN is a link and never fetched', () => {
  const body = {
    object: 'instagram',
    entry: [
      {
        id: '1',
        messaging: [
          {
            sender: { id: '2' },
            recipient: { id: '1' },
            timestamp: 1,
            message: { mid: 'x', attachments: [{ type: 'share', payload: { url: 'https://fbcdn.net.evil.example/x' } }] },
          },
        ],
      },
    ],
  }
  const [event] = parseBody('instagram', body).events
  assert.ok(event?.kind === 'message')
  assert.deepEqual([event.content.kind, event.content.text, event.content.attachments], ['text', 'https://fbcdn.net.evil.example/x', []])
})

test("a WhatsApp person's business-scoped id comes first, the number and its other spelling are aliases", () => {
  const both = eventOf('whatsapp', 'a text of a person known by a business-scoped id and a number', 'message')
  assert.deepEqual(
    [both.userId, both.aliases, both.profile?.phones, both.profile?.name],
    ['US.134912086553', ['16505551234'], ['+16505551234'], 'Ada'],
  )
  const neither = eventOf('whatsapp', 'a text without any number', 'message')
  assert.deepEqual(
    [neither.userId, neither.aliases, neither.profile?.phones, neither.profile?.name],
    ['US.134912086553', ['US.ENT.118'], [], '@ada'],
  )
  assert.deepEqual(eventOf('whatsapp', 'a text from Brazil', 'message').aliases, ['5511955512345'])
})

test('a WhatsApp file is named by its id, with its name and hash', () => {
  const [file] = eventOf('whatsapp', 'a document with its name', 'message').content.attachments
  assert.deepEqual(
    [file?.kind, file?.name, file?.sourceUrl, file?.sha256],
    [
      'file',
      'terms.pdf',
      'whatsapp-media:1003383421387256',
      Buffer.from('SfInY0gGKTsJlUWbwxC1k+FAD0FZHvzwfpvO0zX0GUI=', 'base64').toString('hex'),
    ],
  )
  assert.equal(file?.sha256?.length, 64)
})

test('a WhatsApp status carries our ids; a failure that may pass may be tried again', () => {
  assert.deepEqual(eventOf('whatsapp', 'sent, with its price', 'receipt').correlation, { conversationId: 'c', messageId: 'm', seal: 's' })
  assert.equal(eventOf('whatsapp', 'failed for now', 'receipt').mayRetry, true)
  assert.equal(eventOf('whatsapp', 'failed, because the window is closed', 'receipt').mayRetry, undefined)
})

test('seconds become milliseconds', () => {
  assert.equal(eventOf('whatsapp', 'a voice message', 'message').providerAt, 1_749_416_383_000)
  assert.equal(eventOf('instagram', 'a text by Instagram Login', 'message').providerAt, 1_772_998_024_000)
})

test("Meta's contact card, order and ad are read in full", () => {
  const contentOf = (name: string) => {
    const [event] = parseBody('whatsapp', openapiWebhooks()[name]).events
    assert.ok(event?.kind === 'message')
    return event
  }
  assert.deepEqual(contentOf('Contact Sharing Message').content.vcards, [
    { name: 'Lucía Gómez', phones: ['+1 (983) 555-2319'], emails: [], organization: 'Google' },
  ])
  assert.deepEqual(contentOf('Order Message').content.order?.items[0], { productId: 'di9ozbzfi4', quantity: 2, price: 30, currency: 'USD' })
  const { referral } = contentOf('Text Message from Click to WhatsApp Ad')
  assert.deepEqual([referral?.source, referral?.adId, referral?.title], ['ADS', '120226305854810726', 'Chat with us'])
})

test('a number of the account that is not named is not taken from its account', () => {
  const [event] = parseBody('whatsapp', samplesOf('whatsapp')['a voice message']?.body).events
  assert.deepEqual(event?.accountAddresses, ['106540352242922'])
  const [news] = parseBody('whatsapp', samplesOf('whatsapp')['a template rejected']?.body).events
  assert.deepEqual(news?.accountAddresses, ['102290129340398'])
})

test('one part that cannot be read costs none of the others', () => {
  const text = { sender: { id: '2' }, recipient: { id: '1' }, timestamp: 5, message: { mid: 'a', text: 'x' } }
  const messaging = [{ message: { mid: 'b' } }, { sender: { id: '2' }, recipient: { id: '1' }, message: {} }, text]
  const { events, faults } = parseBody('messenger', { object: 'page', entry: [{}, { id: '1', messaging }] })
  assert.deepEqual([events.length, faults], [1, ['an entry without id', 'a message without sender or recipient', 'a message without mid']])
})

test('more events than a request may hold are cut off with a fault', () => {
  const item = (n: number) => ({ sender: { id: '2' }, recipient: { id: '1' }, message: { mid: `m${n}`, text: 'x' } })
  const { events, faults } = parseBody('messenger', {
    object: 'page',
    entry: [{ id: '1', messaging: Array.from({ length: 2500 }, (_, n) => item(n)) }],
  })
  assert.deepEqual([events.length, faults], [2000, ['more events than a request may hold']])
})

test('a reaction and a deletion on our side are told from those of the person', () => {
  const of = (sender: string, recipient: string, part: object) => {
    const messaging = [{ sender: { id: sender }, recipient: { id: recipient }, timestamp: 5, ...part }]
    const [event] = parseBody('instagram', { object: 'instagram', entry: [{ id: '1', messaging }] }).events
    return [event?.kind, event?.userId, event?.isOurs]
  }
  const reaction = { reaction: { mid: 'm', action: 'react', emoji: '👍' } }
  assert.deepEqual(of('2', '1', reaction), ['reaction', '2', undefined])
  assert.deepEqual(of('1', '2', reaction), ['reaction', '2', true])
  assert.deepEqual(of('1', '2', { message: { mid: 'm', is_echo: true, is_deleted: true } }), ['unsend', '2', true])
})
