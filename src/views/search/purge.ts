// Words that were erased leave the index: FTS5 only marks a deleted row, its terms stay until their segment is written anew.
// Between an erasure and the search file; in steps beside the packets, and begun again after a restart that came between.

import type { ViewFile } from '../file.ts'

/** Erasures come in numbers: what they leave is rewritten once. */
const DELAY_MS = 1_000
/** Between two steps packets have their turn. */
const STEP_MS = 20
/** Index pages that a step writes at most. */
const STEP_PAGES = 200

const tables = ['words', 'names'] as const

export class WordPurge {
  readonly #file: ViewFile
  #timer: NodeJS.Timeout | undefined
  #table = 0
  #isBegun = false

  constructor(file: ViewFile) {
    this.#file = file
    if (file.database.prepare("SELECT 1 FROM state WHERE name = 'purge'").get() !== undefined) this.#wait(DELAY_MS)
  }

  /** Called in the transaction that takes the rows out: it is remembered with them. */
  need(): void {
    this.#file.database.exec("INSERT OR IGNORE INTO state VALUES ('purge', '1')")
    // What was rewritten before holds the new ones still.
    this.#table = 0
    this.#isBegun = false
    if (this.#timer === undefined) this.#wait(DELAY_MS)
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => this.#step(), ms)
  }

  #step(): void {
    this.#timer = undefined
    const { database } = this.#file
    // A first filling shares its transaction with packets, and ends soon.
    if (this.#file.isBuilding || database.isTransaction) return this.#wait(DELAY_MS)
    const table = tables[this.#table]
    if (table === undefined) {
      database.exec("DELETE FROM state WHERE name = 'purge'")
      return
    }
    const changes = (): number => Number(database.prepare('SELECT total_changes() AS n').get()?.['n'])
    const before = changes()
    // The first step gathers all segments in one merge, the others carry it on; fewer than two changes = it is done.
    database.exec(`INSERT INTO ${table} (${table}, rank) VALUES ('merge', ${this.#isBegun ? STEP_PAGES : -STEP_PAGES})`)
    this.#isBegun = changes() - before >= 2
    if (!this.#isBegun) this.#table++
    this.#wait(STEP_MS)
  }

  close(): void {
    clearTimeout(this.#timer)
  }
}
