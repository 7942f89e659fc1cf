// The log's id: drawn once, by the first node that opens it, and kept in `ownership` for good.
// Stands between an empty cluster and everything that seals positions: those of another log mean nothing.

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConfabError } from '#errors'
import type { KafkaClient } from './client.ts'

const KEY = 'log/id'
/** Milliseconds in which a cluster whose topics are new has settled who leads them. */
const SETTLE_MS_MAX = 60_000
const RETRY_MS = 100
const TRANSACTION_TIMEOUT_MS = 10_000
const FETCH_BYTES = 1_048_576
const WAIT_MS = 100

/** Reads `ownership` to its end. */
const findId = async (client: KafkaClient, topic: string): Promise<string | undefined> => {
  const place = { topic, partition: 0 }
  const [start = 0] = await client.offsets([place], 'start')
  const [end = 0] = await client.offsets([place], 'end')
  if (start === end) return undefined
  const reader = client.openReader({ fetchBytesMax: FETCH_BYTES, waitMs: WAIT_MS })
  try {
    reader.assign(place, start)
    for (;;) {
      const part = await reader.next()
      const found = part?.records.find(({ key }) => key === KEY)
      if (found?.value != null) return Buffer.from(found.value).toString('utf8')
      if (part === undefined || part.next >= end) return undefined
    }
  } finally {
    await reader.close()
  }
}

const drawId = async (client: KafkaClient, prefix: string, time: number): Promise<string> => {
  const topic = `${prefix}ownership`
  const producer = await client.openTransactional(`${prefix}log-id`, TRANSACTION_TIMEOUT_MS)
  try {
    // Looked again behind the fence: nobody else can have drawn one since.
    const drawn = await findId(client, topic)
    if (drawn !== undefined) return drawn
    const id = randomUUID()
    const record = { key: KEY, value: Buffer.from(id), headers: { type: 'log-id' }, time }
    await producer.commit([{ topic, partition: 0, records: [record] }])
    return id
  } finally {
    await producer.close()
  }
}

/** The id of the log under `prefix`. One draws it, whoever else opens at the same moment is fenced and reads it. */
export const settleId = async (client: KafkaClient, prefix: string, time: number): Promise<string> => {
  const topic = `${prefix}ownership`
  for (const endsAt = performance.now() + SETTLE_MS_MAX; ; await sleep(RETRY_MS)) {
    try {
      return (await findId(client, topic)) ?? (await drawId(client, prefix, time))
    } catch (error) {
      if (performance.now() > endsAt) throw new ConfabError('log_stale', { cause: error })
    }
  }
}
