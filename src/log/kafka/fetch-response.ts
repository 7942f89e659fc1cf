// Decodes what a broker answers to a fetch: committed records, where each partition goes on, its high watermark, its error.
// Stands between the wire and readers; kafkajs' own decoder loses batches that compaction has emptied, and with them the way on.

import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { ConfabError } from '#errors'
import type { Offset, StoredRecord } from '../index.ts'

/*
 * Fetch response, version 11: throttle int32, error int16, session int32, [topic string, [partition int32, error int16, high watermark int64,
 * last stable offset int64, log start int64, [aborted: producer int64, first offset int64], preferred replica int32, records bytes]]
 * Record batch, version 2: base offset int64, length int32, leader epoch int32, magic int8, crc uint32, attributes int16,
 * last offset delta int32, first timestamp int64, max timestamp int64, producer int64, producer epoch int16, base sequence int32, count int32
 */
const BATCH_HEAD_BYTES = 61
const LENGTH_AT = 8
/** Bytes before those that `length` counts. */
const BEFORE_LENGTH = 12
const MAGIC_AT = 16
const ATTRIBUTES_AT = 21
const LAST_DELTA_AT = 23
const FIRST_TIME_AT = 27
const PRODUCER_AT = 43
const COUNT_AT = 57

const COMPRESSION_BITS = 0x07
const TRANSACTIONAL_BIT = 0x10
const CONTROL_BIT = 0x20
const GZIP = 1
const ZSTD = 4
/** Type of a control record that ends an aborted transaction. */
const ABORT = 0

interface Aborted {
  readonly producer: bigint
  readonly first: Offset
}

export interface FetchedPartition {
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
  readonly highWatermark: Offset
  /** Behind the last whole batch; `undefined` where the answer held none. */
  readonly next: Offset | undefined
  readonly records: StoredRecord[]
}

class Bytes {
  readonly buffer: Buffer
  at: number

  constructor(buffer: Buffer, at = 0) {
    this.buffer = buffer
    this.at = at
  }

  int8(): number {
    return this.buffer.readInt8(this.at++)
  }

  int16(): number {
    this.at += 2
    return this.buffer.readInt16BE(this.at - 2)
  }

  int32(): number {
    this.at += 4
    return this.buffer.readInt32BE(this.at - 4)
  }

  int64(): bigint {
    this.at += 8
    return this.buffer.readBigInt64BE(this.at - 8)
  }

  offset(): Offset {
    return Number(this.int64())
  }

  string(): string {
    const length = this.int16()
    this.at += length
    return this.buffer.toString('utf8', this.at - length, this.at)
  }

  /** Zigzag, up to 53 bits: sizes, deltas of offsets and of times. */
  varint(): number {
    let value = 0
    let factor = 1
    for (;;) {
      const byte = this.buffer[this.at++] as number
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      factor *= 128
    }
  }

  /** A view; `null` at length -1. */
  bytes(length: number): Buffer | null {
    if (length < 0) return null
    this.at += length
    return this.buffer.subarray(this.at - length, this.at)
  }
}

const decompress = (bytes: Buffer, compression: number): Buffer => {
  if (compression === 0) return bytes
  if (compression === GZIP) return gunzipSync(bytes)
  if (compression === ZSTD) return zstdDecompressSync(bytes)
  throw new ConfabError('log_stale', { detail: `A batch is compressed by a codec Confab does not read (${compression}).` })
}

const readHeaders = (source: Bytes): Record<string, string> => {
  const headers: Record<string, string> = {}
  for (let count = source.varint(); count > 0; count--) {
    const name = source.bytes(source.varint())?.toString('utf8') ?? ''
    headers[name] = source.bytes(source.varint())?.toString('utf8') ?? ''
  }
  return headers
}

const readRecord = (source: Bytes, base: Offset, firstTime: number): StoredRecord => {
  const end = source.varint() + source.at
  source.at++
  const time = firstTime + source.varint()
  const offset = base + source.varint()
  const key = source.bytes(source.varint())?.toString('utf8') ?? ''
  const value = source.bytes(source.varint())
  const headers = readHeaders(source)
  source.at = end
  return { key, value, headers, time, offset }
}

