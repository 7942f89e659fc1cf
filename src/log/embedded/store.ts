// The writer's hold on the file: opens or creates it, inserts packets, compares epochs, keeps the ends of all streams.
// Stands between the writer thread's loop and SQLite; one call of `write` is one transaction and one fsync.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { topicNames, topics, type Topic } from '#topics'
import { ConfabError } from '#errors'
import type { Owner } from '../index.ts'
import {
  HEAD,
  OFFSET_LIMIT,
  offsetOfPosition,
  keyHash,
  positionOf,
  streamOf,
  streamOfPosition,
  tableNames,
  tableOf,
  topicIdOf,
} from './layout.ts'
import type { TableName, ThreadOptions } from './layout.ts'
import { Fence } from './fence.ts'
import { openFile } from './file.ts'
import { randomFrom } from './holes.ts'
import { Inserter } from './inserter.ts'
import { KeyFilter } from './key-filter.ts'
import { encodeDirectory, prepareDrop, RunIndex, UNSETTLED_RUNS_MAX, type Run } from './runs.ts'
import { DONE, FENCED, PacketCursor } from './packet.ts'
import { hasSameKey, isTombstone, keyEnd, keyStart } from './record.ts'

const STREAMS_MAX = 8192

export interface StoreFacts {
  readonly id: string
  readonly topicIds: Readonly<Record<Topic, number>>
  readonly starts: Float64Array
  readonly ends: Float64Array
  readonly leases: readonly { owner: Owner; partition: number; epoch: number }[]
}

interface PendingRow {
  readonly position: number
  readonly hash: number | null
  readonly body: Uint8Array
}

