// The writer's hold on the file: opens or creates it, inserts packets, compares epochs, keeps the ends of all streams.
// Stands between the writer thread's loop and SQLite; one call of `write` is one transaction and one fsync.

import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { topicNames, topics, type Topic } from '#topics'
import { ConfabError, type ErrorCode } from '#errors'
import type { Owner } from '../index.ts'
import { APPLICATION_ID, FORMAT_VERSION, OFFSET_LIMIT, offsetOfPosition, keyHash, positionOf, schema, streamOf, tableNames, tableOf, topicIdOf } from './layout.ts'
import type { TableName, ThreadOptions } from './layout.ts'
import { DONE, FENCED, NO_POSITION, PacketCursor } from './packet.ts'
import { hasSameKey, isTombstone, keyEnd, keyStart } from './record.ts'

/** Rows of one INSERT: a call of a prepared statement costs more than a row. */
const ROWS_PER_INSERT = 16
const PAGE_CACHE_KIBIBYTES = 65_536
const STREAMS_MAX = 8192

interface LeaseRow {
  epoch: number
  position: number | null
}

export interface StoreFacts {
  readonly id: string
  readonly topicIds: Readonly<Record<Topic, number>>
  readonly starts: Float64Array
  readonly ends: Float64Array
  readonly leases: readonly { owner: Owner; partition: number; epoch: number }[]
}

type Bound = number | null | Uint8Array

/** Rows waiting for their table's next INSERT; flat, three values a row. */
class RowBuffer {
  readonly #many: StatementSync
  readonly #one: StatementSync
  readonly #values: Bound[] = []

  constructor(database: DatabaseSync, table: TableName) {
    const insert = (rows: number): StatementSync =>
      database.prepare(`INSERT INTO ${table} (position, hash, body) VALUES ${Array(rows).fill('(?,?,?)').join(',')}`)
    this.#many = insert(ROWS_PER_INSERT)
    this.#one = insert(1)
  }

