// Standard Webhooks 1.0.0, scheme v1: base64(HMAC-SHA256(key, id.timestamp.body)), the same both ways.
// Between a connector outside of Confab and ingest, and between our sends and that connector's `sendUrl`.

import { hmac, isSameText } from '../hmac.ts'
import type { Headers, SignedRequest } from '../shape.ts'

/** Older or newer proofs are refused: the specification's own tolerance. */
const AGE_SECONDS_MAX = 300
/** Signatures looked at in one header; five keys may overlap in a rotation. */
const SIGNATURES_MAX = 10
const ID_LENGTH_MAX = 256

/** `whsec_` and base64, or base64 alone. */
const keyOf = (secret: string): Uint8Array => Buffer.from(secret.replace(/^whsec_/, ''), 'base64')

const signatureOf = (secret: string, frame: string, body: Uint8Array): string =>
  `v1,${hmac('sha256', secret, [Buffer.from(frame), body], keyOf).toString('base64')}`

const isRecent = (timestamp: number, at: number | undefined): boolean =>
  at === undefined || Math.abs(at / 1000 - timestamp) <= AGE_SECONDS_MAX

export const verify = ({ headers, body, secrets, at }: Pick<SignedRequest, 'headers' | 'body' | 'secrets' | 'at'>): boolean => {
  const [id, timestamp, given] = [headers['webhook-id'] ?? '', headers['webhook-timestamp'] ?? '', headers['webhook-signature'] ?? '']
  // A dot in the id would let its end pass for a timestamp.
  if (id === '' || id.length > ID_LENGTH_MAX || id.includes('.') || !/^\d{1,12}$/.test(timestamp)) return false
  if (!isRecent(Number(timestamp), at)) return false
  const signatures = given.split(' ', SIGNATURES_MAX)
  let isProved = false
  for (const secret of secrets) {
    const expected = signatureOf(secret, `${id}.${timestamp}.`, body)
    for (const signature of signatures) if (isSameText(signature, expected)) isProved = true
  }
  return isProved
}

/** The headers of a request of ours: the first secret signs, so that a new one takes over by coming first. */
export const signed = ({ id, now, secrets, body }: { id: string; now: number; secrets: readonly string[]; body: string }): Headers => {
  const timestamp = String(Math.floor(now / 1000))
  const bytes = Buffer.from(body)
  return {
    'content-type': 'application/json',
    accept: 'application/json',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': secrets.map((secret) => signatureOf(secret, `${id}.${timestamp}.`, bytes)).join(' '),
  }
}
