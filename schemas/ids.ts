// How ids are derived: UUIDs of version 8, never drawn. Keyed where a part comes from outside, plain where all parts are ours.
// Nobody can compute a phone number back from an id without the organization's id key.

import { createHash, createHmac } from 'node:crypto'

/** The reserved organization that site-wide records belong to. */
export const SITE_ID = '00000000-0000-8000-8000-000000000000'

const uuid = (digest: Buffer): string => {
  // RFC 9562 §5.8: version 8 in the high nibble of byte 6, variant 10 in byte 8.
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80
  const hex = digest.toString('hex', 0, 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** kind and parts, each behind its length in UTF-8 bytes as 4 big-endian bytes, so that no two lists of parts read alike. */
const framed = (kind: string, parts: readonly string[]): Buffer => {
  const pieces = [kind, ...parts]
  const lengths = pieces.map((piece) => Buffer.byteLength(piece))
  const out = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + 4 + length, 0))
  let at = 0
  for (const [index, piece] of pieces.entries()) {
    at = out.writeUInt32BE(lengths[index] ?? 0, at)
    at += out.write(piece, at)
  }
  return out
}

/** Kinds of ids with a part from outside, derived at the edge under the organization's id key. */
export type KeyedKind = 'conversation' | 'contact' | 'message' | 'outbound' | 'command' | 'unique' | 'request' | 'visitor'
/** Kinds made only of our own ids and numbers. */
export type PlainKind = 'event' | 'effect' | 'timer' | 'setting' | 'command' | 'file' | 'state'

/** `idKey`: the organization's 32 bytes. */
export const deriveKeyed = (idKey: Uint8Array, kind: KeyedKind, parts: readonly string[]): string =>
  uuid(createHmac('sha256', idKey).update(framed(kind, parts)).digest())

export const derivePlain = (kind: PlainKind, parts: readonly (string | number)[]): string =>
  uuid(createHash('sha256').update(framed(kind, parts.map(String))).digest())

/** Keyed hash of a command's body, hex, 16 bytes: tells a repeat from another wish under the same key. */
export const bodyHashOf = (idKey: Uint8Array, body: string): string =>
  createHmac('sha256', idKey).update(framed('body', [body])).digest('hex').slice(0, 32)

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
