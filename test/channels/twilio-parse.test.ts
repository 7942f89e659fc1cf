// Twilio's forms as events and commands: messages of each kind, statuses in any order, opt-outs, what cannot be read.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { channels, type ParsedMessage, type ParsedReceipt } from '#channels'
import { commandsOf, sealOf } from '#runtime'

const webhook = channels.twilio.webhook ?? assert.fail('twilio has a webhook')
const SID = `SM${'1'.repeat(32)}`
const BASE = {
  MessageSid: SID,
  SmsMessageSid: SID,
  SmsSid: SID,
  AccountSid: `AC${'0'.repeat(32)}`,
  From: '+15550101',
  To: '+15550100',
  SmsStatus: 'received',
  NumMedia: '0',
  NumSegments: '1',
  ApiVersion: '2010-04-01',
}
const URL_OF_OURS = 'https://confab.example/v1/ingest/twilio/key'

const parse = (fields: Record<string, string>, url = URL_OF_OURS) =>
  webhook.parse({ url, headers: {}, body: Buffer.from(new URLSearchParams(fields).toString()) })
const messageOf = (fields: Record<string, string>): ParsedMessage => {
  const { events, faults, response, signer } = parse({ ...BASE, ...fields })
  assert.deepEqual(
    [faults, response, signer],
    [[], { status: 200, contentType: 'text/xml; charset=utf-8', body: '<Response/>' }, BASE.AccountSid],
  )
  const [event] = events
  assert.ok(event?.kind === 'message')
  return event
}
const receiptOf = (fields: Record<string, string>, url?: string): ParsedReceipt | undefined => {
  const { events } = parse({ ...BASE, SmsStatus: fields['MessageStatus'] ?? '', From: BASE.To, To: BASE.From, ...fields }, url)
  assert.ok(events.every(({ kind }) => kind === 'receipt'))
  return events[0] as ParsedReceipt | undefined
}

test('reads a text as it was typed, and an empty SMS as an empty text', () => {
  const { content, userId, accountAddresses, providerMessageId, profile, opt } = messageOf({ Body: '  Grüße\n🙂 ', FromCity: 'BERLIN' })
  assert.deepEqual(
    [content.kind, content.text, userId, accountAddresses, providerMessageId, profile?.phones, opt],
    ['text', '  Grüße\n🙂 ', '+15550101', ['+15550100'], SID, ['+15550101'], null],
  )
  assert.deepEqual(JSON.parse(content.native ?? ''), { FromCity: 'BERLIN' })
  assert.deepEqual([messageOf({ Body: '' }).content.kind, messageOf({ Body: '' }).content.text], ['text', ''])
})

test('reads media in order, with a caption, to be fetched', () => {
  const { content } = messageOf({
    Body: 'look',
    NumMedia: '2',
    MediaUrl0: 'https://api.twilio.com/a',
    MediaContentType0: 'image/jpeg',
    MediaUrl1: 'https://api.twilio.com/b',
    MediaContentType1: 'application/pdf',
  })
  assert.equal(content.kind, 'media')
  assert.equal(content.text, 'look')
  assert.deepEqual(
    content.attachments.map(({ kind, state, sourceUrl, contentType }) => [kind, state, sourceUrl, contentType]),
    [
      ['image', 'fetching', 'https://api.twilio.com/a', 'image/jpeg'],
      ['file', 'fetching', 'https://api.twilio.com/b', 'application/pdf'],
    ],
  )
})

test('reads WhatsApp: opaque address, name, location, a tapped button with the message it answers', () => {
  const place = messageOf({
    From: 'whatsapp:+15550101',
    To: 'whatsapp:+15550100',
    ProfileName: 'Ada',
    MessageType: 'location',
    Latitude: '52.5',
    Longitude: '-13.4',
    Label: 'Tower',
    Address: 'A street',
  })
  assert.deepEqual([place.userId, place.profile?.name, place.profile?.phones], ['whatsapp:+15550101', 'Ada', ['+15550101']])
  assert.deepEqual(place.content.location, { latitude: 52.5, longitude: -13.4, name: 'Tower', address: 'A street' })
  const tap = messageOf({
    From: 'whatsapp:+15550101',
    MessageType: 'button',
    Body: 'Yes',
    ButtonText: 'Yes',
    ButtonPayload: 'confirm',
    OriginalRepliedMessageSid: 'SM2',
  })
  assert.deepEqual(tap.content.answer, { text: 'Yes', payload: 'confirm', answersProviderId: 'SM2' })
  const other = messageOf({ From: 'whatsapp:+15550101', MessageType: 'contacts', Body: '' })
  assert.deepEqual([other.content.kind, JSON.parse(other.content.native ?? '').MessageType], ['unsupported', 'contacts'])
})

test('takes an alphanumeric sender or a short code as it is', () =>
  assert.deepEqual(
    [messageOf({ From: 'MYBANK', Body: 'x' }).userId, messageOf({ From: 'MYBANK', Body: 'x' }).profile?.phones],
    ['MYBANK', []],
  ))

