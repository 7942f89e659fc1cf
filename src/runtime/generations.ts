// Topics on the move to a newer generation: written in both forms, and begun with what the older one holds.
// Between an owner's commits and the table of generations; without a row there, nothing happens.

import { decodeAny, encode, generations, type Generation } from '#schemas/log'
import type { Entry, Lease, Log, LogRecord, StoredRecord } from '#log'
import { topics, type Topic } from '#topics'

/** Records copied in one commit. */
const COPIED_MAX = 200

const typeOf = ({ headers }: LogRecord): string => headers['type'] ?? ''

/** A record as readers of the older topic know it; what they have no form for stays away from them. */
const downOf = ({ types }: Generation, record: LogRecord): LogRecord[] => {
  const conversion = types[typeOf(record)]
  if (conversion === undefined) return []
  if (record.value === null) return [record]
  return [{ ...record, value: encode(conversion.older, conversion.down(decodeAny(record.value) as never)) }]
}

const upOf = ({ types }: Generation, { key, value, headers, time }: StoredRecord): LogRecord[] => {
  const conversion = types[headers['type'] ?? '']
  if (conversion === undefined || value === null) return []
  return [
    { key, value: encode(conversion.newer, conversion.up(decodeAny(value) as never)), headers: { type: headers['type'] ?? '' }, time },
  ]
}

/** The entries of a commit, with those of the older topics that readers still stand on. */
export const withOlder = (entries: Entry[]): Entry[] => {
  const older = generations.flatMap((generation): Entry[] => {
    if (generation.stage !== 'both') return []
    return entries
      .filter(({ topic }) => topic === generation.topic)
      .map(({ partition, records }) => ({
        topic: generation.succeeds as Topic,
        partition,
        records: records.flatMap((record) => downOf(generation, record)),
      }))
      .filter(({ records }) => records.length > 0)
  })
  return older.length === 0 ? entries : [...entries, ...older]
}

/** The newest record of each key that the older topic holds now. */
const heldIn = async (log: Pick<Log, 'bounds' | 'read'>, topic: Topic, partition: number): Promise<StoredRecord[]> => {
  const { start, end } = await log.bounds(topic, partition)
  const newest = new Map<string, StoredRecord>()
  if (start >= end) return []
  const abort = new AbortController()
  for await (const chunk of log.read([{ topic, partition, offset: start }], { signal: abort.signal })) {
    for (const record of chunk.records) newest.set(record.key, record)
    if (chunk.next >= end) abort.abort()
  }
  return [...newest.values()]
}

/** Under a fresh lease, before anything is decided: brings what the older topic holds into the newer one where that has nothing yet. */
export const copyUp = async (log: Pick<Log, 'bounds' | 'read' | 'latest'>, lease: Lease): Promise<void> => {
  for (const generation of generations) {
    const topic = generation.topic as Topic
    const isOurs = (topics[topic].owners as readonly string[]).includes(lease.owner)
    if (generation.stage !== 'both' || !isOurs) continue
    const held = await heldIn(log, generation.succeeds as Topic, lease.partition)
    for (let from = 0; from < held.length; from += COPIED_MAX) {
      const part = held.slice(from, from + COPIED_MAX)
      const known = await log.latest(
        topic,
        lease.partition,
        part.map(({ key }) => key),
      )
      const records = part.filter((_, index) => known[index] === null).flatMap((record) => upOf(generation, record))
      if (records.length > 0) await lease.commit({ entries: [{ topic, partition: lease.partition, records }] }, lease.position)
    }
  }
}