  add(position: number, hash: number | null, body: Uint8Array): void {
    if (this.#values.push(position, hash, body) < ROWS_PER_INSERT * 3) return
    this.#many.run(...this.#values)
    this.#values.length = 0
  }

  flush(): void {
    for (let at = 0; at < this.#values.length; at += 3) this.#one.run(...this.#values.slice(at, at + 3))
    this.#values.length = 0
  }

  clear(): void {
    this.#values.length = 0
  }
}

const refuseFile = (code: ErrorCode, file: string, why: string, cause?: unknown): ConfabError =>
  new ConfabError(code, { detail: `${file}: ${why}`, fields: { file }, cause })

/** Opens the file, creating it when there is none. Throws `data_newer`, `data_corrupt`. */
const openFile = (options: ThreadOptions): DatabaseSync => {
  const database = new DatabaseSync(options.file)
  try {
    database.exec(`PRAGMA busy_timeout = 250; PRAGMA journal_mode = WAL; PRAGMA synchronous = ${options.synchronous};
      PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -${PAGE_CACHE_KIBIBYTES}; PRAGMA secure_delete = ON; PRAGMA foreign_keys = OFF`)
    if (options.pagesMax !== undefined) database.exec(`PRAGMA max_page_count = ${options.pagesMax}`)
    const application = database.prepare('PRAGMA application_id').get()?.['application_id']
    const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
    const isEmpty = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.['count'] === 0
    if (isEmpty && application === 0) {
      database.exec(`BEGIN IMMEDIATE; ${schema}`)
      database.prepare(`INSERT INTO state VALUES ('id', ?), ('compacted', 0)`).run(crypto.randomUUID())
      database.exec('COMMIT')
    } else if (application !== APPLICATION_ID) throw refuseFile('data_corrupt', options.file, 'not a log of Confab')
    else if (version > FORMAT_VERSION) throw refuseFile('data_newer', options.file, `format ${version}, this program knows ${FORMAT_VERSION}`)
    return database
  } catch (error) {
    database.close()
    if (error instanceof ConfabError) throw error
    throw refuseFile('data_corrupt', options.file, error instanceof Error ? error.message : String(error), error)
  }
}

/** SQLite's primary result code of an error, -1 for any other. */
export const resultCode = (error: unknown): number => {
  const code = (error as { errcode?: unknown } | null)?.errcode
  return typeof code === 'number' ? code & 0xff : -1
}
export const SQLITE_FULL = 13

export class Store {
  readonly database: DatabaseSync
  readonly options: ThreadOptions
  readonly starts = new Float64Array(STREAMS_MAX)
  readonly ends = new Float64Array(STREAMS_MAX)
  readonly topicIds = {} as Record<Topic, number>
  readonly topicOf: Topic[] = []
  /** Whether a transaction removed rows that must not stay readable in the WAL. */
  hasErased = false
  readonly #leases = new Map<string, LeaseRow>()
  readonly #rows: Record<TableName, RowBuffer>
  readonly #saveLease: StatementSync
  readonly #saveStream: StatementSync
  readonly #olderOfKey: StatementSync
  readonly #deleteKept: StatementSync
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  #random: (() => number) | undefined

  constructor(options: ThreadOptions) {
    this.options = options
    this.database = openFile(options)
    const { database } = this
    this.#saveTopics()
    this.#rows = { passing: new RowBuffer(database, 'passing'), kept: new RowBuffer(database, 'kept') }
    this.#saveLease = database.prepare('INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?)')
    this.#saveStream = database.prepare('INSERT OR REPLACE INTO streams VALUES (?, ?, ?)')
    this.#olderOfKey = database.prepare('SELECT id, position, body FROM kept WHERE hash = ? AND position < ?')
    this.#deleteKept = database.prepare('DELETE FROM kept WHERE id = ?')
    this.#begin = database.prepare('BEGIN IMMEDIATE')
    this.#commit = database.prepare('COMMIT')
    this.#random = options.holesSeed === undefined ? undefined : randomFrom(options.holesSeed)
    this.#load()
  }

  facts(): StoreFacts {
    const id = String(this.database.prepare(`SELECT value FROM state WHERE name = 'id'`).get()?.['value'])
    const leases = this.database.prepare('SELECT owner, partition, epoch FROM leases').all() as unknown as StoreFacts['leases']
    return { id, topicIds: this.topicIds, starts: this.starts.slice(), ends: this.ends.slice(), leases }
  }

  /**
   * Writes packets as one transaction. The reply is flat: an operation's outcome, then, when done, a lease's position, and base and next of each section.
   * A throw means that nothing of it is stored, unless the error came out of the commit itself.
   */
  write(packets: readonly ArrayBuffer[]): number[] {
    const reply: number[] = []
    this.transact(() => {
      for (const packet of packets) this.#writePacket(new PacketCursor(packet), reply)
      for (const table of tableNames) this.#rows[table].flush()
    })
    return reply
  }

  /** Runs `work` in a transaction; any failure rolls it back and reads again what memory mirrors. */
  transact(work: () => void): void {
    try {
      this.#begin.run()
      work()
      this.#commit.run()
    } catch (error) {
      for (const table of tableNames) this.#rows[table].clear()
      // SQLite has rolled back by itself after some errors; then this one says so.
      if (this.database.isTransaction) this.database.exec('ROLLBACK')
      this.#load()
      throw error
    }
  }

  /** Keeps start and end of a stream where its rows may no longer tell them. */
  saveStream(stream: number): void {
    this.#saveStream.run(stream, this.starts[stream] as number, this.ends[stream] as number)
  }

  /** A row id may be used again once its row was the last and is gone; the walk of compaction must not stand beyond it then. */
  rewindCompaction(): void {
    this.database.exec(`UPDATE state SET value = min(value, (SELECT coalesce(max(id), 0) FROM kept)) WHERE name = 'compacted'`)
  }

  /** Deletes the older rows of a row's key in its stream; returns how many. */
  deleteOlder(position: number, hash: number, body: Uint8Array): number {
    const oldest = position - offsetOfPosition(position)
    let deleted = 0
    for (const row of this.#olderOfKey.all(hash, position)) {
      if ((row['position'] as number) < oldest || !hasSameKey(row['body'] as Uint8Array, body)) continue
      this.#deleteKept.run(row['id'] as number)
      deleted++
    }
    return deleted
  }

  close(): void {
    this.database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    this.database.close()
  }

  #writePacket(cursor: PacketCursor, reply: number[]): void {
    while (!cursor.isDone) {
      const operation = cursor.readOperation()
      const { owner, partition } = operation
      if (operation.kind !== 'append' && !this.#passFence(owner as Owner, partition, operation)) {
        for (let index = 0; index < operation.sectionCount; index++) cursor.skipSection()
        reply.push(FENCED)
        continue
      }
      reply.push(DONE)
      if (operation.kind === 'lease') reply.push(this.#leases.get(`${owner}/${partition}`)?.position ?? NO_POSITION)
      for (let index = 0; index < operation.sectionCount; index++) this.#writeSection(cursor, reply)
    }
  }

  #passFence(owner: Owner, partition: number, operation: { kind: string; epoch: number; position: number | undefined }): boolean {
    const key = `${owner}/${partition}`
    const held = this.#leases.get(key) ?? { epoch: 0, position: null }
    const isTaking = operation.kind === 'lease'
    if (isTaking ? operation.epoch <= held.epoch : operation.epoch !== held.epoch) return false
    if (!isTaking && operation.position === undefined) return true
    const lease = { epoch: operation.epoch, position: operation.position ?? held.position }
    this.#leases.set(key, lease)
    this.#saveLease.run(owner, partition, lease.epoch, lease.position)
    return true
  }

  #writeSection(cursor: PacketCursor, reply: number[]): void {
    const { stream, count } = cursor.readSection()
    const topicId = topicIdOf(stream)
    const topic = this.topicOf[topicId] as Topic
    const settings = topics[topic]
    const rows = this.#rows[tableOf(topic)]
    const base = (this.ends[stream] as number) + this.#hole()
    let offset = base
    for (let index = 0; index < count; index++, offset++) {
      const length = cursor.readRecord()
      const from = cursor.at - length
      const body = cursor.bytes.subarray(from, cursor.at)
      const hash = settings.lookup ? keyHash(topicId, cursor.bytes, keyStart(from), keyEnd(cursor.bytes, from)) : null
      rows.add(positionOf(stream, offset), hash, body)
      if (settings.cleanup === 'unique' && isTombstone(body)) this.#erase(positionOf(stream, offset), hash, body)
    }
    if (offset >= OFFSET_LIMIT) throw new ConfabError('append_refused', { detail: `${topic}: out of offsets` })
    const tail = this.#hole()
    this.ends[stream] = offset + tail
    if (tail > 0) this.saveStream(stream)
    reply.push(base, offset + tail)
  }

