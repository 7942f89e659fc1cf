// A connector's content as ours and back: the same fields both ways, every one of them optional.
// Between JSON that anybody may write and the contents of the log.

import {
  ATTACHMENTS_MAX,
  blankContent,
  remoteAttachment,
  type Card,
  type ChoiceOption,
  type ContactCard,
  type Content,
} from '../content.ts'
import { idOf, inner, listOf, numberOf, objectOf, textOf, written, type JsonObject } from '../json.ts'
import type { Attachment } from '#schemas/log'

type Essence = Partial<Content> & Pick<Content, 'kind'>

const PARTS_MAX = 50
const KINDS: readonly Attachment['kind'][] = ['file', 'image', 'audio', 'video', 'sticker']

const attachmentOf = (part: JsonObject): Attachment[] => {
  const url = textOf(part, 'url')
  if (url === null || URL.parse(url)?.protocol !== 'https:') return []
  const kind = KINDS.find((each) => each === part['kind'])
  const name = textOf(part, 'name')
  return [
    remoteAttachment(url, textOf(part, 'contentType') ?? 'application/octet-stream', { name, ...(kind === undefined ? {} : { kind }) }),
  ]
}

const optionOf = (option: JsonObject): ChoiceOption => ({
  title: textOf(option, 'title') ?? '',
  payload: textOf(option, 'payload'),
  description: textOf(option, 'description'),
  url: textOf(option, 'url'),
})

const options = (part: JsonObject): ChoiceOption[] => (listOf(part, 'options') ?? []).slice(0, PARTS_MAX).map(optionOf)

const STYLES = ['buttons', 'quick-replies', 'list'] as const

const choiceOf = (part: JsonObject): Essence => ({
  kind: 'choice',
  choice: {
    style: STYLES.find((style) => style === part['style']) ?? 'buttons',
    header: textOf(part, 'header'),
    footer: textOf(part, 'footer'),
    opener: textOf(part, 'opener'),
    options: options(part),
  },
})

const cardOf = (card: JsonObject, attachments: Attachment[]): Card => {
  const picture = attachmentOf({ url: textOf(card, 'imageUrl'), contentType: 'image/*' })
  attachments.push(...picture)
  return {
    title: textOf(card, 'title') ?? '',
    text: textOf(card, 'text'),
    image: picture.length === 0 ? null : attachments.length - 1,
    url: textOf(card, 'url'),
    options: options(card),
  }
}

const strings = (part: JsonObject, field: string): string[] => {
  const list = part[field]
  return Array.isArray(list) ? list.filter((each) => typeof each === 'string').slice(0, PARTS_MAX) : []
}

const vcardOf = (card: JsonObject): ContactCard => ({
  name: textOf(card, 'name') ?? '',
  phones: strings(card, 'phones'),
  emails: strings(card, 'emails'),
  organization: textOf(card, 'organization'),
})

const locationOf = (part: JsonObject): Essence | null => {
  const [latitude, longitude] = [numberOf(part, 'latitude'), numberOf(part, 'longitude')]
  if (latitude === null || longitude === null || Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return null
  return { kind: 'location', location: { latitude, longitude, name: textOf(part, 'name'), address: textOf(part, 'address') } }
}

/** The first part that says more than text decides the kind. */
const essenceOf = (content: JsonObject): Essence | null => {
  const [answer, place, choice] = [inner(content, 'answer'), inner(content, 'location'), inner(content, 'choice')]
  const [cards, vcards] = [listOf(content, 'cards'), listOf(content, 'vcards')]
  const text = typeof content['text'] === 'string' ? content['text'] : null
  if (answer !== undefined) {
    const said = textOf(answer, 'text') ?? text ?? ''
    return {
      kind: 'answer',
      text: said,
      answer: { text: said, payload: textOf(answer, 'payload'), answersProviderId: idOf(answer, 'answers') },
    }
  }
  const located = place === undefined ? null : locationOf(place)
  if (located !== null) return { ...located, text }
  if (choice !== undefined) return { ...choiceOf(choice), text }
  if (cards !== undefined && cards.length > 0) {
    const attachments: Attachment[] = []
    return { kind: 'cards', text, cards: cards.slice(0, ATTACHMENTS_MAX).map((card) => cardOf(card, attachments)), attachments }
  }
  if (vcards !== undefined && vcards.length > 0) return { kind: 'vcards', text, vcards: vcards.slice(0, PARTS_MAX).map(vcardOf) }
  const attachments = (listOf(content, 'attachments') ?? []).flatMap(attachmentOf).slice(0, ATTACHMENTS_MAX)
  if (attachments.length > 0) return { kind: 'media', text, attachments }
  return text === null ? null : { kind: 'text', text }
}

/** `content` is an object or a text; `native` whatever the platform said, kept beside it, and alone where nothing else can be shown. */
export const contentOf = (message: JsonObject, providerMessageId: string): Content => {
  const given = message['content']
  const essence = typeof given === 'string' ? ({ kind: 'text', text: given } as const) : essenceOf(inner(message, 'content') ?? {})
  const native = message['native'] === undefined || message['native'] === null ? null : written(message['native'])
  if (essence !== null) return { ...blankContent(), ...essence, native, providerMessageId }
  const body = native ?? written(message)
  return { ...blankContent(), kind: native === null ? 'unsupported' : 'native', native: body, providerMessageId }
}

/** A content as a connector gets it: only what is filled in, attachments as links. */
export const shown = (content: Content, urls: readonly string[]): Readonly<Record<string, unknown>> => {
  const { kind, text, location, answer, template, choice, cards, vcards, attachments } = content
  const pictures = (card: Card) => ({ ...card, image: undefined, ...(card.image === null ? {} : { imageUrl: urls[card.image] }) })
  const files = attachments.map(({ kind: file, name, contentType, sizeBytes }, index) => ({
    kind: file,
    url: urls[index],
    name,
    contentType,
    sizeBytes,
  }))
  return {
    kind,
    ...(text === null ? {} : { text }),
    ...(files.length === 0 || kind === 'cards' ? {} : { attachments: files }),
    ...(location === null ? {} : { location }),
    ...(answer === null ? {} : { answer: { text: answer.text, payload: answer.payload, answers: answer.answersProviderId } }),
    ...(template === null
      ? {}
      : { template: { ...template, parameters: Object.fromEntries(template.parameters.map(({ name, value }) => [name, value])) } }),
    ...(choice === null || choice === undefined ? {} : { choice }),
    ...(cards === null || cards === undefined ? {} : { cards: cards.map(pictures) }),
    ...(vcards === null || vcards === undefined ? {} : { vcards }),
    ...(kind === 'native' ? { native: objectOf(content.native ?? '') } : {}),
  }
}
