// A connector's answer to a send, by a table of words that it may use; whatever else it says proves nothing.
// Between `sendUrl` and the sender: 2xx {id} = sent, 4xx {error} = failed, 429 = slower (docs/channels/writing-one.md).

import { codeIn, idOf, inner, objectOf, textOf, type JsonObject } from '../json.ts'
import type { Ending, SendFate } from '../shape.ts'
import type { SendReason } from '#schemas/log'

interface Reason {
  readonly kind: 'permanent-message' | 'permanent-recipient' | 'permanent-credential'
  readonly reason: SendReason
}

/** The words for `error.code`, in answers, and for `reason`, in receipts. */
export const reasons: ReadonlyMap<string, Reason> = new Map([
  ['rejected', { kind: 'permanent-message', reason: 'rejected' }],
  ['content_refused', { kind: 'permanent-message', reason: 'content_refused' }],
  ['window_closed', { kind: 'permanent-message', reason: 'window_closed' }],
  ['undelivered', { kind: 'permanent-message', reason: 'undelivered' }],
  ['recipient_invalid', { kind: 'permanent-recipient', reason: 'recipient_invalid' }],
  ['recipient_opted_out', { kind: 'permanent-recipient', reason: 'recipient_opted_out' }],
  ['blocked', { kind: 'permanent-recipient', reason: 'blocked' }],
  ['credentials_refused', { kind: 'permanent-credential', reason: 'credentials_refused' }],
  ['account_suspended', { kind: 'permanent-credential', reason: 'account_suspended' }],
])

const RETRY_AFTER_MS_MAX = 3_600_000
const REJECTED: Reason = { kind: 'permanent-message', reason: 'rejected' }

const unknown = (providerCode: number | null = null): SendFate => ({ kind: 'unknown', reason: 'provider_error', providerCode })

/** `error` as a word, or an object with `code`; undefined = there is none. */
const errorOf = (answer: JsonObject | undefined): { readonly word: string; readonly number: number | null } | undefined => {
  const word = textOf(answer, 'error')
  const error = inner(answer, 'error')
  if (word === null && error === undefined) return undefined
  return { word: word ?? textOf(error, 'code') ?? '', number: codeIn(error, 'number') }
}

export const interpret = (ending: Ending): SendFate => {
  if (ending.kind === 'not-sent') return { kind: 'retry', reason: 'connection_lost', providerCode: null }
  if (ending.kind === 'bytes-left') return { kind: 'unknown', reason: ending.reason, providerCode: null }
  const { status, headers, body } = ending
  const answer = objectOf(body)
  if (status >= 200 && status < 300) {
    const id = idOf(answer, 'id')
    return id === null ? unknown() : { kind: 'accepted', providerMessageId: id }
  }
  const seconds = headers['retry-after'] ?? ''
  if (status === 429)
    return {
      kind: 'throttle',
      afterMs: /^\d{1,6}$/.test(seconds) ? Math.min(Number(seconds) * 1000, RETRY_AFTER_MS_MAX) : null,
      providerCode: null,
    }
  const error = errorOf(answer)
  if (status < 400 || status >= 500 || status === 408 || error === undefined) return unknown()
  const { kind, reason } = reasons.get(error.word) ?? REJECTED
  return { kind, reason, providerCode: error.number }
}
