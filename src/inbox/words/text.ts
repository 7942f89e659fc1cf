// Text as strangers write it: its links found, its size said. Nothing here makes markup.
// Pure, between a message's text and the bubble that shows it.

export interface TextPart {
  readonly text: string
  readonly href?: string
}

const LINK = /https?:\/\/[^\s<>"'`{}|\\^]+/giu
/** Signs that end a sentence rather than an address. */
const TRAILING = /[.,;:!?)\]…]+$/u

/** Splits at web addresses; only http and https ever become links. */
export const linkedText = (text: string): readonly TextPart[] => {
  const parts: TextPart[] = []
  let from = 0
  for (const match of text.matchAll(LINK)) {
    const address = match[0].replace(TRAILING, '')
    if (!URL.canParse(address)) continue
    if (match.index > from) parts.push({ text: text.slice(from, match.index) })
    parts.push({ text: address, href: address })
    from = match.index + address.length
  }
  if (from < text.length || parts.length === 0) parts.push({ text: text.slice(from) })
  return parts
}

/** Links that end within this are renewed before they are followed. */
const LINK_MARGIN_MS = 30_000

/** Whether a signed link has ended, or is about to. */
export const isLinkSpent = (url: string, now: number): boolean => {
  const expires = /[?&]expires=(\d+)/.exec(url)?.[1]
  return expires !== undefined && Number(expires) * 1000 < now + LINK_MARGIN_MS
}

/** "340 KB", "2.4 MB". */
export const sizeWords = (bytes: number): string => {
  if (bytes < 1_000) return `${bytes} B`
  if (bytes < 1_000_000) return `${Math.round(bytes / 1_000)} KB`
  return `${(bytes / 1_000_000).toFixed(bytes < 10_000_000 ? 1 : 0)} MB`
}

export interface MarkedPart {
  readonly text: string
  readonly isHit: boolean
}

/** A snippet of the search: hits stand between U+0002 and U+0003. */
export const markedText = (snippet: string): readonly MarkedPart[] =>
  snippet
    .split('\u0002')
    .flatMap((part, index) => {
      if (index === 0) return [{ text: part, isHit: false }]
      const [hit = '', ...rest] = part.split('\u0003')
      return [
        { text: hit, isHit: true },
        { text: rest.join(''), isHit: false },
      ]
    })
    .filter(({ text }) => text !== '')
