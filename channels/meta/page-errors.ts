// How a send through the Send API ended: Graph error codes and subcodes as the fate of the send (PROTOCOLS 1.11, 0.4).
// Between Meta's answers for Pages and Instagram accounts and the sender, which repeats only what provably was not sent.

import { idOf, objectOf } from '../json.ts'
import type { Ending, Headers, SendFate } from '../shape.ts'
import type { SendReason } from '#schemas/log'
import { graphErrorOf, type GraphError } from './graph.ts'

type FateKind = 'unknown' | 'retry' | 'throttle' | 'permanent-message' | 'permanent-recipient' | 'permanent-credential'

export interface CodeEntry {
  readonly kind: FateKind
  readonly reason: SendReason
}

const entry = (kind: FateKind, reason: SendReason): CodeEntry => ({ kind, reason })

/** By `code/subcode`, before those by code. */
const bySubcode: Readonly<Record<string, CodeEntry>> = {
  '1/99': entry('unknown', 'provider_error'),
  // "invalid JSON reply" although the message was sent.
  '1/1357046': entry('unknown', 'provider_error'),
  '2/2018344': entry('permanent-credential', 'account_suspended'),
  '4/2018354': entry('permanent-message', 'rejected'),
  '9/2018352': entry('permanent-message', 'rejected'),
  '10/2018278': entry('permanent-message', 'window_closed'),
  '10/2018065': entry('permanent-message', 'window_closed'),
  '10/2534022': entry('permanent-message', 'window_closed'),
  '10/2018108': entry('permanent-recipient', 'blocked'),
  '100/2018001': entry('permanent-recipient', 'recipient_invalid'),
  '100/2018109': entry('permanent-message', 'content_refused'),
  '200/1545041': entry('permanent-recipient', 'blocked'),
  '551/1545041': entry('permanent-recipient', 'blocked'),
}

const byCode: Readonly<Record<number, CodeEntry>> = {
  1: entry('unknown', 'provider_error'),
  // Also seen when the person blocked the page: proves nothing.
  2: entry('unknown', 'provider_error'),
  3: entry('permanent-credential', 'credentials_refused'),
  4: entry('throttle', 'provider_error'),
  10: entry('permanent-credential', 'credentials_refused'),
  17: entry('throttle', 'provider_error'),
  32: entry('throttle', 'provider_error'),
  341: entry('throttle', 'provider_error'),
  613: entry('throttle', 'provider_error'),
  100: entry('permanent-message', 'content_refused'),
  102: entry('permanent-credential', 'credentials_refused'),
  190: entry('permanent-credential', 'credentials_refused'),
  230: entry('permanent-credential', 'credentials_refused'),
  368: entry('permanent-credential', 'account_suspended'),
  551: entry('permanent-recipient', 'blocked'),
  1200: entry('retry', 'provider_error'),
  10303: entry('permanent-message', 'rejected'),
}

const permission = entry('permanent-credential', 'credentials_refused')

const pageCodeEntry = ({ code, subcode }: GraphError): CodeEntry | undefined =>
  bySubcode[`${code}/${subcode ?? ''}`] ?? byCode[code] ?? (code >= 200 && code <= 299 ? permission : undefined)

const PAUSE_MS_MAX = 3_600_000

/** How long Meta asks us to wait: Retry-After in seconds, or minutes in the usage header; null = it does not say. */
const pauseMs = (headers: Headers): number | null => {
  const seconds = headers['retry-after'] ?? ''
  if (/^\d{1,6}$/.test(seconds)) return Math.min(Number(seconds) * 1000, PAUSE_MS_MAX)
  const told = [...(headers['x-business-use-case-usage'] ?? '').matchAll(/"estimated_time_to_regain_access"\s*:\s*(\d{1,6})/g)]
  const minutes = Math.max(0, ...told.map(([, text]) => Number(text)))
  return minutes === 0 ? null : Math.min(minutes * 60_000, PAUSE_MS_MAX)
}

/** The fate that a refused send has by its table; HTTP 5xx and 408 prove nothing, whatever the body says. */
const refusedFate = (
  { status, headers, body }: Extract<Ending, { kind: 'answer' }>,
  entryOf: (error: GraphError) => CodeEntry | undefined,
): SendFate => {
  const error = graphErrorOf(body)
  const providerCode = error?.code ?? null
  const known = error === null ? undefined : entryOf(error)
  if (status >= 500 || status === 408 || status < 400) return { kind: 'unknown', reason: 'provider_error', providerCode }
  if (known === undefined) {
    if (status === 429) return { kind: 'throttle', afterMs: pauseMs(headers), providerCode }
    return status === 401
      ? { kind: 'permanent-credential', reason: 'credentials_refused', providerCode }
      : { kind: 'permanent-message', reason: 'rejected', providerCode }
  }
  if (known.kind === 'throttle') return { kind: 'throttle', afterMs: pauseMs(headers), providerCode }
  return { kind: known.kind, reason: known.reason, providerCode }
}

const acceptedFate = (body: string): SendFate => {
  const answer = objectOf(body)
  const providerMessageId = idOf(answer, 'message_id')
  if (providerMessageId === null) return { kind: 'unknown', reason: 'provider_error', providerCode: null }
  const recipient = idOf(answer, 'recipient_id')
  return { kind: 'accepted', providerMessageId, ...(recipient === null ? {} : { userIds: [recipient] }) }
}

/** Reads an ending by `acceptedOf` or, refused, by its table. */
export const interpretWith =
  (acceptedOf: (body: string) => SendFate, entryOf: (error: GraphError) => CodeEntry | undefined) =>
  (ending: Ending): SendFate => {
    switch (ending.kind) {
      case 'not-sent':
        return { kind: 'retry', reason: 'connection_lost', providerCode: null }
      case 'bytes-left':
        return { kind: 'unknown', reason: ending.reason, providerCode: null }
      case 'answer':
        return ending.status >= 200 && ending.status < 300 ? acceptedOf(ending.body) : refusedFate(ending, entryOf)
    }
  }

export const interpretPage = interpretWith(acceptedFate, pageCodeEntry)
