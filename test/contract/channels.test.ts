// Every channel keeps the contract: Messenger, Instagram, WhatsApp, Twilio, custom; web, which has neither webhook nor provider.

import { createHmac } from 'node:crypto'
import { createRequire } from 'node:module'
import { channels, type ChannelName, type Headers, type RequestDescription } from '#channels'
import { contextOf, correlation } from '../channels/content.ts'
import { bytesOf, samplesOf } from '../channels/samples.ts'
import { describeChannel } from './channel.ts'
import type { ChannelForm } from './channel-form.ts'

const require = createRequire(import.meta.url)
// Twilio's own signer, independent of ours.
const { getExpectedTwilioSignature } = require('twilio/lib/webhooks/webhooks') as {
  getExpectedTwilioSignature(token: string, url: string, parameters: Record<string, string>): string
}

const bodiesOf = (channel: ChannelName): Record<string, Buffer> =>
  Object.fromEntries(Object.entries(samplesOf(channel)).map(([name, { body }]) => [name, bytesOf(body)]))
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const bodyOf = ({ body }: RequestDescription): Record<string, unknown> => JSON.parse(body ?? '{}') as Record<string, unknown>
const urlOf = (channel: ChannelName): string => `https://confab.example/v1/ingest/${channel}/key`

const metaCredentials = { appId: '1517776481860111', appSecret: 'FAKE_SECRET', verifyToken: 'meatyhamhock', accessToken: 'EAAB-token' }

