// One views file in its writer thread: opened, found wanting and made anew, its positions kept in the transaction of its rows.
// Between SQLite and the stores; a file that is damaged, of another log or ahead of it is never trusted.

import { existsSync, rmSync } from 'node:fs'
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
}

const CACHE_KIB = 65_536
const CHECKPOINT_PAGES = 4_000

export const removeFile = (file: string): void => {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true })
}

/** SQLITE_CORRUPT and SQLITE_NOTADB. */
export const isDamage = (error: unknown): boolean => [11, 26].includes(Number((error as { errcode?: unknown }).errcode) & 0xff)

const isWithin = (positions: Positions, { starts, ends }: FileOptions): boolean =>
  viewTopics.every((topic) =>
    positions[topic].every((next, partition) => next <= (ends[topic][partition] ?? 0) && (next === 0 || next >= (starts[topic][partition] ?? 0))),
  )

const readState = (database: DatabaseSync, name: string): string | undefined =>
  database.prepare('SELECT value FROM state WHERE name = ?').get(name)?.['value'] as string | undefined

const openDatabase = (file: string): DatabaseSync => {
  const database = new DatabaseSync(file)
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -${CACHE_KIB}; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
  return database
}

export class ViewFile {
  readonly database: DatabaseSync
  /** True while the file is filled for the first time: no secondary indexes, no fsync; a stop begins again. */
  isBuilding: boolean
  /** As stored: where a restart reads on. */
  readonly positions: Record<ViewTopic, number[]>
  readonly #layout: FileLayout
  readonly #putState

  private constructor(database: DatabaseSync, layout: FileLayout, { isBuilding, positions }: { isBuilding: boolean; positions: Record<ViewTopic, number[]> }) {
    this.database = database
    this.isBuilding = isBuilding
    this.positions = positions
    this.#layout = layout
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
      database = openDatabase(options.file)
      const stored = readState(database, 'positions')
      const isOurs = readState(database, 'log') === options.logId && readState(database, 'building') === undefined
      if (stored !== undefined && isOurs) {
        const positions = JSON.parse(stored) as Record<ViewTopic, number[]>
        if (isWithin(positions, options)) return new ViewFile(database, layout, { isBuilding: false, positions })
      }
    } catch (error) {
      // Damage of any kind ends the same way; only what is not the file's fault is passed on.
      if (Number((error as { errcode?: unknown }).errcode) === 13) throw error
    }
    database?.close()
    return undefined
  }

  static #create(layout: FileLayout, options: FileOptions): ViewFile {
    removeFile(options.file)
    const database = openDatabase(options.file)
    database.exec(`PRAGMA synchronous = OFF; BEGIN; ${layout.tables}`)
    const file = new ViewFile(database, layout, { isBuilding: true, positions: emptyPositions(options.partitions) })
    file.#putState.run('log', options.logId)
    file.#putState.run('building', '1')
    file.#putState.run('positions', JSON.stringify(file.positions))
    database.exec('COMMIT')
    return file
  }

  /** Runs `work` in one transaction that also stores where it got to. Nothing of it is left when it throws. */
  commit(work: () => void): void {
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

  /** Ends the first filling: indexes, then everything to disk, then the mark that says so. */
  finishBuilding(): void {
    if (!this.isBuilding) return
    this.database.exec(`BEGIN; ${this.#layout.indexes} COMMIT; PRAGMA synchronous = NORMAL; PRAGMA wal_checkpoint(TRUNCATE)`)
    this.database.exec(`DELETE FROM state WHERE name = 'building'`)
    this.isBuilding = false
  }

  close(): void {
    this.database.close()
  }
}
