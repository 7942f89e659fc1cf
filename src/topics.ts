// The table of topics: name, key, partitioning, cleanup, retention, who writes it, what it holds.
// One table for the log's forms, `confab topics`, the docs and the tests; nothing else names a topic's settings.

import type { Owner } from '#log'

/** `latest`: the newest record of a key counts. `unique`: keys never repeat, only tombstones remove. `delete`: by age alone. */
export type Cleanup = 'latest' | 'unique' | 'delete'

export interface TopicSettings {
  readonly partitionBy: 'request' | 'conversation' | 'contact' | 'organization' | 'owner' | 'subject' | 'node' | 'record'
  readonly partitions: number
  readonly cleanup: Cleanup
  /** Milliseconds a record is kept; undefined = for ever. For compacted topics it bounds nothing but tombstones' and ledgers' age. */
  readonly retentionMs?: number
  /** Largest value in bytes. */
  readonly recordBytesMax: number
  /** Whether `Log.latest` serves it. */
  readonly lookup: boolean
  /** Owners that may write it under a lease; empty = plain appends. */
  readonly owners: readonly Owner[]
  /** A contract for the operator; the rest is private. */
  readonly isPublic: boolean
}

const DAY_MS = 86_400_000
const MEGABYTE = 1_048_576
/** Fixed for life: another count is another generation of the topic. */
export const PARTITIONS = 32
/** Tombstones are readable this long. */
export const TOMBSTONE_RETENTION_MS = DAY_MS
/** Superseded records of `latest` topics live at least this long. */
export const COMPACTION_LAG_MIN_MS = 600_000
/** Kafka: superseded and erased records live at most this long, and one pass of the cleaner. */
export const COMPACTION_LAG_MAX_MS = 7 * DAY_MS
/** Kafka: bytes of a segment of a compacted topic; the newest segment is never compacted. */
export const SEGMENT_BYTES = 10_485_760
/** Kafka: a segment is closed after this long, at the next write to its partition. */
export const SEGMENT_MS = DAY_MS

const keyed = { partitions: PARTITIONS, recordBytesMax: MEGABYTE, lookup: false, isPublic: false, owners: [] } as const
const compacted = { ...keyed, cleanup: 'latest', lookup: true } as const

export const topics = {
  raw: { ...keyed, partitionBy: 'request', cleanup: 'delete', retentionMs: 7 * DAY_MS, recordBytesMax: 8 * MEGABYTE },
  commands: { ...keyed, partitionBy: 'conversation', cleanup: 'delete', retentionMs: 7 * DAY_MS },
  outcomes: {
    ...keyed,
    partitionBy: 'conversation',
    cleanup: 'delete',
    retentionMs: 9 * DAY_MS,
    lookup: true,
    owners: ['conversations', 'contacts'],
  },
  events: { ...compacted, partitionBy: 'conversation', cleanup: 'unique', owners: ['conversations'], isPublic: true },
  conversations: { ...compacted, partitionBy: 'conversation', owners: ['conversations'], isPublic: true },
  messages: { ...compacted, partitionBy: 'conversation', owners: ['conversations'], isPublic: true },
  'contact-commands': { ...keyed, partitionBy: 'contact', cleanup: 'delete', retentionMs: 7 * DAY_MS },
  'contact-events': { ...compacted, partitionBy: 'contact', cleanup: 'unique', owners: ['contacts'], isPublic: true },
  contacts: { ...compacted, partitionBy: 'contact', owners: ['contacts'], isPublic: true },
  outbox: { ...compacted, partitionBy: 'conversation', owners: ['conversations', 'contacts'] },
  sends: { ...compacted, partitionBy: 'conversation', retentionMs: 30 * DAY_MS, owners: ['sender'] },
  deliveries: { ...compacted, partitionBy: 'conversation', retentionMs: 30 * DAY_MS, owners: ['webhooks'] },
  attempts: { ...keyed, partitionBy: 'conversation', cleanup: 'delete', retentionMs: 30 * DAY_MS, owners: ['webhooks'] },
  marks: { ...compacted, partitionBy: 'conversation', owners: ['conversations'] },
  config: { ...compacted, partitionBy: 'organization', owners: ['conversations'] },
  ownership: { ...compacted, partitionBy: 'owner', partitions: 1 },
  schemas: { ...compacted, partitionBy: 'subject', partitions: 1 },
  // Ingest appends here too, so no lease guards it.
  'dead-letters': { ...compacted, partitionBy: 'record', recordBytesMax: 8 * MEGABYTE },
  logs: { ...keyed, partitionBy: 'node', partitions: 1, cleanup: 'delete', retentionMs: 7 * DAY_MS },
} as const satisfies Record<string, TopicSettings>

export type Topic = keyof typeof topics

export const topicNames = Object.keys(topics) as Topic[]

/** What every topic's name begins with where the log is shared with others (Kafka). */
export const TOPIC_PREFIX = 'confab.'
