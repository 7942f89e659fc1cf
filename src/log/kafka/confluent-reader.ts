// Reads partitions by offset with librdkafka: assigned by hand, pulled when asked, woken when its queue fills.
// Stands between `read` and the library; no group is ever joined, no offset stored.

import { ConfabError } from '#errors'
import type { Offset, StoredRecord } from '../index.ts'
import type { ConnectionOptions, Fetched, PartitionReader, Place, ReaderOptions } from './client.ts'
import {
  answered,
  CODES,
  loadRdKafka,
  settingsOf,
  type RdKafkaConsumer,
  type RdKafkaError,
  type RdKafkaMessage,
} from './confluent-internals.ts'

/** Records taken from the library's queue at once. */
const TAKE_RECORDS = 2_000
/** Milliseconds after which the queue is looked at though nothing woke us. */
const LOOK_MS = 250
/** Milliseconds without any broker after which the reader says so. */
const STALE_AFTER_MS = 3_000
const CONNECT_TIMEOUT_MS = 5_000
const CLOSE_MS_MAX = 2_000

interface Standing extends Place {
  next: Offset
}

const keyOf = ({ topic, partition }: Place): string => `${topic}/${partition}`

const toText = (bytes: Buffer | string | null): string => (typeof bytes === 'string' ? bytes : (bytes?.toString('utf8') ?? ''))

const toRecord = ({ key, value, offset, timestamp, headers = [] }: RdKafkaMessage): StoredRecord => ({
  key: toText(key),
  value,
  headers: Object.fromEntries(headers.flatMap((header) => Object.entries(header).map(([name, word]) => [name, toText(word)]))),
  time: timestamp,
  offset,
})

export class ConfluentReader implements PartitionReader {
  readonly #connection: ConnectionOptions
  readonly #options: ReaderOptions
  readonly #standings = new Map<string, Standing>()
  readonly #closing = Promise.withResolvers<void>()
  #opening: Promise<RdKafkaConsumer> | undefined
  #parts: Fetched[] = []
  #gathered = new Map<string, { readonly records: StoredRecord[]; next: Offset }>()
  #isNonEmpty = false
  #isAssigned = true
  #wake: (() => void) | undefined
  #downSince: number | undefined
  #failure: ConfabError | undefined
  #isClosed = false
  #taking: Promise<void> = Promise.resolve()

  constructor(connection: ConnectionOptions, options: ReaderOptions) {
    this.#connection = connection
    this.#options = options
  }

  assign(place: Place, offset: Offset): void {
    this.#standings.set(keyOf(place), { topic: place.topic, partition: place.partition, next: offset })
    this.#isAssigned = false
    this.#wake?.()
  }

  unassign(place: Place): void {
    this.#standings.delete(keyOf(place))
    this.#parts = this.#parts.filter((part) => keyOf(part) !== keyOf(place))
    this.#isAssigned = false
    this.#wake?.()
  }

