// `read` over Kafka: checks where it begins, cuts parts into chunks, drops what an older epoch wrote.
// Stands between the port's iterable and a partition reader.

import { ConfabError, hasCode } from '#errors'
import type { Topic } from '#topics'
import { EpochFilter } from '../epochs.ts'
import type { Chunk, Position, ReadOptions, StoredRecord } from '../index.ts'
import type { Fetched, KafkaClient } from './client.ts'
import type { OffsetQuestions } from './offset-questions.ts'

export interface ReadSource {
  readonly client: KafkaClient
  readonly questions: OffsetQuestions
  readonly nameOf: (topic: Topic) => string
  readonly fetchBytesMax: number
  readonly onDropped: (topic: Topic, partition: number, record: StoredRecord) => void
}

const CHUNK_RECORDS = 1_000
/** Milliseconds a broker may hold an empty answer back: a record that arrives meanwhile is sent at once. */
const WAIT_MS = 500

const check = async ({ questions, nameOf }: ReadSource, position: Position): Promise<void> => {
  const { topic, partition, offset } = position
  const place = { topic: nameOf(topic), partition }
  const [start, end] = await Promise.all([questions.ask(place, 'start'), questions.ask(place, 'end')])
  const fields = { topic, partition, offset, start, end }
  if (offset < start) throw new ConfabError('offset_below_start', { fields })
  if (offset > end || !Number.isSafeInteger(offset)) throw new ConfabError('offset_beyond_end', { fields })
}

/** A part as chunks of at most `recordsMax`; the last one reaches behind markers and holes. */
function* cut(part: Fetched, recordsMax: number): Generator<Pick<Chunk, 'records' | 'next'>, void, undefined> {
  const { records, next } = part
  if (records.length <= recordsMax) return yield { records, next }
  for (let from = 0; from < records.length; from += recordsMax) {
    const slice = records.slice(from, from + recordsMax)
    const isLast = from + recordsMax >= records.length
    yield { records: slice, next: isLast ? next : (slice.at(-1) as StoredRecord).offset + 1 }
  }
}

/** Yields chunks until `signal` aborts. Throws `offset_below_start`, `offset_beyond_end`, `log_stale`. */
export async function* readPartitions(
  source: ReadSource,
  from: readonly Position[],
  options: ReadOptions,
): AsyncGenerator<Chunk, void, undefined> {
  const { signal, chunkRecordsMax = CHUNK_RECORDS } = options
  if (signal.aborted) return
  await Promise.all(from.map((position) => check(source, position)))
  const reader = source.client.openReader({ fetchBytesMax: source.fetchBytesMax, waitMs: WAIT_MS })
  const close = (): void => void reader.close()
  signal.addEventListener('abort', close, { once: true })
  const places = new Map<string, { readonly position: Position; readonly epochs: EpochFilter }>()
  for (const position of from) {
    const { topic, partition, offset } = position
    const epochs = new EpochFilter((record) => source.onDropped(topic, partition, record))
    places.set(`${source.nameOf(topic)}/${partition}`, { position, epochs })
    reader.assign({ topic: source.nameOf(topic), partition }, offset)
  }
  try {
    while (!signal.aborted) {
      const part = await reader.next()
      const place = part === undefined ? undefined : places.get(`${part.topic}/${part.partition}`)
      if (part === undefined || place === undefined) return
      const { topic, partition } = place.position
      for (const { records, next } of cut(part, Math.max(1, chunkRecordsMax))) {
        if (signal.aborted) return
        yield { topic, partition, records: place.epochs.filter(records), next, end: Math.max(part.end, next) }
      }
    }
  } catch (error) {
    // The broker says "out of range"; which side it is stands in the bounds.
    if (hasCode(error, 'offset_below_start')) await Promise.all(from.map((position) => check(source, position)))
    throw error
  } finally {
    signal.removeEventListener('abort', close)
    await reader.close()
  }
}
