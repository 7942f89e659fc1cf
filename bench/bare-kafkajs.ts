// kafkajs by its public face alone, under the discipline that keeps it exact: what any careful user of the library would write.
// The baseline of the benchmarks on Kafka.

import { Kafka, logLevel, type Message } from 'kafkajs'
import type { LogRecord } from '#log'

export interface BareEntry {
  readonly topic: string
  readonly partition: number
  readonly records: readonly LogRecord[]
}

export interface BareProducer {
  commit(entries: readonly BareEntry[]): Promise<void>
  close(): Promise<void>
}

const toMessage = (partition: number, { key, value, headers, time }: LogRecord): Message => ({
  partition,
  key: Buffer.from(key),
  value: value === null ? null : Buffer.from(value.buffer, value.byteOffset, value.byteLength),
  headers: { ...headers },
  timestamp: String(time),
})

/** A transactional producer; `transactionalId` must be this one's alone. */
export const openBareProducer = async (bootstrap: string, transactionalId: string): Promise<BareProducer> => {
  const kafka = new Kafka({
    brokers: bootstrap.split(','),
    clientId: 'bare',
    logLevel: logLevel.NOTHING,
    // The library's own 300 ms would be the whole figure.
    retry: { initialRetryTime: 3, multiplier: 1.5, maxRetryTime: 300, retries: 40 },
  })
  const producer = kafka.producer({
    transactionalId,
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition ?? 0,
  })
  await producer.connect()
  return {
    async commit(entries) {
      const transaction = await producer.transaction()
      await Promise.all(
        entries.map(({ topic, partition, records }) =>
          transaction.send({ topic, acks: -1, messages: records.map((record) => toMessage(partition, record)) }),
        ),
      )
      await transaction.commit()
    },
    close: () => producer.disconnect(),
  }
}
