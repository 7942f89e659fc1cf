// Twilio's form bodies as names and values, every repetition kept.
// Between the bytes of a webhook and the two readers that must agree on them: verify and parse.

export type Form = ReadonlyMap<string, readonly string[]>

/** The form that verify has read, for parse right after it: half of what a webhook spends here. */
let latest: { readonly body: Uint8Array; readonly form: Form } | undefined

/** Decodes application/x-www-form-urlencoded, values untrimmed. The body is never written to again. */
export const parseForm = (body: Uint8Array): Form => {
  if (latest?.body === body) return latest.form
  const form = new Map<string, string[]>()
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
  for (const [name, value] of new URLSearchParams(text)) {
    const values = form.get(name)
    if (values === undefined) form.set(name, [value])
    else values.push(value)
  }
  latest = { body, form }
  return form
}

export const first = (form: Form, name: string): string | undefined => form.get(name)?.[0]

/** The value, or null where it is absent or empty. */
export const filled = (form: Form, name: string): string | null => {
  const value = first(form, name)
  return value === undefined || value === '' ? null : value
}
