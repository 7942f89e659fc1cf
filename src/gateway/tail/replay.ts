// Reads of the past, shared: aligned chunks of a stream, each read once however many sessions want it, few at a time.
// Between sessions older than their rings and the log; 10,000 clients that left together cost one read of the tail.

import { LRUCache } from 'lru-cache'
import type { Log, Tails } from '#log'
import { CONTENTS_MAX, decodeAny, type ContactSnapshot, type ConversationSnapshot } from '#schemas/log'
import { PARTITIONS, type Topic } from '#topics'
import { topicOf } from '../cursor.ts'
import { Assembler, type Entry, type Route } from './entry.ts'

export interface ReplayOptions {
  readonly log: Pick<Log, 'bounds' | 'latest'>
  readonly tails: Pick<Tails, 'past'>
  readonly route: Route
  readonly signal: AbortSignal
  readonly chunkOffsets?: number
  readonly readersMax?: number
  readonly cacheBytesMax?: number
}

/** Offsets that a chunk spans. */
const CHUNK_OFFSETS = 512
const READERS_MAX = 4
const CACHE_BYTES_MAX = 64 * 1_048_576
const CHUNK_OVERHEAD_BYTES = 200

/** Entries from `from` on, and the position after what was read. */
export interface Part {
  readonly entries: readonly Entry[]
  readonly next: number
}

export class Replay {
  readonly #options: ReplayOptions
  readonly #chunks: LRUCache<string, Part>
  readonly #underWay = new Map<string, Promise<Part>>()
  readonly #waiting: (() => void)[] = []
  #readers = 0
  /** Chunks read from the log so far. */
  reads = 0

  constructor(options: ReplayOptions) {
    this.#options = options
    const sizeCalculation = ({ entries }: Part): number => entries.reduce((sum, { bytes }) => sum + bytes, CHUNK_OVERHEAD_BYTES)
    this.#chunks = new LRUCache({ maxSize: options.cacheBytesMax ?? CACHE_BYTES_MAX, sizeCalculation })
  }

  /** Up to a chunk of entries from the position on. Throws `offset_below_start`, `log_closed`. */
  async read(stream: number, from: number): Promise<Part> {
    const span = this.#options.chunkOffsets ?? CHUNK_OFFSETS
    const start = Math.floor(from / span) * span
    const key = `${stream}/${start}`
    const cached = this.#chunks.get(key)
    if (cached !== undefined && from < cached.next) return cut(cached, from)
    const shared = this.#underWay.get(key)
    if (shared !== undefined) {
      // Two that meet in one chunk: what the other reads may end before where this one stands.
      const part = await shared
      return from < part.next ? cut(part, from) : this.read(stream, from)
    }
    const own = this.#load({ key, stream, start, end: start + span, from })
    this.#underWay.set(key, own)
    return cut(await own, from)
  }

  /** Forgets chunks that hold contents of an erased subject: all of its stream, erasing is rare. */
  forget(stream: number): void {
    for (const key of this.#chunks.keys()) if (key.startsWith(`${stream}/`)) this.#chunks.delete(key)
  }

  async #load(wanted: Wanted): Promise<Part> {
    if (this.#readers >= (this.#options.readersMax ?? READERS_MAX)) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#readers++
    try {
      const part = await this.#read(wanted)
      this.#chunks.set(wanted.key, part)
      return part
    } finally {
      this.#readers--
      this.#underWay.delete(wanted.key)
      this.#waiting.shift()?.()
    }
  }

  async #read({ stream, start, end, from }: Wanted): Promise<Part> {
    this.reads++
    const { log, tails, route, signal } = this.#options
    const topic = topicOf(stream)
    const partition = stream % PARTITIONS
    const bounds = await log.bounds(topic, partition)
    // The contents of an event at the chunk's first offset lie before it. A position before the log's start is the reader's to refuse.
    const first = from < bounds.start ? from : Math.max(bounds.start, start - CONTENTS_MAX)
    const stop = Math.min(end, bounds.end)
    if (first >= stop) return { entries: [], next: Math.max(from, stop) }
    const assembler = new Assembler(stream, first, route)
    const entries: Entry[] = []
    const abort = new AbortController()
    for await (const chunk of tails.past('replay', [{ topic, partition, offset: first }], {
      signal: AbortSignal.any([signal, abort.signal]),
      chunkRecordsMax: end - first,
    })) {
      for (const entry of assembler.read(chunk)) if (entry.offset >= start && entry.offset < end) entries.push(entry)
      if (chunk.next >= stop) break
    }
    abort.abort()
    await this.#withhold(topic, partition, entries)
    return { entries, next: Math.min(end, assembler.next) }
  }

  /** Between an erasure and its tombstones contents still lie in the log: whoever owns them says in the snapshot up to where they are erased. */
  async #withhold(topic: Topic, partition: number, entries: readonly Entry[]): Promise<void> {
    if (topic !== 'events' && topic !== 'contact-events') return
    const bySubject = Map.groupBy(
      entries.filter(({ contents }) => contents.length > 0),
      ({ routing }) => routing?.subjectId ?? '',
    )
    bySubject.delete('')
    const subjects = [...bySubject.keys()]
    const records = await this.#options.log.latest(topic === 'events' ? 'conversations' : 'contacts', partition, subjects)
    for (const [index, record] of records.entries()) {
      const upToSeq = record === null || record.value === null ? 0 : erasedUpToIn(record.value)
      for (const entry of bySubject.get(subjects[index] ?? '') ?? []) if ((entry.routing?.seq ?? 0) <= upToSeq) entry.erase()
    }
  }
}

const erasedUpToIn = (value: Uint8Array): number => (decodeAny(value) as Partial<ConversationSnapshot | ContactSnapshot>).erasedUpTo ?? 0

interface Wanted {
  readonly key: string
  readonly stream: number
  readonly start: number
  readonly end: number
  readonly from: number
}

const cut = (part: Part, from: number): Part => ({
  entries: part.entries.filter(({ offset }) => offset >= from),
  next: Math.max(from, part.next),
})
