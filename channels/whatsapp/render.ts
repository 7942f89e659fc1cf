// Our message as a request to the Cloud API's /messages; signals as its reactions, read marks and typing.
// Between the sender's content and address, and the bytes that leave (PROTOCOLS 3.4; judged by Meta's OpenAPI file).

import { plainText, type Content, type ContactCard } from '../content.ts'
import { made, nativeObject, refused, rendered, type Draft } from '../draft.ts'
import { carried } from '../meta/correlation.ts'
import { graphPost } from '../meta/graph.ts'
import type { RenderContext, Rendering, RequestDescription, Signal } from '../shape.ts'
import { characters, splitBy, type Limits } from '../split.ts'
import type { Attachment } from '#schemas/log'
import { cardPart, choicePart, QUESTION_MAX, type Part } from './interactive.ts'
import { isBusinessScoped } from './numbers.ts'
import { templateObject } from './template.ts'

const MEGABYTE = 1_048_576
const CONTACTS_MAX = 5

export const limits: Limits = {
  textMax: 4096,
  measure: characters,
  captionMax: 1024,
  attachmentsMax: 1,
  cardsMax: 1,
  questionMax: QUESTION_MAX,
}

/** A part of the message object: `type` and what it names. */
type Draw = Draft<Part>

const typed = (type: string, value: unknown): Part => ({ type, [type]: value })

