// What an inbound form says, as our content: text, media, location, answer.
// Between Twilio's parameter names and the message that agents read.

import type { Attachment, MessageContent, Profile } from '#schemas/log'
import { ATTACHMENTS_MAX, blankContent, blankProfile, remoteAttachment } from '../content.ts'
import { filled, first, type Form } from './form.ts'

const attachmentsOf = (form: Form): Attachment[] => {
  const count = Math.min(Number(first(form, 'NumMedia') ?? 0) || 0, ATTACHMENTS_MAX)
  return Array.from({ length: count }, (_, index) => {
    const url = filled(form, `MediaUrl${index}`)
    return url === null ? [] : [remoteAttachment(url, filled(form, `MediaContentType${index}`) ?? 'application/octet-stream')]
  }).flat()
}

const degrees = (text: string | null, max: number): number | null => {
  const value = text === null ? Number.NaN : Number(text)
  return Number.isFinite(value) && Math.abs(value) <= max ? value : null
}

/** Parameters that other fields of ours hold already, or that say nothing about the message. */
const MAPPED = new Set([
  'MessageSid',
  'SmsMessageSid',
  'SmsSid',
  'AccountSid',
  'ApiVersion',
  'From',
  'To',
  'Body',
  'NumMedia',
  'NumSegments',
  'SmsStatus',
  'ProfileName',
  'MessageType',
  'ButtonText',
  'ButtonPayload',
  'Latitude',
  'Longitude',
  'Address',
  'Label',
  // What became of the request to the primary URL, where this one came to the fallback.
  'ErrorCode',
  'ErrorUrl',
])

/** The provider's own part that no field of ours holds: geography, referrals, forwards, replies. */
const nativeOf = (form: Form, isUnsupported: boolean): string | null => {
  const rest = [...form].filter(([name]) => isUnsupported || (!MAPPED.has(name) && !/^Media(?:Url|ContentType)\d+$/.test(name)))
  if (rest.length === 0) return null
  return JSON.stringify(Object.fromEntries(rest.map(([name, values]) => [name, values.length === 1 ? values[0] : values])))
}

type Essence = Partial<MessageContent> & Pick<MessageContent, 'kind'>

const answerOf = (form: Form, body: string | null): Essence | null => {
  const payload = filled(form, 'ButtonPayload') ?? filled(form, 'ListId')
  const label = filled(form, 'ButtonText') ?? filled(form, 'ListTitle')
  if (payload === null && label === null) return null
  const text = label ?? body ?? ''
  return { kind: 'answer', text, answer: { text, payload, answersProviderId: filled(form, 'OriginalRepliedMessageSid') } }
}

const locationOf = (form: Form, body: string | null): Essence | null => {
  const latitude = degrees(filled(form, 'Latitude'), 90)
  const longitude = degrees(filled(form, 'Longitude'), 180)
  if (latitude === null || longitude === null) return null
  return { kind: 'location', text: body, location: { latitude, longitude, name: filled(form, 'Label'), address: filled(form, 'Address') } }
}

const essenceOf = (form: Form): Essence => {
  const body = filled(form, 'Body')
  const special = answerOf(form, body) ?? locationOf(form, body)
  if (special !== null) return special
  const attachments = attachmentsOf(form)
  if (attachments.length > 0) return { kind: 'media', text: body, attachments }
  const type = first(form, 'MessageType')
  // An SMS may be empty and is still a text; a WhatsApp message of another type without anything readable is not.
  return body !== null || type === undefined || type === 'text' ? { kind: 'text', text: body ?? '' } : { kind: 'unsupported' }
}

export const contentOf = (form: Form, providerMessageId: string): MessageContent => {
  const essence = essenceOf(form)
  return { ...blankContent(), ...essence, native: nativeOf(form, essence.kind === 'unsupported'), providerMessageId }
}

/** E.164 inside an address, for the contact's card; an alphanumeric sender or short code has none. */
const phoneOf = (userId: string): string | undefined => /^(?:[a-z]+:)?(\+\d{6,15})$/.exec(userId)?.[1]

export const profileOf = (userId: string, name: string | null): Profile => {
  const phone = phoneOf(userId)
  return blankProfile(userId, { name, phones: phone === undefined ? [] : [phone] })
}

const STOP = new Set(['STOP', 'STOPALL', 'UNSUBSCRIBE', 'CANCEL', 'END', 'QUIT', 'OPTOUT', 'REVOKE'])
const START = new Set(['START', 'YES', 'UNSTOP'])

/** What Twilio's opt-out handling made of it, else the words that Twilio and carriers act on; SMS alone has such words. */
export const optOf = (form: Form, userId: string): 'out' | 'in' | null => {
  const type = first(form, 'OptOutType')?.toUpperCase()
  if (type === 'STOP') return 'out'
  if (type === 'START') return 'in'
  if (type !== undefined || userId.includes(':')) return null
  const word = (first(form, 'Body') ?? '').trim().toUpperCase()
  return STOP.has(word) ? 'out' : START.has(word) ? 'in' : null
}
