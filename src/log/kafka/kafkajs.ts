// The client in the box: kafkajs 2.2.4 under the discipline that keeps it exact.
// Stands between the log's narrow client and the library; the parts that move bytes are files of their own beside it.

import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type Admin } from 'kafkajs'
import { ConfabError } from '#errors'
import type { Offset } from '../index.ts'
import type {
  ConnectionOptions,
  GroupOptions,
  KafkaClient,
  OffsetWish,
  PartitionReader,
  Place,
  PlainProducer,
  ReaderOptions,
  TopicFacts,
  TopicWish,
  TransactionalProducer,
} from './client.ts'
import { joinGroup } from './kafkajs-group.ts'
import { Session, type InnerCluster } from './kafkajs-internals.ts'
import { KafkajsProducer } from './kafkajs-producers.ts'
import { KafkajsReader } from './kafkajs-reader.ts'
import { openTransactions } from './kafkajs-transactions.ts'

// A CommonJS package whose enums Node does not find by name.
const { ConfigResourceTypes } = kafkajs
/** Where a setting comes from: DYNAMIC_TOPIC_CONFIG. */
const TOPIC_OVERRIDE = 1

const REQUEST_TIMEOUT_MS = 5_000
/** Milliseconds in which a question about offsets is answered or refused. */
const QUESTION_MS_MAX = 8_000
const RETRY_MS = 50
/** Milliseconds that creating topics may take a controller. */
const TOPICS_TIMEOUT_MS = 30_000

/** ListOffsets' words for the two ends; anything else is a time. */
const EARLIEST = -2
const LATEST = -1

type OffsetTopic = { topic: string; partitions: { partition: number; timestamp: number }[] }

const numbersOf = (wish: OffsetWish): { timestamp: number; isolationLevel: 0 | 1 } => {
  if (wish === 'start') return { timestamp: EARLIEST, isolationLevel: 0 }
  // Uncommitted = the high watermark; committed = the last stable offset.
  if (wish === 'end') return { timestamp: LATEST, isolationLevel: 0 }
  if (wish === 'stable') return { timestamp: LATEST, isolationLevel: 1 }
  return { timestamp: wish, isolationLevel: 0 }
}

class KafkajsClient implements KafkaClient {
  readonly #connection: ConnectionOptions
  readonly #session: Session
  readonly #cluster: InnerCluster
  #connecting: Promise<void> | undefined
  #isClosed = false

  constructor(connection: ConnectionOptions) {
    this.#connection = connection
    this.#session = new Session(connection, REQUEST_TIMEOUT_MS)
    this.#cluster = this.#session.openCluster()
  }

  async offsets(places: readonly Place[], wish: OffsetWish): Promise<readonly Offset[]> {
    const endsAt = performance.now() + QUESTION_MS_MAX
    for (;;) {
      try {
        return await this.#offsetsOnce(places, wish)
      } catch (error) {
        if (this.#isClosed) throw new ConfabError('log_closed', { cause: error })
        if (performance.now() > endsAt) throw new ConfabError('log_stale', { cause: error })
        await sleep(RETRY_MS)
        // Whoever leads may have changed; if nobody answers, the next question says so.
        await this.refreshLeaders().catch(() => undefined)
      }
    }
  }

  async #offsetsOnce(places: readonly Place[], wish: OffsetWish): Promise<readonly Offset[]> {
    await this.#connect()
    await this.#cluster.addMultipleTargetTopics([...new Set(places.map(({ topic }) => topic))])
    const { timestamp, isolationLevel } = numbersOf(wish)
    const byLeader = new Map<number, Map<string, OffsetTopic>>()
    for (const place of places) {
      const leader = this.leaderOf(place)
      if (leader === undefined) throw new Error(`nobody leads ${place.topic}/${place.partition}`)
      const topics = byLeader.get(leader) ?? new Map<string, OffsetTopic>()
      byLeader.set(leader, topics)
      const topic = topics.get(place.topic) ?? { topic: place.topic, partitions: [] }
      topics.set(place.topic, topic)
      topic.partitions.push({ partition: place.partition, timestamp })
    }
    const found = new Map<string, Offset>()
    await Promise.all(
      [...byLeader].map(async ([nodeId, topics]) => {
        const broker = await this.#cluster.findBroker({ nodeId })
        const { responses } = await broker.listOffsets({ isolationLevel, topics: [...topics.values()] })
        for (const { topic, partitions } of responses)
          for (const { partition, offset } of partitions) found.set(`${topic}/${partition}`, Number(offset))
      }),
    )
    return places.map(({ topic, partition }) => found.get(`${topic}/${partition}`) as Offset)
  }

