// HMAC-SHA256 (RFC 2104) with each key's padded blocks kept, and comparisons in constant time.
// Between the proofs of Meta and Standard Webhooks and node:crypto, whose createHmac imports its key anew each time.

import { hash, timingSafeEqual } from 'node:crypto'

const BLOCK_BYTES = 64
const DIGEST_BYTES = 32
/** Secrets whose blocks are kept; a site has a few. */
const PADS_MAX = 256

interface Pads {
  readonly inner: Buffer
  readonly outer: Buffer
}

const padsOf = new Map<string, Pads>()

const padded = (secret: string, keyOf: (secret: string) => Uint8Array): Pads => {
  const known = padsOf.get(secret)
  if (known !== undefined) return known
  const key = keyOf(secret)
  const block = Buffer.alloc(BLOCK_BYTES)
  block.set(key.length > BLOCK_BYTES ? hash('sha256', key, 'buffer') : key)
  const outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES)
  outer.set(block.map((byte) => byte ^ 0x5c))
  const pads = { inner: Buffer.from(block.map((byte) => byte ^ 0x36)), outer }
  if (padsOf.size >= PADS_MAX) padsOf.clear()
  padsOf.set(secret, pads)
  return pads
}

const utf8 = (secret: string): Uint8Array => Buffer.from(secret)

/** The digest over `parts` as one message. `keyOf` turns the secret's text into the key; one secret has one such reading. */
export const hmacSha256 = (secret: string, parts: readonly Uint8Array[], keyOf: (secret: string) => Uint8Array = utf8): Buffer => {
  const { inner, outer } = padded(secret, keyOf)
  outer.set(hash('sha256', Buffer.concat([inner, ...parts]), 'buffer'), BLOCK_BYTES)
  return hash('sha256', outer, 'buffer')
}

/** Equal, without telling where they differ. */
export const isSameText = (given: string, expected: string): boolean => {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)]
  return left.length === right.length && timingSafeEqual(left, right)
}
