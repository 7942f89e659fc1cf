// Reads partitions by offset with kafkajs' connections: one fetch under way a broker, the next when the last was consumed.
// Stands between `read`, which pulls, and the brokers that lead the partitions; no consumer group, so no rebalance.

import { setTimeout as sleep } from 'node:timers/promises'
import { ConfabError } from '#errors'
import type { Offset } from '../index.ts'
import type { ConnectionOptions, Fetched, PartitionReader, Place, ReaderOptions } from './client.ts'
import { decodeFetch, type FetchedPartition } from './fetch-response.ts'
import { FetchSession } from './fetch-session.ts'
import { fetchRequest, Session, type InnerCluster } from './kafkajs-internals.ts'

/** Milliseconds a broker may leave a fetch unanswered, beyond the time it may hold it back. */
const REQUEST_TIMEOUT_MS = 5_000
/** Milliseconds of nothing but failures after which the reader says so instead of trying on. */
const STALE_AFTER_MS = 3_000
const RETRY_MS = 100
/** Bytes of one partition in one answer. */
const PARTITION_BYTES_MAX = 1_048_576

const OFFSET_OUT_OF_RANGE = 1
/** The partition has moved, or its leader is not there yet: ask who leads it, then go on. */
const MOVED: ReadonlySet<number> = new Set([3, 5, 6, 7, 9, 13, 56, 74, 75, 76, 78, 100, 103])

interface Standing extends Place {
  offset: Offset
}

const keyOf = ({ topic, partition }: Place): string => `${topic}/${partition}`

export class KafkajsReader implements PartitionReader {
  readonly #options: ReaderOptions
  readonly #session: Session
  readonly #cluster: InnerCluster
  readonly #standings = new Map<string, Standing>()
  readonly #loops = new Map<number, Promise<void>>()
  #parts: Fetched[] = []
  #wake: (() => void) | undefined
  #drained: (() => void)[] = []
  #failure: ConfabError | undefined
  #isClosed = false
  #isPlacing = false
  #movedTo: Promise<void> | undefined
  #failingSince: number | undefined

  constructor(connection: ConnectionOptions, options: ReaderOptions) {
    this.#options = options
    this.#session = new Session(connection, REQUEST_TIMEOUT_MS)
    this.#cluster = this.#session.openCluster()
  }

  assign(place: Place, offset: Offset): void {
    this.#standings.set(keyOf(place), { topic: place.topic, partition: place.partition, offset })
    this.#place()
  }

  unassign(place: Place): void {
    this.#standings.delete(keyOf(place))
    this.#parts = this.#parts.filter((part) => keyOf(part) !== keyOf(place))
  }

