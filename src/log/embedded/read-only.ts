// The log's file read from beside: by tools, while a server runs or not. No lock, no write, no snapshot held across two pages.
// Stands between `confab tail`, `find` and `doctor` and the rows, in the order in which they were committed.

import { existsSync, statSync } from 'node:fs'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { join } from 'node:path'
import { ConfabError } from '#errors'
import { topics, type Topic } from '#topics'
import type { StoredRecord } from '../index.ts'
import {
  LOCK_FILE,
  LOG_FILE,
  offsetOfPosition,
  openReadOnly,
  positionOf,
  streamOf,
  streamOfPosition,
  tableNames,
  tableOf,
  topicIdOf,
  type TableName,
} from './layout.ts'
import { decodeRecord, timeOf } from './record.ts'
import type { Row } from './runs.ts'
import { mergePages, type Step, type TablePage } from './read-pages.ts'
import { checkFormat, isHeld, resultCode, SQLITE_BUSY } from './file.ts'

/** Rows a page holds at most, and their bytes, one larger row excepted. */
const PAGE_ROWS_MAX = 500
const PAGE_BYTES_MAX = 4_194_304

/** A record, where it lies, and its place in the order of commits of its table. */
export interface PlacedRecord {
  readonly topic: Topic
  readonly partition: number
  readonly record: StoredRecord
}

/** A boundary between rows, by the last row before it in each table. Another log's place means nothing here. */
export type ReaderPlace = Readonly<Record<TableName, number>>

export interface ReaderPage {
  readonly records: readonly PlacedRecord[]
  readonly place: ReaderPlace
  /** Whether nothing lay beyond the page when it was read. */
  readonly isLast: boolean
}

export interface EmbeddedLogFacts {
  readonly id: string
  readonly file: string
  readonly format: number
  readonly sizeBytes: number
  readonly walBytes: number
  /** Milliseconds since 1970 of the first and last event; null where there is none. */
  readonly oldestEventAt: number | null
  readonly newestEventAt: number | null
  /** Whether a server holds the directory now. */
  readonly isInUse: boolean
}

export interface ReadWish {
  /** Of these topics only. */
  readonly topics: readonly Topic[]
  /** Rows whose bytes it refuses are not decoded. */
  readonly accepts?: (body: Uint8Array) => boolean
}

export interface EmbeddedReader {
  facts(): EmbeddedLogFacts
  /** Before the first record, or behind the last one of now. */
  earliest(): ReaderPlace
  latest(): ReaderPlace
  /** Before the first record that is not older than `time` (ms); exact as long as clocks are not set back. */
  placeAt(time: number): ReaderPlace
  /** Oldest first, from a place on. */
  after(place: ReaderPlace, wish: ReadWish): ReaderPage
  /** Newest first, before a place. */
  before(place: ReaderPlace, wish: ReadWish): ReaderPage
  /** Whether anyone has committed since the last call; a look into memory, no read of the file. */
  hasChanged(): boolean
  /** What SQLite finds wrong with the file, at most 10 sentences; none = sound. Reads all of it. */
  check(): readonly string[]
  close(): void
}

/** Runs what reads; SQLite's own words about a damaged file become ours. */
const guarded = <T>(file: string, read: () => T): T => {
  try {
    return read()
  } catch (error) {
    if (error instanceof ConfabError) throw error
    const code = resultCode(error) === SQLITE_BUSY ? 'data_locked' : 'data_corrupt'
    throw new ConfabError(code, {
      detail: `${file}: ${error instanceof Error ? error.message : String(error)}`,
      fields: { file },
      cause: error,
    })
  }
}

class FileReader implements EmbeddedReader {
  readonly #directory: string
  readonly #file: string
  readonly #database: DatabaseSync
  readonly #format: number
  readonly #topicOf = new Map<number, Topic>()
  readonly #topicIds = new Map<Topic, number>()
  readonly #statements = new Map<string, StatementSync>()
  #version = -1

