// One partition of a site into segments: what is superseded or tombstoned stays behind, positions and erasures are noted on the way.
// Between the log, read plainly and twice, and the segments.

import { decodeEvent } from '#schemas/log'
import type { Log, Offset, StoredRecord } from '#log'
import { topics, type Topic, type TopicSettings } from '#topics'
import { portable, type Reseal } from './portable.ts'
import type { ArchivedTopic } from './contents.ts'
import type { Erasure } from './manifest.ts'
import { SegmentWriter, type Segment } from './segments.ts'

export interface PartitionFacts {
  readonly topic: Topic
  readonly partition: number
  readonly segments: readonly Segment[]
  /** The furthest `in` of each owner: where its undecided commands begin. */
  readonly positions: Readonly<Record<string, Offset>>
  readonly erasures: readonly Erasure[]
}

export interface Range {
  readonly topic: Topic
  readonly partition: number
  readonly from: Offset
  readonly end: Offset
}

const CHUNK_RECORDS = 1_000

/** Every record of a range, in order. */
async function* recordsOf(log: Pick<Log, 'read'>, { topic, partition, from, end }: Range): AsyncGenerator<StoredRecord, void, undefined> {
  if (from >= end) return
  const abort = new AbortController()
  for await (const chunk of log.read([{ topic, partition, offset: from }], { signal: abort.signal, chunkRecordsMax: CHUNK_RECORDS })) {
    for (const record of chunk.records) if (record.offset < end) yield record
    if (chunk.next >= end) abort.abort()
  }
}

/** Which records are the newest of their key: one pass that keeps keys and offsets alone. */
const newestOf = async (log: Pick<Log, 'read'>, range: Range): Promise<(record: StoredRecord) => boolean> => {
  const { cleanup }: TopicSettings = topics[range.topic]
  if (cleanup === 'delete') return () => true
  const newest = new Map<string, Offset>()
  // Where keys never repeat, only what was removed need be known.
  const isNoted = cleanup === 'latest' ? () => true : ({ value }: StoredRecord) => value === null
  for await (const record of recordsOf(log, range)) if (isNoted(record)) newest.set(record.key, record.offset)
  return ({ key, offset }) => (newest.get(key) ?? offset) === offset
}

const erasureIn = ({ headers, value }: StoredRecord): Erasure | undefined => {
  const type = headers['type'] ?? ''
  if (value === null || (type !== 'conversation.erased' && type !== 'contact.erased')) return undefined
  const event = decodeEvent(type, value)
  const { upToSeq } = event.data as { upToSeq: number }
  const kind = type === 'contact.erased' ? 'contact' : 'conversation'
  return { kind, id: event.subjectId, organizationId: event.organizationId, upToSeq }
}

/** What the log itself adds to records: it speaks of the site they come from. */
const withoutOwner = ({ owner: _owner, epoch: _epoch, in: _in, ...headers }: StoredRecord['headers']): StoredRecord['headers'] => headers

export const exportPartition = async (
  log: Pick<Log, 'read'>,
  range: Range,
  { wants, directory, reseal }: Pick<ArchivedTopic, 'wants'> & { readonly directory: string; readonly reseal: Reseal },
): Promise<PartitionFacts> => {
  const { topic, partition, from, end } = range
  const isNewest = await newestOf(log, range)
  const writer = new SegmentWriter(directory, range)
  const positions: Record<string, Offset> = {}
  const erasures = new Map<string, Erasure>()
  for await (const record of recordsOf(log, { topic, partition, from, end })) {
    const { owner, in: position } = record.headers
    if (owner !== undefined && position !== undefined) positions[owner] = Math.max(positions[owner] ?? 0, Number(position))
    const erasure = erasureIn(record)
    if (erasure !== undefined) erasures.set(erasure.id, erasure)
    if (record.value === null || !isNewest(record) || wants?.(record) === false) continue
    writer.add(portable(topic, { ...record, headers: withoutOwner(record.headers) }, reseal))
  }
  return { topic, partition, segments: writer.end(end), positions, erasures: [...erasures.values()] }
}

/** The erasures that a partition of events tells of, the newest of each subject. */
export const erasuresOf = async (log: Pick<Log, 'read'>, range: Range): Promise<readonly Erasure[]> => {
  const found = new Map<string, Erasure>()
  for await (const record of recordsOf(log, range)) {
    const erasure = erasureIn(record)
    if (erasure !== undefined) found.set(erasure.id, erasure)
  }
  return [...found.values()]
}
