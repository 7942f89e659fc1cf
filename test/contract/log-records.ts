// Records and small tools of the log's contract suite, shared with the children it kills.
// Stands beside the suite: what a batch looks like, how a partition is read to its end.

import type { Chunk, Entry, Log, LogRecord, Position, StoredRecord } from '#log'

export const recordOf = (key: string, text: string | null, headers: Record<string, string> = {}, time = 1_700_000_000_000): LogRecord => ({
  key,
  value: text === null ? null : Buffer.from(text),
  headers,
  time,
})

/** A batch over three topics that names its number everywhere: content and event, snapshot, message. */
export const batchOf = (partition: number, number: number): Entry[] => [
  {
    topic: 'events',
    partition,
    records: [recordOf(`subject/${number}/0`, `content ${number}`), recordOf(`subject/${number}`, `event ${number}`)],
  },
  { topic: 'conversations', partition, records: [recordOf('subject', `snapshot ${number}`)] },
  { topic: 'messages', partition, records: [recordOf(`subject/message-${number}`, `message ${number}`)] },
]

export const textOf = (record: StoredRecord | null | undefined): string | null =>
  record === null || record === undefined || record.value === null ? null : Buffer.from(record.value).toString('utf8')

export interface Reading {
  readonly records: StoredRecord[]
  readonly chunks: Chunk[]
}

/** Reads one partition from `from` until it stands at the end known when the reading began. */
export const readToEnd = async (log: Log, from: Position, chunkRecordsMax = 1000): Promise<Reading> => {
  const { end } = await log.bounds(from.topic, from.partition)
  const reading: Reading = { records: [], chunks: [] }
  if (from.offset === end) return reading
  const abort = new AbortController()
  for await (const chunk of log.read([from], { signal: abort.signal, chunkRecordsMax })) {
    reading.chunks.push(chunk)
    reading.records.push(...chunk.records)
    if (chunk.next >= end) abort.abort()
  }
  return reading
}

export const readTopic = async (log: Log, topic: Position['topic'], partition: number): Promise<StoredRecord[]> => {
  const { start } = await log.bounds(topic, partition)
  return (await readToEnd(log, { topic, partition, offset: start })).records
}