  async next(): Promise<Fetched | undefined> {
    while (!this.#isClosed) {
      const part = this.#parts.shift()
      if (part !== undefined) return part
      if (this.#failure !== undefined) throw this.#failure
      this.#taking = this.#take()
      await this.#taking
    }
    return undefined
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#closing.resolve()
    this.#wake?.()
    // Closing while a call is under way has crashed the library.
    await this.#taking.catch(() => undefined)
    const consumer = await this.#opening?.catch(() => undefined)
    if (consumer === undefined) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_MS_MAX)))
    await Promise.race([answered((callback) => consumer.disconnect(callback)).catch(() => undefined), late])
    clearTimeout(timer)
  }

  /** Takes what the queue holds; waits for it to hold something. */
  async #take(): Promise<void> {
    let consumer: RdKafkaConsumer
    try {
      consumer = await (this.#opening ??= this.#open())
    } catch (error) {
      throw error instanceof ConfabError ? error : new ConfabError('log_stale', { cause: error })
    }
    if (this.#isClosed) return
    if (!this.#isAssigned) {
      this.#isAssigned = true
      consumer.assign([...this.#standings.values()].map(({ topic, partition, next }) => ({ topic, partition, offset: next })))
    }
    this.#isNonEmpty = false
    try {
      await answered((callback) => consumer.consume(TAKE_RECORDS, callback))
    } catch (error) {
      this.#note(error as RdKafkaError)
    }
    this.#hand(consumer)
    if (this.#parts.length > 0 || this.#isNonEmpty || !this.#isAssigned || this.#failure !== undefined) return
    await this.#rest()
  }

  async #rest(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      timer = setTimeout(resolve, LOOK_MS)
      if (this.#isClosed || this.#isNonEmpty || !this.#isAssigned) resolve()
    })
    clearTimeout(timer)
    if (this.#downSince !== undefined && performance.now() - this.#downSince > STALE_AFTER_MS)
      this.#failure ??= new ConfabError('log_stale', { detail: 'No broker answers.' })
  }

  async #open(): Promise<RdKafkaConsumer> {
    const { KafkaConsumer } = loadRdKafka()
    const { fetchBytesMax, waitMs } = this.#options
    const consumer = new KafkaConsumer(
      {
        ...settingsOf(this.#connection),
        // Required by the library; nothing is ever joined or stored under it.
        'group.id': `${this.#connection.clientId}-reader`,
        'enable.auto.commit': false,
        'enable.auto.offset.store': false,
        'enable.partition.eof': true,
        'isolation.level': 'read_committed',
        'fetch.wait.max.ms': waitMs,
        'fetch.max.bytes': Math.max(fetchBytesMax, 1_048_576),
        'max.partition.fetch.bytes': Math.min(fetchBytesMax, 1_048_576),
        'queued.max.messages.kbytes': Math.max(64, Math.ceil(fetchBytesMax / 1024)),
        'fetch.error.backoff.ms': 50,
        'receive.message.max.bytes': 100_000_000,
        queue_non_empty_cb: () => {
          this.#isNonEmpty = true
          this.#wake?.()
        },
      },
      { 'auto.offset.reset': 'error' },
    )
    consumer.on('event.error', (error) => this.#note(error))
    consumer.on('data', (message) => this.#gather(message))
    consumer.on('partition.eof', ({ topic, partition, offset }) => this.#pass({ topic, partition }, offset))
    consumer.setDefaultConsumeTimeout(0)
    await answered((callback) => consumer.connect({ timeout: CONNECT_TIMEOUT_MS, allTopics: false }, callback))
    return consumer
  }

  #gather(message: RdKafkaMessage): void {
    const standing = this.#standings.get(keyOf(message))
    // What an earlier assignment still brings comes a second time.
    if (standing === undefined || message.offset < standing.next) return
    const gathered = this.#gathered.get(keyOf(message)) ?? { records: [], next: 0 }
    this.#gathered.set(keyOf(message), gathered)
    gathered.records.push(toRecord(message))
    standing.next = message.offset + 1
    gathered.next = standing.next
  }

  /** The end of a partition was reached: markers and holes before it are passed. */
  #pass(place: Place, offset: Offset): void {
    this.#downSince = undefined
    const standing = this.#standings.get(keyOf(place))
    if (standing === undefined || offset <= standing.next) return
    const gathered = this.#gathered.get(keyOf(place)) ?? { records: [], next: 0 }
    this.#gathered.set(keyOf(place), gathered)
    standing.next = offset
    gathered.next = offset
  }

  #hand(consumer: RdKafkaConsumer): void {
    if (this.#gathered.size === 0) return
    this.#downSince = undefined
    for (const [key, { records, next }] of this.#gathered) {
      const standing = this.#standings.get(key)
      if (standing === undefined) continue
      const { topic, partition } = standing
      this.#parts.push({ topic, partition, records, next, end: Math.max(next, consumer.getWatermarkOffsets(topic, partition).highOffset) })
    }
    this.#gathered = new Map()
  }

  #note(error: RdKafkaError): void {
    if (error.code === CODES.offsetReset) this.#failure ??= new ConfabError('offset_below_start', { cause: error })
    else if (error.code === CODES.allBrokersDown) this.#downSince ??= performance.now()
    else if (error.isFatal === true) this.#failure ??= new ConfabError('log_stale', { cause: error })
    this.#wake?.()
  }
}
