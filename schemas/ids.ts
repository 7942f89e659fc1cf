// How ids are derived: UUIDs of version 8, never drawn. Keyed where a part comes from outside, plain where all parts are ours.
// Nobody can compute a phone number back from an id without the organization's id key.

import { hash } from 'node:crypto'

/** The reserved organization that site-wide records belong to. */
export const SITE_ID = '00000000-0000-8000-8000-000000000000'

/** From a digest in hex, which node hands out at a third of the cost of a buffer. RFC 9562 §5.8: version 8, variant 10. */
const uuid = (hex: string): string => {
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

const NOTHING = new Uint8Array(0)

/** Where parts are laid out before they are hashed: one buffer for all, as nothing is awaited in between. */
const scratch = Buffer.allocUnsafeSlow(8_192)

/** A part behind its length in UTF-8 bytes as 4 big-endian bytes; answers where the next one goes. */
const put = (out: Buffer, at: number, piece: string): number => {
  const length = out.write(piece, at + 4)
  out.writeUInt32BE(length, at)
  return at + 4 + length
}

/** kind and parts, each behind its length, so that no two lists of parts read alike; behind `head`. Valid until the next call. */
const framed = (kind: string, parts: readonly string[], head: Uint8Array = NOTHING): Uint8Array => {
  // A UTF-16 unit takes 3 bytes of UTF-8 at most.
  let bytesMax = head.length + 4 + kind.length * 3
  for (const part of parts) bytesMax += 4 + part.length * 3
  const out = bytesMax <= scratch.length ? scratch : Buffer.allocUnsafe(bytesMax)
  out.set(head)
  let at = put(out, head.length, kind)
  for (const part of parts) at = put(out, at, part)
  return out.subarray(0, at)
}

/** Kinds of ids with a part from outside, derived at the edge under the organization's id key. */
export type KeyedKind = 'conversation' | 'contact' | 'message' | 'outbound' | 'command' | 'unique' | 'request' | 'visitor' | 'setting'
/** Kinds made only of our own ids and numbers. */
export type PlainKind = 'event' | 'effect' | 'timer' | 'setting' | 'command' | 'file' | 'state'

const BLOCK_BYTES = 64

/** A key as HMAC (RFC 2104) uses it: xored into a block of 0x36 and one of 0x5c. */
interface Pads {
  readonly inner: Buffer
  readonly outer: Buffer
}

/** By the key's buffer, which its holder keeps. createHmac imports a key anew each time: 17 µs of 23, at five ids a message. */
const padsOf = new WeakMap<Uint8Array, Pads>()

const padded = (key: Uint8Array): Pads => {
  const known = padsOf.get(key)
  if (known !== undefined) return known
  const block = Buffer.alloc(BLOCK_BYTES)
  block.set(key.length > BLOCK_BYTES ? hash('sha256', key, 'buffer') : key)
  const pads = { inner: Buffer.from(block.map((byte) => byte ^ 0x36)), outer: Buffer.from(block.map((byte) => byte ^ 0x5c)) }
  padsOf.set(key, pads)
  return pads
}

const outside = Buffer.allocUnsafeSlow(BLOCK_BYTES + 32)

/** HMAC-SHA256 over the framed parts, hex. */
const keyed = (key: Uint8Array, kind: string, parts: readonly string[]): string => {
  const { inner, outer } = padded(key)
  outside.set(outer)
  outside.write(hash('sha256', framed(kind, parts, inner)), BLOCK_BYTES, 'hex')
  return hash('sha256', outside)
}

/** `idKey`: the organization's 32 bytes. */
export const deriveKeyed = (idKey: Uint8Array, kind: KeyedKind, parts: readonly string[]): string => uuid(keyed(idKey, kind, parts))

export const derivePlain = (kind: PlainKind, parts: readonly (string | number)[]): string =>
  uuid(hash('sha256', framed(kind, parts.map(String))))

/** Keyed hash of a command's body, hex, 16 bytes: tells a repeat from another wish under the same key. */
export const bodyHashOf = (idKey: Uint8Array, body: string): string => keyed(idKey, 'body', [body]).slice(0, 32)

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
export const isId = (text: string): boolean => UUID.test(text)

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
/** A conversation's short reference for people: the first 8 base32 digits of its id. */
export const refOf = (conversationId: string): string => {
  const bits = BigInt(`0x${conversationId.replaceAll('-', '').slice(0, 10)}`)
  return Array.from({ length: 8 }, (_, index) => BASE32[Number((bits >> BigInt(35 - 5 * index)) & 31n)]).join('')
}

/** Keys in the log. */
export const keys = {
  event: (subjectId: string, seq: number): string => `${subjectId}/${seq}`,
  content: (subjectId: string, seq: number, n: number): string => `${subjectId}/${seq}/${n}`,
  message: (conversationId: string, messageId: string): string => `${conversationId}/${messageId}`,
  address: (conversationId: string): string => `${conversationId}/address`,
  echoes: (conversationId: string): string => `${conversationId}/echoes`,
  attributes: (conversationId: string): string => `${conversationId}/attributes`,
  profile: (contactId: string): string => `${contactId}/profile`,
  effect: (subjectId: string, effectId: string): string => `${subjectId}/${effectId}`,
  send: (conversationId: string, messageId: string, attempt: number): string => `${conversationId}/${messageId}/${attempt}`,
  mark: (conversationId: string, agentId: string): string => `${conversationId}/${agentId}`,
  setting: (kind: string, settingId: string): string => `${kind}/${settingId}`,
  unique: (uniqueId: string): string => `unique/${uniqueId}`,
} as const

/** The id of an event in every door: socket, webhook, export. */
export const eventIdOf = (subjectId: string, seq: number): string => derivePlain('event', [subjectId, seq])
