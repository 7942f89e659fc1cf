// Our message as a request to the Send API of a Page or Instagram account, which differ in little: limits, metadata, buttons.
// Between the sender's content and address, and the bytes that leave (PROTOCOLS 1.6, 1.9, 2).

import { plainText, type Card, type Choice, type ChoiceOption, type Content } from '../content.ts'
import { made, nativeObject, refused, rendered, shortened, type Draft } from '../draft.ts'
import type { AccountContext, RenderContext, Rendering, RequestDescription, Signal } from '../shape.ts'
import { characters, splitBy, type Limits } from '../split.ts'
import { carried } from './correlation.ts'
import { graphPost } from './graph.ts'

export interface PageDialect {
  /** What sends: a page by its id, an Instagram account by its token. */
  path(context: RenderContext): string
  readonly limits: Limits
  /** Whether our ids travel in `metadata` and come back in the echo. */
  readonly hasMetadata: boolean
  /** Whether a question can have buttons below it, beside quick replies. */
  readonly hasButtons: boolean
  /** The context on the account's own host, where that is not Meta's usual one. */
  readonly hosted: <T extends AccountContext>(context: T) => T
}

const QUICK_REPLIES_MAX = 13
const BUTTONS_MAX = 3
const TITLE_MAX = 20
const CARD_TEXT_MAX = 80
const PAYLOAD_MAX = 1000

type Message = Readonly<Record<string, unknown>>
type Shortening = { readonly title: (title: string, max: number) => string; readonly names: () => string[] }

/** Shortens titles and remembers that it did. */
const shortening = (): Shortening => {
  let isShortened = false
  return {
    title: (title, max) => {
      if (title.length > max) isShortened = true
      return shortened(title, max)
    },
    names: () => (isShortened ? ['titles→shortened'] : []),
  }
}

const button = ({ title, payload, url }: ChoiceOption, short: Shortening): Message =>
  url === null
    ? { type: 'postback', title: short.title(title, TITLE_MAX), payload: payload ?? title }
    : { type: 'web_url', title: short.title(title, TITLE_MAX), url }

const text = (content: string | null, { limits }: PageDialect, ...degraded: readonly string[]): Draft<Message> => {
  if (content === null || content === '') return refused('The text is empty.')
  if (limits.measure(content) > limits.textMax) return refused(`The text is longer than ${limits.textMax}.`)
  return made({ text: content }, ...degraded)
}

const media = (content: Content, urls: readonly string[]): Draft<Message> => {
  const [attachment, ...others] = content.attachments
  const [url] = urls
  if (attachment === undefined || url === undefined) return refused('An attachment has no bytes to send.')
  if (others.length > 0) return refused('One file fits into a message: split it.')
  if (content.text !== null && content.text !== '') return refused('A file goes without words: split them.')
  const type = attachment.kind === 'sticker' ? 'image' : attachment.kind
  const sent = { attachment: { type, payload: { url } } }
  return attachment.kind === 'sticker' ? made(sent, 'sticker→image') : made(sent)
}

const isPayloadLong = (options: readonly ChoiceOption[]): boolean => options.some(({ payload }) => (payload ?? '').length > PAYLOAD_MAX)

/** Header and footer have no place of their own: they stand above and below the question. */
const question = (choice: Choice, content: Content): string =>
  [choice.header, content.text, choice.footer].filter((part) => part !== null && part !== '').join('\n')

const asQuickReplies = (asked: string, options: readonly ChoiceOption[], short: Shortening): Message => ({
  text: asked,
  quick_replies: options.map(({ title, payload }) => ({
    content_type: 'text',
    title: short.title(title, TITLE_MAX),
    payload: payload ?? title,
  })),
})

const asButtons = (asked: string, options: readonly ChoiceOption[], short: Shortening): Message => ({
  attachment: {
    type: 'template',
    payload: { template_type: 'button', text: asked, buttons: options.map((option) => button(option, short)) },
  },
})

const choiceOf = (content: Content, dialect: PageDialect): Draft<Message> => {
  const { choice } = content
  if (choice === null || choice === undefined || choice.options.length === 0) return refused('The options are missing.')
  const { options, style } = choice
  if (isPayloadLong(options)) return refused(`A payload is longer than ${PAYLOAD_MAX} characters.`)
  const asked = question(choice, content)
  if (asked === '') return refused('Options need a question.')
  const { measure, textMax, questionMax } = dialect.limits
  const framed = choice.header === null && choice.footer === null ? [] : ['header→text']
  const short = shortening()
  const hasLinks = options.some(({ url }) => url !== null)
  if (style === 'buttons' && dialect.hasButtons && options.length <= BUTTONS_MAX && measure(asked) <= questionMax) {
    const message = asButtons(asked, options, short)
    return made(message, ...framed, ...short.names())
  }
  if (hasLinks || options.length > QUICK_REPLIES_MAX || measure(asked) > textMax) return text(plainText(content), dialect, 'options→text')
  const message = asQuickReplies(asked, options, short)
  return made(message, ...(style === 'quick-replies' ? [] : [`${style}→quick-replies`]), ...framed, ...short.names())
}

