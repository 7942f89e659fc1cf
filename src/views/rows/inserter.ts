// Inserts rows of equal shape with as few calls as possible.
// Between a table's rows of a batch and its prepared statements.

import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** Rows of one INSERT: a call of a prepared statement costs more than a row. */
const ROWS_PER_INSERT = 16

type Bound = number | string

export class Inserter {
  readonly #many: StatementSync
  readonly #one: StatementSync
  readonly #width: number
  readonly #values: Bound[] = []

  /** `into`: `INSERT INTO table` or `INSERT OR IGNORE INTO table`. */
  constructor(database: DatabaseSync, into: string, width: number) {
    this.#width = width
    const row = `(${Array(width).fill('?').join(',')})`
    this.#many = database.prepare(`${into} VALUES ${Array(ROWS_PER_INSERT).fill(row).join(',')}`)
    this.#one = database.prepare(`${into} VALUES ${row}`)
  }

  add(...values: Bound[]): void {
    if (this.#values.push(...values) < ROWS_PER_INSERT * this.#width) return
    this.#many.run(...this.#values)
    this.#values.length = 0
  }

  /** Writes what is left. */
  flush(): void {
    for (let at = 0; at < this.#values.length; at += this.#width) this.#one.run(...this.#values.slice(at, at + this.#width))
    this.#values.length = 0
  }
}
