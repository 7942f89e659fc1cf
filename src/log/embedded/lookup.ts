// The newest record of a key, by the key index, on a read-only connection of the main thread.
// Stands between `Log.latest` and the file: a few page reads a key, never a scan, never a wait for the writer.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { StoredRecord } from '../index.ts'
import { KeyFilter } from './key-filter.ts'
import { keyHash, offsetOfPosition, openReadOnly, streamOfPosition, tableNames, type TableName } from './layout.ts'
import { decodeRecord, isTombstone, KEY_BYTES_MAX, keyEnd, keyStart } from './record.ts'

export class Lookup {
  readonly #database: DatabaseSync
  readonly #newest: Record<TableName, StatementSync>
  readonly #begin: StatementSync
  readonly #end: StatementSync
  readonly #key = Buffer.allocUnsafeSlow(KEY_BYTES_MAX * 3)

  readonly #filter: KeyFilter
  #isReading = false
  #reads = 0

  constructor(file: string, filter: SharedArrayBuffer) {
    this.#filter = new KeyFilter(filter)
    this.#database = openReadOnly(file)
    const prepare = (table: TableName): StatementSync =>
      this.#database.prepare(`SELECT id, position, body FROM ${table} WHERE hash = ? AND id < ? ORDER BY id DESC LIMIT 1`)
    this.#newest = Object.fromEntries(tableNames.map((table) => [table, prepare(table)])) as Record<TableName, StatementSync>
    this.#begin = this.#database.prepare('BEGIN')
    this.#end = this.#database.prepare('COMMIT')
  }

  /** One record a key, in the order of the keys; null where there is none or a tombstone. One snapshot for all. */
  latest(table: TableName, topicId: number, stream: number, keys: readonly string[]): (StoredRecord | null)[] {
    try {
      return keys.map((key) => this.#find(table, topicId, stream, key))
    } finally {
      if (this.#isReading) this.#end.run()
      this.#isReading = false
    }
  }

  /** Keys that the file was asked for. */
  get reads(): number {
    return this.#reads
  }

  close(): void {
    this.#database.close()
  }

  #find(table: TableName, topicId: number, stream: number, key: string): StoredRecord | null {
    const length = key.length > KEY_BYTES_MAX ? 0 : this.#key.write(key, 0, 'utf8')
    const hash = keyHash(topicId, this.#key, 0, length)
    if (!this.#filter.mayHave(hash)) return null
    this.#reads++
    if (!this.#isReading) this.#begin.run()
    this.#isReading = true
    for (let before = Number.MAX_SAFE_INTEGER; ;) {
      const row = this.#newest[table].get(hash, before)
      if (row === undefined) return null
      const body = row['body'] as Uint8Array
      const position = row['position'] as number
      if (streamOfPosition(position) === stream && this.#isKey(body, length)) {
        if (isTombstone(body)) return null
        return decodeRecord(Buffer.from(body.buffer, body.byteOffset, body.length), offsetOfPosition(position), 0, body.length)
      }
      // Another key with the same hash: its older neighbour may be ours.
      before = row['id'] as number
    }
  }

  #isKey(body: Uint8Array, length: number): boolean {
    const from = keyStart(0)
    if (keyEnd(body, 0) - from !== length) return false
    for (let at = 0; at < length; at++) if (body[from + at] !== this.#key[at]) return false
    return true
  }
}
