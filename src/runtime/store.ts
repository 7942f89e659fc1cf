// What an owner reads of the log while it decides: snapshots through a bounded cache, rows and outcomes by key.
// Loads for a whole batch at once; a decision that needs a row nobody foresaw is run again once the row is here.

import { LRUCache } from 'lru-cache'
import { decodeAny } from '#schemas/log'
import type { Log, StoredRecord } from '#log'
import type { Topic } from '#topics'
import type { RowValue, StagedBatch } from './staged.ts'

/** Decoded snapshots kept for a partition; an idle conversation costs no memory beyond it. */
const SNAPSHOTS_MAX = 640

/** Thrown out of a pure decision for a row that is not loaded; the batch loads it and decides again. */
export class MissingRow extends Error {
  override readonly name = 'MissingRow'
  readonly topic: Topic
  readonly key: string
  constructor(topic: Topic, key: string) {
    super(`${topic} ${key}`)
    this.topic = topic
    this.key = key
  }
}

/** A row of today's batch or of the log. */
export class LoadedRows {
  readonly #loaded = new Map<string, RowValue>()
  readonly #staged: StagedBatch
  readonly #log: Log
  readonly #partition: number

  constructor(log: Log, partition: number, staged: StagedBatch) {
    this.#log = log
    this.#partition = partition
    this.#staged = staged
  }

  /** Throws MissingRow where the key has not been loaded. */
  get(topic: Topic, key: string): RowValue {
    const staged = this.#staged.value(topic, key)
    if (staged !== undefined) return staged
    const loaded = this.#loaded.get(`${topic}/${key}`)
    if (loaded === undefined) throw new MissingRow(topic, key)
    return loaded
  }

  has(topic: Topic, key: string): boolean {
    return this.#staged.value(topic, key) !== undefined || this.#loaded.has(`${topic}/${key}`)
  }

  put(topic: Topic, key: string, value: RowValue): void {
    this.#loaded.set(`${topic}/${key}`, value)
  }

  /** Loads keys of one topic together. Undecodable rows count as absent only where `onFault` says so by returning. */
  async load(topic: Topic, wanted: readonly string[], decodeRow: (record: StoredRecord) => RowValue = decodeRecord): Promise<void> {
    const missing = wanted.filter((key) => !this.has(topic, key))
    if (missing.length === 0) return
    const records = await this.#log.latest(topic, this.#partition, missing)
    for (const [index, key] of missing.entries()) {
      const record = records[index]
      this.#loaded.set(`${topic}/${key}`, record === null || record === undefined ? null : decodeRow(record))
    }
  }
}

const decodeRecord = (record: StoredRecord): RowValue => (record.value === null ? null : (decodeAny(record.value) as object))

/** Snapshots of one partition as committed, by actor id; cleared with each lease, which may follow a commit of unknown fate. */
export const openSnapshotCache = (): LRUCache<string, object> => new LRUCache({ max: SNAPSHOTS_MAX })
export type SnapshotCache = LRUCache<string, object>
