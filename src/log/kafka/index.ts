// The Kafka form of the log: topics of a cluster behind one of two clients.
// Stands between the port and the brokers; what is local here can be deleted at any moment.

import { ConfabError } from '#errors'
import type { Topic } from '#topics'
import type { LeaseFacts, LogLogger } from '../embedded/index.ts'
import type { Log } from '../index.ts'
import type { ConnectionOptions, KafkaClient } from './client.ts'
import { KafkaLog } from './log.ts'
import { settleId } from './site.ts'
import { settleTopics } from './topic-plan.ts'

export type { ConnectionOptions } from './client.ts'
export { aclCommand, planAcls } from './acl-plan.ts'
export { applyTopics, checkTopics, describeDifference, planTopics } from './topic-plan.ts'

export type KafkaClientName = 'kafkajs' | 'confluent'

export interface KafkaLogOptions {
  readonly connection: ConnectionOptions
  /** Default kafkajs; confluent must be installed beside Confab. */
  readonly client?: KafkaClientName
  /** What topics, groups and transactional ids begin with: one site of a cluster. */
  readonly prefix: string
  /** Holds the local key files; anything in it can be deleted while the process is down. */
  readonly directory: string
  /** Creates topics that are missing; else a missing one is an error at the start. */
  readonly createTopics?: boolean
  /** Replicas of each partition; default the cluster's own. */
  readonly replication?: number
  /** The topics that are to be there; default all. A cluster for telemetry has `logs` alone, and no id to seal positions with. */
  readonly only?: readonly Topic[]
  /** Milliseconds since 1970. */
  readonly clock?: () => number
  readonly logger?: LogLogger
  /** The name or url that ownership records show. */
  readonly node?: string
  readonly encodeOwnership?: (facts: LeaseFacts) => Uint8Array
  /** Milliseconds a send may take before its broker counts as gone; default 1,000. */
  readonly slowMs?: number
  /** Milliseconds after which brokers abort a transaction; default 10,000. */
  readonly transactionTimeoutMs?: number
  /** Milliseconds after which the fate of a commit counts as unknown; default 20,000. */
  readonly commitDeadlineMs?: number
  /** Bytes of one answer of a broker to a reader; default 4 MB. */
  readonly fetchBytesMax?: number
  /** Bytes not yet durable beyond which writes are refused; default 64 MB. */
  readonly inFlightBytesMax?: number
}

export interface KafkaDiagnostics {
  /** Sends of plain appends, and their records. */
  readonly appends: number
  readonly appendedRecords: number
  readonly transactions: number
  readonly committedRecords: number
  readonly inFlightBytes: number
  /** Records that readers dropped by their epoch: anything but 0 is an alarm. */
  readonly droppedRecords: number
  readonly unknownCommits: number
  readonly leases: number
  readonly liveLeases: number
  /** How often a broker was found to be away. */
  readonly breakerOpened: number
}

/** The port, and what only this form has. */
export interface KafkaLogHandle extends Log {
  readonly diagnostics: KafkaDiagnostics
  /** Brings local key files of a partition up to the end of now: before an owner is ready, and on its standbys. */
  restorePartition(topics: readonly Topic[], partition: number): Promise<void>
}

export const openKafkaClient = async (connection: ConnectionOptions, name: KafkaClientName = 'kafkajs'): Promise<KafkaClient> => {
  if (connection.brokers.length === 0) throw new ConfabError('config_invalid', { detail: 'No Kafka broker is named.' })
  // Each client is loaded by those who ask for it.
  if (name === 'kafkajs') {
    const { openKafkajsClient } = await import('./kafkajs.ts')
    return openKafkajsClient(connection)
  }
  const { openConfluentClient } = await import('./confluent.ts')
  return openConfluentClient(connection)
}

/** Opens the log. Rejects with `topics_differ`, `kafka_refused`, `log_stale`, `kafka_client_missing`. */
export const openKafkaLog = async (options: KafkaLogOptions): Promise<KafkaLogHandle> => {
  const client = await openKafkaClient(options.connection, options.client)
  try {
    const { prefix, replication, only, createTopics = true } = options
    await settleTopics(client, { prefix, replication, only, create: createTopics })
    const hasId = only === undefined || only.includes('ownership')
    const id = hasId ? await settleId(client, prefix, (options.clock ?? Date.now)()) : ''
    return new KafkaLog({ id, client, options })
  } catch (error) {
    await client.close()
    throw error
  }
}
