// Transactions over kafkajs' connections: partitions named once, one request to each leader, one word to the coordinator.
// Stands between a lease and the brokers. kafkajs' own producer asks for the coordinator before each step and sends each partition apart,
// because its retries lose or double what spans brokers; here nothing is sent twice but what a broker refused in words.

import { setTimeout as sleep } from 'node:timers/promises'
import { ConfabError } from '#errors'
import type { LogRecord, Offset } from '../index.ts'
import { TransactionFault, type ConnectionOptions, type SendEntry, type TransactionalProducer } from './client.ts'
import {
  hasType,
  produceRequest,
  decodeProduce,
  Session,
  type InnerBroker,
  type InnerCluster,
  type ProducerIdentity,
} from './kafkajs-internals.ts'

/** Milliseconds: longer than a leader needs to give up on a follower that hangs. */
const REQUEST_TIMEOUT_MS = 12_000
/** Milliseconds a leader waits for its followers. */
const ACKS_TIMEOUT_MS = 10_000
const TRANSACTION_COORDINATOR = 1

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
const FENCED_CODES: ReadonlySet<number> = new Set([45, 47, 48, 49, 59, 90])

/** Answers that a repeat cannot change. */
const DENIED: ReadonlySet<string | number> = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
])

/** The last transaction's markers are being written, or its coordinator is coming up: the same again a little later. */
const SOON: ReadonlySet<string | number> = new Set(['CONCURRENT_TRANSACTIONS', 'GROUP_LOAD_IN_PROGRESS', 'COORDINATOR_LOAD_IN_PROGRESS'])
/** Another broker coordinates now. */
const ELSEWHERE: ReadonlySet<string | number> = new Set([
  'NOT_COORDINATOR_FOR_GROUP',
  'NOT_COORDINATOR',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'COORDINATOR_NOT_AVAILABLE',
])
const SOON_MS_MIN = 2
const SOON_MS_MAX = 100
const INIT_MS_MAX = 9_000
const ADD_MS_MAX = 5_000

/** Refused before anything was appended, because the partition's leader is another or too few replicas are in sync. */
const NOT_APPENDED: ReadonlySet<number> = new Set([3, 5, 6, 19])
/** The same batch once more: it is there. */
const DUPLICATE_SEQUENCE = 46
const MOVED_TRIES_MAX = 20
const MOVED_MS = 50
const SEQUENCE_MAX = 0x7fffffff

const keyOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string => `${topic}/${partition}`

const toMessage = ({ key, value, headers, time }: LogRecord) => ({
  key: Buffer.from(key, 'utf8'),
  value: value === null ? null : Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength),
  headers,
  timestamp: String(time),
})

/** A broker's word on one partition that ends the transaction. */
class Refused extends Error {
  override readonly name = 'Refused'
  readonly isFenced: boolean

  constructor(place: string, code: number) {
    super(`the leader of ${place} answered ${code}`)
    this.isFenced = FENCED_CODES.has(code)
  }
}

interface TransactionsParts {
  readonly session: Session
  readonly cluster: InnerCluster
  readonly transactionalId: string
}

class KafkajsTransactions implements TransactionalProducer {
  readonly #parts: TransactionsParts
  readonly #sequences = new Map<string, number>()
  #coordinator: InnerBroker | undefined
  #identity: ProducerIdentity | undefined

  constructor(parts: TransactionsParts) {
    this.#parts = parts
  }

  /** InitProducerId: fences whoever had the id and ends what it left open. */
  async begin(timeoutMs: number): Promise<void> {
    const { transactionalId } = this.#parts
    const ask = (broker: InnerBroker): Promise<ProducerIdentity> =>
      broker.initProducerId({ transactionalId, transactionTimeout: timeoutMs })
    const { producerId, producerEpoch } = await this.#soon(INIT_MS_MAX, ask)
    this.#identity = { producerId, producerEpoch }
  }

  async commit(entries: readonly SendEntry[]): Promise<readonly Offset[]> {
    const { transactionalId } = this.#parts
    let isAsked = false
    try {
      const identity = this.#identity as ProducerIdentity
      const offsets = await this.#write(entries, identity)
      isAsked = true
      await (await this.#findCoordinator()).endTxn({ transactionalId, ...identity, transactionResult: true })
      return entries.map((entry) => offsets.get(keyOf(entry)) ?? -1)
    } catch (error) {
      const isFenced = error instanceof Refused ? error.isFenced : hasType(error, FENCED)
      throw new TransactionFault(isAsked && !isFenced ? 'unknown' : 'nothing', isFenced, error)
    }
  }

  async close(): Promise<void> {
    this.#parts.session.destroy()
    await this.#parts.cluster.disconnect()
  }

  async #write(entries: readonly SendEntry[], identity: ProducerIdentity): Promise<Map<string, Offset>> {
    const { cluster, transactionalId } = this.#parts
    const byTopic = Map.groupBy(entries, ({ topic }) => topic)
    const topics = [...byTopic].map(([topic, list]) => ({ topic, partitions: [...new Set(list.map(({ partition }) => partition))] }))
    await cluster.addMultipleTargetTopics(topics.map(({ topic }) => topic))
    await this.#soon(ADD_MS_MAX, (broker) => broker.addPartitionsToTxn({ transactionalId, ...identity, topics }))
    const offsets = new Map<string, Offset>()
    let left: readonly SendEntry[] = entries
    for (let tries = 1; ; tries++) {
      left = await this.#produce(left, identity, offsets)
      if (left.length === 0) return offsets
      if (tries === MOVED_TRIES_MAX) throw new Error(`nobody leads ${keyOf(left[0] as SendEntry)}`)
      await sleep(MOVED_MS)
      await cluster.refreshMetadata()
    }
  }

