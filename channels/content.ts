// What a message can hold, richer than the log's record: options, cards, contact cards, orders, stories; and their plain text.
// Between the adapters, which speak of all of it, and the record of schemas/log, which keeps what it knows and the rest as native.

import type { Attachment, MessageContent, MessageKind, Profile } from '#schemas/log'

/** One thing to tap. `url` opens a page, `payload` comes back in the answer; with neither the title itself comes back. */
export interface ChoiceOption {
  readonly title: string
  readonly payload: string | null
  readonly description: string | null
  readonly url: string | null
}

/** The question stands in `text`. `opener`: the word on the button that opens a list. */
export interface Choice {
  readonly style: 'buttons' | 'quick-replies' | 'list'
  readonly header: string | null
  readonly footer: string | null
  readonly opener: string | null
  readonly options: readonly ChoiceOption[]
}

export interface Card {
  readonly title: string
  readonly text: string | null
  /** Index of its picture among the attachments. */
  readonly image: number | null
  readonly url: string | null
  readonly options: readonly ChoiceOption[]
}

export interface ContactCard {
  readonly name: string
  readonly phones: readonly string[]
  readonly emails: readonly string[]
  readonly organization: string | null
}

export interface OrderItem {
  readonly productId: string
  readonly quantity: number
  /** In the currency's main unit. */
  readonly price: number | null
  readonly currency: string | null
}

export interface Order {
  readonly catalogId: string | null
  readonly items: readonly OrderItem[]
}

/** A story of ours that was answered, or one of theirs that mentions us; its media is the attachment, while it lasts. */
export interface Story {
  readonly relation: 'reply' | 'mention'
  readonly storyId: string | null
}

export type ContentKind = MessageKind | 'choice' | 'cards' | 'vcards' | 'order' | 'story'

/** A message's content as the adapters know it; every MessageContent is one. */
export type Content = Omit<MessageContent, 'kind'> & {
  readonly kind: ContentKind
  readonly choice?: Choice | null
  readonly cards?: readonly Card[] | null
  readonly vcards?: readonly ContactCard[] | null
  readonly order?: Order | null
  readonly story?: Story | null
}

/** As the schema bounds a message. */
export const ATTACHMENTS_MAX = 15

const BLANK = {
  text: null,
  location: null,
  answer: null,
  template: null,
  native: null,
  providerMessageId: null,
  providerEventId: null,
  clientKey: null,
} as const

export const blankContent = (): Omit<MessageContent, 'kind'> => ({ ...BLANK, attachments: [] })

/** A file that the provider has and we shall fetch. */
export const remoteAttachment = (sourceUrl: string, contentType: string, more: Partial<Attachment> = {}): Attachment => {
  const [type] = contentType.toLowerCase().split('/')
  return {
    kind: type === 'image' || type === 'audio' || type === 'video' ? type : 'file',
    fileId: null,
    state: 'fetching',
    sourceUrl,
    name: null,
    contentType,
    sizeBytes: null,
    sha256: null,
    ...more,
  }
}

export const blankProfile = (userId: string, more: Partial<Profile> = {}): Profile => ({
  name: null,
  emails: [],
  phones: [],
  avatarUrl: null,
  locale: null,
  timezone: null,
  company: null,
  userId,
  ...more,
})

const lines = (...parts: readonly (string | null | undefined)[]): string =>
  parts.filter((part) => part !== null && part !== undefined && part !== '').join('\n')

const optionLine = ({ title, description, url }: ChoiceOption, index: number): string =>
  `${index + 1}. ${[title, description, url].filter((part) => part !== null && part !== '').join(' – ')}`

const placeText = ({ latitude, longitude, name, address }: NonNullable<Content['location']>): string =>
  lines([name, address].filter((part) => part !== null && part !== '').join(', '), `https://maps.google.com/?q=${latitude},${longitude}`)

/** The same said in text alone: what a channel without the kind shows, and what lists and search read. */
export const plainText = (content: Content): string => {
  switch (content.kind) {
    case 'choice':
      return lines(content.choice?.header, content.text, ...(content.choice?.options ?? []).map(optionLine), content.choice?.footer)
    case 'cards':
      return lines(
        content.text,
        ...(content.cards ?? []).map((card) => lines(card.title, card.text, card.url, ...card.options.map(optionLine))),
      )
    case 'vcards':
      return lines(
        content.text,
        ...(content.vcards ?? []).map(({ name, organization, phones, emails }) =>
          [name, organization, ...phones, ...emails].filter((part) => part !== null && part !== '').join(', '),
        ),
      )
    case 'order':
      return lines(
        content.text,
        ...(content.order?.items ?? []).map(
          ({ productId, quantity, price, currency }) =>
            `${quantity} × ${productId}${price === null ? '' : ` à ${price}${currency === null ? '' : ` ${currency}`}`}`,
        ),
      )
    case 'location':
      return content.location === null ? (content.text ?? '') : lines(content.text, placeText(content.location))
    case 'answer':
      return content.answer?.text ?? content.text ?? ''
    case 'text':
    case 'media':
    case 'story':
    case 'template':
    case 'native':
    case 'unsupported':
      return content.text ?? ''
  }
}

const isStored = (content: Content): content is Content & MessageContent => {
  switch (content.kind) {
    case 'choice':
    case 'cards':
    case 'vcards':
    case 'order':
    case 'story':
      return false
    default:
      return true
  }
}

/** What the log's record can hold of a content: kinds that it lacks become text or media, their structure stays in `native`. */
export const storedContent = (content: Content): MessageContent => {
  if (isStored(content)) return content
  const { kind, choice, cards, vcards, order, story, ...rest } = content
  const parts = { kind, choice, cards, vcards, order, story }
  return {
    ...rest,
    kind: rest.attachments.length > 0 ? 'media' : 'text',
    text: plainText(content),
    native: rest.native ?? JSON.stringify(parts),
  }
}
