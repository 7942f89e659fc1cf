// What a principal says, as a message content: the kind follows from the fields that are given.
// Between the body of a wish and the command that carries it.

import type { WishBody } from '#schemas'
import type { Attachment, MessageContent } from '#schemas/log'
import { ConfabError } from '#errors'

type Said = Pick<
  WishBody<'message.send'>,
  'text' | 'attachments' | 'location' | 'template' | 'native' | 'choice' | 'cards' | 'vcards' | 'overrides' | 'strict'
>
type Body = Said & { readonly content?: Said & { readonly kind?: string; readonly caption?: string } }

/** What is said stands in `content`, or in the body itself. */
export const saidOf = (body: Body): Said => {
  if (body.content === undefined) return body
  const { caption, ...said } = body.content
  return caption === undefined || said.text !== undefined ? said : { ...said, text: caption }
}

const EMPTY: MessageContent = {
  kind: 'text',
  text: null,
  attachments: [],
  location: null,
  answer: null,
  template: null,
  native: null,
  providerMessageId: null,
  providerEventId: null,
  clientKey: null,
}

interface Uploaded {
  /** Uploads named in the body, in their order. */
  readonly attachments: readonly Attachment[]
  readonly clientKey: string | null
}

/** Characters of a provider's own message object: it stands in several records, each of which must hold it. */
const NATIVE_MAX = 131_072

const nativeOf = (native: object): string => {
  const json = JSON.stringify(native)
  if (json.length > NATIVE_MAX) throw new ConfabError('request_invalid', { detail: `native is longer than ${NATIVE_MAX} characters.` })
  return json
}

type Option = NonNullable<Said['choice']>['options'][number]
type Choice = NonNullable<MessageContent['choice']>
type Card = NonNullable<MessageContent['cards']>[number]
type ContactCard = NonNullable<MessageContent['vcards']>[number]

const optionOf = ({ title, payload, description, url }: Option): Choice['options'][number] => ({
  title,
  payload: payload ?? null,
  description: description ?? null,
  url: url ?? null,
})

const choiceOf = ({ style, header, footer, opener, options }: NonNullable<Said['choice']>): Choice => ({
  style: style ?? 'buttons',
  header: header ?? null,
  footer: footer ?? null,
  opener: opener ?? null,
  options: options.map(optionOf),
})

const cardOf = ({ title, text, image, url, options }: NonNullable<Said['cards']>[number]): Card => ({
  title,
  text: text ?? null,
  image: image ?? null,
  url: url ?? null,
  options: (options ?? []).map(optionOf),
})

const contactCardOf = ({ name, phones, emails, organization }: NonNullable<Said['vcards']>[number]): ContactCard => ({
  name,
  phones: phones ?? [],
  emails: emails ?? [],
  organization: organization ?? null,
})

/** How it may be said, whatever it is. */
const manner = ({ overrides, strict }: Said): Pick<MessageContent, 'overrides' | 'isStrict'> => ({
  ...(overrides === undefined
    ? {}
    : { overrides: Object.fromEntries(Object.entries(overrides).map(([channel, native]) => [channel, nativeOf(native)])) }),
  ...(strict === true ? { isStrict: true } : {}),
})

/** The kind follows from what is given; a text beside a file is its caption. */
export const contentOf = (said: Said, facts: Uploaded): MessageContent => {
  const base = { ...EMPTY, text: said.text ?? null, attachments: [...facts.attachments], clientKey: facts.clientKey, ...manner(said) }
  if (said.native !== undefined) return { ...base, kind: 'native', native: nativeOf(said.native) }
  if (said.template !== undefined) {
    const { name, language, parameters } = said.template
    const list = Object.entries(parameters ?? {}).map(([variable, value]) => ({ name: variable, value }))
    return { ...base, kind: 'template', template: { name, language: language ?? null, parameters: list } }
  }
  if (said.location !== undefined) return { ...base, kind: 'location', location: said.location }
  if (said.choice !== undefined) return { ...base, kind: 'choice', choice: choiceOf(said.choice) }
  if (said.cards !== undefined) return { ...base, kind: 'cards', cards: said.cards.map(cardOf) }
  if (said.vcards !== undefined) return { ...base, kind: 'vcards', vcards: said.vcards.map(contactCardOf) }
  if (facts.attachments.length > 0) return { ...base, kind: 'media' }
  if (said.text === undefined)
    throw new ConfabError('request_invalid', {
      detail: 'text, attachments, location, template, choice, cards, vcards or native is required.',
    })
  return base
}
