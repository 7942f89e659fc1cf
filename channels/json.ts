// JSON from outside, read without trust: objects, lists, texts and numbers that may be anything.
// Between provider bodies and the readers of webhooks, sends, lookups and backfill.

export type JsonObject = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Digits that a double cannot hold, standing where a number may: before it a colon, comma or bracket, behind it the value's end. */
const LONG_NUMBER = /[:[,]\s*\d{16,}\s*[,}\]]/

/** Keeps numbers beyond 2^53 as the text they were: Meta's ids are numbers in some payloads. */
const exactly = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
  typeof value === 'number' && !Number.isSafeInteger(value) && context?.source !== undefined && /^-?\d+$/.test(context.source)
    ? context.source
    : value

/** The value of a body; undefined = no JSON. Ids too long for a number come as text. */
export const jsonOf = (body: Uint8Array): unknown => {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
  try {
    return LONG_NUMBER.test(text) ? (JSON.parse(text, exactly) as unknown) : (JSON.parse(text) as unknown)
  } catch {
    return undefined
  }
}

export const objectOf = (body: string): JsonObject | undefined => {
  try {
    const value: unknown = JSON.parse(body)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The object of a field; undefined where there is none. */
export const inner = (object: JsonObject | undefined, field: string): JsonObject | undefined => {
  const value = object?.[field]
  return isObject(value) ? value : undefined
}

/** The objects of a list field; undefined = there is no such list. */
export const listOf = (object: JsonObject | undefined, field: string): JsonObject[] | undefined => {
  const value = object?.[field]
  return Array.isArray(value) ? value.filter(isObject) : undefined
}

/** A text that is not empty. */
export const textOf = (object: JsonObject | undefined, field: string): string | null => {
  const value = object?.[field]
  return typeof value === 'string' && value !== '' ? value : null
}

/** An id, which providers write as text or as a number. */
export const idOf = (object: JsonObject | undefined, field: string): string | null => {
  const value = object?.[field]
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? String(value) : null
  return typeof value === 'string' && value !== '' ? value : null
}

/** A finite number, or its text; null where there is none. */
export const numberOf = (object: JsonObject | undefined, field: string): number | null => {
  const value = object?.[field]
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : null
}

const TIME_MAX = 8.64e15

/** A moment in milliseconds, given in units of `unitMs`. */
export const timeOf = (object: JsonObject | undefined, field: string, unitMs: 1 | 1000): number | null => {
  const value = numberOf(object, field)
  const time = value === null ? null : Math.trunc(value * unitMs)
  return time !== null && time > 0 && time <= TIME_MAX ? time : null
}

/** A provider's error code; null where there is none that we could store. */
export const codeIn = (object: JsonObject | undefined, field: string): number | null => {
  const code = numberOf(object, field)
  return code !== null && Number.isInteger(code) && code >= 0 && code < 2 ** 31 ? code : null
}

/** A value as text for `native`; null where it cannot be written, as when it is nested too deeply. */
export const written = (value: unknown): string | null => {
  try {
    return JSON.stringify(value)
  } catch {
    return null
  }
}

/** A date that Date.parse reads, in milliseconds; null where there is none. */
export const dateOf = (object: JsonObject, field: string): number | null => {
  const time = Date.parse(textOf(object, field) ?? '')
  return Number.isNaN(time) ? null : time
}