/** The type of the one record of a control batch. */
const controlType = (source: Bytes): number => {
  source.varint()
  source.at++
  source.varint()
  source.varint()
  return source.bytes(source.varint())?.readInt16BE(2) ?? ABORT
}

/** Whole batches of `bytes`; records below `from` and those of aborted transactions are left out. */
const readBatches = (
  bytes: Buffer,
  from: Offset,
  aborted: readonly Aborted[],
): { readonly records: StoredRecord[]; readonly next: Offset | undefined } => {
  const records: StoredRecord[] = []
  const open = new Set<bigint>()
  let nextAborted = 0
  let next: Offset | undefined
  for (let at = 0; at + BATCH_HEAD_BYTES <= bytes.length;) {
    const end = at + BEFORE_LENGTH + bytes.readInt32BE(at + LENGTH_AT)
    // The answer ends where its bytes ran out: the rest of this batch comes with the next one.
    if (end > bytes.length) break
    if (bytes[at + MAGIC_AT] !== 2) throw new ConfabError('log_stale', { detail: 'A batch has a format older than Kafka 0.11.' })
    const base = Number(bytes.readBigInt64BE(at))
    const attributes = bytes.readInt16BE(at + ATTRIBUTES_AT)
    const last = base + bytes.readInt32BE(at + LAST_DELTA_AT)
    const producer = bytes.readBigInt64BE(at + PRODUCER_AT)
    const count = bytes.readInt32BE(at + COUNT_AT)
    for (; (aborted[nextAborted]?.first ?? Infinity) <= last; nextAborted++) open.add((aborted[nextAborted] as Aborted).producer)
    const body = bytes.subarray(at + BATCH_HEAD_BYTES, end)
    if ((attributes & CONTROL_BIT) !== 0) {
      if (count > 0 && controlType(new Bytes(body)) === ABORT) open.delete(producer)
    } else if ((attributes & TRANSACTIONAL_BIT) === 0 || !open.has(producer)) {
      const source = new Bytes(decompress(body, attributes & COMPRESSION_BITS))
      const firstTime = Number(bytes.readBigInt64BE(at + FIRST_TIME_AT))
      for (let read = 0; read < count; read++) {
        const record = readRecord(source, base, firstTime)
        if (record.offset >= from) records.push(record)
      }
    }
    next = last + 1
    at = end
  }
  return { records, next: next === undefined || next <= from ? undefined : next }
}

const readPartition = (source: Bytes, topic: string, fromOf: (topic: string, partition: number) => Offset): FetchedPartition => {
  const partition = source.int32()
  const errorCode = source.int16()
  const highWatermark = source.offset()
  source.at += 16
  const aborted: Aborted[] = []
  for (let count = source.int32(); count > 0; count--) aborted.push({ producer: source.int64(), first: source.offset() })
  source.at += 4
  const bytes = source.bytes(source.int32())
  aborted.sort((left, right) => left.first - right.first)
  const { records, next } = readBatches(bytes ?? Buffer.alloc(0), fromOf(topic, partition), aborted)
  return { topic, partition, errorCode, highWatermark, next, records }
}

export interface FetchAnswer {
  /** Of the answer as a whole: of its session, mostly. */
  readonly errorCode: number
  /** 0 = the broker keeps none. */
  readonly sessionId: number
  readonly parts: readonly FetchedPartition[]
}

/** All partitions of an answer. `fromOf` = the offset that was asked for. Throws `log_stale` on what it cannot read. */
export const decodeFetch = (payload: Buffer, fromOf: (topic: string, partition: number) => Offset): FetchAnswer => {
  const source = new Bytes(payload, 4)
  const errorCode = source.int16()
  const sessionId = source.int32()
  const parts: FetchedPartition[] = []
  for (let topics = source.int32(); topics > 0; topics--) {
    const topic = source.string()
    for (let partitions = source.int32(); partitions > 0; partitions--) parts.push(readPartition(source, topic, fromOf))
  }
  return { errorCode, sessionId, parts }
}
