// Cursors: sealed places in the log, positions and never authorities. A slot cursor is one AES block, a vector covers every slot.
// Between what clients carry about (opaque text) and offsets of the tailed streams.

import { createCipheriv, createDecipheriv, createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Grants } from '#schemas'
import type { Secrets } from '#secrets'
import { PARTITIONS, type Topic } from '#topics'

/** What gateways tail, in the order of their slots. */
export const tailedTopics = ['events', 'contact-events', 'marks', 'config'] as const satisfies readonly Topic[]
export type TailedTopic = (typeof tailedTopics)[number]

/** A stream is one tailed partition of this node: topic index × 32 + partition. */
export const STREAMS = tailedTopics.length * PARTITIONS
/** The slot of the organization's own partition of `config`: clients count 97 slots, events 0-31, contact-events 32-63, marks 64-95. */
export const CONFIG_SLOT = 3 * PARTITIONS
export const SLOTS = CONFIG_SLOT + 1

export const streamOf = (topic: TailedTopic, partition: number): number => tailedTopics.indexOf(topic) * PARTITIONS + partition
export const topicOf = (stream: number): TailedTopic => tailedTopics[Math.floor(stream / PARTITIONS)] as TailedTopic
export const slotOf = (stream: number): number => Math.min(stream, CONFIG_SLOT)

/** Why a cursor cannot be used: the reasons of `resync`. */
export type CursorRefusal = 'expired' | 'truncated' | 'generation' | 'grants' | 'behind' | 'cursor'

/** A place in one stream: `next` is the next offset, the record before it lies `distance` back (0 = not known) and has these 16 bits. */
export interface Place {
  readonly stream: number
  readonly next: number
  readonly distance: number
  readonly fingerprint: number
}

export interface Vector {
  /** One place for each of the 97 slots. */
  readonly places: readonly Place[]
  /** Coarse time of sealing, milliseconds since 1970, to the minute. */
  readonly at: number
}

export type Opened<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: CursorRefusal }

export interface Cursors {
  sealSlot(place: Place): string
  openSlot(text: string): Opened<Place>
  /** `places` hold each slot once, in the order of slots. */
  sealVector(places: readonly Place[], bearer: Grants, at: number): string
  openVector(text: string, bearer: Grants): Opened<Vector>
}

/** First characters: they name form and key. */
const SLOT_KEY = 'a'
const VECTOR_KEY = 'A'
export const SLOT_CURSOR_LENGTH = 23
const BLOCK_BYTES = 16
const VECTOR_VERSION = 1
const VECTOR_HEAD_BYTES = 45
const VARINT_BYTES_MAX = 8
const MINUTE_MS = 60_000

const refuse = (reason: CursorRefusal): { readonly ok: false; readonly reason: CursorRefusal } => ({ ok: false, reason })

const digest = (...parts: readonly string[]): Buffer => createHash('sha256').update(JSON.stringify(parts)).digest()

/** What a vector remembers of its bearer's permissions: another hash, and the client's picture may be wrong. */
const grantsHash = (grants: Grants): Buffer =>
  digest(
    grants.kind,
    grants.role,
    grants.accountIds === null ? '*' : grants.accountIds.toSorted().join(' '),
    grants.conversationId ?? '',
  ).subarray(0, 8)

/** Whose a vector is, 24 bytes: the organization and the principal. */
const bearerHash = (grants: Grants): Buffer =>
  Buffer.concat([digest('organization', grants.organizationId).subarray(0, 16), digest(grants.kind, grants.id).subarray(0, 8)])

/** 16 bits of a record's identity, key and time: a log that was cut and written anew differs. */
export const fingerprintOf = (key: string, time: number): number => {
  let hash = 0x811c9dc5 ^ time
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  return (hash ^ (hash >>> 16)) & 0xffff
}

/** Base64url in its one spelling; undefined for any other, so that no bit of a cursor is free. */
const bytesOf = (text: string): Buffer | undefined => {
  const bytes = Buffer.from(text.slice(1), 'base64url')
  return bytes.toString('base64url') === text.slice(1) ? bytes : undefined
}

