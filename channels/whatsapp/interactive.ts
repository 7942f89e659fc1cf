// Options as WhatsApp shows them: up to three buttons, a list of up to ten rows, one link; else as numbered text.
// Between a choice of ours and the `interactive` object (limits: Meta's OpenAPI file, InteractiveObject and below).

import { plainText, type Card, type ChoiceOption, type Content } from '../content.ts'
import { made, refused, shortened, type Draft } from '../draft.ts'

export type Part = Readonly<Record<string, unknown>>

export const BUTTONS_MAX = 3
export const ROWS_MAX = 10
export const QUESTION_MAX = 1024
const BUTTON_TITLE_MAX = 20
const ROW_TITLE_MAX = 24
const ROW_TEXT_MAX = 72
const EDGE_MAX = 60
const PAYLOAD_MAX = 200
/** Opens a list where nobody gave it a word: it speaks every language. */
const OPENER = '☰'

const idOf = ({ payload, title }: ChoiceOption): string => payload ?? title

const faultOf = (options: readonly ChoiceOption[]): string | null => {
  if (options.length === 0) return 'The options are missing.'
  if (options.some(({ title }) => title.trim() === '')) return 'An option has no title.'
  if (options.some((option) => idOf(option).length > PAYLOAD_MAX)) return `A payload is longer than ${PAYLOAD_MAX} characters.`
  if (new Set(options.map(idOf)).size < options.length) return 'Two options would answer alike.'
  return null
}

const buttons = (options: readonly ChoiceOption[]): Part => ({
  buttons: options.map((option) => ({ type: 'reply', reply: { id: idOf(option), title: shortened(option.title, BUTTON_TITLE_MAX) } })),
})

const rows = (options: readonly ChoiceOption[], opener: string | null): Part => ({
  button: shortened(opener ?? OPENER, BUTTON_TITLE_MAX),
  sections: [
    {
      rows: options.map((option) => ({
        id: idOf(option),
        title: shortened(option.title, ROW_TITLE_MAX),
        ...(option.description === null ? {} : { description: shortened(option.description, ROW_TEXT_MAX) }),
      })),
    },
  ],
})

const link = ({ title, url }: ChoiceOption): Part => ({
  name: 'cta_url',
  parameters: { display_text: shortened(title, BUTTON_TITLE_MAX), url },
})

type Shape = 'button' | 'list' | 'cta_url'

const shapeOf = (options: readonly ChoiceOption[], style: string): Shape | null => {
  const links = options.filter(({ url }) => url !== null).length
  if (links > 0) return options.length === 1 ? 'cta_url' : null
  if (style !== 'list' && options.length <= BUTTONS_MAX) return 'button'
  return options.length <= ROWS_MAX ? 'list' : null
}

const titleMax = (shape: Shape): number => (shape === 'list' ? ROW_TITLE_MAX : BUTTON_TITLE_MAX)

const edges = (header: string | null, footer: string | null): Part => ({
  ...(header === null || header === '' ? {} : { header: { type: 'text', text: shortened(header, EDGE_MAX) } }),
  ...(footer === null || footer === '' ? {} : { footer: { text: shortened(footer, EDGE_MAX) } }),
})

const actionOf = (shape: Shape, options: readonly ChoiceOption[], opener: string | null): Part => {
  const [first] = options
  if (shape === 'cta_url' && first !== undefined) return link(first)
  return shape === 'list' ? rows(options, opener) : buttons(options)
}

/** The `interactive` part, or null = it can only be said as text. */
export const choicePart = (content: Content): Draft<Part | null> => {
  const { choice, text } = content
  const fault = choice === null || choice === undefined ? 'The options are missing.' : faultOf(choice.options)
  if (choice === null || choice === undefined || fault !== null) return refused(fault ?? '')
  if (text === null || text === '') return refused('Options need a question.')
  const shape = shapeOf(choice.options, choice.style)
  if (shape === null || text.length > QUESTION_MAX)
    return plainText(content) === '' ? refused('Options need a question.') : made(null, 'options→text')
  const { header, footer, options, opener } = choice
  const isLong =
    options.some(({ title, description }) => title.length > titleMax(shape) || (description ?? '').length > ROW_TEXT_MAX) ||
    [header, footer].some((edge) => (edge ?? '').length > EDGE_MAX) ||
    (shape === 'list' && (opener ?? '').length > BUTTON_TITLE_MAX)
  const lost = shape === 'button' && options.some(({ description }) => description !== null) ? ['descriptions→dropped'] : []
  const isOther = (choice.style === 'list') !== (shape === 'list') && shape !== 'cta_url'
  const restyled = isOther
    ? [`${choice.style}→list`]
    : choice.style === 'quick-replies' && shape === 'button'
      ? ['quick-replies→buttons']
      : []
  const part = { type: shape, ...edges(header, footer), body: { text }, action: actionOf(shape, options, opener) }
  return made(part, ...restyled, ...(isLong ? ['titles→shortened'] : []), ...lost)
}

/** One card with buttons below its picture; null = without buttons of that kind it is a picture or a text. */
export const cardPart = (card: Card, imageUrl: string | null): Part | null => {
  const { options } = card
  if (options.length === 0 || options.length > BUTTONS_MAX || options.some(({ url }) => url !== null) || faultOf(options) !== null)
    return null
  const body = [card.title, card.text, card.url].filter((part) => part !== null && part !== '').join('\n')
  if (body === '' || body.length > QUESTION_MAX) return null
  const header = imageUrl === null ? {} : { header: { type: 'image', image: { link: imageUrl } } }
  return { type: 'button', ...header, body: { text: body }, action: buttons(options) }
}