const text = (said: string | null, ...degraded: readonly string[]): Draw => {
  if (said === null || said === '') return refused('The text is empty.')
  if (said.length > limits.textMax) return refused(`The text is longer than ${limits.textMax} characters: split it.`)
  return made(typed('text', { body: said, preview_url: /https?:\/\//.test(said) }), ...degraded)
}

/** Types and sizes that each kind of media may have; what does not fit goes as a document. */
const MEDIA: Readonly<Record<Attachment['kind'], { readonly types: RegExp; readonly bytesMax: number }>> = {
  image: { types: /^image\/(?:jpeg|png)/, bytesMax: 5 * MEGABYTE },
  video: { types: /^video\/(?:mp4|3gpp)/, bytesMax: 16 * MEGABYTE },
  audio: { types: /^audio\/(?:aac|amr|mpeg|mp4|ogg)/, bytesMax: 16 * MEGABYTE },
  sticker: { types: /^image\/webp/, bytesMax: 500 * 1024 },
  file: { types: /./, bytesMax: 100 * MEGABYTE },
}

const mediaTypeOf = (attachment: Attachment): { readonly type: string; readonly degraded: readonly string[] } | null => {
  const { kind, contentType, sizeBytes } = attachment
  const size = sizeBytes ?? 0
  if (size > MEDIA.file.bytesMax) return null
  const { types, bytesMax } = MEDIA[kind]
  if (kind === 'file') return { type: 'document', degraded: [] }
  if (types.test(contentType) && size <= bytesMax) return { type: kind, degraded: [] }
  return { type: 'document', degraded: [`${kind}→file`] }
}

const media = (content: Content, [url]: readonly string[]): Draw => {
  const [attachment, ...others] = content.attachments
  if (attachment === undefined || url === undefined) return refused('An attachment has no bytes to send.')
  if (others.length > 0) return refused('One file fits into a message: split it.')
  const target = mediaTypeOf(attachment)
  if (target === null) return refused('The file is larger than 100 MB.')
  const caption = content.text === null || content.text === '' ? {} : { caption: content.text }
  const { type } = target
  if (content.text !== null && content.text !== '' && (type === 'audio' || type === 'sticker'))
    return refused('This kind of file goes without words: split them.')
  if ((content.text ?? '').length > limits.captionMax)
    return refused(`The caption is longer than ${limits.captionMax} characters: split it.`)
  const filename = type === 'document' && attachment.name !== null ? { filename: attachment.name } : {}
  return made(typed(type, { link: url, ...caption, ...filename }), ...target.degraded)
}

const location = ({ location: place }: Content): Draw => {
  if (place === null) return refused('The location is missing.')
  const name = place.name === null ? {} : { name: place.name }
  const address = place.address === null ? {} : { address: place.address }
  return made(typed('location', { latitude: String(place.latitude), longitude: String(place.longitude), ...name, ...address }))
}

const contact = ({ name, phones, emails, organization }: ContactCard): Part => {
  const [first = name] = name.split(' ')
  return {
    name: { formatted_name: name, first_name: first },
    ...(phones.length === 0 ? {} : { phones: phones.map((phone) => ({ phone })) }),
    ...(emails.length === 0 ? {} : { emails: emails.map((email) => ({ email })) }),
    ...(organization === null ? {} : { org: { company: organization } }),
  }
}

const vcards = ({ vcards: cards }: Content): Draw => {
  if (cards === null || cards === undefined || cards.length === 0) return refused('The contact cards are missing.')
  if (cards.length > CONTACTS_MAX) return refused(`More than ${CONTACTS_MAX} contact cards.`)
  if (cards.some(({ name }) => name.trim() === '')) return refused('A contact card needs a name.')
  return made(typed('contacts', cards.map(contact)))
}

const choice = (content: Content): Draw => {
  const draft = choicePart(content)
  if ('refusal' in draft) return draft
  return draft.made === null ? text(plainText(content), ...draft.degraded) : made(typed('interactive', draft.made), ...draft.degraded)
}

const cards = (content: Content, urls: readonly string[]): Draw => {
  const [card, ...others] = content.cards ?? []
  if (card === undefined) return refused('The cards are missing.')
  if (others.length > 0) return refused('One card fits into a message: split them.')
  if (content.text !== null && content.text !== '') return refused('A card goes without words above it: split them.')
  const imageUrl = card.image === null ? null : (urls[card.image] ?? null)
  const part = cardPart(card, imageUrl)
  if (part !== null) return made(typed('interactive', part), 'cards→messages')
  const words = plainText(content)
  if (imageUrl === null || words.length > limits.captionMax) return text(words, 'cards→text')
  return made(typed('image', { link: imageUrl, ...(words === '' ? {} : { caption: words }) }), 'cards→messages')
}

const native = (content: Content): Draw => {
  const given = nativeObject(content.native)
  if (typeof given === 'string') return refused(given)
  const {
    messaging_product: _product,
    to: _to,
    recipient: _recipient,
    biz_opaque_callback_data: _data,
    recipient_type: _type,
    ...part
  } = given
  return typeof part['type'] === 'string' ? made(part) : refused('The native part names no type.')
}

const draftOf = (content: Content, urls: readonly string[]): Draw => {
  switch (content.kind) {
    case 'text':
      return text(content.text)
    case 'media':
      return media(content, urls)
    case 'location':
      return location(content)
    case 'vcards':
      return vcards(content)
    case 'answer':
      return text(plainText(content), 'answer→text')
    case 'choice':
      return choice(content)
    case 'cards':
      return cards(content, urls)
    case 'template':
      if (content.template === null) return refused('The template is missing.')
      if (content.template.language === null) return refused('A template needs its language.')
      return made(typed('template', templateObject(content.template)))
    case 'native':
      return native(content)
    case 'order':
    case 'story':
    case 'unsupported':
      return refused('This kind of message cannot be sent.')
  }
}

const recipient = ({ userId, threadId }: RenderContext['address']): Part => {
  if (threadId !== null && threadId !== userId) return { recipient_type: 'group', to: threadId }
  return isBusinessScoped(userId) ? { recipient_type: 'individual', recipient: userId } : { recipient_type: 'individual', to: userId }
}

const post = (context: RenderContext, body: Part): RequestDescription =>
  graphPost(context, `/${encodeURIComponent(context.account.externalId)}/messages`, { body: { messaging_product: 'whatsapp', ...body } })

export const render = (content: Content, context: RenderContext): Rendering => {
  const draft = draftOf(content, context.attachmentUrls)
  if (context.window === 'closed' && !('refusal' in draft) && draft.made['type'] !== 'template')
    return { kind: 'refused', reason: 'window_closed', detail: 'After 24 hours only an approved template may be sent.' }
  const { correlation, replyTo } = context
  const quote = replyTo === undefined || replyTo === null ? {} : { context: { message_id: replyTo } }
  const data = correlation === undefined || correlation === null ? {} : { biz_opaque_callback_data: carried(correlation) }
  return rendered(draft, context, (part) => post(context, { ...recipient(context.address), ...part, ...quote, ...data }))
}

/** A sticker or voice message takes no words along, so they follow. */
export const split = (content: Content): readonly Content[] => {
  const [first] = content.attachments
  const isMute = content.kind === 'media' && (first?.kind === 'audio' || first?.kind === 'sticker')
  return splitBy(content, isMute ? { ...limits, captionMax: 0 } : limits)
}

export const signal = (wanted: Signal, context: RenderContext): RequestDescription | null => {
  switch (wanted.kind) {
    case 'typing':
      // Typing names the message that is being answered, and marks it as read.
      return wanted.isTyping && wanted.lastInboundId !== null
        ? post(context, { status: 'read', message_id: wanted.lastInboundId, typing_indicator: { type: 'text' } })
        : null
    case 'read':
      return post(context, { status: 'read', message_id: wanted.providerMessageId })
    case 'react': {
      const reaction = { message_id: wanted.providerMessageId, emoji: wanted.emoji ?? '' }
      return post(context, { ...recipient(context.address), ...typed('reaction', reaction) })
    }
    case 'edit':
    case 'delete':
    case 'thread':
      return null
  }
}