const meta = (channel: 'messenger' | 'instagram' | 'whatsapp', user: string, account: string) => ({
  adapter: channels[channel],
  credentials: metaCredentials,
  otherSecret: 'OTHER_SECRET',
  context: () =>
    contextOf({
      credentials: metaCredentials,
      address: { userId: user, threadId: null, accountAddress: account },
      account: { externalId: account, options: {} },
    }),
  bodies: bodiesOf(channel),
  sign: (body: Buffer, secret: string) => ({
    url: urlOf(channel),
    headers: { 'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` } as Headers,
    body,
  }),
  unheard: 'permanent-message' as const,
})

const item = (object: string, account: string, part: object): Buffer =>
  json({ object, entry: [{ id: account, time: 1, messaging: [part] }] })
const status = (part: object): Buffer =>
  json({
    object: 'whatsapp_business_account',
    entry: [{ id: '1', changes: [{ field: 'messages', value: { metadata: { phone_number_id: '106540352242922' }, statuses: [part] } }] }],
  })

const messenger: ChannelForm = {
  ...meta('messenger', '5501', '101'),
  recipientIn: (request) => (bodyOf(request)['recipient'] as { id: string }).id,
  acceptance: (id) => ({
    answer: JSON.stringify({ recipient_id: '5501', message_id: id }),
    receipt: item('page', '101', { sender: { id: '5501' }, recipient: { id: '101' }, delivery: { mids: [id] } }),
  }),
  echoOf: (request) => {
    const { text, metadata } = bodyOf(request)['message'] as { text: string; metadata: string }
    return item('page', '101', { sender: { id: '101' }, recipient: { id: '5501' }, message: { mid: 'm', is_echo: true, text, metadata } })
  },
}

const instagram: ChannelForm = {
  ...meta('instagram', '9901', '17841400000000001'),
  recipientIn: (request) => (bodyOf(request)['recipient'] as { id: string }).id,
  acceptance: (id) => ({
    answer: JSON.stringify({ recipient_id: '9901', message_id: id }),
    receipt: item('instagram', '17841400000000001', { sender: { id: '9901' }, recipient: { id: '17841400000000001' }, read: { mid: id } }),
  }),
  // Instagram hands nothing of ours back.
  echoOf: () => null,
}

const whatsapp: ChannelForm = {
  ...meta('whatsapp', '16505551234', '106540352242922'),
  recipientIn: (request) => bodyOf(request)['to'] as string,
  acceptance: (id) => ({
    answer: JSON.stringify({ messaging_product: 'whatsapp', contacts: [{ input: '+1', wa_id: '16505551234' }], messages: [{ id }] }),
    receipt: status({ id, status: 'delivered', timestamp: '1750030073', recipient_id: '16505551234' }),
  }),
  echoOf: (request) => {
    const { biz_opaque_callback_data } = bodyOf(request)
    return status({ id: 'wamid.1', status: 'sent', timestamp: '1', recipient_id: '16505551234', biz_opaque_callback_data })
  },
}

const twilioCredentials = { accountSid: `AC${'0'.repeat(32)}`, authToken: 'twilio-token' }
const form = (fields: Record<string, string>): Buffer => Buffer.from(new URLSearchParams(fields).toString())
const sms = { MessageSid: `SM${'1'.repeat(32)}`, AccountSid: twilioCredentials.accountSid, From: '+15550101', To: '+15550100' }
const callbackUrl = channels.twilio.provider?.callbackUrl('https://confab.example', 'key', correlation) ?? null

const twilio: ChannelForm = {
  adapter: channels.twilio,
  credentials: twilioCredentials,
  otherSecret: 'other-token',
  context: () =>
    contextOf({
      credentials: twilioCredentials,
      address: { userId: '+15550101', threadId: null, accountAddress: '+15550100' },
      account: { externalId: '+15550100', options: {} },
      callbackUrl,
    }),
  bodies: {
    'a text': form({ ...sms, Body: 'Grüße & more', NumMedia: '0', SmsStatus: 'received' }),
    'a picture': form({ ...sms, Body: '', NumMedia: '1', MediaUrl0: 'https://api.twilio.com/a', MediaContentType0: 'image/png' }),
    'a status': form({ ...sms, From: '+15550100', To: '+15550101', MessageStatus: 'delivered' }),
  },
  sign: (body, secret) => {
    const parameters = Object.fromEntries(new URLSearchParams(body.toString()))
    const signature = getExpectedTwilioSignature(secret, urlOf('twilio'), parameters)
    return { url: urlOf('twilio'), headers: { 'x-twilio-signature': signature, 'content-type': 'application/x-www-form-urlencoded' }, body }
  },
  covered: (sample) => [
    { ...sample, url: `${sample.url}x` },
    { ...sample, url: `${sample.url}?m=other` },
    { ...sample, url: sample.url.replace('confab', 'evil') },
  ],
  recipientIn: ({ body }) => new URLSearchParams(body ?? '').get('To') ?? '',
  // Twilio's ids have a form of their own, which another test holds its receipts to.
  acceptance: (id) => ({ answer: JSON.stringify({ sid: id }), receipt: null }),
  echoOf: () => form({ ...sms, From: '+15550100', To: '+15550101', MessageStatus: 'sent' }),
  unheard: 'permanent-message',
}

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const customCredentials = { secret: SECRET }

const custom: ChannelForm = {
  adapter: channels.custom,
  credentials: customCredentials,
  otherSecret: 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD',
  context: () =>
    contextOf({
      credentials: customCredentials,
      address: { userId: 'u1', threadId: 't1', accountAddress: 'demo' },
      account: { externalId: 'demo', options: { sendUrl: 'https://connector.example/send' } },
    }),
  bodies: bodiesOf('custom'),
  sign: (body, secret) => {
    const [id, timestamp] = ['msg_1', '1790000000']
    const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
    const signature = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')
    return {
      url: urlOf('custom'),
      headers: { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` },
      body,
    }
  },
  covered: (sample) => [
    { ...sample, headers: { ...sample.headers, 'webhook-id': 'msg_2' } },
    { ...sample, headers: { ...sample.headers, 'webhook-timestamp': '1790000001' } },
  ],
  recipientIn: (request) => (bodyOf(request)['conversation'] as { user: string }).user,
  acceptance: (id) => ({
    answer: JSON.stringify({ id }),
    receipt: json({ receipts: [{ id, to: 'u1', thread: 't1', state: 'delivered' }] }),
  }),
  // The id of the request is ours; a connector reports by its own.
  echoOf: () => null,
  unheard: 'unknown',
}

const web: ChannelForm = { ...custom, adapter: channels.web, credentials: {} }

for (const each of [messenger, instagram, whatsapp, twilio, custom, web]) describeChannel(each)
