// The parts of kafkajs 2.2.4 below its public face: its cluster and brokers, for fetches, list-offsets and group membership of our own.
// Stands between the adapter and a pinned version; each part has its shape written down here and nowhere else.

import { createRequire } from 'node:module'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { Kafka, logLevel, type ISocketFactoryArgs, type KafkaConfig } from 'kafkajs'
import type { ConnectionOptions } from './client.ts'

export interface ProtocolRequest {
  readonly apiKey: number
  readonly apiVersion: number
  readonly apiName: string
  encode(): Promise<unknown>
}

export interface JoinedGroup {
  readonly generationId: number
  readonly leaderId: string
  readonly memberId: string
  readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[]
}

/** Who writes, as brokers know it. */
export interface ProducerIdentity {
  /** An int64, as kafkajs hands it out. */
  readonly producerId: string
  readonly producerEpoch: number
}

export interface InnerBroker {
  readonly connectionPool: {
    send<T>(call: {
      readonly request: ProtocolRequest
      readonly response: { decode(payload: Buffer): Promise<T>; parse(data: T): Promise<T> }
      readonly requestTimeout?: number
    }): Promise<T>
  }
  listOffsets(request: {
    readonly isolationLevel: 0 | 1
    readonly topics: readonly { readonly topic: string; readonly partitions: readonly { partition: number; timestamp: number }[] }[]
  }): Promise<{ readonly responses: readonly { topic: string; partitions: readonly { partition: number; offset: string }[] }[] }>
  joinGroup(request: {
    readonly groupId: string
    readonly sessionTimeout: number
    readonly rebalanceTimeout: number
    readonly memberId: string
    readonly groupProtocols: readonly { readonly name: string; readonly metadata: Buffer }[]
  }): Promise<JoinedGroup>
  syncGroup(request: {
    readonly groupId: string
    readonly generationId: number
    readonly memberId: string
    readonly groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[]
  }): Promise<{ readonly memberAssignment: Buffer }>
  initProducerId(request: { readonly transactionalId: string; readonly transactionTimeout: number }): Promise<ProducerIdentity>
  addPartitionsToTxn(
    request: ProducerIdentity & {
      readonly transactionalId: string
      readonly topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[]
    },
  ): Promise<unknown>
  endTxn(request: ProducerIdentity & { readonly transactionalId: string; readonly transactionResult: boolean }): Promise<unknown>
  heartbeat(request: { readonly groupId: string; readonly groupGenerationId: number; readonly memberId: string }): Promise<unknown>
  leaveGroup(request: { readonly groupId: string; readonly memberId: string }): Promise<unknown>
}

export interface InnerCluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  isConnected(): boolean
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>
  refreshMetadata(): Promise<void>
  refreshMetadataIfNecessary(): Promise<void>
  findBroker(wish: { readonly nodeId: number }): Promise<InnerBroker>
  findGroupCoordinator(wish: { readonly groupId: string; readonly coordinatorType?: 0 | 1 }): Promise<InnerBroker>
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number; readonly leader: number }[]
  removeBroker(place: { readonly host: string; readonly port: number }): void
}

/** Members' words in a group: what they subscribe to and hold, what they are given. */
interface AssignerProtocol {
  readonly MemberMetadata: {
    encode(metadata: { readonly version: number; readonly topics: readonly string[]; readonly userData: Buffer }): Buffer
    decode(bytes: Buffer): { readonly topics: readonly string[]; readonly userData: Buffer | null }
  }
  readonly MemberAssignment: {
    encode(given: { readonly version: number; readonly assignment: Readonly<Record<string, readonly number[]>> }): Buffer
    decode(bytes: Buffer): { readonly assignment: Readonly<Record<string, readonly number[]>> } | null
  }
}

export interface FetchTopic {
  readonly topic: string
  readonly partitions: readonly { readonly partition: number; readonly fetchOffset: string; readonly maxBytes: number }[]
}

export interface ForgottenTopic {
  readonly topic: string
  readonly partitions: readonly number[]
}

interface FetchWords {
  readonly replicaId: number
  readonly maxWaitTime: number
  readonly minBytes: number
  readonly maxBytes: number
  readonly isolationLevel: 0 | 1
  readonly sessionId: number
  readonly sessionEpoch: number
  readonly topics: readonly FetchTopic[]
  readonly forgottenTopics: readonly ForgottenTopic[]
}

interface ProduceWords extends ProducerIdentity {
  readonly acks: -1
  readonly timeout: number
  readonly transactionalId: string
  readonly compression: 0
  readonly topicData: readonly {
    readonly topic: string
    readonly partitions: readonly {
      readonly partition: number
      readonly firstSequence: number
      readonly messages: readonly {
        readonly key: Buffer
        readonly value: Buffer | null
        readonly headers: Readonly<Record<string, string>>
        readonly timestamp: string
      }[]
    }[]
  }[]
}

