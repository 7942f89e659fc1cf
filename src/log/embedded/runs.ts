// Runs: which rows hold which offsets of a stream. Rows of one stream in one transaction lie side by side and are one run.
// Stands between streams and rows: a transaction notes its runs in one `directories` row; many of those are settled into `runs` at once,
// in order of position, because an index entry for each stream in each transaction would dirty a page for each.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { offsetOfPosition, positionOf, tableNames, type TableName } from './layout.ts'

/** Ids and offsets rise together without a hole when a run is written; cleaning may take rows out of it later. */
export interface Run {
  /** Of its first row. */
  readonly position: number
  /** Ids of its first and last row. */
  readonly first: number
  readonly last: number
}

export interface Row {
  readonly id: number
  readonly position: number
  readonly body: Uint8Array
}

/** Runs noted and not settled, at most: what a reader has to look through besides the index, and an open has to load. */
export const UNSETTLED_RUNS_MAX = 2048
const NUMBERS_PER_RUN = 3

export const encodeDirectory = (runs: readonly Run[]): Uint8Array => {
  const numbers = new Float64Array(runs.length * NUMBERS_PER_RUN)
  runs.forEach(({ position, first, last }, index) => numbers.set([position, first, last], index * NUMBERS_PER_RUN))
  return new Uint8Array(numbers.buffer)
}

const decodeDirectory = (body: Uint8Array): Run[] => {
  const numbers = new Float64Array(body.slice().buffer)
  const runs: Run[] = []
  for (let at = 0; at < numbers.length; at += NUMBERS_PER_RUN) {
    runs.push({ position: numbers[at] as number, first: numbers[at + 1] as number, last: numbers[at + 2] as number })
  }
  return runs
}

const cut = ({ position, first, last }: Run, low: number, high: number): Run => {
  const skipped = Math.max(0, low - position)
  return { position: position + skipped, first: first + skipped, last: Math.min(last, first + high - 1 - position) }
}

/** Finds rows by stream and offset, on any connection; a caller that wants one snapshot opens the transaction. */
export class RunIndex {
  readonly #settled: StatementSync
  readonly #unsettled: StatementSync
  readonly #lastSettled: StatementSync
  readonly #rows: Record<TableName, StatementSync>

  constructor(database: DatabaseSync) {
    // Begins with the last run that starts at or below the offset: it may reach beyond it.
    this.#settled = database.prepare(`SELECT position, first, last FROM runs
      WHERE position >= coalesce((SELECT max(position) FROM runs WHERE position <= ? AND position >= ?), ?) AND position < ? ORDER BY position`)
    this.#unsettled = database.prepare('SELECT body FROM directories ORDER BY id')
    this.#lastSettled = database.prepare(
      'SELECT position, first, last FROM runs WHERE position >= ? AND position < ? ORDER BY position DESC LIMIT 1',
    )
    const prepareRows = (table: TableName): StatementSync =>
      database.prepare(`SELECT id, position, body FROM ${table} WHERE id BETWEEN ? AND ? ORDER BY id`)
    this.#rows = Object.fromEntries(tableNames.map((table) => [table, prepareRows(table)])) as Record<TableName, StatementSync>
  }

  /** All runs that are not settled, in order. */
  unsettled(): Run[] {
    return this.#unsettled.all().flatMap((row) => decodeDirectory(row['body'] as Uint8Array))
  }

  lastSettled(stream: number): Run | undefined {
    return this.#lastSettled.get(positionOf(stream, 0), positionOf(stream + 1, 0)) as Run | undefined
  }

  /** The settled run that holds a position, if it is settled. */
  runAt(position: number): Run | undefined {
    return this.#lastSettled.get(position - offsetOfPosition(position), position + 1) as Run | undefined
  }

  /** Rows of `stream` with offsets in `from..to`, in order; lazily, so that the caller can stop. */
  *rows(table: TableName, stream: number, from: number, to: number): Generator<Row, void> {
    for (const { first, last } of this.runs(stream, from, to))
      yield* this.#rows[table].iterate(first, last) as Iterable<unknown> as Iterable<Row>
  }

  /** Runs of `stream`, cut to offsets in `from..to`, in order; lazily too. */
  *runs(stream: number, from: number, to: number): Generator<Run, void> {
    const low = positionOf(stream, from)
    const high = positionOf(stream, to)
    const oldest = positionOf(stream, 0)
    for (const run of this.#settled.iterate(low, oldest, oldest, high)) yield cut(run as unknown as Run, low, high)
    for (const run of this.unsettled()) if (run.position >= oldest && run.position < high) yield cut(run, low, high)
  }
}

/** Removes runs of a range of positions that have no row left. */
export const prepareDrop = (database: DatabaseSync, table: TableName): StatementSync =>
  database.prepare(
    `DELETE FROM runs WHERE position >= ? AND position < ? AND NOT EXISTS (SELECT 1 FROM ${table} WHERE id BETWEEN first AND last)`,
  )
