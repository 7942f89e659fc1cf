// The second net under the fence: drops records of an epoch below the highest seen for their owner in their partition.
// Stands between a form's raw chunks and every reader; the count stays 0 as long as the first fence, the log's own, holds.

import type { StoredRecord } from './index.ts'

/** One per reader and partition: what it has seen is part of where it stands. */
export class EpochFilter {
  readonly #highest = new Map<string, number>()
  #lastOwner: string | undefined
  #lastEpoch: string | undefined
  readonly #onDropped: (record: StoredRecord) => void

  constructor(onDropped: (record: StoredRecord) => void) {
    this.#onDropped = onDropped
  }

  /** The records that pass; the very same array when all do, which is the only case without a fault. */
  filter(records: readonly StoredRecord[]): readonly StoredRecord[] {
    let kept: StoredRecord[] | undefined
    for (let index = 0; index < records.length; index++) {
      const record = records[index] as StoredRecord
      const passes = this.#passes(record)
      if (!passes) {
        this.#onDropped(record)
        kept ??= records.slice(0, index)
      } else kept?.push(record)
    }
    return kept ?? records
  }

  #passes(record: StoredRecord): boolean {
    const owner = record.headers['owner']
    const epochText = record.headers['epoch']
    if (owner === undefined || epochText === undefined) return true
    // Nearly always as the record before: no number to parse, nothing to look up.
    if (epochText === this.#lastEpoch && owner === this.#lastOwner) return true
    const epoch = Number(epochText)
    const highest = this.#highest.get(owner) ?? -1
    if (epoch < highest) return false
    if (epoch > highest) this.#highest.set(owner, epoch)
    this.#lastEpoch = epochText
    this.#lastOwner = owner
    return true
  }
}
