// The one partition function: Java's murmur2, so that every form and every client puts a key where Kafka's own would.
// Stands between a key and its partition; client libraries' defaults differ and are never used.

import { PARTITIONS } from '#topics'

const SEED = 0x9747b28c | 0
const MULTIPLIER = 0x5bd1e995

/** In bounds by the loop's conditions. */
const byteAt = (bytes: Uint8Array, at: number): number => bytes[at] as number

/** Murmur2 of `bytes[from..to)` as a signed 32-bit integer, exactly as in Kafka's `Utils.murmur2`. */
export const murmur2 = (bytes: Uint8Array, from = 0, to = bytes.length): number => {
  const length = to - from
  let hash = SEED ^ length
  let at = from
  for (let rest = length; rest >= 4; rest -= 4, at += 4) {
    let word = byteAt(bytes, at) | (byteAt(bytes, at + 1) << 8) | (byteAt(bytes, at + 2) << 16) | (byteAt(bytes, at + 3) << 24)
    word = Math.imul(word, MULTIPLIER)
    word ^= word >>> 24
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER)
  }
  const tail = to - at
  if (tail === 3) hash ^= byteAt(bytes, at + 2) << 16
  if (tail >= 2) hash ^= byteAt(bytes, at + 1) << 8
  if (tail >= 1) hash = Math.imul(hash ^ byteAt(bytes, at), MULTIPLIER)
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER)
  return hash ^ (hash >>> 15)
}

/** The partition of a key, 0 to `partitions` - 1: murmur2 over its UTF-8 bytes, masked positive, modulo the count. */
export const partitionOf = (key: string, partitions: number = PARTITIONS): number =>
  (murmur2(Buffer.from(key, 'utf8')) & 0x7fffffff) % partitions
