// Where an owner's decisions stand: the greatest `in` that its last commits left in the partitions it writes.
// Stands between a fresh lease and the log; steps back from the end until it has found one.

import type { Offset, Owner, StoredRecord } from '../index.ts'
import type { KafkaClient, Place } from './client.ts'

/** Offsets looked at first; each step back looks at four times as many. */
const STEP = 1_000
/** Milliseconds by which clocks of nodes may differ: how much older the other topic's newest word may be and still count. */
const CLOCK_MS_MAX = 3_600_000
const FETCH_BYTES = 1_048_576
const WAIT_MS = 100

interface Found {
  readonly position: Offset
  /** Of the record, ms since 1970. */
  readonly time: number
}

/** Committed records of one partition from `from` up to `to`. */
async function* range(client: KafkaClient, place: Place, from: Offset, to: Offset): AsyncGenerator<readonly StoredRecord[]> {
  if (from >= to) return
  const reader = client.openReader({ fetchBytesMax: FETCH_BYTES, waitMs: WAIT_MS })
  try {
    reader.assign(place, from)
    for (let next = from; next < to;) {
      const part = await reader.next()
      if (part === undefined) return
      yield part.records
      next = part.next
    }
  } finally {
    await reader.close()
  }
}

/** The greatest `in` of `owner` in one partition between its start and `end`; nothing older than `notBefore` need count. */
const findIn = async (client: KafkaClient, place: Place, owner: Owner, end: Offset, notBefore: number): Promise<Found | undefined> => {
  const [start = 0] = await client.offsets([place], 'start')
  const [since = start] = notBefore > 0 ? await client.offsets([place], notBefore) : [start]
  // A time behind the last record has no offset.
  const lowest = since < 0 ? end : Math.max(start, since)
  let to = end
  for (let step = STEP; to > lowest; step *= 4) {
    const from = Math.max(lowest, to - step)
    let found: Found | undefined
    for await (const records of range(client, place, from, to)) {
      for (const { headers, offset, time } of records) {
        if (offset >= to || headers['owner'] !== owner || headers['in'] === undefined) continue
        const position = Number(headers['in'])
        if (position >= (found?.position ?? 0)) found = { position, time }
      }
    }
    if (found !== undefined) return found
    to = from
  }
  return undefined
}

/**
 * The position of an owner, or undefined where it never committed one. Every commit with a position leaves it in one of `journals`,
 * whose high watermarks are `ends` (streams §4.2).
 */
export const findPosition = async (
  client: KafkaClient,
  owner: Owner,
  journals: readonly Place[],
  ends: readonly Offset[],
): Promise<Offset | undefined> => {
  let best: Found | undefined
  for (const [index, place] of journals.entries()) {
    const notBefore = best === undefined ? 0 : Math.max(0, best.time - CLOCK_MS_MAX)
    const found = await findIn(client, place, owner, ends[index] as Offset, notBefore)
    if (found !== undefined && found.position >= (best?.position ?? 0)) best = found
  }
  return best?.position
}
