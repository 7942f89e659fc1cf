// WhatsApp's error codes: what they say about the message, the person, the number and us (PROTOCOLS 3.6).
// Between Meta's numbers, in answers and in failed statuses, and the fates and reasons that sender and receipts know.

import { listOf, idOf, objectOf } from '../json.ts'
import { interpretWith, type CodeEntry } from '../meta/page-errors.ts'
import type { SendFate } from '../shape.ts'
import type { SendReason } from '#schemas/log'
import { numberVariants } from './numbers.ts'

const entries = (kind: CodeEntry['kind'], reason: SendReason, ...codes: readonly number[]): [number, CodeEntry][] =>
  codes.map((code) => [code, { kind, reason }])

const codes: ReadonlyMap<number, CodeEntry> = new Map([
  ...entries('permanent-credential', 'credentials_refused', 0, 3, 10, 190, 131005, 131037, 131042, 131045),
  ...entries('permanent-credential', 'account_suspended', 368, 130497, 131031),
  ...entries('throttle', 'provider_error', 4, 80007, 130429, 131048, 131056),
  ...entries('unknown', 'provider_error', 1, 2, 131000, 131016, 131057, 133004),
  ...entries('permanent-message', 'window_closed', 131047),
  ...entries('permanent-recipient', 'recipient_invalid', 131026),
  ...entries('permanent-recipient', 'recipient_opted_out', 131050),
  ...entries('permanent-message', 'rejected', 130472, 131021, 131049),
  ...entries('permanent-message', 'content_refused', 33, 100, 131008, 131009, 131051, 131052, 131053),
  ...entries('permanent-message', 'content_refused', 132000, 132001, 132005, 132007, 132012, 132015, 132016),
])

const credential: CodeEntry = { kind: 'permanent-credential', reason: 'credentials_refused' }

/** 2xx are permissions, 133xxx registration of the number. undefined = no table knows it. */
const codeEntry = (code: number): CodeEntry | undefined =>
  codes.get(code) ?? ((code >= 200 && code <= 299) || (code >= 133000 && code <= 133999) ? credential : undefined)

/** One person at a time is written to too fast: the others are not held up. */
const PAIR_RATE = 131056
/** As the answer to a send these prove nothing; in a failed status, that it was not delivered and may be tried again. */
const TRY_AGAIN = new Set([2, 131000, 131016, 131057, 133004])

export const failureOf = (code: number | null): { readonly reason: SendReason; readonly mayRetry: boolean } => ({
  reason: (code === null ? undefined : codeEntry(code)?.reason) ?? 'undelivered',
  mayRetry: code !== null && TRY_AGAIN.has(code),
})

const acceptedFate = (body: string): SendFate => {
  const answer = objectOf(body)
  const providerMessageId = idOf(listOf(answer, 'messages')?.[0], 'id')
  if (providerMessageId === null) return { kind: 'unknown', reason: 'provider_error', providerCode: null }
  const contact = listOf(answer, 'contacts')?.[0]
  const userIds = [idOf(contact, 'user_id'), idOf(contact, 'wa_id')].filter((id) => id !== null)
  return { kind: 'accepted', providerMessageId, userIds: [...new Set([...userIds, ...userIds.flatMap(numberVariants)])] }
}

const interpretCodes = interpretWith(acceptedFate, ({ code }) => codeEntry(code))

export const interpret: typeof interpretCodes = (ending) => {
  const fate = interpretCodes(ending)
  return fate.kind === 'throttle' && fate.providerCode === PAIR_RATE ? { ...fate, scope: 'conversation' } : fate
}