interface ProduceAnswer {
  readonly topics: readonly {
    readonly topicName: string
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number; readonly baseOffset: string }[]
  }[]
}

interface RequestQueue {
  throttledUntil: number
  throttleCheckTimeoutId: NodeJS.Timeout | null
  readonly pending: readonly unknown[]
  checkPendingRequests(): void
}

const require = createRequire(import.meta.url)

export const { MemberMetadata, MemberAssignment } = require('kafkajs/src/consumer/assignerProtocol') as AssignerProtocol

export const fetchRequest = require('kafkajs/src/protocol/requests/fetch/v11/request') as (words: FetchWords) => ProtocolRequest

export const produceRequest = require('kafkajs/src/protocol/requests/produce/v7/request') as (words: ProduceWords) => ProtocolRequest

export const { decode: decodeProduce } = require('kafkajs/src/protocol/requests/produce/v7/response') as {
  readonly decode: (payload: Buffer) => Promise<ProduceAnswer>
}

const { prototype: requestQueue } = require('kafkajs/src/network/requestQueue') as {
  readonly prototype: { scheduleCheckPendingRequests(this: RequestQueue): void }
}

/** Milliseconds after which requests that wait for room are looked at again. */
const CHECK_PENDING_MS = 10

/** As it comes, every idle connection wakes the process each millisecond for ever (kafkajs issue 1751). */
requestQueue.scheduleCheckPendingRequests = function (): void {
  if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return
  const waitMs = Math.max(CHECK_PENDING_MS, this.throttledUntil - Date.now())
  this.throttleCheckTimeoutId = setTimeout(() => {
    this.throttleCheckTimeoutId = null
    this.checkPendingRequests()
  }, waitMs)
}

/** Short, so that the markers of the last transaction cost the next one 3 ms and not 300; gives up after about 9 s. */
const RETRY = { initialRetryTime: 3, multiplier: 1.5, maxRetryTime: 300, retries: 40 } as const
const CONNECT_TIMEOUT_MS = 1000

const { prototype: clusters } = require('kafkajs/src/cluster') as { readonly prototype: { retry?: object } }

// InitProducerId asks a cluster for its retries, which kafkajs forgets to give it: five, of 300 ms and more.
clusters.retry = RETRY

/** Milliseconds after which leaders are asked for though nothing failed. */
const METADATA_AGE_MS_MAX = 60_000

const tlsOptions = ({ tls }: ConnectionOptions): Pick<KafkaConfig, 'ssl'> => {
  if (tls === undefined) return {}
  const { ca, cert, key } = tls
  return {
    ssl: { ...(ca === undefined ? {} : { ca: [ca] }), ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) },
  }
}

/** A kafkajs of its own with the sockets it opened: a hung broker must not keep a close waiting. */
export class Session {
  readonly kafka: Kafka
  readonly #sockets = new Set<Socket>()
  #isDestroyed = false

  constructor(connection: ConnectionOptions, requestTimeoutMs: number) {
    this.kafka = new Kafka({
      brokers: [...connection.brokers],
      clientId: connection.clientId,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: requestTimeoutMs,
      retry: RETRY,
      logLevel: logLevel.NOTHING,
      socketFactory: (wish) => this.#openSocket(wish),
      ...tlsOptions(connection),
      ...(connection.sasl === undefined ? {} : { sasl: connection.sasl as NonNullable<KafkaConfig['sasl']> }),
    })
  }

  openCluster(): InnerCluster {
    const symbol = Object.getOwnPropertySymbols(this.kafka).find(({ description }) => description === 'private:Kafka:createCluster')
    const create = (this.kafka as unknown as Record<symbol, (options: object) => InnerCluster>)[symbol as symbol]
    return (create as (options: object) => InnerCluster)({ metadataMaxAge: METADATA_AGE_MS_MAX, allowAutoTopicCreation: false })
  }

  /** Ends every connection at once; what waits on one is rejected. */
  destroy(): void {
    this.#isDestroyed = true
    // With an error: kafkajs does not hear of a socket that closes without one, and waits for its requests.
    for (const socket of this.#sockets) socket.destroy(new Error('closed by its owner'))
  }

  #openSocket({ host, port, ssl, onConnect }: ISocketFactoryArgs): Socket {
    const socket =
      (ssl as object | undefined) === undefined || ssl === null
        ? connectTcp({ host, port }, onConnect)
        : connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 60_000)
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    if (this.#isDestroyed) socket.destroy(new Error('closed by its owner'))
    return socket
  }
}

/** Whether a fault or one of its causes is a protocol error of one of these types, or has one of these numbers. */
export const hasType = (error: unknown, types: ReadonlySet<string | number>): boolean => {
  for (let fault = error; fault instanceof Error; fault = fault.cause) {
    const { type, code } = fault as { readonly type?: string; readonly code?: number | string }
    if ((type !== undefined && types.has(type)) || (code !== undefined && types.has(code))) return true
  }
  return false
}