  constructor(directory: string, file: string) {
    this.#directory = directory
    this.#file = file
    this.#database = openReadOnly(file)
    try {
      this.#format = checkFormat(this.#database, file)
      for (const row of this.#database.prepare('SELECT id, name FROM topics').all()) {
        const topic = row['name'] as Topic
        if (topics[topic] === undefined) continue
        this.#topicOf.set(row['id'] as number, topic)
        this.#topicIds.set(topic, row['id'] as number)
      }
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  facts(): EmbeddedLogFacts {
    const edge = (order: 'ASC' | 'DESC'): number | null => {
      const row = this.#database.prepare(`SELECT body FROM kept WHERE position >= ? AND position < ? ORDER BY id ${order} LIMIT 1`)
      const body = row.get(...this.#range('events'))?.['body'] as Uint8Array | undefined
      return body === undefined ? null : timeOf(body)
    }
    return guarded(this.#file, () => ({
      id: String(this.#database.prepare(`SELECT value FROM state WHERE name = 'id'`).get()?.['value']),
      file: this.#file,
      format: this.#format,
      sizeBytes: statSync(this.#file).size,
      walBytes: statSync(`${this.#file}-wal`, { throwIfNoEntry: false })?.size ?? 0,
      oldestEventAt: edge('ASC'),
      newestEventAt: edge('DESC'),
      isInUse: isHeld(join(this.#directory, LOCK_FILE)),
    }))
  }

  earliest(): ReaderPlace {
    return { passing: 0, kept: 0 }
  }

  latest(): ReaderPlace {
    const last = (table: TableName): number => Number(this.#prepared(`SELECT coalesce(max(id), 0) AS id FROM ${table}`).get()?.['id'])
    return guarded(this.#file, () => ({ passing: last('passing'), kept: last('kept') }))
  }

  placeAt(time: number): ReaderPlace {
    const end = this.latest()
    return guarded(this.#file, () => ({ passing: this.#idAt('passing', end.passing, time), kept: this.#idAt('kept', end.kept, time) }))
  }

  after(place: ReaderPlace, wish: ReadWish): ReaderPage {
    return guarded(this.#file, () =>
      this.#merged(
        tableNames.map((table) => this.#page(table, wish, { from: place[table], step: 1 })),
        1,
      ),
    )
  }

  before(place: ReaderPlace, wish: ReadWish): ReaderPage {
    return guarded(this.#file, () =>
      this.#merged(
        tableNames.map((table) => this.#page(table, wish, { from: place[table], step: -1 })),
        -1,
      ),
    )
  }

  hasChanged(): boolean {
    const version = Number(this.#prepared('PRAGMA data_version').get()?.['data_version'])
    const isNew = version !== this.#version
    this.#version = version
    return isNew
  }

  check(): readonly string[] {
    return guarded(this.#file, () =>
      this.#database
        .prepare('PRAGMA quick_check(10)')
        .all()
        .map((row) => String(row['quick_check']))
        .filter((finding) => finding !== 'ok'),
    )
  }

  close(): void {
    this.#database.close()
  }

  #prepared(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const made = this.#database.prepare(sql)
    this.#statements.set(sql, made)
    return made
  }

  /** First position of a topic and the one behind its last. */
  #range(topic: Topic): [number, number] {
    const id = this.#topicIds.get(topic)
    return id === undefined ? [0, 0] : [positionOf(streamOf(id, 0), 0), positionOf(streamOf(id + 1, 0), 0)]
  }

  /** Halves the ids. */
  #idAt(table: TableName, end: number, time: number): number {
    const row = this.#prepared(`SELECT id, substr(body, 1, 9) AS body FROM ${table} WHERE id > ? ORDER BY id LIMIT 1`)
    let low = 0
    let high = end
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const found = row.get(middle)
      if (found === undefined || timeOf(found['body'] as Uint8Array) >= time) high = middle
      else low = found['id'] as number
    }
    return low
  }

  /** A page of one table: one statement, so one snapshot, ended before it is handed on. */
  #page(table: TableName, wish: ReadWish, { from, step }: { from: number; step: Step }): TablePage {
    const ranges = wish.topics.filter((topic) => tableOf(topic) === table).map((topic) => this.#range(topic))
    const page = { rows: [] as Row[], from, last: from, lastTime: 0, isCut: false }
    if (ranges.length === 0) return page
    const wanted = ranges.map(() => '(position >= ? AND position < ?)').join(' OR ')
    const order = step === 1 ? 'id > ? ORDER BY id' : 'id <= ? ORDER BY id DESC'
    const statement = this.#prepared(`SELECT id, position, body FROM ${table} WHERE (${wanted}) AND ${order}`)
    let [bytes, seen] = [0, 0]
    for (const row of statement.iterate(...ranges.flat(), from) as Iterable<unknown> as Iterable<Row>) {
      page.isCut = seen === PAGE_ROWS_MAX || bytes > PAGE_BYTES_MAX
      if (page.isCut) break
      seen++
      bytes += row.body.length
      page.last = step === 1 ? row.id : row.id - 1
      page.lastTime = timeOf(row.body)
      if (wish.accepts === undefined || wish.accepts(row.body)) page.rows.push(row)
    }
    return page
  }

  #merged(pages: readonly TablePage[], step: Step): ReaderPage {
    const { rows, lasts, isLast } = mergePages(pages, step)
    const place = Object.fromEntries(tableNames.map((table, index) => [table, lasts[index]])) as unknown as ReaderPlace
    return { records: rows.flatMap((row) => this.#placed(row)), place, isLast }
  }

  /** None where the topic is a stranger to this version. */
  #placed({ position, body }: Row): PlacedRecord[] {
    const stream = streamOfPosition(position)
    const topicId = topicIdOf(stream)
    const topic = this.#topicOf.get(topicId)
    if (topic === undefined) return []
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.length)
    return [{ topic, partition: stream - streamOf(topicId, 0), record: decodeRecord(bytes, offsetOfPosition(position), 0, bytes.length) }]
  }
}

/**
 * Opens the log of a directory for reading beside whoever writes it. Throws `data_missing` where there is none, `data_corrupt`, `data_newer`;
 * the same codes come from reading a file that is damaged further in.
 */
export const openEmbeddedReader = (options: { readonly directory: string }): EmbeddedReader => {
  const file = join(options.directory, LOG_FILE)
  if (!existsSync(file) || statSync(file).size === 0) {
    throw new ConfabError('data_missing', {
      detail: `${file} does not exist. Start the server once, or set CONFAB_DATA_DIR.`,
      fields: { file },
    })
  }
  return guarded(file, () => new FileReader(options.directory, file))
}