const cardOf = (card: Card, urls: readonly string[], short: Shortening): Message => {
  const image = card.image === null ? undefined : urls[card.image]
  return {
    title: short.title(card.title, CARD_TEXT_MAX),
    ...(card.text === null ? {} : { subtitle: short.title(card.text, CARD_TEXT_MAX) }),
    ...(image === undefined ? {} : { image_url: image }),
    ...(card.url === null ? {} : { default_action: { type: 'web_url', url: card.url } }),
    ...(card.options.length === 0 ? {} : { buttons: card.options.map((option) => button(option, short)) }),
  }
}

const cardsOf = (content: Content, dialect: PageDialect, urls: readonly string[]): Draft<Message> => {
  const cards = content.cards ?? []
  if (cards.length === 0) return refused('The cards are missing.')
  if (cards.length > dialect.limits.cardsMax) return refused(`More than ${dialect.limits.cardsMax} cards: split them.`)
  if (content.text !== null && content.text !== '') return refused('Cards go without words above them: split them.')
  if (cards.some(({ options }) => options.length > BUTTONS_MAX)) return refused(`A card has more than ${BUTTONS_MAX} options.`)
  if (cards.some(({ title }) => title === '')) return refused('A card needs a title.')
  if (cards.some(({ options }) => isPayloadLong(options))) return refused(`A payload is longer than ${PAYLOAD_MAX} characters.`)
  const short = shortening()
  const elements = cards.map((card) => cardOf(card, urls, short))
  return made({ attachment: { type: 'template', payload: { template_type: 'generic', elements } } }, ...short.names())
}

const nativeOf = (content: Content): Draft<Message> => {
  const native = nativeObject(content.native)
  if (typeof native === 'string') return refused(native)
  const { metadata: _, ...message } = native
  return made(message)
}

const draftOf = (content: Content, dialect: PageDialect, urls: readonly string[]): Draft<Message> => {
  switch (content.kind) {
    case 'text':
      return text(content.text, dialect)
    case 'media':
      return media(content, urls)
    case 'location':
      return text(plainText(content), dialect, 'location→text')
    case 'vcards':
      return text(plainText(content), dialect, 'vcards→text')
    case 'answer':
      return text(plainText(content), dialect, 'answer→text')
    case 'choice':
      return choiceOf(content, dialect)
    case 'cards':
      return cardsOf(content, dialect, urls)
    case 'native':
      return nativeOf(content)
    case 'template':
      return refused('Templates are WhatsApp’s.')
    case 'order':
    case 'story':
    case 'unsupported':
      return refused('This kind of message cannot be sent.')
  }
}

/** Outside of the window people may answer for seven days under a tag; machines only under one that the account names. */
const typing = ({ window, author, account }: RenderContext): Message | null => {
  if (window !== 'closed') return { messaging_type: author === 'other' ? 'UPDATE' : 'RESPONSE' }
  const tag = author === 'agent' ? (account.options['agentTag'] ?? 'HUMAN_AGENT') : (account.options['tag'] ?? '')
  return tag === '' ? null : { messaging_type: 'MESSAGE_TAG', tag }
}

const USER_REF = 'user_ref:'
const recipientOf = (userId: string): Message =>
  userId.startsWith(USER_REF) ? { user_ref: userId.slice(USER_REF.length) } : { id: userId }

export const renderPage = (dialect: PageDialect) => {
  const post = (context: RenderContext, body: Message): RequestDescription => {
    const own = dialect.hosted(context)
    return graphPost(own, `${dialect.path(own)}/messages`, { body: { recipient: recipientOf(context.address.userId), ...body } })
  }

  const render = (content: Content, context: RenderContext): Rendering => {
    const kind = typing(context)
    if (kind === null) return { kind: 'refused', reason: 'window_closed', detail: 'The reply window is closed.' }
    const metadata =
      dialect.hasMetadata && context.correlation !== undefined && context.correlation !== null
        ? { metadata: carried(context.correlation) }
        : {}
    const quotes = context.account.options['quotes'] !== 'off' && context.replyTo !== undefined && context.replyTo !== null
    const reply = quotes ? { reply_to: { mid: context.replyTo } } : {}
    return rendered(draftOf(content, dialect, context.attachmentUrls), context, (message) =>
      post(context, { ...kind, message: { ...message, ...reply, ...metadata } }),
    )
  }

  const signal = (wanted: Signal, context: RenderContext): RequestDescription | null => {
    switch (wanted.kind) {
      case 'typing':
        return post(context, { sender_action: wanted.isTyping ? 'typing_on' : 'typing_off' })
      case 'read':
        return post(context, { sender_action: 'mark_seen' })
      case 'react': {
        const { providerMessageId: message_id, emoji } = wanted
        if (emoji === null) return post(context, { sender_action: 'unreact', payload: { message_id } })
        return post(context, { sender_action: 'react', payload: { message_id, reaction: emoji } })
      }
      case 'thread': {
        const own = dialect.hosted(context)
        const target = wanted.action === 'pass' ? { target_app_id: wanted.appId } : {}
        const body = { recipient: recipientOf(context.address.userId), ...target }
        return graphPost(own, `${dialect.path(own)}/${wanted.action}_thread_control`, { body })
      }
      case 'edit':
      case 'delete':
        return null
    }
  }

  return { render, signal, split: (content: Content) => splitBy(content, dialect.limits) }
}

/** As Messenger counts; the question above buttons is shorter than a text. */
export const pageLimits: Limits = {
  textMax: 2000,
  measure: characters,
  captionMax: 0,
  attachmentsMax: 1,
  cardsMax: 10,
  questionMax: 640,
}
