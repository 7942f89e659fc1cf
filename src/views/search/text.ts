// Text for the index and text from the asker: terms, prefixes, CJK characters one by one, phone numbers from behind.
// Between messages, names and FTS5, whose tokenizer folds case and accents.

import type { Contact } from '#schemas'

/** Terms of a query that are looked at; what comes after is ignored. */
const TERMS_MAX = 16
/** Characters of a text that are indexed. */
const INDEXED_CHARACTERS_MAX = 65_536
const SNIPPET_CHARACTERS = 160
const PHONE_DIGITS_MIN = 4

const CJK = /[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af]/
const eachCjk = new RegExp(CJK, 'g')

/** Scripts without spaces: every character a term, so that any part of a run is found as a phrase. */
const spread = (text: string): string => (CJK.test(text) ? text.replaceAll(eachCjk, ' $& ') : text)

/** A message's content, as stored or as shown. */
interface Searchable {
  readonly text?: string | null
  readonly answer?: { readonly text: string } | null
  readonly template?: { readonly name: string } | null
  readonly location?: { readonly name: string | null } | null
  readonly attachments?: readonly { readonly name: string | null }[]
}

/** What of a message's content can be searched; '' = nothing. */
export const textOf = (content: Searchable | null): string => {
  if (content === null) return ''
  const { text, answer, template, location, attachments } = content
  const parts = [text, answer?.text, template?.name, location?.name, ...(attachments?.map(({ name }) => name) ?? [])]
  return parts.filter((part) => typeof part === 'string' && part !== '').join(' ')
}

export const indexedText = (text: string): string => spread(text.slice(0, INDEXED_CHARACTERS_MAX))

const reversed = (digits: string): string => digits.split('').reverse().join('')
const digitsOf = (text: string): string => text.replaceAll(/\D/g, '')

/** What of a contact can be searched: names and addresses, and its numbers back to front. */
export const contactText = (row: Contact): { readonly body: string; readonly digits: string } => {
  const ids = row.identities.map(({ userId }) => userId ?? '')
  const body = [row.name ?? '', row.company ?? '', ...row.emails, ...Object.values(row.attributes)].filter((part) => part !== '').join(' ')
  const numbers = new Set(
    [...row.phones, ...ids.filter((id) => /^(?:[a-z]+:)?\+?\d+$/.test(id))]
      .map(digitsOf)
      .filter((digits) => digits.length >= PHONE_DIGITS_MIN),
  )
  return { body: indexedText(body), digits: [...numbers].map(reversed).join(' ') }
}

/** The terms asked for, in order; empty where there is nothing to look for. */
const termsOf = (text: string): string[] => (text.normalize('NFC').match(/[\p{L}\p{N}\p{M}]+/gu) ?? []).slice(0, TERMS_MAX)

const quoted = (term: string): string => `"${spread(term).trim()}"`

/** Terms in FTS5's language: all of them, the last one also as the beginning of a word. null where there is none. */
export const matchOf = (text: string): string | null => {
  const terms = termsOf(text)
  const last = terms.at(-1)
  if (last === undefined) return null
  // One letter begins too many words to be worth a list.
  const isPrefix = last.length >= 2 && !/\s$/.test(text)
  return terms.map((term, index) => (index === terms.length - 1 && isPrefix ? `${quoted(term)} *` : quoted(term))).join(' AND ')
}

/** The end of a phone number in FTS5's language; null where the text is none. */
export const phoneMatchOf = (text: string): string | null => {
  const trimmed = text.trim()
  if (!/^[+\d][\d\s()./-]*$/.test(trimmed)) return null
  const digits = digitsOf(trimmed).replace(/^00/, '')
  return digits.length < PHONE_DIGITS_MIN ? null : `"${reversed(digits)}" *`
}

const MARKS = /\p{M}/gu
const fold = (text: string): string => text.normalize('NFD').replaceAll(MARKS, '').toLowerCase()

/** Folds character by character, so that places in the folded text are places in the text. */
const foldedWithPlaces = (text: string): { readonly folded: string; readonly places: readonly number[] } => {
  let folded = ''
  const places: number[] = []
  let at = 0
  for (const character of text) {
    const plain = fold(character)
    for (let index = 0; index < plain.length; index++) places.push(at)
    folded += plain
    at += character.length
  }
  places.push(text.length)
  return { folded, places }
}

interface Range {
  readonly from: number
  readonly to: number
}

const isWordBefore = (text: string, at: number): boolean =>
  at > 0 && /[\p{L}\p{N}]/u.test(text[at - 1] ?? '') && !CJK.test(text[at - 1] ?? '')

const rangesOf = (text: string, terms: readonly string[]): Range[] => {
  const { folded, places } = foldedWithPlaces(text)
  const ranges: Range[] = []
  for (const term of terms.map(fold)) {
    if (term === '') continue
    for (let at = folded.indexOf(term); at >= 0 && ranges.length < 64; at = folded.indexOf(term, at + term.length)) {
      if (!isWordBefore(folded, at)) ranges.push({ from: places[at] ?? 0, to: places[at + term.length] ?? text.length })
    }
  }
  return ranges.sort((a, b) => a.from - b.from || b.to - a.to)
}

/** The part of the text around the first hit, each hit between U+0002 and U+0003. */
export const snippetOf = (source: string, query: string): string => {
  const text = source.slice(0, INDEXED_CHARACTERS_MAX).replaceAll('\u0002', '').replaceAll('\u0003', '').replaceAll(/\s+/g, ' ').trim()
  const ranges = rangesOf(text, termsOf(query))
  const first = ranges[0]?.from ?? 0
  const from = first < SNIPPET_CHARACTERS / 2 ? 0 : text.indexOf(' ', first - SNIPPET_CHARACTERS / 2) + 1 || first
  const to = Math.min(text.length, from + SNIPPET_CHARACTERS)
  let out = from > 0 ? '…' : ''
  let at = from
  for (const range of ranges) {
    if (range.from < at || range.to > to) continue
    out += `${text.slice(at, range.from)}\u0002${text.slice(range.from, range.to)}\u0003`
    at = range.to
  }
  return out + text.slice(at, to) + (to < text.length ? '…' : '')
}

/** Terms that keep tenants, accounts and notes apart inside the index. */
export const scopes = {
  organization: (number: number): string => `o${number.toString(36)}`,
  account: (number: number): string => `a${number.toString(36)}`,
  said: 'said',
  noted: 'noted',
} as const
