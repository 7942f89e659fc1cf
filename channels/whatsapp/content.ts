// What one WhatsApp message says, as our content: text, media by id, place, contact cards, orders, taps.
// Between Meta's message types and the message that agents read; of what is unknown the whole part is kept.

import { blankContent, remoteAttachment, type ContactCard, type Content } from '../content.ts'
import { idOf, inner, listOf, numberOf, textOf, written, type JsonObject } from '../json.ts'
import type { Attachment } from '#schemas/log'

type Essence = Partial<Content> & Pick<Content, 'kind'>

interface Media {
  readonly kind: Attachment['kind']
  /** Where the message names no type. */
  readonly contentType: string
}

const MEDIA: ReadonlyMap<string, Media> = new Map([
  ['image', { kind: 'image', contentType: 'image/*' }],
  ['video', { kind: 'video', contentType: 'video/*' }],
  ['audio', { kind: 'audio', contentType: 'audio/*' }],
  ['voice', { kind: 'audio', contentType: 'audio/*' }],
  ['document', { kind: 'file', contentType: 'application/octet-stream' }],
  ['sticker', { kind: 'sticker', contentType: 'image/webp' }],
])
const CARDS_MAX = 50

/** Media is named by an id, valid for 7 days; where it lies is asked when it is fetched. */
export const MEDIA_SCHEME = 'whatsapp-media:'

const hex = (base64: string | null): string | null => {
  const bytes = base64 === null ? null : Buffer.from(base64, 'base64')
  return bytes?.length === 32 ? bytes.toString('hex') : null
}

const mediaOf = (part: JsonObject, type: string): Essence | null => {
  const id = idOf(part, 'id')
  const media = MEDIA.get(type)
  if (id === null || media === undefined) return null
  const attachment = remoteAttachment(`${MEDIA_SCHEME}${id}`, textOf(part, 'mime_type') ?? media.contentType, {
    kind: media.kind,
    name: textOf(part, 'filename'),
    sha256: hex(textOf(part, 'sha256')),
  })
  return { kind: 'media', text: textOf(part, 'caption'), attachments: [attachment] }
}

const locationOf = (part: JsonObject): Essence | null => {
  const [latitude, longitude] = [numberOf(part, 'latitude'), numberOf(part, 'longitude')]
  if (latitude === null || longitude === null || Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return null
  return { kind: 'location', location: { latitude, longitude, name: textOf(part, 'name'), address: textOf(part, 'address') } }
}

const vcardOf = (contact: JsonObject): ContactCard => {
  const name = inner(contact, 'name')
  const parts = [textOf(name, 'first_name'), textOf(name, 'last_name')].filter((part) => part !== null)
  const texts = (list: string, field: string): string[] =>
    (listOf(contact, list) ?? []).map((each) => textOf(each, field)).filter((text) => text !== null)
  return {
    name: textOf(name, 'formatted_name') ?? parts.join(' '),
    phones: texts('phones', 'phone'),
    emails: texts('emails', 'email'),
    organization: textOf(inner(contact, 'org'), 'company'),
  }
}

const orderOf = (part: JsonObject): Essence => ({
  kind: 'order',
  text: textOf(part, 'text'),
  order: {
    catalogId: idOf(part, 'catalog_id'),
    items: (listOf(part, 'product_items') ?? []).slice(0, CARDS_MAX).map((item) => ({
      productId: idOf(item, 'product_retailer_id') ?? '',
      quantity: numberOf(item, 'quantity') ?? 1,
      price: numberOf(item, 'item_price'),
      currency: textOf(item, 'currency'),
    })),
  },
})

const answer = (text: string | null, payload: string | null, answersProviderId: string | null): Essence => ({
  kind: 'answer',
  text: text ?? payload,
  answer: { text: text ?? payload ?? '', payload, answersProviderId },
})

/** A tapped button or row; of a flow (`nfm_reply`) the filled form stands in the payload as JSON. */
const interactiveOf = (part: JsonObject, quoted: string | null): Essence | null => {
  const reply = inner(part, 'button_reply') ?? inner(part, 'list_reply')
  if (reply !== undefined) return answer(textOf(reply, 'title'), idOf(reply, 'id'), quoted)
  const flow = inner(part, 'nfm_reply')
  return flow === undefined ? null : answer(textOf(flow, 'body') ?? textOf(flow, 'name'), textOf(flow, 'response_json'), quoted)
}

const essenceOf = (message: JsonObject, type: string): Essence | null => {
  const part = inner(message, type)
  const quoted = idOf(inner(message, 'context'), 'id')
  if (type === 'contacts') {
    const vcards = (listOf(message, 'contacts') ?? []).slice(0, CARDS_MAX).map(vcardOf)
    return vcards.length === 0 ? null : { kind: 'vcards', vcards }
  }
  if (part === undefined) return null
  switch (type) {
    case 'text':
      return typeof part['body'] === 'string' ? { kind: 'text', text: part['body'] } : null
    case 'location':
      return locationOf(part)
    case 'interactive':
      return interactiveOf(part, quoted)
    case 'button':
      return answer(textOf(part, 'text'), textOf(part, 'payload'), quoted)
    case 'order':
      return orderOf(part)
    default:
      return mediaOf(part, type)
  }
}

/** Fields of a message that ours hold already; `contacts`, `order` and the like by their kind. */
const MAPPED = new Set(['id', 'from', 'to', 'from_user_id', 'from_parent_user_id', 'timestamp', 'type', 'referral', 'group_id'])

/** The context beyond the quote: forwarded, a product asked about. */
const nativeOf = (message: JsonObject, type: string): string | null => {
  const { id: _id, from: _from, ...context } = inner(message, 'context') ?? {}
  const rest = Object.entries(message).filter(([name]) => !MAPPED.has(name) && name !== type && name !== 'context')
  if (rest.length === 0 && Object.keys(context).length === 0) return null
  return written({ ...Object.fromEntries(rest), ...(Object.keys(context).length === 0 ? {} : { context }) })
}

export const contentOf = (message: JsonObject, providerMessageId: string): Content => {
  const type = textOf(message, 'type') ?? ''
  const essence = essenceOf(message, type)
  if (essence === null) return { ...blankContent(), kind: 'unsupported', native: written(message), providerMessageId }
  return { ...blankContent(), ...essence, native: nativeOf(message, type), providerMessageId }
}
