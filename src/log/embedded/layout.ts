// How the log lies in its SQLite file: tables, numbers of streams, positions, key hashes, format version.
// Stands between records and rows; writer, reader and look-ups share it, nothing outside this folder knows it.

import { DatabaseSync } from 'node:sqlite'
import { topics, type Topic } from '#topics'
import { murmur2 } from '../partition.ts'

/** Raised when an older program could misread the file. */
export const FORMAT_VERSION = 1
/** 'Cnfb': tells our files from any other SQLite file. */
export const APPLICATION_ID = 0x436e6662

export const LOG_FILE = 'log.db'
export const LOCK_FILE = 'lock.db'

const STREAMS_PER_TOPIC = 64
/** Offsets of one partition stay below this, so that stream and offset together are one safe integer. */
export const OFFSET_LIMIT = 2 ** 40

/**
 * `passing` holds the topics that go by age alone, so that whole pages fall free in order; `kept` the compacted ones.
 * Rows are appended in commit order and found by runs.ts. `position` = stream and offset; `hash` only where `Log.latest` may ask.
 */
export type TableName = 'passing' | 'kept'
export const tableNames: readonly TableName[] = ['passing', 'kept']
export const tableOf = (topic: Topic): TableName => (topics[topic].cleanup === 'delete' ? 'passing' : 'kept')

const tableSchema = (name: TableName): string => `
  CREATE TABLE ${name} (id INTEGER PRIMARY KEY, position INTEGER NOT NULL, hash INTEGER, body BLOB NOT NULL);
  CREATE INDEX ${name}_hash ON ${name} (hash) WHERE hash IS NOT NULL;`

export const schema = `
  CREATE TABLE state (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
  CREATE TABLE topics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE streams (stream INTEGER PRIMARY KEY, start INTEGER NOT NULL, next INTEGER NOT NULL);
  CREATE TABLE leases (owner TEXT, partition INTEGER, epoch INTEGER NOT NULL, position INTEGER, PRIMARY KEY (owner, partition)) WITHOUT ROWID;
  CREATE TABLE runs (position INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL);
  CREATE TABLE directories (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
  CREATE TABLE tombstones (id INTEGER PRIMARY KEY);
  ${tableNames.map(tableSchema).join('')}
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT_VERSION};`

export const streamOf = (topicId: number, partition: number): number => topicId * STREAMS_PER_TOPIC + partition
export const topicIdOf = (stream: number): number => Math.floor(stream / STREAMS_PER_TOPIC)
export const positionOf = (stream: number, offset: number): number => stream * OFFSET_LIMIT + offset
export const streamOfPosition = (position: number): number => Math.floor(position / OFFSET_LIMIT)
export const offsetOfPosition = (position: number): number => position % OFFSET_LIMIT

const SLASH = 47
const SEGMENT_BITS = 2 ** 26
const TOPIC_BITS = 2 ** 7
const REST_BITS = 2 ** 20

/**
 * Where a key stands in the index: its first segment, then the topic, then the rest, 53 bits in all. All rows of one conversation
 * lie side by side whatever their topic, so a message dirties one page and not four. Not unique: readers compare whole keys.
 */
export const keyHash = (topicId: number, bytes: Uint8Array, from: number, to: number): number => {
  let slash = from
  while (slash < to && bytes[slash] !== SLASH) slash++
  const segment = (murmur2(bytes, from, slash) >>> 0) % SEGMENT_BITS
  const rest = slash === to ? 0 : (murmur2(bytes, slash, to) >>> 0) % REST_BITS
  return (segment * TOPIC_BITS + topicId) * REST_BITS + rest
}

/** A read-only connection: sees what is committed, never waits for the writer and never makes it wait. */
export const openReadOnly = (file: string): DatabaseSync => {
  const database = new DatabaseSync(file, { readOnly: true })
  database.exec('PRAGMA query_only = 1; PRAGMA busy_timeout = 1000; PRAGMA mmap_size = 1073741824; PRAGMA cache_size = -8192')
  return database
}

/** What crosses to every thread of the log. */
export interface ThreadOptions {
  readonly file: string
  readonly synchronous: 'FULL' | 'OFF'
  readonly holesSeed: number | undefined
  readonly compactionLagMs: number
  readonly tombstoneRetentionMs: number
  readonly retentionMs: Partial<Record<Topic, number>>
  readonly pagesMax: number | undefined
  /** Of key-filter.ts. */
  readonly filter: SharedArrayBuffer
}

/** SQL for the part of a body that holds flags, time and key, whatever the size of the value. */
export const HEAD = 'substr(body, 1, 4200)'

/** Before each row of a reader's answer: its offset as float64, the length of its body as uint32. */
export const ROW_HEAD_BYTES = 12