export class Store {
  readonly database: DatabaseSync
  readonly options: ThreadOptions
  readonly starts = new Float64Array(STREAMS_MAX)
  readonly ends = new Float64Array(STREAMS_MAX)
  readonly topicIds = {} as Record<Topic, number>
  readonly topicOf: Topic[] = []
  /** Whether a transaction removed rows that must not stay readable in the WAL. */
  hasErased = false
  readonly index: RunIndex
  readonly #fence: Fence
  readonly #filter: KeyFilter
  /** Rows of the transaction under way, by stream, so that each stream's lie side by side. */
  readonly #pending = new Map<number, PendingRow[]>()
  readonly #erasing: PendingRow[] = []
  readonly #rows: Record<TableName, Inserter>
  readonly #runs: Inserter
  readonly #lastIds: Record<TableName, number> = { passing: 0, kept: 0 }
  #unsettled: Run[] = []
  readonly #saveDirectory: StatementSync
  readonly #dropEmptyRuns: Record<TableName, StatementSync>
  readonly #lastOfRun: Record<TableName, StatementSync>
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
    this.index = new RunIndex(database)
    const columns = ['id', 'position', 'hash', 'body']
    this.#rows = { passing: new Inserter(database, 'passing', columns), kept: new Inserter(database, 'kept', columns) }
    this.#runs = new Inserter(database, 'runs', ['position', 'first', 'last'])
    this.#saveDirectory = database.prepare('INSERT INTO directories (body) VALUES (?)')
    this.#dropEmptyRuns = { passing: prepareDrop(database, 'passing'), kept: prepareDrop(database, 'kept') }
    const lastOfRun = (table: TableName): StatementSync =>
      database.prepare(`SELECT max(position) AS position FROM ${table} WHERE id BETWEEN ? AND ?`)
    this.#lastOfRun = { passing: lastOfRun('passing'), kept: lastOfRun('kept') }
    this.#fence = new Fence(database)
    this.#filter = new KeyFilter(options.filter)
    this.#saveStream = database.prepare('INSERT OR REPLACE INTO streams VALUES (?, ?, ?)')
    this.#olderOfKey = database.prepare(`SELECT id, position, ${HEAD} AS body FROM kept WHERE hash = ? AND position < ?`)
    this.#deleteKept = database.prepare('DELETE FROM kept WHERE id = ?')
    this.#begin = database.prepare('BEGIN IMMEDIATE')
    this.#commit = database.prepare('COMMIT')
    this.#random = options.holesSeed === undefined ? undefined : randomFrom(options.holesSeed)
    this.#load()
  }

  facts(): StoreFacts {
    const id = String(this.database.prepare(`SELECT value FROM state WHERE name = 'id'`).get()?.['value'])
    return { id, topicIds: this.topicIds, starts: this.starts.slice(), ends: this.ends.slice(), leases: this.#fence.leases() }
  }

  /**
   * Writes packets as one transaction. The reply is flat: an operation's outcome, then, when done, a lease's position, and base and next of each section.
   * A throw means that nothing of it is stored, unless the error came out of the commit itself.
   */
  write(packets: readonly ArrayBuffer[]): number[] {
    const reply: number[] = []
    this.transact(() => {
      for (const packet of packets) this.#writePacket(new PacketCursor(packet), reply)
      this.#insertPending()
      if (this.#unsettled.length > UNSETTLED_RUNS_MAX) this.#settle()
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
      for (const inserter of [...Object.values(this.#rows), this.#runs]) inserter.clear()
      this.#pending.clear()
      this.#erasing.length = 0
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

  /** Deletes the first rows of a stream, which then begins at `start`. */
  deleteBefore(table: TableName, stream: number, ids: readonly number[], start: number): void {
    const remove = this.database.prepare(`DELETE FROM ${table} WHERE id = ?`)
    for (const id of ids) remove.run(id)
    this.#settle()
    this.#dropEmptyRuns[table].run(positionOf(stream, 0), positionOf(stream, start))
    this.starts[stream] = start
    this.saveStream(stream)
  }

  /** Deletes the older rows of a row's key in its stream; returns how many. */
  deleteOlder(position: number, hash: number, body: Uint8Array): number {
    const oldest = position - offsetOfPosition(position)
    let deleted = 0
    for (const row of this.#olderOfKey.all(hash, position)) {
      if ((row['position'] as number) < oldest || !hasSameKey(row['body'] as Uint8Array, body)) continue
      this.#deleteKept.run(row['id'] as number)
      const run = this.index.runAt(row['position'] as number)
      if (run !== undefined) this.#dropEmptyRuns.kept.run(run.position, run.position + 1)
      deleted++
    }
    return deleted
  }

  close(): void {
    try {
      this.database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } catch {
      // A full disk: all is in the WAL, and the next open reads it from there.
    }
    this.database.close()
  }

  #writePacket(cursor: PacketCursor, reply: number[]): void {
    while (!cursor.isDone) {
      const operation = cursor.readOperation()
      const owner = operation.owner as Owner
      if (operation.kind !== 'append' && !this.#fence.pass(owner, operation)) {
        for (let index = 0; index < operation.sectionCount; index++) cursor.skipSection()
        reply.push(FENCED)
        continue
      }
      reply.push(DONE)
      if (operation.kind === 'lease') reply.push(this.#fence.positionOf(owner, operation.partition))
      for (let index = 0; index < operation.sectionCount; index++) this.#writeSection(cursor, reply)
    }
  }

  #writeSection(cursor: PacketCursor, reply: number[]): void {
    const { stream, count } = cursor.readSection()
    const topicId = topicIdOf(stream)
    const topic = this.topicOf[topicId] as Topic
    const settings = topics[topic]
    let rows = this.#pending.get(stream)
    if (rows === undefined) this.#pending.set(stream, (rows = []))
    const base = (this.ends[stream] as number) + this.#hole()
    let offset = base
    for (let index = 0; index < count; index++, offset++) {
      const length = cursor.readRecord()
      const from = cursor.at - length
      const body = cursor.bytes.subarray(from, cursor.at)
      const hash = settings.lookup ? keyHash(topicId, cursor.bytes, keyStart(from), keyEnd(cursor.bytes, from)) : null
      if (hash !== null) this.#filter.add(hash)
      const row = { position: positionOf(stream, offset), hash, body }
      rows.push(row)
      if (settings.cleanup === 'unique' && isTombstone(body)) this.#erasing.push(row)
    }
    if (offset >= OFFSET_LIMIT) throw new ConfabError('append_refused', { detail: `${topic}: out of offsets` })
    const tail = this.#hole()
    this.ends[stream] = offset + tail
    if (tail > 0) this.saveStream(stream)
    reply.push(base, offset + tail)
  }

  /** Inserts what the packets brought, stream by stream, notes the runs, and removes what tombstones of unique topics name. */
  #insertPending(): void {
    const runs: Run[] = []
    for (const [stream, rows] of this.#pending) {
      const table = tableOf(this.topicOf[topicIdOf(stream)] as Topic)
      let run: { position: number; first: number; last: number } | undefined
      for (const { position, hash, body } of rows) {
        const id = ++this.#lastIds[table]
        this.#rows[table].add(id, position, hash, body)
        if (run !== undefined && position - run.position === id - run.first) run.last = id
        else runs.push((run = { position, first: id, last: id }))
      }
    }
    for (const table of tableNames) this.#rows[table].flush()
    this.#pending.clear()
    if (runs.length > 0) this.#saveDirectory.run(encodeDirectory(runs))
    this.#unsettled.push(...runs)
    for (const { position, hash, body } of this.#erasing.splice(0)) {
      if (hash !== null && this.deleteOlder(position, hash, body) > 0) this.hasErased = true
    }
  }

  /** Moves all noted runs into their index, in its order: one page then takes the entries of many transactions. */
  #settle(): void {
    if (this.#unsettled.length === 0) return
    for (const { position, first, last } of this.#unsettled.toSorted((left, right) => left.position - right.position))
      this.#runs.add(position, first, last)
    this.#runs.flush()
    this.database.exec('DELETE FROM directories')
    this.#unsettled = []
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
    this.#unsettled = this.index.unsettled()
    for (const topic of topicNames) {
      for (let partition = 0; partition < topics[topic].partitions; partition++)
        this.#loadEnd(this.index.lastSettled(streamOf(this.topicIds[topic], partition)))
    }
    for (const run of this.#unsettled) this.#loadEnd(run)
    this.#loadLastIds()
    this.#fence.load()
  }

  #loadEnd(run: Run | undefined): void {
    if (run === undefined) return
    const stream = streamOfPosition(run.position)
    const table = tableOf(this.topicOf[topicIdOf(stream)] as Topic)
    const position = this.#lastOfRun[table].get(run.first, run.last)?.['position']
    if (typeof position === 'number') this.ends[stream] = Math.max(this.ends[stream] as number, offsetOfPosition(position) + 1)
  }

  /** No id is used twice, also where the last rows are gone: the walk of compaction has passed theirs. */
  #loadLastIds(): void {
    const compacted = Number(this.database.prepare(`SELECT value FROM state WHERE name = 'compacted'`).get()?.['value'])
    for (const table of tableNames) {
      const last = Number(this.database.prepare(`SELECT coalesce(max(id), 0) AS id FROM ${table}`).get()?.['id'])
      const noted = this.#unsettled.reduce((highest, run) => Math.max(highest, run.last), 0)
      this.#lastIds[table] = Math.max(last, compacted, noted)
    }
  }
}
