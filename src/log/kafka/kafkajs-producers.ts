// Writing with kafkajs: plain sends without idempotence, and transactions whose producer is thrown away at the first error.
// Stands between the adapter's queues and a library that loses and doubles records unless each send names one partition.

import type { Message, Producer, Transaction } from 'kafkajs'
import { ConfabError } from '#errors'
import type { LogRecord, Offset } from '../index.ts'
import { TransactionFault, type ConnectionOptions, type PlainProducer, type SendEntry, type TransactionalProducer } from './client.ts'
import { hasType, Session } from './kafkajs-internals.ts'

/** Milliseconds: longer than a leader needs to give up on a follower that hangs. */
const REQUEST_TIMEOUT_MS = 12_000
/** Milliseconds a leader waits for its followers. */
const ACKS_TIMEOUT_MS = 10_000

/** Brokers answer kafkajs' old requests alike to a fenced producer and to one whose transaction timed out. */
const FENCED: ReadonlySet<string | number> = new Set([
  'INVALID_PRODUCER_EPOCH',
  'INVALID_TXN_STATE',
  'INVALID_PRODUCER_ID_MAPPING',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'PRODUCER_FENCED',
  90,
])

/** Answers that a repeat cannot change. */
const DENIED: ReadonlySet<string | number> = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
])

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

/** The first transaction is begun when the producer is: that is what fences the one before it. */
class KafkajsTransactions implements TransactionalProducer {
  readonly #session: Session
  readonly #producer: Producer
  #begun: Transaction | undefined

  constructor(session: Session, producer: Producer, begun: Transaction) {
    this.#session = session
    this.#producer = producer
    this.#begun = begun
  }

  async commit(entries: readonly SendEntry[]): Promise<readonly Offset[]> {
    let isAsked = false
    try {
      const transaction = this.#begun ?? (await this.#producer.transaction())
      this.#begun = undefined
      // One topic-partition a send: a send over two brokers can lose or double records, without any fault.
      const metadata = await Promise.all(entries.map((entry) => transaction.send(wordsOf(entry))))
      isAsked = true
      await transaction.commit()
      return metadata.map(([first]) => Number(first?.baseOffset ?? -1))
    } catch (error) {
      const isFenced = hasType(error, FENCED)
      throw new TransactionFault(isAsked && !isFenced ? 'unknown' : 'nothing', isFenced, error)
    }
  }

  async close(): Promise<void> {
    this.#session.destroy()
    await this.#producer.disconnect()
  }
}

/** Takes the id over from whoever had it. Rejects with `append_refused`. */
export const openTransactions = async (
  connection: ConnectionOptions,
  transactionalId: string,
  timeoutMs: number,
): Promise<TransactionalProducer> => {
  const session = new Session(connection, REQUEST_TIMEOUT_MS)
  const producer = session.kafka.producer({
    transactionalId,
    transactionTimeout: timeoutMs,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: explicitPartition,
  })
  try {
    await producer.connect()
    return new KafkajsTransactions(session, producer, await producer.transaction())
  } catch (error) {
    session.destroy()
    await producer.disconnect()
    // kafkajs swallows why no broker named one.
    const isDenied = hasType(error, DENIED) || (error instanceof Error && error.name === 'KafkaJSGroupCoordinatorNotFound')
    const detail = `No broker lets this user use the transactional id ${transactionalId}: it has no coordinator yet, or the brokers' ACLs forbid it.`
    throw new ConfabError('append_refused', { cause: error, ...(isDenied ? { detail } : {}) })
  }
}