  async next(): Promise<Fetched | undefined> {
    for (;;) {
      if (this.#isClosed) return undefined
      const part = this.#parts.shift()
      if (this.#parts.length === 0) for (const resume of this.#drained.splice(0)) resume()
      if (part !== undefined) return part
      if (this.#failure !== undefined) throw this.#failure
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#parts = []
    this.#wake?.()
    for (const resume of this.#drained.splice(0)) resume()
    this.#session.destroy()
    await Promise.all(this.#loops.values())
    await this.#cluster.disconnect()
  }

  /** Makes sure that each leader of what is assigned has a loop. One run at a time; it goes on until all have a place. */
  #place(): void {
    if (this.#isPlacing || this.#isClosed) return
    this.#isPlacing = true
    this.#placeAll()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => (this.#isPlacing = false))
  }

  async #placeAll(): Promise<void> {
    // Whoever assigns many in a turn asks for their leaders once.
    await Promise.resolve()
    while (!this.#isClosed) {
      try {
        await this.#cluster.connect()
        await this.#cluster.addMultipleTargetTopics([...new Set([...this.#standings.values()].map(({ topic }) => topic))])
        const leaders = new Set([...this.#standings.values()].map((standing) => this.#leaderOf(standing)))
        for (const leader of leaders) if (leader !== undefined) this.#startLoop(leader)
        if (!leaders.has(undefined)) return
        await this.#cluster.refreshMetadata()
      } catch (error) {
        this.#noteFailure(error)
      }
      await sleep(RETRY_MS)
    }
  }

  #leaderOf({ topic, partition }: Place): number | undefined {
    const found = this.#cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === partition)
    return found === undefined || found.leader < 0 ? undefined : found.leader
  }

  #startLoop(nodeId: number): void {
    if (this.#loops.has(nodeId)) return
    const loop = this.#run(nodeId)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => this.#loops.delete(nodeId))
    this.#loops.set(nodeId, loop)
  }

  async #run(nodeId: number): Promise<void> {
    const session = new FetchSession()
    while (!this.#isClosed && this.#failure === undefined) {
      const standings = [...this.#standings.values()].filter((standing) => this.#leaderOf(standing) === nodeId)
      if (standings.length === 0) return
      try {
        const moved = this.#take(await this.#fetch(nodeId, session, standings))
        this.#failingSince = undefined
        if (moved) await this.#follow()
      } catch (error) {
        session.reset()
        if (this.#isClosed) return
        if (error instanceof ConfabError) throw error
        this.#noteFailure(error)
        await this.#follow()
      }
      if (this.#parts.length > 0) await new Promise<void>((resolve) => this.#drained.push(resolve))
    }
  }

  async #fetch(nodeId: number, session: FetchSession, standings: readonly Standing[]): Promise<readonly FetchedPartition[]> {
    const maxBytes = Math.min(PARTITION_BYTES_MAX, this.#options.fetchBytesMax)
    const wanted = standings.map(({ topic, partition, offset }) => ({ topic, partition, offset, maxBytes }))
    const broker = await this.#cluster.findBroker({ nodeId })
    const { errorCode, sessionId, parts } = await broker.connectionPool.send({
      request: fetchRequest({
        replicaId: -1,
        maxWaitTime: this.#options.waitMs,
        minBytes: 1,
        maxBytes: this.#options.fetchBytesMax,
        isolationLevel: 1,
        ...session.request(wanted),
      }),
      response: {
        decode: (payload) => Promise.resolve(decodeFetch(payload, (topic, partition) => session.offsetOf(topic, partition))),
        parse: (answer) => Promise.resolve(answer),
      },
      requestTimeout: REQUEST_TIMEOUT_MS + this.#options.waitMs,
    })
    if (!session.accept(errorCode, sessionId)) return []
    if (errorCode !== 0) throw new ConfabError('log_stale', { detail: `The broker refused a fetch (${errorCode}).` })
    return parts
  }

  /** Hands parts out; answers whether some partition has moved to another broker. */
  #take(parts: readonly FetchedPartition[]): boolean {
    let isMoved = false
    for (const { topic, partition, errorCode, highWatermark, next, records } of parts) {
      const standing = this.#standings.get(keyOf({ topic, partition }))
      if (standing === undefined) continue
      if (errorCode === OFFSET_OUT_OF_RANGE)
        throw new ConfabError('offset_below_start', { fields: { topic, partition, offset: standing.offset } })
      if (MOVED.has(errorCode)) isMoved = true
      else if (errorCode !== 0) throw new ConfabError('log_stale', { detail: `The broker refused to read ${topic} (${errorCode}).` })
      // A part for an offset that was given up meanwhile ends below where the partition stands now.
      if (next === undefined || next <= standing.offset) continue
      standing.offset = next
      this.#parts.push({ topic, partition, records, next, end: highWatermark })
    }
    if (this.#parts.length > 0) this.#wake?.()
    return isMoved
  }

  /** Asks who leads now. Loops that fail together ask once. */
  async #follow(): Promise<void> {
    this.#movedTo ??= (async () => {
      await sleep(RETRY_MS)
      if (!this.#isClosed) await this.#cluster.refreshMetadata()
      this.#place()
    })().finally(() => (this.#movedTo = undefined))
    // No answer is one more failure, and the loops count those.
    await this.#movedTo.catch((error: unknown) => this.#noteFailure(error))
  }

  #noteFailure(error: unknown): void {
    this.#failingSince ??= performance.now()
    if (performance.now() - this.#failingSince > STALE_AFTER_MS) this.#fail(error)
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof ConfabError ? error : new ConfabError('log_stale', { cause: error })
    this.#wake?.()
  }
}
