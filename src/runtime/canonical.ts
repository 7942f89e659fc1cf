// One spelling of a JSON value: object keys in order, so that the same body from two clients hashes alike.
// Between a request's body and the keyed hash that tells a repeat from another wish.

export const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item ?? null)).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const pairs = Object.entries(value).filter(([, field]) => field !== undefined)
  pairs.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${pairs.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(',')}}`
}