  /** A tombstone of a unique topic removes the rows it names in its own transaction, those of this very packet too. */
  #erase(position: number, hash: number | null, body: Uint8Array): void {
    this.#rows.kept.flush()
    if (hash !== null && this.deleteOlder(position, hash, body) > 0) this.hasErased = true
  }

  #hole(): number {
    return this.#random === undefined || this.#random() < 0.5 ? 0 : 1 + Math.floor(this.#random() * 3)
  }

  #saveTopics(): void {
    const insert = this.database.prepare('INSERT OR IGNORE INTO topics (name) VALUES (?)')
    const known = this.database.prepare('SELECT id, name FROM topics')
    if (known.all().length < topicNames.length) for (const name of topicNames) insert.run(name)
    for (const row of known.all()) {
      const topic = row['name'] as Topic
      if (topics[topic] === undefined) continue
      this.topicIds[topic] = row['id'] as number
      this.topicOf[row['id'] as number] = topic
    }
  }

  /** What memory mirrors: ends, starts, leases. One index seek a stream, whatever the size of the log. */
  #load(): void {
    this.starts.fill(0)
    this.ends.fill(0)
    for (const row of this.database.prepare('SELECT stream, start, next FROM streams').all()) {
      this.starts[row['stream'] as number] = row['start'] as number
      this.ends[row['stream'] as number] = row['next'] as number
    }
    for (const topic of topicNames) this.#loadEnds(topic)
    this.#leases.clear()
    for (const row of this.database.prepare('SELECT owner, partition, epoch, position FROM leases').all()) {
      this.#leases.set(`${row['owner'] as string}/${row['partition'] as number}`, row as unknown as LeaseRow)
    }
  }

  #loadEnds(topic: Topic): void {
    const last = this.database.prepare(`SELECT max(position) AS position FROM ${tableOf(topic)} WHERE position >= ? AND position < ?`)
    for (let partition = 0; partition < topics[topic].partitions; partition++) {
      const stream = streamOf(this.topicIds[topic], partition)
      const position = last.get(positionOf(stream, 0), positionOf(stream + 1, 0))?.['position']
      if (typeof position === 'number') this.ends[stream] = Math.max(this.ends[stream] as number, offsetOfPosition(position) + 1)
    }
  }
}

/** Mulberry32: the test switch's own small generator, so that a seed gives the same holes everywhere. */
export const randomFrom = (seed: number): (() => number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
