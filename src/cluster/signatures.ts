// Who may ask a node for its views: other nodes of the site, which know its secret. HMAC over method, path, time and body.
// Between the caller in calls.ts and the route that answers; a user's token opens nothing here. A replay reads what it read before.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

export const NODE_CALL_PATH = '/v1/internal/views'
export const TIME_HEADER = 'confab-node-time'
export const SIGNATURE_HEADER = 'confab-node-signature'
/** How far two nodes' clocks may be apart, and a call be on its way. */
export const TOLERANCE_MS = 30_000

/** Hex. `time`: milliseconds since 1970, as it stands in the header. */
export const signCall = (key: Uint8Array, body: Uint8Array, time: string): string => {
  const digest = createHash('sha256').update(body).digest('hex')
  return createHmac('sha256', key).update(`POST\n${NODE_CALL_PATH}\n${time}\n${digest}`).digest('hex')
}

export interface Claim {
  readonly time: unknown
  readonly signature: unknown
  readonly body: Uint8Array
}

/** Why the call is refused; null = it is one of ours. */
export const faultOfCall = (key: Uint8Array, { time, signature, body }: Claim, now: number): 'unsigned' | 'expired' | 'forged' | null => {
  if (typeof time !== 'string' || typeof signature !== 'string' || !/^\d{1,15}$/.test(time)) return 'unsigned'
  const expected = Buffer.from(signCall(key, body, time))
  const given = Buffer.from(signature)
  if (expected.length !== given.length || !timingSafeEqual(expected, given)) return 'forged'
  return Math.abs(now - Number(time)) > TOLERANCE_MS ? 'expired' : null
}