const writeVarint = (bytes: Buffer, value: number, at: number): number => {
  let rest = value
  while (rest >= 0x80) {
    bytes[at++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  bytes[at++] = rest
  return at
}

class Reader {
  readonly #bytes: Buffer
  at: number
  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.at = at
  }
  varint(): number {
    let value = 0
    for (let scale = 1, count = 0; count < VARINT_BYTES_MAX; scale *= 0x80, count++) {
      const byte = this.#bytes[this.at++] ?? 0
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    return Number.NaN
  }
  uint16(): number {
    this.at += 2
    return this.at <= this.#bytes.length ? this.#bytes.readUInt16BE(this.at - 2) : Number.NaN
  }
}

const generationOf = (logId: string): Buffer => digest('generation', logId)

const openSlotCodec = (key: Buffer, generation: number): Pick<Cursors, 'sealSlot' | 'openSlot'> => {
  // One cipher for all blocks: ECB keeps no state between them, and making a cipher costs more than the block.
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false)
  const decipher = createDecipheriv('aes-256-ecb', key, null).setAutoPadding(false)
  const block = Buffer.alloc(BLOCK_BYTES)
  return {
    sealSlot({ stream, next, fingerprint }) {
      block[0] = slotOf(stream)
      block[1] = stream % PARTITIONS
      block.writeUIntBE(next, 2, 6)
      block.writeUInt16BE(generation, 8)
      block.writeUInt16BE(fingerprint, 10)
      block.writeUInt32BE(0, 12)
      return SLOT_KEY + cipher.update(block).toString('base64url')
    },
    openSlot(text) {
      if (text[0] !== SLOT_KEY || text.length !== SLOT_CURSOR_LENGTH) return refuse('cursor')
      const sealed = bytesOf(text)
      if (sealed?.length !== BLOCK_BYTES) return refuse('cursor')
      const plain = decipher.update(sealed)
      const slot = plain[0] as number
      const partition = plain[1] as number
      // 32 check bits: anything altered deciphers to noise.
      if (plain.readUInt32BE(12) !== 0 || slot > CONFIG_SLOT || partition >= PARTITIONS) return refuse('cursor')
      if (plain.readUInt16BE(8) !== generation) return refuse('generation')
      const stream = slot === CONFIG_SLOT ? CONFIG_SLOT + partition : slot
      return { ok: true, value: { stream, next: plain.readUIntBE(2, 6), distance: 1, fingerprint: plain.readUInt16BE(10) } }
    },
  }
}

/** Opens the codec of a log's cursors. `partitionOf`: the log's own, for the organization's partition of `config`. */
export const openCursors = (secrets: Pick<Secrets, 'key'>, logId: string, partitionOf: (key: string) => number): Cursors => {
  const generation = generationOf(logId)
  const vectorKey = secrets.key('vector')
  const macKey = createHmac('sha256', vectorKey).update('mac').digest()
  const cipherKey = createHmac('sha256', vectorKey).update('cipher').digest()
  // A session asks for a vector every 25 s under one grants object.
  const hashes = new WeakMap<Grants, { bearer: Buffer; grants: Buffer }>()
  const hashesOf = (grants: Grants): { bearer: Buffer; grants: Buffer } => {
    const known = hashes.get(grants) ?? { bearer: bearerHash(grants), grants: grantsHash(grants) }
    hashes.set(grants, known)
    return known
  }
  const ivOf = (plain: Buffer): Buffer => createHmac('sha256', macKey).update(plain).digest().subarray(0, BLOCK_BYTES)

  return {
    ...openSlotCodec(secrets.key('cursor'), generation.readUInt16BE(8)),
    sealVector(places, bearer, at) {
      const bytes = Buffer.alloc(VECTOR_HEAD_BYTES + SLOTS * (2 * VARINT_BYTES_MAX + 2))
      bytes[0] = VECTOR_VERSION
      generation.copy(bytes, 1, 0, 8)
      const whose = hashesOf(bearer)
      whose.bearer.copy(bytes, 9)
      whose.grants.copy(bytes, 33)
      let end = bytes.writeUInt32BE(Math.floor(at / MINUTE_MS), 41)
      for (const place of places) {
        end = writeVarint(bytes, place.next, end)
        end = writeVarint(bytes, place.distance, end)
        end = bytes.writeUInt16BE(place.fingerprint, end)
      }
      const plain = bytes.subarray(0, end)
      // The HMAC of the text is its IV (as in RFC 5297): no nonce that could run out, and the seal in one.
      const iv = ivOf(plain)
      return VECTOR_KEY + Buffer.concat([iv, createCipheriv('aes-256-ctr', cipherKey, iv).update(plain)]).toString('base64url')
    },
    openVector(text, bearer) {
      if (text[0] !== VECTOR_KEY) return refuse('cursor')
      const sealed = bytesOf(text)
      if (sealed === undefined || sealed.length < BLOCK_BYTES + VECTOR_HEAD_BYTES) return refuse('cursor')
      const iv = sealed.subarray(0, BLOCK_BYTES)
      const plain = createDecipheriv('aes-256-ctr', cipherKey, iv).update(sealed.subarray(BLOCK_BYTES))
      if (!timingSafeEqual(iv, ivOf(plain)) || plain[0] !== VECTOR_VERSION) return refuse('cursor')
      const whose = hashesOf(bearer)
      if (!plain.subarray(9, 33).equals(whose.bearer)) return refuse('cursor')
      if (!plain.subarray(1, 9).equals(generation.subarray(0, 8))) return refuse('generation')
      if (!plain.subarray(33, 41).equals(whose.grants)) return refuse('grants')
      const reader = new Reader(plain, VECTOR_HEAD_BYTES)
      const places: Place[] = []
      for (let slot = 0; slot < SLOTS; slot++) {
        const stream = slot === CONFIG_SLOT ? CONFIG_SLOT + partitionOf(bearer.organizationId) : slot
        places.push({ stream, next: reader.varint(), distance: reader.varint(), fingerprint: reader.uint16() })
      }
      if (reader.at !== plain.length) return refuse('cursor')
      return { ok: true, value: { places, at: plain.readUInt32BE(41) * MINUTE_MS } }
    },
  }
}
