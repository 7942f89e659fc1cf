// What a message can hold, by the names that adapters use: options, cards, contact cards, orders, stories; and their plain text.
// Between the adapters and the record of schemas/log, which keeps all of it.

import type { Attachment, MessageContent, MessageKind, Profile } from '#schemas/log'

/** The question stands in `text`. `opener`: the word on the button that opens a list. */
export type Choice = NonNullable<MessageContent['choice']>
/** One thing to tap. `url` opens a page, `payload` comes back in the answer; with neither the title itself comes back. */
export type ChoiceOption = Choice['options'][number]
/** `image`: index of its picture among the attachments. */
export type Card = NonNullable<MessageContent['cards']>[number]
export type ContactCard = NonNullable<MessageContent['vcards']>[number]
/** Prices in the currency's main unit. */
export type Order = NonNullable<MessageContent['order']>
export type OrderItem = Order['items'][number]
/** A story of ours that was answered, or one of theirs that mentions us; its media is the attachment, while it lasts. */
export type Story = NonNullable<MessageContent['story']>

export type ContentKind = MessageKind
/** A message's content, as the log holds it and the adapters speak of it. */
export type Content = MessageContent

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

/** What a list or a search can read of it: kinds that have no words of their own are told in plain text. */
export const storedContent = (content: Content): MessageContent => {
  switch (content.kind) {
    case 'cards':
    case 'vcards':
    case 'order':
      return content.text === null ? { ...content, text: plainText(content) || null } : content
    default:
      return content
  }
}
