// What one message of a Page or Instagram account says, as our content; attachments, shares, stories and templates included.
// Between Meta's attachment types, of which new ones appear without notice, and the message that agents read.

import { ATTACHMENTS_MAX, blankContent, remoteAttachment, type Card, type ChoiceOption, type Content } from '../content.ts'
import { idOf, inner, listOf, numberOf, textOf, written, type JsonObject } from '../json.ts'
import type { Attachment } from '#schemas/log'
import { isMetaMediaHost } from './graph.ts'

/** Fields of a message that ours hold already, or that say nothing about it. */
const MAPPED = new Set(['mid', 'text', 'attachments', 'quick_reply', 'reply_to', 'is_echo', 'app_id', 'metadata', 'seq', 'referral'])

type Essence = Partial<Content> & Pick<Content, 'kind'>

const MEDIA_TYPES: ReadonlyMap<string, string> = new Map([
  ['image', 'image/*'],
  ['audio', 'audio/*'],
  ['video', 'video/*'],
  ['file', 'application/octet-stream'],
])
/** Posts and reels of others: a file where Meta's own CDN holds it, a link where it lies elsewhere. */
const SHARE_TYPES = new Set(['share', 'media', 'reel', 'ig_reel', 'post', 'ig_post'])

const urlIn = (attachment: JsonObject): string | null => textOf(inner(attachment, 'payload'), 'url') ?? textOf(attachment, 'url')

const isOnCdn = (url: string): boolean => {
  const parsed = URL.parse(url)
  return parsed?.protocol === 'https:' && isMetaMediaHost(parsed.hostname)
}

const fileOf = (attachment: JsonObject): Attachment[] => {
  const type = textOf(attachment, 'type') ?? ''
  const url = urlIn(attachment)
  if (url === null) return []
  const sticker = idOf(inner(attachment, 'payload'), 'sticker_id')
  if (sticker !== null) return [remoteAttachment(url, 'image/*', { kind: 'sticker' })]
  const contentType = MEDIA_TYPES.get(type)
  if (contentType !== undefined) return [remoteAttachment(url, contentType)]
  if (type === 'story_mention') return [remoteAttachment(url, 'application/octet-stream')]
  if (SHARE_TYPES.has(type) && isOnCdn(url)) return [remoteAttachment(url, 'application/octet-stream')]
  return []
}

const joined = (...parts: readonly (string | null)[]): string | null => {
  const text = parts.filter((part) => part !== null).join('\n')
  return text === '' ? null : text
}