test('sees opt-out and opt-in: by OptOutType, else by the word alone, on SMS alone', () => {
  assert.equal(messageOf({ Body: 'anything', OptOutType: 'STOP' }).opt, 'out')
  assert.equal(messageOf({ Body: 'help', OptOutType: 'HELP' }).opt, null)
  assert.equal(messageOf({ Body: ' stop ' }).opt, 'out')
  assert.equal(messageOf({ Body: 'Start' }).opt, 'in')
  assert.equal(messageOf({ Body: 'please stop' }).opt, null)
  assert.equal(messageOf({ From: 'whatsapp:+15550101', Body: 'STOP' }).opt, null)
})

test('maps statuses; those before sent say nothing new', () => {
  const states = [
    'accepted',
    'scheduled',
    'queued',
    'sending',
    'sent',
    'delivered',
    'read',
    'undelivered',
    'failed',
    'canceled',
    'brand-new',
  ].map((MessageStatus) => receiptOf({ MessageStatus })?.state)
  assert.deepEqual(states, [
    undefined,
    undefined,
    undefined,
    undefined,
    'sent',
    'delivered',
    'read',
    'failed',
    'failed',
    'failed',
    undefined,
  ])
  const { reason, providerCode, userId, accountAddresses } =
    receiptOf({ MessageStatus: 'undelivered', ErrorCode: '30005', MessagingServiceSid: 'MG1' }) ?? assert.fail('a receipt')
  assert.deepEqual([reason, providerCode, userId, accountAddresses], ['recipient_invalid', 30005, '+15550101', ['+15550100', 'MG1']])
  assert.equal(receiptOf({ MessageStatus: 'failed', ErrorCode: '99999' })?.reason, 'undelivered')
})

test('never throws for a signed body, whatever it holds', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (body) => void webhook.parse({ url: URL_OF_OURS, headers: {}, body })))
  const names = fc.constantFrom(
    ...Object.keys(BASE),
    'Body',
    'MessageStatus',
    'MediaUrl0',
    'Latitude',
    'Longitude',
    'ErrorCode',
    '__proto__',
    'constructor',
  )
  fc.assert(
    fc.property(fc.dictionary(names, fc.string()), (fields) => {
      const { events, faults } = parse({ ...BASE, ...fields })
      assert.ok(events.length <= 1 && (faults.length === 0 || events.length === 0))
    }),
  )
  assert.deepEqual(parse({ CallSid: 'CA1' }).faults, ['no MessageSid'])
})

const idKey = randomBytes(32)
const context = {
  organizationId: '00000000-0000-8000-8000-00000000000a',
  idKey,
  account: { id: '00000000-0000-8000-8000-00000000000b', channel: 'twilio' },
  receivedAt: 5,
} as const

test('gives the same commands for the same webhook, and one conversation for one person', () => {
  const once = commandsOf([messageOf({ Body: 'a' })], context)
  assert.deepEqual(commandsOf([messageOf({ Body: 'a' })], context), once)
  const [other] = commandsOf([messageOf({ Body: 'b', MessageSid: `SM${'2'.repeat(32)}` })], context)
  assert.equal(other?.actor.id, once[0]?.actor.id)
  assert.notEqual(other?.commandId, once[0]?.commandId)
  assert.deepEqual(
    commandsOf([messageOf({ Body: 'STOP' })], context).map(({ type }) => type),
    ['message.receive', 'conversation.opt', 'contact.opt'],
  )
})

test("trusts a callback's ids only under this organization's seal, and finds the conversation by the number otherwise", () => {
  const ids = { conversationId: '00000000-0000-8000-8000-00000000000c', messageId: '00000000-0000-8000-8000-00000000000d' }
  const query = (seal: string) => `${URL_OF_OURS}?c=${ids.conversationId}&m=${ids.messageId}&s=${seal}`
  const commandOf = (url: string) => {
    const receipt = receiptOf({ MessageStatus: 'sent' }, url)
    const [command] = commandsOf(receipt === undefined ? [] : [receipt], context)
    assert.ok(command?.type === 'receipt.report')
    return command
  }
  const trusted = commandOf(query(sealOf(idKey, context.account.id, ids)))
  assert.deepEqual([trusted.actor.id, trusted.data.messageId], [ids.conversationId, ids.messageId])
  const [inbound] = commandsOf([messageOf({ Body: 'a' })], context)
  for (const url of [query('0'.repeat(32)), query(sealOf(randomBytes(32), context.account.id, ids)), URL_OF_OURS]) {
    const derived = commandOf(url)
    assert.deepEqual([derived.actor.id, derived.data.messageId], [inbound?.actor.id, null])
  }
})

test('prints an ingest URL with its retry options', () =>
  assert.equal(
    webhook.ingestUrl('https://confab.example/', 'a b'),
    'https://confab.example/v1/ingest/twilio/a%20b#rc=5&rp=5xx,ct,rt&ct=2000&rt=4000',
  ))

test('a webhook that comes by the fallback URL is the same message, not a failure', () => {
  const direct = messageOf({ Body: 'once' })
  const fallen = messageOf({ Body: 'once', ErrorCode: '11200', ErrorUrl: URL_OF_OURS })
  assert.deepEqual(fallen, direct)
})
