// Twilio's JSON resources, read without trust: objects, lists and dates that may be anything.
// Between answers of the REST API and the readers of creates, lookups and backfill.

export type JsonObject = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)

export const objectOf = (body: string): JsonObject | undefined => {
  try {
    const value: unknown = JSON.parse(body)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The objects of a list field; undefined = there is no such list. */
export const listOf = (object: JsonObject | undefined, field: string): JsonObject[] | undefined => {
  const value = object?.[field]
  return Array.isArray(value) ? value.filter(isObject) : undefined
}

export const textOf = (object: JsonObject, field: string): string | null => {
  const value = object[field]
  return typeof value === 'string' && value !== '' ? value : null
}

/** An RFC 2822 date in milliseconds; null where there is none. */
export const dateOf = (object: JsonObject, field: string): number | null => {
  const time = Date.parse(textOf(object, field) ?? '')
  return Number.isNaN(time) ? null : time
}