  leaderOf({ topic, partition }: Place): number | undefined {
    try {
      const found = this.#cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === partition)
      return found === undefined || found.leader < 0 ? undefined : found.leader
    } catch {
      // Nothing is known yet: all partitions count as one broker's.
      return undefined
    }
  }

  async refreshLeaders(): Promise<void> {
    await this.#connect()
    await this.#cluster.refreshMetadata()
  }

  openProducer(): PlainProducer {
    return new KafkajsProducer(this.#connection)
  }

  openTransactional(transactionalId: string, timeoutMs: number): Promise<TransactionalProducer> {
    return openTransactions(this.#connection, transactionalId, timeoutMs)
  }

  openReader(options: ReaderOptions): PartitionReader {
    return new KafkajsReader(this.#connection, options)
  }

  joinGroup(options: GroupOptions): AsyncIterable<ReadonlySet<number>> {
    return joinGroup(this.#connection, options)
  }

  async describeTopics(names: readonly string[]): Promise<readonly TopicFacts[]> {
    return this.#administer(async (admin) => {
      const existing = new Set(await admin.listTopics())
      const wanted = names.filter((name) => existing.has(name))
      if (wanted.length === 0) return []
      const [{ topics }, { resources }] = await Promise.all([
        admin.fetchTopicMetadata({ topics: wanted }),
        admin.describeConfigs({
          includeSynonyms: false,
          resources: wanted.map((name) => ({ type: ConfigResourceTypes.TOPIC, name })),
        }),
      ])
      return topics.map(({ name, partitions }) => {
        const entries = resources.find(({ resourceName }) => resourceName === name)?.configEntries ?? []
        const toRecord = (some: typeof entries) => Object.fromEntries(some.map(({ configName, configValue }) => [configName, configValue]))
        return {
          name,
          partitions: partitions.length,
          replication: partitions[0]?.replicas.length ?? 0,
          settings: toRecord(entries),
          overrides: toRecord(entries.filter(({ configSource }) => configSource === TOPIC_OVERRIDE)),
        }
      })
    })
  }

  async createTopics(wishes: readonly TopicWish[]): Promise<void> {
    await this.#administer(async (admin) => {
      await admin.createTopics({
        waitForLeaders: false,
        timeout: TOPICS_TIMEOUT_MS,
        topics: wishes.map(({ name, partitions, replication, settings }) => ({
          topic: name,
          numPartitions: partitions,
          replicationFactor: replication ?? -1,
          configEntries: Object.entries(settings).map(([setting, value]) => ({ name: setting, value })),
        })),
      })
      await this.#ledBy(
        admin,
        wishes.map(({ name }) => name),
      )
    })
  }

  /** Waits until every partition of new topics has a leader, whichever broker is asked. */
  async #ledBy(admin: Admin, names: readonly string[]): Promise<void> {
    for (const endsAt = performance.now() + TOPICS_TIMEOUT_MS; ; await sleep(RETRY_MS)) {
      try {
        const { topics } = await admin.fetchTopicMetadata({ topics: [...names] })
        if (topics.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0))) return
      } catch (error) {
        // The broker that is asked has not heard of them yet.
        if (performance.now() > endsAt) throw error
      }
      if (performance.now() > endsAt) throw new Error(`no leaders for new topics within ${TOPICS_TIMEOUT_MS} ms`)
    }
  }

  async alterTopics(wishes: readonly Pick<TopicWish, 'name' | 'settings'>[]): Promise<void> {
    await this.#administer(async (admin) => {
      await admin.alterConfigs({
        validateOnly: false,
        resources: wishes.map(({ name, settings }) => ({
          type: ConfigResourceTypes.TOPIC,
          name,
          configEntries: Object.entries(settings).map(([setting, value]) => ({ name: setting, value })),
        })),
      })
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#session.destroy()
    await this.#cluster.disconnect()
  }

  async #connect(): Promise<void> {
    this.#connecting ??= this.#cluster.connect().catch((error: unknown) => {
      this.#connecting = undefined
      throw error
    })
    await this.#connecting
  }

  async #administer<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const session = new Session(this.#connection, TOPICS_TIMEOUT_MS)
    const admin = session.kafka.admin()
    try {
      await admin.connect()
      return await work(admin)
    } catch (error) {
      throw new ConfabError('kafka_refused', { detail: error instanceof Error ? error.message : String(error), cause: error })
    } finally {
      session.destroy()
      await admin.disconnect()
    }
  }
}

export const openKafkajsClient = (connection: ConnectionOptions): KafkaClient => new KafkajsClient(connection)
