// Ranges of the log's file for other threads of this process that are far behind: bytes as they lie, decoded by nobody on the way.
// Stands between a thread's own read-only connection and its folds; the main thread, the writer and the caches are not asked.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { ConfabError } from '#errors'
import type { Topic } from '#topics'
import { EpochFilter } from '../epochs.ts'
import type { Offset } from '../index.ts'
import { openReadOnly, positionOf, streamOf, tableNames, tableOf, type TableName } from './layout.ts'
import { RawHeaders } from './raw-headers.ts'
import { decodeRecord, isTombstone, keyEnd, keyStart } from './record.ts'
import { RunIndex } from './runs.ts'

/** What a thread opens ranges by; crosses by structured clone. */
export interface RangeOrigin {
  readonly file: string
  readonly topicIds: Readonly<Record<Topic, number>>
}

export interface RangeWish<T extends Topic = Topic> {
  readonly topic: T
  readonly partition: number
  readonly from: Offset
  /** Not beyond what was committed when it was asked for. */
  readonly to: Offset
  /** At most. */
  readonly recordsMax: number
}

type Row = readonly [id: number, body: Uint8Array]

interface Part {
  /** From ids of rows to offsets. */
  readonly shift: number
  readonly rows: readonly Row[]
}

/** Records of one partition, looked at one after another. What is not asked for is not decoded. */
export class Range<T extends Topic = Topic> {
  readonly topic: T
  readonly partition: number
  /** Where the following range starts. */
  readonly next: Offset
  /** Bytes of all records, keys and headers included. */
  readonly bytes: number
  readonly records: number
  /** Records passed over because their writer was no longer the owner. */
  readonly dropped: { readonly topic: T; readonly partition: number; readonly offset: Offset; readonly error: string }[] = []
  readonly #parts: readonly Part[]
  readonly #epochs: EpochFilter
  readonly #headers: RawHeaders
  #part = 0
  #row = 0
  #body: Uint8Array = new Uint8Array()
  offset: Offset = 0

  constructor(
    { topic, partition }: RangeWish<T>,
    parts: readonly Part[],
    { next, epochs, headers }: { readonly next: Offset; readonly epochs: EpochFilter; readonly headers: RawHeaders },
  ) {
    this.topic = topic
    this.partition = partition
    this.next = next
    this.#parts = parts
    this.#epochs = epochs
    this.#headers = headers
    headers.forget()
    this.records = parts.reduce((sum, { rows }) => sum + rows.length, 0)
    this.bytes = parts.reduce((sum, { rows }) => rows.reduce((part, [, body]) => part + body.length, sum), 0)
  }

  /** Moves to the next record; false at the end. */
  advance(): boolean {
    for (;;) {
      const part = this.#parts[this.#part]
      if (part === undefined) return false
      const row = part.rows[this.#row++]
      if (row === undefined) {
        this.#part++
        this.#row = 0
        continue
      }
      this.offset = row[0] - part.shift
      this.#body = row[1]
      if (this.#headers.read(row[1]) || this.#passes()) return true
      this.#headers.forget()
      const { topic, partition, offset } = this
      this.dropped.push({ topic, partition, offset, error: 'its writer was no longer the owner' })
    }
  }

  /** Asked when owner or epoch differ from the record before. */
  #passes(): boolean {
    const body = this.#bytesFrom(0)
    return this.#epochs.filter([decodeRecord(body, this.offset, 0, body.length)]).length === 1
  }

  #bytesFrom(at: number): Buffer {
    const { buffer, byteOffset, length } = this.#body
    return Buffer.from(buffer, byteOffset + at, length - at)
  }

  get key(): string {
    return this.#bytesFrom(0).toString('utf8', keyStart(0), keyEnd(this.#body, 0))
  }

  get type(): string {
    return this.#headers.type
  }

  get isTombstone(): boolean {
    return isTombstone(this.#body)
  }

  /** Empty for a tombstone. */
  get value(): Buffer {
    return this.#bytesFrom(this.#headers.end)
  }
}

export interface Ranges {
  /** One snapshot. Throws `offset_below_start` when cleaning has overtaken the reader. */
  read<T extends Topic>(wish: RangeWish<T>): Range<T>
  close(): void
}

class FileRanges implements Ranges {
  readonly #database: DatabaseSync
  readonly #topicIds: RangeOrigin['topicIds']
  readonly #index: RunIndex
  readonly #startOf: StatementSync
  readonly #rows: Record<TableName, StatementSync>
  readonly #epochs = new Map<number, EpochFilter>()
  readonly #headers = new RawHeaders()

  constructor({ file, topicIds }: RangeOrigin) {
    this.#database = openReadOnly(file)
    this.#topicIds = topicIds
    this.#index = new RunIndex(this.#database)
    this.#startOf = this.#database.prepare('SELECT start FROM streams WHERE stream = ?')
    const prepare = (table: TableName): StatementSync => {
      const statement = this.#database.prepare(`SELECT id, body FROM ${table} WHERE id BETWEEN ? AND ? ORDER BY id`)
      statement.setReturnArrays(true)
      return statement
    }
    this.#rows = Object.fromEntries(tableNames.map((table) => [table, prepare(table)])) as Record<TableName, StatementSync>
  }

  read<T extends Topic>(wish: RangeWish<T>): Range<T> {
    const stream = streamOf(this.#topicIds[wish.topic], wish.partition)
    let epochs = this.#epochs.get(stream)
    if (epochs === undefined) this.#epochs.set(stream, (epochs = new EpochFilter(() => undefined)))
    this.#database.exec('BEGIN')
    try {
      const start = Number(this.#startOf.get(stream)?.['start'] ?? 0)
      if (wish.from < start) throw new ConfabError('offset_below_start', { fields: { offset: wish.from, start } })
      return new Range(wish, ...this.#parts(wish, stream, epochs))
    } finally {
      this.#database.exec('COMMIT')
    }
  }

  #parts({ topic, from, to, recordsMax }: RangeWish, stream: number, epochs: EpochFilter) {
    const statement = this.#rows[tableOf(topic)]
    const oldest = positionOf(stream, 0)
    const parts: Part[] = []
    let records = 0
    let next = to
    for (const { position, first, last } of this.#index.runs(stream, from, to)) {
      const end = Math.min(last, first + recordsMax - records - 1)
      // Rows of a run carry its offsets in order, so the offset follows from the id.
      const shift = first - (position - oldest)
      const rows = statement.all(first, end) as unknown as readonly Row[]
      parts.push({ shift, rows })
      records += end - first + 1
      if (records < recordsMax) continue
      next = Math.min(to, end - shift + 1)
      break
    }
    return [parts, { next, epochs, headers: this.#headers }] as const
  }

  close(): void {
    this.#database.close()
  }
}

/** Opens a connection of its own, for the calling thread. */
export const openRanges = (origin: RangeOrigin): Ranges => new FileRanges(origin)
