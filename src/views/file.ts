// One views file in its writer thread: opened, found wanting and made anew, its positions kept in the transaction of its rows.
// Between SQLite and the stores; a file that is damaged, of another log or ahead of it is never trusted.

import { closeSync, existsSync, fsyncSync, openSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { emptyPositions, type FileLayout, type Positions } from './layout.ts'
import { viewTopics, type ViewTopic } from './packet.ts'

export interface FileOptions {
  readonly file: string
  readonly logId: string
  readonly partitions: number
  /** The log's bounds: a position outside them is another log's. */
  readonly starts: Positions
  readonly ends: Positions
  /** Partitions whose rows go before anything else: this node folds them no longer. */
  readonly forget?: readonly number[]
}

const CACHE_KIB = 65_536
const CHECKPOINT_PAGES = 4_000

export const removeFile = (file: string): void => {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${file}${suffix}`, { force: true })
}

/** Packets that share a transaction while a file is filled for the first time. */
const BUILDING_PACKETS = 16

/** SQLITE_CORRUPT and SQLITE_NOTADB. */
export const isDamage = (error: unknown): boolean => [11, 26].includes(Number((error as { errcode?: unknown }).errcode) & 0xff)

/** SQLITE_FULL and SQLITE_CANTOPEN: the disk's or the directory's fault, which a new file would not mend. */
export const isNoFault = (error: unknown): boolean => [13, 14].includes(Number((error as { errcode?: unknown }).errcode) & 0xff)

const isWithin = (positions: Positions, { starts, ends }: FileOptions): boolean =>
  viewTopics.every((topic) =>
    positions[topic].every(
      (next, partition) => next <= (ends[topic][partition] ?? 0) && (next === 0 || next >= (starts[topic][partition] ?? 0)),
    ),
  )

const readState = (database: DatabaseSync, name: string): string | undefined =>
  database.prepare('SELECT value FROM state WHERE name = ?').get(name)?.['value'] as string | undefined

const serving = `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};`
/** Nothing of a first filling is kept when it stops half way, so it needs neither a journal nor fsyncs. */
const building = 'PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;'

const openDatabase = (file: string, mode: string): DatabaseSync => {
  const database = new DatabaseSync(file)
  try {
    // What is erased stays in no free page.
    database.exec(
      `PRAGMA secure_delete = ON; PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -${CACHE_KIB}; ${mode}`,
    )
  } catch (error) {
    database.close()
    throw error
  }
  return database
}

const flushFile = (path: string): void => {
  const file = openSync(path, 'r+')
  fsyncSync(file)
  closeSync(file)
}

export class ViewFile {
  readonly database: DatabaseSync
  /** True while the file is filled for the first time: no secondary indexes, no journal, no readers; a stop begins again. */
  isBuilding: boolean
  #packets = 0
  /** As stored: where a restart reads on. */
  readonly positions: Record<ViewTopic, number[]>
  readonly #layout: FileLayout
  readonly #path: string
  readonly #putState

  private constructor(
    database: DatabaseSync,
    layout: FileLayout,
    { path, isBuilding, positions }: { path: string; isBuilding: boolean; positions: Record<ViewTopic, number[]> },
  ) {
    this.database = database
    this.isBuilding = isBuilding
    this.positions = positions
    this.#layout = layout
    this.#path = path
    this.#putState = database.prepare('INSERT INTO state VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value')
  }

  /** Takes over the file where it can be trusted, else begins anew. */
  static open(layout: FileLayout, options: FileOptions): ViewFile {
    return ViewFile.#takeOver(layout, options) ?? ViewFile.#create(layout, options)
  }

  static #takeOver(layout: FileLayout, options: FileOptions): ViewFile | undefined {
    if (!existsSync(options.file)) return undefined
    let database: DatabaseSync | undefined
    try {
      database = openDatabase(options.file, serving)
      const stored = readState(database, 'positions')
      const isOurs = readState(database, 'log') === options.logId && readState(database, 'building') === undefined
      if (stored !== undefined && isOurs) {
        const positions = JSON.parse(stored) as Record<ViewTopic, number[]>
        if (isWithin(positions, options)) return new ViewFile(database, layout, { path: options.file, isBuilding: false, positions })
      }
    } catch (error) {
      // Damage of any kind ends the same way; only what is not the file's fault is passed on.
      if (isNoFault(error)) throw error
    }
    database?.close()
    return undefined
  }

  static #create(layout: FileLayout, options: FileOptions): ViewFile {
    removeFile(options.file)
    const database = openDatabase(options.file, building)
    database.exec(`BEGIN; ${layout.tables}`)
    const file = new ViewFile(database, layout, { path: options.file, isBuilding: true, positions: emptyPositions(options.partitions) })
    file.#putState.run('log', options.logId)
    file.#putState.run('building', '1')
    file.#putState.run('positions', JSON.stringify(file.positions))
    database.exec('COMMIT')
    return file
  }

  /** Runs `work` in one transaction that also stores where it got to. Nothing of it is left when it throws. */
  commit(work: () => void): void {
    if (this.isBuilding) return this.#build(work)
    this.database.exec('BEGIN IMMEDIATE')
    try {
      work()
      this.#putState.run('positions', JSON.stringify(this.positions))
      this.database.exec('COMMIT')
    } catch (error) {
      if (this.database.isTransaction) this.database.exec('ROLLBACK')
      throw error
    }
  }

  #build(work: () => void): void {
    if (!this.database.isTransaction) this.database.exec('BEGIN')
    work()
    this.#packets++
    if (this.#packets % BUILDING_PACKETS === 0) this.database.exec('COMMIT')
  }

  /** Ends the first filling: the rest of the rows, indexes, all of it to disk, and only then the mark that says so. */
  finishBuilding(writeRest: () => void): void {
    if (!this.isBuilding) return
    if (!this.database.isTransaction) this.database.exec('BEGIN')
    writeRest()
    this.#putState.run('positions', JSON.stringify(this.positions))
    this.database.exec(`${this.#layout.indexes} COMMIT; ${serving}`)
    flushFile(this.#path)
    this.database.exec("DELETE FROM state WHERE name = 'building'")
    this.isBuilding = false
  }

  close(): void {
    this.database.close()
  }
}