const locationOf = (attachment: JsonObject, text: string | null): Essence | null => {
  const coordinates = inner(inner(attachment, 'payload'), 'coordinates')
  const [latitude, longitude] = [numberOf(coordinates, 'lat'), numberOf(coordinates, 'long')]
  if (latitude === null || longitude === null || Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return null
  return { kind: 'location', text, location: { latitude, longitude, name: textOf(attachment, 'title'), address: null } }
}

const optionsOf = (buttons: readonly JsonObject[]): ChoiceOption[] =>
  buttons.map((button) => ({
    title: textOf(button, 'title') ?? textOf(button, 'type') ?? '',
    payload: textOf(button, 'payload'),
    description: null,
    url: textOf(button, 'url'),
  }))

/** Cards of a carousel or of shared products; their pictures become attachments, while there is room. */
const cardsOf = (elements: readonly JsonObject[], attachments: Attachment[]): Card[] =>
  elements.slice(0, ATTACHMENTS_MAX).map((element) => {
    const image = textOf(element, 'image_url')
    if (image !== null) attachments.push(remoteAttachment(image, 'image/*'))
    return {
      title: textOf(element, 'title') ?? '',
      text: textOf(element, 'subtitle'),
      image: image === null ? null : attachments.length - 1,
      url: textOf(inner(element, 'default_action'), 'url') ?? textOf(element, 'item_url'),
      options: optionsOf(listOf(element, 'buttons') ?? []),
    }
  })

const templateOf = (attachment: JsonObject, text: string | null): Essence | null => {
  const payload = inner(attachment, 'payload')
  const elements = [payload, inner(payload, 'product'), inner(payload, 'generic')].map((part) => listOf(part, 'elements')).find(Boolean)
  const title = text ?? textOf(payload, 'text') ?? textOf(attachment, 'title')
  const buttons = listOf(payload, 'buttons')
  if (elements !== undefined && elements.length > 0) {
    const attachments: Attachment[] = []
    const cards = cardsOf(elements, attachments)
    return { kind: 'cards', text: title, cards, attachments }
  }
  if (buttons === undefined || title === null) return title === null ? null : { kind: 'text', text: title }
  return {
    kind: 'choice',
    text: title,
    choice: { style: 'buttons', header: null, footer: null, opener: null, options: optionsOf(buttons) },
  }
}

/** A link of another kind, or a post that only its address names. */
const linkOf = (attachment: JsonObject, text: string | null): Essence | null => {
  const title = textOf(attachment, 'title') ?? textOf(inner(attachment, 'payload'), 'title')
  const said = joined(text, ...[title, urlIn(attachment)].filter((part) => part !== null && text?.includes(part) !== true))
  return said === null ? null : { kind: 'text', text: said }
}

const ofAttachments = (attachments: readonly JsonObject[], text: string | null): Essence | null => {
  const [first] = attachments
  if (first === undefined) return null
  const files = attachments.flatMap(fileOf).slice(0, ATTACHMENTS_MAX)
  if (textOf(first, 'type') === 'story_mention')
    return { kind: 'story', text, attachments: files, story: { relation: 'mention', storyId: idOf(inner(first, 'payload'), 'id') } }
  if (files.length > 0) return { kind: 'media', text: text ?? textOf(inner(first, 'payload'), 'title'), attachments: files }
  switch (textOf(first, 'type')) {
    case 'location':
      return locationOf(first, text)
    case 'template':
      return templateOf(first, text)
    default:
      return linkOf(first, text)
  }
}

/** An answer to one of our stories; without its id or address it is an ordinary reply. */
const storyOf = (message: JsonObject, text: string | null): Essence | null => {
  const story = inner(inner(message, 'reply_to'), 'story')
  if (story === undefined) return null
  const url = textOf(story, 'url')
  const attachments = url === null ? [] : [remoteAttachment(url, 'application/octet-stream')]
  return { kind: 'story', text, attachments, story: { relation: 'reply', storyId: idOf(story, 'id') } }
}

const answerOf = (message: JsonObject, text: string | null): Essence | null => {
  const reply = inner(message, 'quick_reply')
  if (reply === undefined) return null
  const answersProviderId = idOf(inner(message, 'reply_to'), 'mid')
  return { kind: 'answer', text, answer: { text: text ?? '', payload: textOf(reply, 'payload'), answersProviderId } }
}

const essenceOf = (message: JsonObject): Essence => {
  if (message['is_unsupported'] === true) return { kind: 'unsupported' }
  const text = textOf(message, 'text')
  const attachments = listOf(message, 'attachments') ?? []
  const known = answerOf(message, text) ?? storyOf(message, text) ?? ofAttachments(attachments, text)
  return known ?? (text === null ? { kind: 'unsupported' } : { kind: 'text', text })
}

const isPlain = (kind: Content['kind']): boolean => kind === 'text' || kind === 'answer' || kind === 'media'

/** The part that no field of ours holds; whole where we could not read it. */
const nativeOf = (message: JsonObject, { kind }: Essence): string | null => {
  if (kind === 'unsupported') return written(message)
  const rest = Object.entries(message).filter(([name]) => !MAPPED.has(name) || (name === 'attachments' && !isPlain(kind)))
  return rest.length === 0 ? null : written(Object.fromEntries(rest))
}

export const messageContent = (message: JsonObject, providerMessageId: string): Content => {
  const essence = essenceOf(message)
  return { ...blankContent(), ...essence, native: nativeOf(message, essence), providerMessageId }
}

/** A tapped button, menu entry or ice breaker. `payload` comes to the app alone that offered it. */
export const postbackContent = (postback: JsonObject, providerMessageId: string): Content => {
  const payload = textOf(postback, 'payload')
  const text = textOf(postback, 'title') ?? payload ?? ''
  return { ...blankContent(), kind: 'answer', text, answer: { text, payload, answersProviderId: null }, providerMessageId }
}
