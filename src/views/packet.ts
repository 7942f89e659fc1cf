// Packed records: what the main thread hands to both writer threads, in one shared buffer that neither copies.
// Between the tailer, which must stay cheap, and the threads that decode.

import type { Chunk, Offset, StoredRecord } from '#log'
import type { Topic } from '#topics'

/** What views fold, in the order of their numbers in packets. */
export const viewTopics = ['events', 'contact-events', 'marks'] as const satisfies readonly Topic[]
export type ViewTopic = (typeof viewTopics)[number]

export const isViewTopic = (topic: Topic): topic is ViewTopic => (viewTopics as readonly Topic[]).includes(topic)

/** Bytes of a packet, unless one record is larger. */
const PACKET_BYTES = 2_097_152
/** Records of a packet at most: below the size of the stores' caches, so that no row leaves its cache in mid-batch. */
export const PACKET_RECORDS_MAX = 8_000
const HEAD_BYTES = 20

export interface Packet {
  readonly bytes: SharedArrayBuffer
  readonly length: number
  readonly records: number
  /** Flat triples: topic number, partition, next offset. */
  readonly positions: readonly number[]
}

/** One record as the folds are handed it: strings and values are made when asked for. */
export interface FoldRecord {
  readonly topic: ViewTopic
  readonly partition: number
  readonly offset: Offset
  readonly key: string
  readonly type: string
  readonly isTombstone: boolean
  /** Empty for a tombstone. */
  readonly value: Buffer
}

/** Records one after another. */
export interface RecordCursor extends FoldRecord {
  /** Moves to the next record; false at the end. */
  advance(): boolean
}

/** Collects records until the packet is taken. */
export class PacketWriter {
  #bytes: Buffer = Buffer.alloc(0)
  #length = 0
  #records = 0
  readonly #positions = new Map<number, Offset>()

  get isEmpty(): boolean {
    return this.#positions.size === 0
  }

  get isFull(): boolean {
    return this.#length >= PACKET_BYTES - 65_536 || this.#records >= PACKET_RECORDS_MAX
  }

  /** Adds `chunk.records[from..]` until the packet is full; returns the index of the first one left out. */
  add(chunk: Chunk, from: number): number {
    const topic = viewTopics.indexOf(chunk.topic as ViewTopic)
    let index = from
    while (index < chunk.records.length && !this.isFull) {
      // In bounds by the condition.
      this.#write(topic, chunk.partition, chunk.records[index]!) // oxlint-disable-line typescript/no-non-null-assertion -- the index is below the length
      index++
    }
    const next = index === chunk.records.length ? chunk.next : (chunk.records[index]?.offset ?? chunk.next)
    this.#positions.set(topic * 65_536 + chunk.partition, next)
    return index
  }

  #write(topic: number, partition: number, record: StoredRecord): void {
    const { key, value, offset } = record
    const type = record.headers['type'] ?? ''
    const size = HEAD_BYTES + key.length + type.length + (value?.length ?? 0)
    if (this.#length + size > this.#bytes.length) this.#grow(size)
    const bytes = this.#bytes
    let at = this.#length
    bytes[at] = topic
    bytes[at + 1] = type.length
    bytes.writeUInt16LE(partition, at + 2)
    bytes.writeUInt16LE(key.length, at + 4)
    bytes.writeInt32LE(value === null ? -1 : value.length, at + 6)
    bytes.writeDoubleLE(offset, at + 10)
    at += HEAD_BYTES
    // Keys and types are ids, numbers and our own words: ASCII.
    at += bytes.write(key, at, 'latin1')
    at += bytes.write(type, at, 'latin1')
    if (value !== null) bytes.set(value, at)
    this.#length += size
    this.#records++
  }

  #grow(size: number): void {
    const grown = Buffer.from(new SharedArrayBuffer(Math.max(this.#bytes.length * 2, this.#length + size, 16_384)))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }

  take(): Packet {
    const positions: number[] = []
    for (const [place, next] of this.#positions) positions.push(Math.floor(place / 65_536), place % 65_536, next)
    const bytes = this.#bytes.buffer instanceof SharedArrayBuffer ? this.#bytes.buffer : new SharedArrayBuffer(0)
    const packet = { bytes, length: this.#length, records: this.#records, positions }
    this.#bytes = Buffer.alloc(0)
    this.#length = 0
    this.#records = 0
    this.#positions.clear()
    return packet
  }
}

/** Looks at a packet's records one after another. */
export class PacketReader implements RecordCursor {
  readonly #bytes: Buffer
  readonly #end: number
  #at = 0
  #next = 0
  topic: ViewTopic = 'events'
  partition = 0
  offset = 0
  #keyLength = 0
  #typeLength = 0
  #valueLength = 0

  constructor(packet: Packet) {
    this.#bytes = Buffer.from(packet.bytes)
    this.#end = packet.length
  }

  advance(): boolean {
    if (this.#next >= this.#end) return false
    const bytes = this.#bytes
    const at = (this.#at = this.#next)
    this.topic = viewTopics[bytes[at] ?? 0] ?? 'events'
    this.#typeLength = bytes[at + 1] ?? 0
    this.partition = bytes.readUInt16LE(at + 2)
    this.#keyLength = bytes.readUInt16LE(at + 4)
    this.#valueLength = bytes.readInt32LE(at + 6)
    this.offset = bytes.readDoubleLE(at + 10)
    this.#next = at + HEAD_BYTES + this.#keyLength + this.#typeLength + Math.max(this.#valueLength, 0)
    return true
  }

  get key(): string {
    return this.#bytes.toString('latin1', this.#at + HEAD_BYTES, this.#at + HEAD_BYTES + this.#keyLength)
  }

  get type(): string {
    const from = this.#at + HEAD_BYTES + this.#keyLength
    return this.#bytes.toString('latin1', from, from + this.#typeLength)
  }

  get isTombstone(): boolean {
    return this.#valueLength < 0
  }

  /** A view of the packet; empty for a tombstone. */
  get value(): Buffer {
    return this.#bytes.subarray(this.#next - Math.max(this.#valueLength, 0), this.#next)
  }
}
