// Inserts rows of equal shape with as few calls as possible.
// Stands between the store and its prepared statements.

import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** Rows of one INSERT: a call of a prepared statement costs more than a row. */
const ROWS_PER_INSERT = 16

type Bound = number | null | Uint8Array

/** Inserts rows of equal shape, many a statement. */
export class Inserter {
  readonly #many: StatementSync
  readonly #one: StatementSync
  readonly #width: number
  readonly #values: Bound[] = []

  constructor(database: DatabaseSync, table: string, columns: readonly string[]) {
    this.#width = columns.length
    const row = `(${columns.map(() => '?').join(',')})`
    const insert = (rows: number): StatementSync =>
      database.prepare(`INSERT INTO ${table} (${columns.join(',')}) VALUES ${Array(rows).fill(row).join(',')}`)
    this.#many = insert(ROWS_PER_INSERT)
    this.#one = insert(1)
  }

  add(...values: Bound[]): void {
    if (this.#values.push(...values) < ROWS_PER_INSERT * this.#width) return
    this.#many.run(...this.#values)
    this.#values.length = 0
  }

  flush(): void {
    for (let at = 0; at < this.#values.length; at += this.#width) this.#one.run(...this.#values.slice(at, at + this.#width))
    this.#values.length = 0
  }

  clear(): void {
    this.#values.length = 0
  }
}
