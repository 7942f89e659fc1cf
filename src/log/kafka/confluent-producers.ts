// Writing with librdkafka: idempotent sends, and transactions whose producer is thrown away at the first error.
// Stands between the adapter's queues and the library; a promise a batch over its delivery reports.

import { ConfabError } from '#errors'
import type { Offset } from '../index.ts'
import { TransactionFault, type ConnectionOptions, type PlainProducer, type SendEntry, type TransactionalProducer } from './client.ts'
import { answered, loadRdKafka, settingsOf, type RdKafkaError, type RdKafkaProducer } from './confluent-internals.ts'

/** Milliseconds after which a send that nobody acknowledged has failed. */
const MESSAGE_TIMEOUT_MS = 9_000
/** Milliseconds; a commit without an answer by then is of unknown fate. */
const COMMIT_TIMEOUT_MS = 15_000
const INIT_TIMEOUT_MS = 15_000
const CONNECT_TIMEOUT_MS = 5_000
/** Milliseconds after which a producer that does not close is left to the library. */
const CLOSE_MS_MAX = 2_000

/** A newer producer has the id (librdkafka's own word for it, then the brokers'); also what a timed-out transaction looks like. */
const FENCED: ReadonlySet<number> = new Set([-144, 45, 47, 48, 49, 59, 90])

const openHandle = async (connection: ConnectionOptions, settings: object): Promise<RdKafkaProducer> => {
  const { Producer } = loadRdKafka()
  const producer = new Producer(
    {
      ...settingsOf(connection),
      dr_cb: true,
      acks: -1,
      // The adapter gathers batches itself; the default of 5 ms would be the price of every awaited send.
      'linger.ms': 0,
      'queue.buffering.max.messages': 1_000_000,
      'message.max.bytes': 16_777_216,
      ...settings,
    },
    {},
  )
  producer.on('delivery-report', (error, { offset, opaque }) => opaque.onReport(error, offset))
  // Faults come back with the sends they hit; a lost connection mends itself.
  producer.on('event.error', () => undefined)
  await answered((callback) => producer.connect({ timeout: CONNECT_TIMEOUT_MS, allTopics: false }, callback))
  producer.setPollInBackground(true)
  return producer
}

const closeHandle = async (producer: RdKafkaProducer): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_MS_MAX)))
  await Promise.race([answered((callback) => producer.disconnect(callback)).catch(() => undefined), late])
  clearTimeout(timer)
}

const toBuffer = (value: Uint8Array): Buffer =>
  Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)

/** Hands a batch over; resolves with the first record's offset when all are acknowledged, rejects when one is not. */
const produce = (producer: RdKafkaProducer, { topic, partition, records }: SendEntry): Promise<Offset> => {
  const { promise, resolve, reject } = Promise.withResolvers<Offset>()
  let waiting = records.length
  let first = Infinity
  let fault: RdKafkaError | undefined
  const opaque = {
    onReport: (error: RdKafkaError | null | undefined, offset: number): void => {
      if (error !== null && error !== undefined) fault ??= error
      first = Math.min(first, offset)
      if (--waiting > 0) return
      if (fault === undefined) resolve(first)
      else reject(fault)
    },
  }
  for (const { key, value, headers, time } of records) {
    try {
      // 0 is "now" to the library.
      const words = Object.entries(headers).map(([name, word]) => ({ [name]: word }))
      producer.produce(
        topic,
        partition,
        value === null ? null : toBuffer(value),
        Buffer.from(key, 'utf8'),
        Math.max(1, time),
        opaque,
        words,
      )
    } catch (error) {
      opaque.onReport(error as RdKafkaError, Infinity)
    }
  }
  return promise
}

export class ConfluentProducer implements PlainProducer {
  readonly #connection: ConnectionOptions
  #producer: Promise<RdKafkaProducer> | undefined

  constructor(connection: ConnectionOptions) {
    this.#connection = connection
  }

  async send(entry: SendEntry): Promise<void> {
    this.#producer ??= openHandle(this.#connection, { 'enable.idempotence': true, 'message.timeout.ms': MESSAGE_TIMEOUT_MS })
    const opening = this.#producer
    try {
      await produce(await opening, entry)
    } catch (error) {
      // A producer that failed to open, or fatally later, never works again.
      const isDead = (error as RdKafkaError).isFatal === true || (await opening.catch(() => undefined)) === undefined
      if (isDead && this.#producer === opening) {
        this.#producer = undefined
        opening.then(closeHandle).catch(() => undefined)
      }
      throw error
    }
  }

  async close(): Promise<void> {
    const producer = await this.#producer?.catch(() => undefined)
    if (producer !== undefined) await closeHandle(producer)
  }
}

class ConfluentTransactions implements TransactionalProducer {
  readonly #producer: RdKafkaProducer

  constructor(producer: RdKafkaProducer) {
    this.#producer = producer
  }

  async commit(entries: readonly SendEntry[]): Promise<readonly Offset[]> {
    let isAsked = false
    try {
      await answered((callback) => this.#producer.beginTransaction(callback))
      // Settled before the decision is asked for: what fails here was never stored.
      const offsets = await Promise.all(entries.map((entry) => produce(this.#producer, entry)))
      isAsked = true
      await answered((callback) => this.#producer.commitTransaction(COMMIT_TIMEOUT_MS, callback))
      return offsets
    } catch (error) {
      const { code, isTxnRequiresAbort } = error as RdKafkaError
      const isFenced = FENCED.has(code)
      throw new TransactionFault(isAsked && !isFenced && isTxnRequiresAbort !== true ? 'unknown' : 'nothing', isFenced, error)
    }
  }

  close(): Promise<void> {
    return closeHandle(this.#producer)
  }
}

/** Takes the id over from whoever had it. Rejects with `append_refused`, `kafka_client_missing`. */
export const openConfluentTransactions = async (
  connection: ConnectionOptions,
  transactionalId: string,
  timeoutMs: number,
): Promise<TransactionalProducer> => {
  const settings = { 'transactional.id': transactionalId, 'transaction.timeout.ms': timeoutMs, 'message.timeout.ms': timeoutMs }
  let producer: RdKafkaProducer | undefined
  try {
    producer = await openHandle(connection, settings)
    const opened = producer
    await answered((callback) => opened.initTransactions(INIT_TIMEOUT_MS, callback))
    return new ConfluentTransactions(opened)
  } catch (error) {
    if (producer !== undefined) await closeHandle(producer)
    if (error instanceof ConfabError) throw error
    throw new ConfabError('append_refused', { cause: error })
  }
}
