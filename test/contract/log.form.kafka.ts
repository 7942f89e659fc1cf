// The Kafka form as the contract suite opens it, in this process and in children that are killed.
// Stands between the suite, which knows the port alone, and openKafkaLog; the brokers are those of CONFAB_TEST_KAFKA.

import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import type { Chunk, KafkaClientName, KafkaLogHandle, Log, Position, ReadOptions } from '#log'
import { openKafkaLog } from '#log'
import { topicNames, topics, type Topic } from '#topics'
import { randomFrom } from '../../src/log/embedded/holes.ts'
import type { LogForm, OpenOptions } from './log-form.ts'

/** Milliseconds: what a killed writer left open holds readers up no longer than this. */
const TRANSACTION_TIMEOUT_MS = 2_000

/** Milliseconds: a small broker on a busy machine is slow and not away. */
const SLOW_MS = 5_000

const bootstrap = (): string[] => (process.env['CONFAB_TEST_KAFKA'] ?? '').split(',')

const client = (process.env['CONFAB_TEST_KAFKA_CLIENT'] ?? 'kafkajs') as KafkaClientName

const placeOptions = new WeakMap<Log, { readonly place: string; readonly options: OpenOptions }>()

/** The switch of C2: chunks cut short, empty ones before what is left. Kafka's own holes are there anyway. */
const withHoles = (log: KafkaLogHandle, seed: number): KafkaLogHandle => {
  async function* read(from: readonly Position[], options: ReadOptions): AsyncGenerator<Chunk, void, undefined> {
    const random = randomFrom(seed)
    for await (const chunk of log.read(from, options)) {
      let { records } = chunk
      while (records.length > 1 && random() < 0.5) {
        const count = 1 + Math.floor(random() * (records.length - 1))
        const part = records.slice(0, count)
        const next = (part.at(-1)?.offset ?? 0) + 1
        yield { ...chunk, records: part, next }
        if (random() < 0.5) yield { ...chunk, records: [], next }
        records = records.slice(count)
      }
      const last = records.at(-1)
      if (last !== undefined && last.offset + 1 < chunk.next && random() < 0.5) {
        yield { ...chunk, records, next: last.offset + 1 }
        records = []
      }
      yield { ...chunk, records }
    }
  }
  return new Proxy(log, {
    get: (target, name) => {
      if (name === 'read') return read
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const open = async (place: string, options: OpenOptions = {}): Promise<Log> => {
  const log = await openKafkaLog({
    connection: { brokers: bootstrap(), clientId: 'confab-test' },
    client,
    prefix: place,
    directory: join(tmpdir(), `confab-${place}files`),
    replication: 1,
    transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
    slowMs: SLOW_MS,
    ...(options.now === undefined ? {} : { clock: options.now }),
    ...(options.cacheBytesMax === undefined ? {} : { fetchBytesMax: Math.max(options.cacheBytesMax, 10_000) }),
  })
  const opened = options.holesSeed === undefined ? log : withHoles(log, options.holesSeed)
  placeOptions.set(opened, { place, options })
  return opened
}

const administer = async <T>(work: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> => {
  const admin = new Kafka({ brokers: bootstrap(), logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

/** What the brokers' retention does, for the test's clock: records below the first that is young enough go. */
const clean = async (log: Log): Promise<void> => {
  const { place, options } = placeOptions.get(log) ?? { place: '', options: {} }
  const now = options.now?.() ?? Date.now()
  for (const [topic, retentionMs] of Object.entries(options.retentionMs ?? {}) as [Topic, number][]) {
    const partitions: { partition: number; offset: string }[] = []
    for (let partition = 0; partition < topics[topic].partitions; partition++) {
      const { start } = await log.bounds(topic, partition)
      const offset = await log.offsetAt(topic, partition, now - retentionMs)
      if (offset > start) partitions.push({ partition, offset: String(offset) })
    }
    if (partitions.length > 0) {
      await administer(async (admin) => {
        // Loads who leads the topic, which deleting records takes for granted.
        await admin.fetchTopicOffsets(place + topic)
        await admin.deleteTopicRecords({ topic: place + topic, partitions })
      })
    }
  }
}

export const form: LogForm = {
  name: `kafka, ${client}`,
  compaction: 'by-brokers',
  // Each place is some six hundred partitions of a small broker.
  timeoutMs: 400_000,
  module: import.meta.url,
  createPlace: () => Promise.resolve(`t${randomBytes(4).toString('hex')}.`),
  removePlace: async (place) => {
    // Brokers of the run's own go with all they hold; deleting costs them seconds that the next place would wait.
    if (process.env['CONFAB_TEST_KAFKA_OWN'] === undefined)
      await administer((admin) => admin.deleteTopics({ topics: topicNames.map((topic) => place + topic) }))
    await rm(join(tmpdir(), `confab-${place}files`), { recursive: true, force: true })
  },
  open,
  clean,
}