  /** One request to each leader, all at once. Answers what no leader took, to be sent again under the same sequences. */
  async #produce(entries: readonly SendEntry[], identity: ProducerIdentity, offsets: Map<string, Offset>): Promise<SendEntry[]> {
    const byLeader = Map.groupBy(entries, (entry) => this.#leaderOf(entry))
    const left: SendEntry[] = [...(byLeader.get(undefined) ?? [])]
    await Promise.all(
      [...byLeader].map(async ([nodeId, list]) => {
        if (nodeId !== undefined) left.push(...(await this.#produceAt(nodeId, list, { identity, offsets })))
      }),
    )
    return left
  }

  async #produceAt(
    nodeId: number,
    entries: readonly SendEntry[],
    { identity, offsets }: { readonly identity: ProducerIdentity; readonly offsets: Map<string, Offset> },
  ): Promise<SendEntry[]> {
    const broker = await this.#parts.cluster.findBroker({ nodeId })
    const topicData = [...Map.groupBy(entries, ({ topic }) => topic)].map(([topic, list]) => ({
      topic,
      partitions: list.map((entry) => ({
        partition: entry.partition,
        firstSequence: this.#sequences.get(keyOf(entry)) ?? 0,
        messages: entry.records.map(toMessage),
      })),
    }))
    const { transactionalId } = this.#parts
    const answer = await broker.connectionPool.send({
      request: produceRequest({ acks: -1, timeout: ACKS_TIMEOUT_MS, transactionalId, ...identity, compression: 0, topicData }),
      response: { decode: (payload) => decodeProduce(payload), parse: (data) => Promise.resolve(data) },
      requestTimeout: REQUEST_TIMEOUT_MS,
    })
    const sent = new Map(entries.map((entry) => [keyOf(entry), entry]))
    const left: SendEntry[] = []
    for (const { topicName, partitions } of answer.topics) {
      for (const { partition, errorCode, baseOffset } of partitions) {
        const key = keyOf({ topic: topicName, partition })
        const entry = sent.get(key)
        if (entry === undefined) continue
        if (NOT_APPENDED.has(errorCode)) left.push(entry)
        else if (errorCode !== 0 && errorCode !== DUPLICATE_SEQUENCE) throw new Refused(key, errorCode)
        else this.#note(key, entry, { offsets, baseOffset: Number(baseOffset) })
      }
    }
    return left
  }

  #note(
    key: string,
    entry: SendEntry,
    { offsets, baseOffset }: { readonly offsets: Map<string, Offset>; readonly baseOffset: Offset },
  ): void {
    const next = (this.#sequences.get(key) ?? 0) + entry.records.length
    this.#sequences.set(key, next > SEQUENCE_MAX ? next - SEQUENCE_MAX - 1 : next)
    offsets.set(key, baseOffset)
  }

  #leaderOf({ topic, partition }: SendEntry): number | undefined {
    const found = this.#parts.cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === partition)
    return found === undefined || found.leader < 0 ? undefined : found.leader
  }

  /** Asked for once, and again when it says that it is another. */
  async #findCoordinator(): Promise<InnerBroker> {
    this.#coordinator ??= await this.#parts.cluster.findGroupCoordinator({
      groupId: this.#parts.transactionalId,
      coordinatorType: TRANSACTION_COORDINATOR,
    })
    return this.#coordinator
  }

  /** Asks the coordinator, again while it only asks for patience. What is asked here may be asked twice. */
  async #soon<T>(limitMs: number, ask: (coordinator: InnerBroker) => Promise<T>): Promise<T> {
    const endsAt = performance.now() + limitMs
    for (let delayMs = SOON_MS_MIN; ; delayMs = Math.min(SOON_MS_MAX, delayMs * 1.5)) {
      try {
        return await ask(await this.#findCoordinator())
      } catch (error) {
        const isElsewhere = hasType(error, ELSEWHERE)
        if (isElsewhere) this.#coordinator = undefined
        if ((!isElsewhere && !hasType(error, SOON)) || performance.now() > endsAt) throw error
        await sleep(delayMs)
      }
    }
  }
}

/** Takes the id over from whoever had it. Rejects with `append_refused`. */
export const openTransactions = async (
  connection: ConnectionOptions,
  transactionalId: string,
  timeoutMs: number,
): Promise<TransactionalProducer> => {
  const session = new Session(connection, REQUEST_TIMEOUT_MS)
  const cluster = session.openCluster()
  const producer = new KafkajsTransactions({ session, cluster, transactionalId })
  try {
    await cluster.connect()
    await producer.begin(timeoutMs)
    return producer
  } catch (error) {
    await producer.close()
    // kafkajs swallows why no broker named one.
    const isDenied = hasType(error, DENIED) || (error instanceof Error && error.name === 'KafkaJSGroupCoordinatorNotFound')
    const detail = `No broker lets this user use the transactional id ${transactionalId}: it has no coordinator yet, or the brokers' ACLs forbid it.`
    throw new ConfabError('append_refused', { cause: error, ...(isDenied ? { detail } : {}) })
  }
}
