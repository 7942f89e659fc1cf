// HMAC (RFC 2104) with each key's padded blocks kept, and comparisons in constant time.
// Between the proofs of Meta, Twilio and Standard Webhooks and node:crypto, whose createHmac imports its key anew each time.

import { hash, timingSafeEqual } from 'node:crypto'

type Algorithm = 'sha1' | 'sha256'

const BLOCK_BYTES = 64
const DIGEST_BYTES: Readonly<Record<Algorithm, number>> = { sha1: 20, sha256: 32 }
/** Secrets whose blocks are kept; a site has a few. */
const PADS_MAX = 256

interface Pads {
  readonly inner: Buffer
  readonly outer: Buffer
}

const padsOf: Readonly<Record<Algorithm, Map<string, Pads>>> = { sha1: new Map(), sha256: new Map() }

const utf8 = (secret: string): Uint8Array => Buffer.from(secret)

const padded = (algorithm: Algorithm, secret: string, keyOf: (secret: string) => Uint8Array): Pads => {
  const kept = padsOf[algorithm]
  const known = kept.get(secret)
  if (known !== undefined) return known
  const key = keyOf(secret)
  const block = Buffer.alloc(BLOCK_BYTES)
  block.set(key.length > BLOCK_BYTES ? hash(algorithm, key, 'buffer') : key)
  const outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES[algorithm])
  outer.set(block.map((byte) => byte ^ 0x5c))
  const pads = { inner: Buffer.from(block.map((byte) => byte ^ 0x36)), outer }
  if (kept.size >= PADS_MAX) kept.clear()
  kept.set(secret, pads)
  return pads
}

/** The digest over `parts` as one message. `keyOf` turns the secret's text into the key; one secret has one such reading. */
export const hmac = (algorithm: Algorithm, secret: string, parts: readonly Uint8Array[], keyOf = utf8): Buffer => {
  const { inner, outer } = padded(algorithm, secret, keyOf)
  outer.set(hash(algorithm, Buffer.concat([inner, ...parts]), 'buffer'), BLOCK_BYTES)
  return hash(algorithm, outer, 'buffer')
}

/** Equal, without telling where they differ. */
export const isSameText = (given: string, expected: string): boolean => {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)]
  return left.length === right.length && timingSafeEqual(left, right)
}
