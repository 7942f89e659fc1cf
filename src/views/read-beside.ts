// What lies far behind, read by the thread that folds it: beside the log's writer, and past the main thread.
// Between the log's ranges and a store; one partition after another, so that its conversations fit the store's caches.

import type { Range, RangeOrigin, Ranges } from '#log'
import type { Positions } from './layout.ts'
import { PACKET_RECORDS_MAX, viewTopics, type ViewTopic } from './packet.ts'

/** Records that are fetched at once: their bytes are held while they are folded. */
const RANGE_RECORDS = PACKET_RECORDS_MAX / 4

export interface Behind {
  readonly ranges: RangeOrigin
  /** The log's first offsets, and those to stop at: both as committed when it was asked for. */
  readonly starts: Positions
  readonly ends: Positions
}

/** Ranges from the stored positions on. The caller stores where each ends before it takes the next. */
export function* readBeside(
  ranges: Ranges,
  positions: Positions,
  { starts, ends }: Omit<Behind, 'ranges'>,
): Generator<Range<ViewTopic>, void> {
  try {
    for (const topic of viewTopics) {
      for (const [partition, to] of ends[topic].entries()) {
        let from = Math.max(starts[topic][partition] ?? 0, positions[topic][partition] ?? 0)
        while (from < to) {
          const range = ranges.read({ topic, partition, from, to, recordsMax: RANGE_RECORDS })
          yield range
          from = range.next
        }
      }
    }
  } finally {
    ranges.close()
  }
}
