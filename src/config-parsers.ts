// How a setting is written down, and the parsers of its text; each throws an Error whose message says what is expected.
// Between the table in config.ts and the strings of the environment.

export interface Setting<T> {
  readonly name: string
  readonly default: string
  readonly description: string
  /** Throws an Error whose message says what is expected. */
  readonly parse: (text: string) => T
  readonly isSecret?: boolean
}

export const integer =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < min || value > max) throw new Error(`expects a whole number from ${min} to ${max}`)
    return value
  }
export const url = (text: string): string => {
  if (text === '') return ''
  const parsed = URL.parse(text)
  if (parsed === null || !['http:', 'https:'].includes(parsed.protocol)) throw new Error('expects an http or https URL')
  if (parsed.search !== '' || parsed.hash !== '' || parsed.username !== '')
    throw new Error('expects a URL without query, fragment or password')
  return parsed.href.replace(/\/$/, '')
}
export const redisUrl = (given: string): string => {
  if (given !== '' && !['redis:', 'rediss:'].includes(URL.parse(given)?.protocol ?? ''))
    throw new Error('expects a redis:// or rediss:// URL')
  return given
}
export const oneOf =
  <const T extends readonly string[]>(...values: T) =>
  (text: string): T[number] => {
    if (!values.includes(text)) throw new Error(`expects one of ${values.join(', ')}`)
    return text
  }
export const list = (text: string): readonly string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
const IPV4 = /^(?:(?:\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])(?:\.(?!$|\/)|(?=$|\/))){4}(?:\/(?:\d|[12]\d|3[0-2]))?$/
const IPV6 = /^(?=.*:.*:)[\da-f:]+(?:\/(?:\d|[1-9]\d|1[01]\d|12[0-8]))?$/i
/** Addresses and ranges, each as it stands in the list. */
export const ranges = (given: string): readonly string[] => {
  const parts = list(given)
  if (parts.some((part) => !IPV4.test(part) && !IPV6.test(part))) throw new Error('expects addresses or CIDRs, separated by commas')
  return parts
}
export const text = (value: string): string => value
export const setting = <T>(name: string, fallback: string, parse: (value: string) => T, description: string): Setting<T> => ({
  name,
  default: fallback,
  parse,
  description,
})
