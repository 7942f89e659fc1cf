// A read-only connection to a views file: statements kept, positions read in the same transaction as the rows.
// Between the queries of this folder and SQLite, which never makes a reader wait for the writer.

import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { partitionOf } from '#log/partition'

export type SqlValue = string | number | null
export type Found = Readonly<Record<string, unknown>>

/** Statements of one connection kept prepared; beyond it all are made again. */
const STATEMENTS_MAX = 300

export class Reader {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  #within: ReadonlySet<number> | undefined

  constructor(file: string) {
    this.#database = new DatabaseSync(file, { readOnly: true })
    this.#database.exec(
      'PRAGMA query_only = 1; PRAGMA busy_timeout = 1000; PRAGMA mmap_size = 1073741824; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY',
    )
    this.#database.function('held', (id) => (this.holds(String(id)) ? 1 : 0))
  }

  /** Partitions whose conversations the question at hand is about; undefined = all of them. SQL asks `held(id)`. */
  get within(): ReadonlySet<number> | undefined {
    return this.#within
  }

  limitTo(partitions: readonly number[] | undefined): void {
    this.#within = partitions === undefined ? undefined : new Set(partitions)
  }

  /** Whether the question is about the conversation with this id. */
  holds(id: string): boolean {
    return this.#within === undefined || this.#within.has(partitionOf(id))
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      if (this.#statements.size >= STATEMENTS_MAX) this.#statements.clear()
      this.#statements.set(sql, (statement = this.#database.prepare(sql)))
    }
    return statement
  }

  all(sql: string, ...values: SqlValue[]): Found[] {
    return this.#prepared(sql).all(...values)
  }

  get(sql: string, ...values: SqlValue[]): Found | undefined {
    return this.#prepared(sql).get(...values)
  }

  /** Rows one by one, no more than are asked for. */
  each(sql: string, ...values: SqlValue[]): NodeJS.Iterator<Found> & Iterable<Found> {
    return this.#prepared(sql).iterate(...values)
  }

  /** What `work` reads is one moment of the file. */
  atOnce<T>(work: () => T): T {
    this.#database.exec('BEGIN')
    try {
      return work()
    } finally {
      this.#database.exec('COMMIT')
    }
  }

  /** Next offsets by topic and partition, JSON. */
  positions(): string {
    return (this.get("SELECT value FROM state WHERE name = 'positions'")?.['value'] as string | undefined) ?? '{}'
  }

  close(): void {
    this.#database.close()
  }
}
