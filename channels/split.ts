// A content that is too much for one request as several that each fit, in the order in which people would send them.
// Between a sender and channels that carry one file, or so many characters, at a time; nothing is ever cut off.

import { blankContent, type Card, type Content } from './content.ts'

export interface Limits {
  readonly textMax: number
  /** How the channel counts a text's length. */
  readonly measure: (text: string) => number
  /** 0 = a file goes without words. */
  readonly captionMax: number
  readonly attachmentsMax: number
  readonly cardsMax: number
  /** Of the question above options. */
  readonly questionMax: number
}

export const characters = (text: string): number => text.length
export const utf8Bytes = (text: string): number => Buffer.byteLength(text)

const endOfPrefix = (text: string, max: number, measure: Limits['measure']): number => {
  // No character measures less than one.
  let end = Math.min(text.length, max)
  for (let size = measure(text.slice(0, end)); size > max && end > 1; size = measure(text.slice(0, end)))
    end = Math.max(1, Math.min(end - 1, Math.floor((end * max) / size)))
  const isInPair = end < text.length && /[\ud800-\udbff]/.test(text.charAt(end - 1))
  return isInPair && end > 1 ? end - 1 : end
}

/** Where to break before `end`: behind a line, a sentence or a word of its second half, else right there. */
const breakBefore = (text: string, end: number): number => {
  const half = Math.floor(end / 2)
  for (const mark of ['\n', '. ', ' ']) {
    const at = text.lastIndexOf(mark, end - 1)
    if (at > half) return at + mark.length
  }
  return end
}

/** The text in pieces of at most `max`; white space at the seams is left out. */
const pieces = (text: string, max: number, measure: Limits['measure']): string[] => {
  const found: string[] = []
  let rest = text
  while (measure(rest) > max) {
    const end = breakBefore(rest, endOfPrefix(rest, max, measure))
    const piece = rest.slice(0, end).trimEnd()
    if (piece !== '') found.push(piece)
    rest = rest.slice(end).trimStart()
  }
  if (rest !== '') found.push(rest)
  return found
}

const words = (content: Content, text: string): Content => ({ ...blankContent(), kind: 'text', text, clientKey: content.clientKey })

const mediaParts = (content: Content, { captionMax, attachmentsMax, measure }: Limits): { parts: Content[]; left: string | null } => {
  const { attachments, text } = content
  const parts: Content[] = []
  for (let at = 0; at < attachments.length; at += attachmentsMax)
    parts.push({ ...content, text: null, attachments: attachments.slice(at, at + attachmentsMax) })
  const [first, ...others] = parts
  if (text === null || text === '' || first === undefined) return { parts, left: text }
  return measure(text) <= captionMax ? { parts: [{ ...first, text }, ...others], left: null } : { parts, left: text }
}

const cardParts = (content: Content, { cardsMax }: Limits): Content[] => {
  const cards = content.cards ?? []
  const parts: Content[] = []
  for (let at = 0; at < cards.length; at += cardsMax) {
    const attachments: Content['attachments'] = []
    const own = cards.slice(at, at + cardsMax).map((card): Card => {
      const picture = card.image === null ? undefined : content.attachments[card.image]
      if (picture !== undefined) attachments.push(picture)
      return { ...card, image: picture === undefined ? null : attachments.length - 1 }
    })
    parts.push({ ...content, text: null, cards: own, attachments })
  }
  return parts
}

/** At least one part; one that is `content` itself = it fits. */
export const splitBy = (content: Content, limits: Limits): readonly Content[] => {
  const { textMax, questionMax, measure } = limits
  const texts = (text: string | null, max = textMax): string[] => (text === null || text === '' ? [] : pieces(text, max, measure))
  switch (content.kind) {
    case 'text': {
      const parts = texts(content.text)
      return parts.length <= 1 ? [content] : parts.map((text) => ({ ...content, text }))
    }
    case 'media': {
      const { parts, left } = mediaParts(content, limits)
      const all = [...parts, ...texts(left).map((text) => words(content, text))]
      return all.length <= 1 ? [content] : all
    }
    case 'choice': {
      const parts = texts(content.text, questionMax)
      if (parts.length <= 1) return [content]
      const question = parts.pop() ?? ''
      return [...parts.map((text) => words(content, text)), { ...content, text: question }]
    }
    case 'cards': {
      const all = [...texts(content.text).map((text) => words(content, text)), ...cardParts(content, limits)]
      return all.length <= 1 ? [content] : all
    }
    default:
      return [content]
  }
}
