// Plain sends with kafkajs, without idempotence.
// Stands between the adapter's queues and a library that loses and doubles records unless each send names one partition.

import type { Message, Producer } from 'kafkajs'
import type { LogRecord } from '../index.ts'
import type { ConnectionOptions, PlainProducer, SendEntry } from './client.ts'
import { Session } from './kafkajs-internals.ts'

/** Milliseconds: longer than a leader needs to give up on a follower that hangs. */
const REQUEST_TIMEOUT_MS = 12_000
/** Milliseconds a leader waits for its followers. */
const ACKS_TIMEOUT_MS = 10_000

const toMessage = (partition: number, { key, value, headers, time }: LogRecord): Message => ({
  partition,
  key: Buffer.from(key, 'utf8'),
  value: value === null ? null : Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength),
  headers: { ...headers },
  timestamp: String(time),
})

const wordsOf = ({ topic, partition, records }: SendEntry) => ({
  topic,
  acks: -1,
  timeout: ACKS_TIMEOUT_MS,
  messages: records.map((record) => toMessage(partition, record)),
})

/** Every message names its partition: the library's own choice is never asked for. */
const explicitPartition = () => (wish: { message: Message }) => wish.message.partition as number

export class KafkajsProducer implements PlainProducer {
  readonly #session: Session
  readonly #producer: Producer
  #connecting: Promise<void> | undefined

  constructor(connection: ConnectionOptions) {
    this.#session = new Session(connection, REQUEST_TIMEOUT_MS)
    // Idempotence off: kafkajs rolls a sequence back when an answer is lost, and the broker then drops the next record as a duplicate.
    this.#producer = this.#session.kafka.producer({
      idempotent: false,
      allowAutoTopicCreation: false,
      createPartitioner: explicitPartition,
    })
  }

  async send(entry: SendEntry): Promise<void> {
    this.#connecting ??= this.#producer.connect()
    try {
      await this.#connecting
    } catch (error) {
      this.#connecting = undefined
      throw error
    }
    await this.#producer.send(wordsOf(entry))
  }

  async close(): Promise<void> {
    this.#session.destroy()
    await this.#producer.disconnect()
  }
}
