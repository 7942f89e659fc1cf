// Records as an operator may read them: decoded, with secrets masked and nothing that only a machine wants.
// Between the log's bytes and the tools that show them; what is shown still holds people's words, so it goes to operators alone.

import { decodeAny } from './codec.ts'

export interface ReadableRecord {
  readonly topic: string
  readonly headers: Readonly<Record<string, string>>
  readonly value: Uint8Array | null
}

/** Names whose values open something: hashes of tokens and passwords, sealed bytes, credentials of a request. */
const SECRET_NAME = /hash$|^sealed|password|secret|credential|token$|^(?:proxy-)?authorization$|^(?:set-)?cookie$|signature$/i
/** Names that hold JSON as text. */
const JSON_NAMES = new Set(['json', 'fields'])
const MASK = '(masked)'

const utf8 = new TextDecoder('utf-8', { fatal: true })

const textOf = (bytes: Uint8Array): string | undefined => {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** A provider's body, as the fields it is made of where it is a form or JSON. */
const bodyOf = (bytes: Uint8Array, contentType: string): unknown => {
  const text = textOf(bytes)
  if (text === undefined) return `(${bytes.length} bytes)`
  if (contentType.startsWith('application/x-www-form-urlencoded')) return masked(Object.fromEntries(new URLSearchParams(text)))
  return contentType.startsWith('application/json') ? masked(parsed(text)) : text
}

const maskedField = (name: string, value: unknown): unknown => {
  if (value === null || value === '') return value
  if (SECRET_NAME.test(name) && typeof value !== 'object') return MASK
  if (SECRET_NAME.test(name) && value instanceof Uint8Array) return MASK
  if (JSON_NAMES.has(name) && typeof value === 'string') return masked(parsed(value))
  return masked(value)
}

const masked = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return `(${value.length} bytes)`
  if (Array.isArray(value)) return value.map(masked)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, maskedField(name, field)]))
}

const rawOf = (request: { readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array }): unknown => ({
  ...(masked({ ...request, body: null }) as object),
  body: bodyOf(request.body, request.headers['content-type'] ?? ''),
})

/** A dead letter holds a command, or a provider's body. */
const letterOf = (letter: { readonly topic: string; readonly bytes: Uint8Array }): unknown => {
  const rest = masked({ ...letter, bytes: undefined }) as object
  if (letter.topic === 'raw') return { ...rest, body: textOf(letter.bytes) ?? `(${letter.bytes.length} bytes)` }
  return { ...rest, command: readableValue({ topic: letter.topic, headers: {}, value: letter.bytes }) }
}

/** What a record says, as JSON; null for a tombstone. Bytes that no schema explains are told by their size. */
export const readableValue = ({ topic, headers, value }: ReadableRecord): unknown => {
  if (value === null) return null
  try {
    const decoded = decodeAny(value)
    if (topic === 'raw') return rawOf(decoded as Parameters<typeof rawOf>[0])
    if (topic === 'dead-letters' && headers['type'] !== undefined) return letterOf(decoded as Parameters<typeof letterOf>[0])
    return masked(decoded)
  } catch {
    return `(${value.length} bytes that no known schema explains)`
  }
}
