// The reader thread: range selects for readers that are behind the cache, and the search for an offset by time.
// Stands between the main thread and old rows on disk; answers packed buffers and never holds a snapshot across two requests.

import { parentPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import type { DatabaseSync } from 'node:sqlite'
import { fillFilter, KeyFilter } from './key-filter.ts'
import { offsetOfPosition, openReadOnly, ROW_HEAD_BYTES, tableNames, type TableName, type ThreadOptions } from './layout.ts'
import { timeOf } from './record.ts'
import { RunIndex, type Row } from './runs.ts'

export interface RangeRequest {
  readonly kind: 'range'
  readonly id: number
  readonly table: TableName
  readonly stream: number
  readonly from: number
  readonly to: number
  readonly recordsMax: number
  readonly bytesMax: number
}

export interface TimeRequest {
  readonly kind: 'time'
  readonly id: number
  readonly table: TableName
  readonly stream: number
  readonly to: number
  readonly time: number
}

/** `bytes`: each record as float64 offset, uint32 length, bytes. `next` is where the following read starts. */
export type ReaderReply =
  | {
      readonly kind: 'range'
      readonly id: number
      readonly start: number
      readonly next: number
      readonly count: number
      readonly bytes: ArrayBuffer
    }
  | { readonly kind: 'time'; readonly id: number; readonly offset: number }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string }

// A worker thread always has one.
const port = parentPort as MessagePort
const options = workerData as ThreadOptions
const database: DatabaseSync = openReadOnly(options.file)
const startOf = database.prepare('SELECT start FROM streams WHERE stream = ?')
const index = new RunIndex(database)

const readRange = (request: RangeRequest): ReaderReply => {
  const { stream, recordsMax, bytesMax } = request
  const start = Number(startOf.get(stream)?.['start'] ?? 0)
  const rows: Row[] = []
  let bytes = 0
  let isCut = false
  for (const row of index.rows(request.table, stream, request.from, request.to)) {
    const { body } = row
    isCut = rows.length === recordsMax || (rows.length > 0 && bytes + body.length > bytesMax)
    if (isCut) break
    bytes += ROW_HEAD_BYTES + body.length
    rows.push(row)
  }
  const packed = Buffer.allocUnsafeSlow(bytes)
  let at = 0
  for (const { position, body } of rows) {
    packed.writeDoubleLE(offsetOfPosition(position), at)
    packed.writeUInt32LE(body.length, at + 8)
    packed.set(body, at + ROW_HEAD_BYTES)
    at += ROW_HEAD_BYTES + body.length
  }
  const last = rows.at(-1)
  const next = isCut && last !== undefined ? offsetOfPosition(last.position) + 1 : request.to
  return { kind: 'range', id: request.id, start, next, count: rows.length, bytes: packed.buffer }
}

/** Halves the offsets: exact as long as times rise, which they do but for a clock set back. */
const findTime = (request: TimeRequest): ReaderReply => {
  const { stream, time } = request
  let low = Number(startOf.get(stream)?.['start'] ?? 0)
  let high = request.to
  let found = request.to
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const [row] = index.rows(request.table, stream, middle, high).take(1)
    if (row === undefined) high = middle
    else if (timeOf(row.body) < time) low = offsetOfPosition(row.position) + 1
    else {
      found = offsetOfPosition(row.position)
      high = middle
    }
  }
  return { kind: 'time', id: request.id, offset: found }
}

const answer = (request: RangeRequest | TimeRequest): ReaderReply => {
  try {
    // One snapshot for the start and the rows: a deletion between them would look like a hole.
    database.exec('BEGIN')
    return request.kind === 'range' ? readRange(request) : findTime(request)
  } catch (error) {
    return { kind: 'failed', id: request.id, message: error instanceof Error ? error.message : String(error) }
  } finally {
    if (database.isTransaction) database.exec('COMMIT')
  }
}

/** A log with more keys than one slice holds waits so long with the rest: an open has better uses for its first seconds. */
const FILL_DELAY_MS = 5_000

/** Between requests, so that a reader never waits for more than a slice; half of the time at most, so that others have the processor too. */
const fillInBackground = (): void => {
  const filter = new KeyFilter(options.filter)
  const fills = tableNames.map((table) =>
    fillFilter(filter, database.prepare(`SELECT DISTINCT hash FROM ${table} WHERE hash > ? ORDER BY hash LIMIT ?`)),
  )
  const step = (waitMs: number): void => {
    if (!database.isOpen) return
    const startedAt = performance.now()
    while (fills[0]?.next().done === true) fills.shift()
    if (fills.length === 0) return filter.setFilled()
    const tookMs = performance.now() - startedAt
    setTimeout(step, waitMs + tookMs, 0).unref()
  }
  step(FILL_DELAY_MS)
}
fillInBackground()

port.on('message', (request: RangeRequest | TimeRequest | 'close') => {
  if (request === 'close') {
    database.close()
    port.close()
    return
  }
  const reply = answer(request)
  port.postMessage(reply, reply.kind === 'range' ? [reply.bytes] : [])
})
