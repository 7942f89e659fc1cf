// What the Kafka form needs of a client, and no more: plain sends, transactions, partitions read by offset, a group, topics.
// Stands between the log and its two clients, kafkajs.ts and confluent.ts; topics are full names here.

import type { LogRecord, Offset, StoredRecord } from '../index.ts'

export interface Place {
  readonly topic: string
  readonly partition: number
}

export interface SendEntry extends Place {
  readonly records: readonly LogRecord[]
}

/** Part of one partition as a fetch brought it: committed records only, `next` behind markers and holes, `end` the high watermark. */
export interface Fetched extends Place {
  readonly records: readonly StoredRecord[]
  readonly next: Offset
  readonly end: Offset
}

/** Appends, one batch a call. The adapter above has one call in flight a partition. */
export interface PlainProducer {
  /** Durable on all in-sync replicas when resolved; a rejection says nothing about the fate. */
  send(entry: SendEntry): Promise<void>
  close(): Promise<void>
}

/**
 * How far a transaction came before it failed. `nothing`: the decision to commit was never asked for, or was refused in words.
 * `unknown`: it was asked for, and no answer came.
 */
export class TransactionFault extends Error {
  override readonly name = 'TransactionFault'
  readonly stored: 'nothing' | 'unknown'
  /** A newer producer has taken the transactional id, or the transaction ran out of time: brokers do not tell the two apart. */
  readonly isFenced: boolean

  constructor(stored: 'nothing' | 'unknown', isFenced: boolean, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.stored = stored
    this.isFenced = isFenced
  }
}

/** Initialised when handed out: whoever had the id before is fenced, and what that one left open is ended. */
export interface TransactionalProducer {
  /** One transaction over all entries; resolves with the offset of the first record of each. Rejects with TransactionFault. */
  commit(entries: readonly SendEntry[]): Promise<readonly Offset[]>
  /** Also ends what is under way; never aborts: the next producer of the id does. */
  close(): Promise<void>
}

export interface ReaderOptions {
  /** Bytes of one answer of a broker, about; one record may be larger. */
  readonly fetchBytesMax: number
  /** Milliseconds a broker may hold an empty answer back. */
  readonly waitMs: number
}

/** Reads given partitions from given offsets, committed records only, as fast as `next` is called. */
export interface PartitionReader {
  assign(place: Place, offset: Offset): void
  unassign(place: Place): void
  /** Waits for the next part; `undefined` after `close`. Rejects with `offset_below_start`, `offset_beyond_end`, `log_stale`. */
  next(): Promise<Fetched | undefined>
  close(): Promise<void>
}

/** `start`: the first offset kept. `end`: the high watermark. `stable`: behind the last decided transaction. Or a time, ms since 1970. */
export type OffsetWish = 'start' | 'end' | 'stable' | number

export interface GroupOptions {
  readonly groupId: string
  /** Full name of the topic whose partitions are shared out. */
  readonly topic: string
  readonly partitions: number
  /** Resolves when what was taken from this node has been let go of; bounded by the caller. */
  readonly released: (lost: ReadonlySet<number>) => Promise<void>
  readonly signal: AbortSignal
}

export interface TopicFacts {
  readonly name: string
  readonly partitions: number
  readonly replication: number
  /** Settings by Kafka's names, defaults included. */
  readonly settings: Readonly<Record<string, string>>
  /** Those set on the topic itself. */
  readonly overrides: Readonly<Record<string, string>>
}

export interface TopicWish {
  readonly name: string
  readonly partitions: number
  /** Undefined: the cluster's default. */
  readonly replication: number | undefined
  readonly settings: Readonly<Record<string, string>>
}

export interface KafkaClient {
  /** Rejects with `log_stale` where no broker answers. */
  offsets(places: readonly Place[], wish: OffsetWish): Promise<readonly Offset[]>
  /** The broker that leads a partition, as far as is known; appends to a hung one are refused together. */
  leaderOf(place: Place): number | undefined
  /** Asks the cluster anew who leads what. */
  refreshLeaders(): Promise<void>
  openProducer(): PlainProducer
  openTransactional(transactionalId: string, timeoutMs: number): Promise<TransactionalProducer>
  openReader(options: ReaderOptions): PartitionReader
  /** Which partitions this node should own, a set at a time. */
  joinGroup(options: GroupOptions): AsyncIterable<ReadonlySet<number>>
  /** The topics of these names that exist. */
  describeTopics(names: readonly string[]): Promise<readonly TopicFacts[]>
  createTopics(wishes: readonly TopicWish[]): Promise<void>
  /** Sets all overrides of a topic: what is not named goes back to the cluster's default. */
  alterTopics(wishes: readonly Pick<TopicWish, 'name' | 'settings'>[]): Promise<void>
  close(): Promise<void>
}

export interface ConnectionOptions {
  /** host:port of some brokers. */
  readonly brokers: readonly string[]
  /** Shown to brokers, for their quotas and logs. */
  readonly clientId: string
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
    readonly username: string
    readonly password: string
  }
}
