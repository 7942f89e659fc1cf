// The log port: what runtime, views, gateway and tools know of the only source of truth, and no more.
// Forms stand beside it, named by technology (embedded/, later kafka/); all pass test/contract/log.ts.

import type { Topic } from '#topics'
import type { RangeOrigin } from './embedded/ranges.ts'

/** The NEXT offset to read; a safe integer. Offsets rise strictly and are not dense (transaction markers, compaction). */
export type Offset = number

export type Key = string

/** Who may hold the write lease of a partition; `topics.ts` says which topics each of them writes. */
export type Owner = 'conversations' | 'contacts' | 'sender' | 'webhooks'

/** What a node does; the embedded form assigns everything at once. */
export type Duty = 'ingest' | 'actors' | 'gateway' | 'sender' | 'webhooks'

/** A record to write. `value: null` is a tombstone, allowed in compacted topics only. Header values are short ASCII. */
export interface LogRecord {
  readonly key: Key
  readonly value: Uint8Array | null
  readonly headers: Readonly<Record<string, string>>
  /** Milliseconds since 1970, UTC, of the writer; above 0. */
  readonly time: number
}

/** A record as read back, with the offset the log gave it. */
export interface StoredRecord extends LogRecord {
  readonly offset: Offset
}

export interface Entry {
  readonly topic: Topic
  readonly partition: number
  readonly records: readonly LogRecord[]
}

/** Where a reader stands in one partition. */
export interface Position {
  readonly topic: Topic
  readonly partition: number
  readonly offset: Offset
}

/**
 * Part of one partition, in offset order. `next` is where the following read starts (it may lie beyond the last record:
 * a chunk may even be empty and advance), `end` the high watermark known when the chunk was made.
 */
export interface Chunk {
  readonly topic: Topic
  readonly partition: number
  readonly records: readonly StoredRecord[]
  readonly next: Offset
  readonly end: Offset
}

/** All topics of a commit or none. The log adds the headers `owner`, `epoch` and, with a position, `in` to every record. */
export interface Batch {
  readonly entries: readonly Entry[]
}

/**
 * The fence of one (owner, partition).
 * `commit` rejects with ConfabError `append_refused` or `log_full` (nothing written), `commit_unknown` (fate open: lease again and look)
 * or `fenced` (another lease is newer). `position` is the next command to decide, as the last commit left it.
 */
export interface Lease {
  readonly owner: Owner
  readonly partition: number
  readonly epoch: number
  readonly position: Offset | undefined
  commit(batch: Batch, position?: Offset): Promise<void>
  release(): Promise<void>
}

export interface ReadOptions {
  readonly signal: AbortSignal
  /** Records a chunk holds at most; default 1,000. */
  readonly chunkRecordsMax?: number
}

export interface Log {
  /** Drawn once, when the log was created: positions of another log mean nothing here. Cursors seal it. */
  readonly id: string
  /** What another thread of the process opens ranges of committed records by (`openRanges`); a form without it is read through `read`. */
  readonly ranges?: RangeOrigin
  /**
   * For topics without owners in topics.ts; the others take commits only. Values must not change afterwards.
   * Durable when resolved (embedded: fsynced; Kafka: acks=all). Rejected with `append_refused` or `log_full` = nothing written, with
   * `append_unknown` = fate open, the caller may append again under the same derived ids.
   */
  append(entries: readonly Entry[]): Promise<void>
  /**
   * Tails every given position for ever, until `signal` aborts (then the iteration ends without an error).
   * Throws `offset_below_start` or `offset_beyond_end`: never a silent jump. Memory stays bounded when not consumed.
   */
  read(from: readonly Position[], options: ReadOptions): AsyncIterable<Chunk>
  /** The newest record of each key, null where there is none or a tombstone; topics with `lookup` in topics.ts only. */
  latest(topic: Topic, partition: number, keys: readonly Key[]): Promise<(StoredRecord | null)[]>
  bounds(topic: Topic, partition: number): Promise<{ readonly start: Offset; readonly end: Offset }>
  /** The first offset whose record is not older than `time` (ms); `end` when there is none. */
  offsetAt(topic: Topic, partition: number, time: number): Promise<Offset>
  /** Who SHOULD own what: a hint, never a fence. */
  assignment(duty: Duty, signal: AbortSignal): AsyncIterable<ReadonlySet<number>>
  /** Takes the fence, ending any older lease of the same owner and partition. */
  lease(owner: Owner, partition: number): Promise<Lease>
  close(): Promise<void>
}

export { follow, FOLLOW_MS_MAX, FOLLOW_MS_MIN, openTails } from './follow.ts'
export type { FollowOptions, TailFacts, Tails, TailsOptions } from './follow.ts'
export { partitionOf } from './partition.ts'
export { openEmbeddedLog } from './embedded/index.ts'
export type { EmbeddedLogHandle, EmbeddedLogOptions, LeaseFacts, LogDiagnostics, LogLogger, PacketSample } from './embedded/index.ts'
export { openRanges } from './embedded/ranges.ts'
export type { Range, RangeOrigin, Ranges, RangeWish } from './embedded/ranges.ts'
export { openEmbeddedReader } from './embedded/read-only.ts'
export type { EmbeddedLogFacts, EmbeddedReader, PlacedRecord, ReaderPage, ReaderPlace, ReadWish } from './embedded/read-only.ts'
export {
  aclCommand,
  applyTopics,
  checkTopics,
  describeDifference,
  openKafkaClient,
  openKafkaLog,
  planAcls,
  planTopics,
} from './kafka/index.ts'
export type {
  ConnectionOptions as KafkaConnection,
  KafkaClientName,
  KafkaDiagnostics,
  KafkaLogHandle,
  KafkaLogOptions,
} from './kafka/index.ts'
