// How a create request ended, as the fate of the send.
// Between Twilio's answers and the sender, which repeats only what provably was not sent.

import type { Ending, Headers, SendFate } from '../shape.ts'
import { codeEntry, codeOf } from './codes.ts'
import { objectOf } from '../json.ts'

const RETRY_AFTER_MS_MAX = 3_600_000

/** Retry-After in seconds; a date or nonsense says nothing, and the sender's own pause holds. */
const retryAfterMs = (headers: Headers): number | null => {
  const text = headers['retry-after'] ?? ''
  return /^\d{1,6}$/.test(text) ? Math.min(Number(text) * 1000, RETRY_AFTER_MS_MAX) : null
}

const accepted = (body: string): SendFate => {
  const sid = objectOf(body)?.['sid']
  return typeof sid === 'string' && sid !== ''
    ? { kind: 'accepted', providerMessageId: sid }
    : { kind: 'unknown', reason: 'provider_error', providerCode: null }
}

/** HTTP status first, code second, unknown code by the status alone (PROTOCOLS 0.8, 4.6). */
const refusal = (status: number, headers: Headers, body: string): SendFate => {
  const providerCode = codeOf(objectOf(body)?.['code'])
  if (status === 429) return { kind: 'throttle', afterMs: retryAfterMs(headers), providerCode }
  if (status >= 500 || status === 408 || status < 400) return { kind: 'unknown', reason: 'provider_error', providerCode }
  const entry = providerCode === null ? undefined : codeEntry(providerCode)
  if (entry === undefined) {
    return status === 401 || status === 403
      ? { kind: 'permanent-credential', reason: 'credentials_refused', providerCode }
      : { kind: 'permanent-message', reason: 'rejected', providerCode }
  }
  if (entry.class === 'throttle') return { kind: 'throttle', afterMs: retryAfterMs(headers), providerCode }
  return { kind: entry.class, reason: entry.reason, providerCode }
}

export const interpret = (ending: Ending): SendFate => {
  switch (ending.kind) {
    case 'not-sent':
      return { kind: 'retry', reason: 'connection_lost', providerCode: null }
    case 'bytes-left':
      return { kind: 'unknown', reason: ending.reason, providerCode: null }
    case 'answer':
      return ending.status >= 200 && ending.status < 300 ? accepted(ending.body) : refusal(ending.status, ending.headers, ending.body)
  }
}
