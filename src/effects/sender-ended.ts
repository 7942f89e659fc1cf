// How one request leaves an attempt: what the ledger keeps of it, and whether the attempt goes on.
// Between the fate that a channel reads from an ending and the sender's loop. Pure.

import type { SendFate } from '#channels'
import type { EffectSend, SendReason, SendRecord } from '#schemas/log'

/** How far an attempt has come: requests that provably sent nothing, and the provider's ids of parts that it has accepted. */
export interface Progress {
  readonly tries: number
  readonly parts: readonly string[]
}

export interface Ended {
  readonly record: SendRecord
  /** Goes on after this long; absent = as the record's reason says. */
  readonly waitMs?: number
  /** Asked again under the same id, although nothing is proved: if that ends, its fate is open. */
  readonly isOpen?: boolean
}

/** A conversation that its provider slows down, where it does not say for how long. */
const THROTTLED_MS = 5000

export const startedOf = (
  { conversationId, messageId, organizationId, accountId, attempt }: EffectSend,
  now: number,
  { tries, parts }: Progress,
): SendRecord => ({
  conversationId,
  messageId,
  organizationId,
  accountId,
  attempt,
  startedAt: now,
  endedAt: null,
  outcome: null,
  reason: null,
  providerCode: null,
  providerMessageId: null,
  durationMs: null,
  tries,
  ...(parts.length === 0 ? {} : { parts: [...parts] }),
})

const accepted = (ended: SendRecord, fate: Extract<SendFate, { kind: 'accepted' }>, isLast: boolean): SendRecord => {
  const { providerMessageId, userIds } = fate
  const whole = ended.parts ?? []
  const parts = isLast && whole.length === 0 ? {} : { parts: [...whole, providerMessageId] }
  const known = userIds === undefined ? {} : { userIds: [...userIds] }
  // Not the last: provably nothing of the next part is on its way.
  return { ...ended, ...parts, ...known, outcome: isLast ? 'sent' : 'queued', providerMessageId: isLast ? providerMessageId : null }
}

export const endedBy = (
  fate: SendFate,
  { started, endedAt, isLast, isIdempotent }: { started: SendRecord; endedAt: number; isLast: boolean; isIdempotent: boolean },
): Ended => {
  const ended = { ...started, endedAt, durationMs: endedAt - started.startedAt }
  switch (fate.kind) {
    case 'accepted':
      return { record: accepted(ended, fate, isLast) }
    case 'unknown': {
      const { reason, providerCode } = fate
      if (isIdempotent) return { record: { ...ended, outcome: 'queued', reason, providerCode, tries: started.tries + 1 }, isOpen: true }
      return { record: { ...ended, outcome: 'unknown', reason, providerCode } }
    }
    case 'throttle': {
      const record = { ...ended, outcome: 'queued' as const, providerCode: fate.providerCode }
      return fate.scope === 'conversation' ? { record, waitMs: fate.afterMs ?? THROTTLED_MS } : { record }
    }
    case 'retry':
      return { record: { ...ended, outcome: 'queued', reason: fate.reason, providerCode: fate.providerCode, tries: started.tries + 1 } }
    case 'permanent-credential':
    case 'permanent-message':
    case 'permanent-recipient':
      return { record: { ...ended, outcome: 'failed', reason: fate.reason, providerCode: fate.providerCode } }
  }
}

/** After the last try: failed, unless the last one proved nothing. */
export const spent = (record: SendRecord, isOpen: boolean): SendRecord =>
  isOpen ? { ...record, outcome: 'unknown' } : { ...record, outcome: 'failed', reason: 'retries_spent' }

/** For the account's owner. */
export const troubleWords = ({ reason, providerCode }: { reason: SendReason; providerCode: number | null }): string => {
  const code = providerCode === null ? '' : ` (code ${providerCode})`
  return reason === 'account_suspended'
    ? `The provider has suspended the account${code}.`
    : `The provider refuses the account’s credentials or permissions${code}: enter new ones.`
}
