// What a bot would not acknowledge, for an operator to see: a dead letter that names the event. Structure only, contents lie elsewhere.
// Between a queue that has to go on and `confab dead-letters`.

import type { Entry as LogEntry } from '#log'
import { deadLetter, encode } from '#schemas/log'
import { PARTITIONS } from '#topics'
import { topicOf } from '../cursor.ts'
import type { Entry } from '../tail/entry.ts'

const BYTES_MAX = 65_536

export const deadLetterOf = (
  { organizationId, botId, name }: { readonly organizationId: string; readonly botId: string; readonly name: string },
  { stream, record }: Entry,
  { clock, partitionOf }: { readonly clock: () => number; readonly partitionOf: (key: string) => number },
): LogEntry => {
  const at = clock()
  const [topic, partition] = [topicOf(stream), stream % PARTITIONS]
  const key = `queue/${botId}/${name}`
  const value = {
    organizationId,
    topic,
    partition,
    offset: record.offset,
    key,
    code: 'queue_unacknowledged',
    error: record.key,
    at,
    isPoison: false,
    bytes: Buffer.from((record.value ?? new Uint8Array()).slice(0, BYTES_MAX)),
  }
  return {
    topic: 'dead-letters',
    partition: partitionOf(key),
    records: [
      {
        key: `${key}/${topic}/${partition}/${record.offset}`,
        value: encode(deadLetter, value),
        headers: { type: 'dead-letter' },
        time: at,
      },
    ],
  }
}
