// The main thread's side of reading from disk: asks the reader thread, decodes its packed answers.
// Stands between readers that are behind the cache and the reader thread.

import type { Worker } from 'node:worker_threads'
import { ConfabError } from '#errors'
import type { Chunk, Offset, StoredRecord } from '../index.ts'
import type { TableName } from './layout.ts'
import { ROW_HEAD_BYTES } from './layout.ts'
import { decodeRecord } from './record.ts'
import type { RangeRequest, ReaderReply, TimeRequest } from './reader.ts'

/** Bytes of one answer, one larger record excepted. */
const ANSWER_BYTES_MAX = 1_048_576

interface Waiting {
  readonly resolve: (reply: ReaderReply) => void
  readonly reject: (error: ConfabError) => void
}

type Unnumbered = Omit<RangeRequest, 'id'> | Omit<TimeRequest, 'id'>

export interface Range {
  readonly table: TableName
  readonly stream: number
  readonly from: Offset
  readonly to: Offset
  readonly recordsMax: number
}

const decodeRows = (reply: Extract<ReaderReply, { kind: 'range' }>): StoredRecord[] => {
  const source = Buffer.from(reply.bytes)
  const records: StoredRecord[] = []
  for (let at = 0; records.length < reply.count;) {
    const from = at + ROW_HEAD_BYTES
    const to = from + source.readUInt32LE(at + 8)
    records.push(decodeRecord(source, source.readDoubleLE(at), from, to))
    at = to
  }
  return records
}

export class DiskReads {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #closedBy: ConfabError | undefined

  constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (reply: ReaderReply) => {
      const waiting = this.#waiting.get(reply.id)
      this.#waiting.delete(reply.id)
      if (reply.kind === 'failed') waiting?.reject(new ConfabError('data_corrupt', { detail: reply.message }))
      else waiting?.resolve(reply)
    })
  }

  /** How many requests there were. */
  get count(): number {
    return this.#lastId
  }

  /** Rows of a stream from `from` on, below `to`. Throws `offset_below_start` when retention has overtaken the reader. */
  async range(range: Range): Promise<Pick<Chunk, 'records' | 'next'>> {
    const reply = (await this.#ask({ kind: 'range', ...range, bytesMax: ANSWER_BYTES_MAX })) as Extract<ReaderReply, { kind: 'range' }>
    if (range.from < reply.start) throw new ConfabError('offset_below_start', { fields: { offset: range.from, start: reply.start } })
    return { records: decodeRows(reply), next: reply.next }
  }

  async offsetAt(table: TableName, stream: number, to: Offset, time: number): Promise<Offset> {
    return ((await this.#ask({ kind: 'time', table, stream, to, time })) as Extract<ReaderReply, { kind: 'time' }>).offset
  }

  /** Rejects what waits with `log_closed`. */
  close(): void {
    this.#closedBy = new ConfabError('log_closed')
    for (const waiting of this.#waiting.values()) waiting.reject(this.#closedBy)
    this.#waiting.clear()
  }

  #ask(request: Unnumbered): Promise<ReaderReply> {
    if (this.#closedBy !== undefined) return Promise.reject(this.#closedBy)
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ ...request, id })
    })
  }
}
