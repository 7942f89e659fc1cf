// A reader: follows partitions from given offsets for ever, from the cache where it can and from the reader thread where not.
// Stands between a consumer's pace and the log: what is not consumed is not fetched, a commit wakes it in the same turn.

import { ConfabError } from '#errors'
import type { Topic } from '#topics'
import type { Chunk, Offset, ReadOptions, StoredRecord } from '../index.ts'
import { EpochFilter } from '../epochs.ts'

/** Records of a chunk when the caller names no number. */
const CHUNK_RECORDS = 1000
/** Fetches from disk that one reader has under way or waiting at most. */
const PREFETCHES_MAX = 4
/** Continuous delivery after which the event loop gets its turn. */
const TURN_MS = 4

export interface ReadSource {
  startOf(stream: number): Offset
  endOf(stream: number): Offset
  fromCache(stream: number, offset: Offset, recordsMax: number): Pick<Chunk, 'records' | 'next'> | undefined
  fromDisk(topic: Topic, stream: number, offset: Offset, recordsMax: number): Promise<Pick<Chunk, 'records' | 'next'>>
  subscribe(stream: number, wake: () => void): () => void
  onDropped(topic: Topic, partition: number, record: StoredRecord): void
  /** The holes switch of the contract suite: numbers in [0, 1). */
  readonly random: (() => number) | undefined
}

export interface Cursor {
  readonly topic: Topic
  readonly partition: number
  readonly stream: number
  offset: Offset
}

interface Tail extends Cursor {
  readonly epochs: EpochFilter
  isReady: boolean
  prefetched: Promise<Pick<Chunk, 'records' | 'next'> | ConfabError> | undefined
}

/** A queue of tails that have something to read; each stands in it once. */
class Ready {
  readonly #tails: Tail[] = []
  #wake: (() => void) | undefined

  add(tail: Tail): void {
    if (tail.isReady) return
    tail.isReady = true
    this.#tails.push(tail)
    this.#wake?.()
  }

  take(): Tail | undefined {
    const tail = this.#tails.shift()
    if (tail !== undefined) tail.isReady = false
    return tail
  }

  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.#wake = undefined
        signal.removeEventListener('abort', end)
        resolve()
      }
      if (signal.aborted || this.#tails.length > 0) return resolve()
      this.#wake = end
      signal.addEventListener('abort', end, { once: true })
    })
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const checkOffset = (source: ReadSource, cursor: Cursor): void => {
  const { topic, partition, offset } = cursor
  const start = source.startOf(cursor.stream)
  const end = source.endOf(cursor.stream)
  const fields = { topic, partition, offset, start, end }
  if (offset < start) throw new ConfabError('offset_below_start', { fields })
  if (offset > end || !Number.isSafeInteger(offset)) throw new ConfabError('offset_beyond_end', { fields })
}

const fetchFromDisk = (source: ReadSource, tail: Tail, recordsMax: number): NonNullable<Tail['prefetched']> =>
  source
    .fromDisk(tail.topic, tail.stream, tail.offset, recordsMax)
    .catch((error: unknown) => (error instanceof ConfabError ? error : new ConfabError('data_corrupt', { cause: error })))

/** What the switch of the contract suite does to a chunk: cuts it short, or lets an empty one cross a hole first. */
const cutAtRandom = (tail: Tail, part: Pick<Chunk, 'records' | 'next'>, random: () => number): Pick<Chunk, 'records' | 'next'> => {
  const first = part.records[0]?.offset ?? part.next
  if (first > tail.offset && random() < 0.5) return { records: [], next: tail.offset + 1 + Math.floor(random() * (first - tail.offset)) }
  if (part.records.length < 2 || random() < 0.5) return part
  const records = part.records.slice(0, 1 + Math.floor(random() * (part.records.length - 1)))
  return { records, next: (records.at(-1)?.offset ?? first) + 1 }
}

/** Yields chunks until `signal` aborts. Throws `offset_below_start`, `offset_beyond_end`, `data_corrupt`, `log_closed`. */
export async function* tailStreams(
  source: ReadSource,
  cursors: readonly Cursor[],
  options: ReadOptions,
): AsyncGenerator<Chunk, void, undefined> {
  const { signal } = options
  const recordsMax = Math.max(1, options.chunkRecordsMax ?? CHUNK_RECORDS)
  const ready = new Ready()
  const ends: (() => void)[] = []
  let prefetches = 0
  for (const cursor of cursors) {
    checkOffset(source, cursor)
    const epochs = new EpochFilter((record) => source.onDropped(cursor.topic, cursor.partition, record))
    const tail: Tail = { ...cursor, epochs, isReady: false, prefetched: undefined }
    if (tail.offset < source.endOf(tail.stream)) ready.add(tail)
    ends.push(source.subscribe(tail.stream, () => ready.add(tail)))
  }
  let turnEndsAt = performance.now() + TURN_MS
  try {
    while (!signal.aborted) {
      const tail = ready.take()
      if (tail === undefined) {
        await ready.wait(signal)
        turnEndsAt = performance.now() + TURN_MS
        continue
      }
      if (tail.offset >= source.endOf(tail.stream)) continue
      checkOffset(source, tail)
      let part: Pick<Chunk, 'records' | 'next'> | ConfabError | undefined
      if (tail.prefetched !== undefined) {
        part = await tail.prefetched
        tail.prefetched = undefined
        prefetches--
      } else part = source.fromCache(tail.stream, tail.offset, recordsMax) ?? (await fetchFromDisk(source, tail, recordsMax))
      if (signal.aborted) return
      if (part instanceof ConfabError) throw part
      const { records, next } = source.random === undefined ? part : cutAtRandom(tail, part, source.random)
      tail.offset = next
      const end = source.endOf(tail.stream)
      if (next < end) {
        ready.add(tail)
        const isBehind = source.random === undefined && source.fromCache(tail.stream, next, 1) === undefined
        if (isBehind && prefetches < PREFETCHES_MAX) {
          prefetches++
          tail.prefetched = fetchFromDisk(source, tail, recordsMax)
        }
      }
      yield { topic: tail.topic, partition: tail.partition, records: tail.epochs.filter(records), next, end }
      if (performance.now() > turnEndsAt) {
        await nextTurn()
        turnEndsAt = performance.now() + TURN_MS
      }
    }
  } finally {
    for (const end of ends) end()
  }
}
