// Twilio's error codes and statuses as data: which class each belongs to and what we tell people.
// Between Twilio's numbers and the fates and reasons that sender, receipts and docs know.

import type { SendReason, SendState } from '#schemas/log'

type CodeClass = 'throttle' | 'unknown' | 'permanent-message' | 'permanent-recipient' | 'permanent-credential'

interface CodeEntry {
  readonly class: CodeClass
  readonly reason: SendReason
}

const entry = (codeClass: CodeClass, reason: SendReason, codes: readonly number[]): [number, CodeEntry][] =>
  codes.map((code) => [code, { class: codeClass, reason }])

/** PROTOCOLS 4.6. Twilio splits and renames codes: the HTTP status decides first, an unknown code goes by its range. */
const codes: ReadonlyMap<number, CodeEntry> = new Map([
  ...entry('throttle', 'provider_error', [20429, 21611, 30001, 63018, 63119]),
  ...entry('unknown', 'provider_error', [20500, 20503]),
  ...entry('permanent-credential', 'credentials_refused', [20003, 20404, 21212, 21603, 21606, 21659, 21660, 30032, 30034, 63007]),
  ...entry('permanent-credential', 'account_suspended', [20005, 30002]),
  ...entry('permanent-recipient', 'recipient_invalid', [21211, 21217, 21401, 21612, 21614, 30005, 30006, 63003, 63015, 63024]),
  ...entry('permanent-recipient', 'recipient_opted_out', [21610]),
  ...entry('permanent-recipient', 'blocked', [30004]),
  // The recipient's region is not enabled: no reason to stop the account, whose other recipients are reached as before.
  ...entry('permanent-recipient', 'rejected', [21408]),
  ...entry(
    'permanent-message',
    'content_refused',
    [11200, 12300, 21602, 21617, 21619, 21620, 21623, 30007, 63005, 63013, 63019, 63021, 63027, 63028, 63034],
  ),
  ...entry('permanent-message', 'rejected', [30010, 30036, 63032]),
  ...entry('permanent-message', 'window_closed', [63016]),
  ...entry('permanent-message', 'undelivered', [30003, 30008, 63012]),
])

/** The entry of a code; 2126x are newer splits of "invalid To". undefined = no table knows it. */
export const codeEntry = (code: number): CodeEntry | undefined =>
  codes.get(code) ?? (code >= 21260 && code <= 21269 ? { class: 'permanent-recipient', reason: 'recipient_invalid' } : undefined)

/** What a status says; null = nothing new, since the message was accepted already. */
export const stateOf = (status: string): SendState | null => {
  switch (status) {
    case 'sent':
    case 'partially_delivered':
      return 'sent'
    case 'delivered':
      return 'delivered'
    case 'read':
      return 'read'
    case 'undelivered':
    case 'failed':
    case 'canceled':
      return 'failed'
    default:
      return null
  }
}

/** Why a status says failed. */
export const reasonOf = (status: string, code: number | null): SendReason => {
  if (status === 'canceled') return 'superseded'
  return (code === null ? undefined : codeEntry(code)?.reason) ?? 'undelivered'
}

/** An error code as Twilio writes it, as text or number; null where there is none. */
export const codeOf = (value: unknown): number | null => {
  const code = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value
  return typeof code === 'number' && Number.isInteger(code) && code > 0 && code < 2 ** 31 ? code : null
}
