// Which form of the log a node has: its own file, or a Kafka cluster.
// Between the settings and the log port: nothing else of the program knows which form it runs on.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { encode, leaseRecord } from '#schemas/log'
import type { Config } from '#config'
import { ConfabError } from '#errors'
import { openEmbeddedLog, openKafkaLog, type KafkaConnection, type KafkaLogHandle, type LeaseFacts, type Log } from '#log'
import type { NodeTools } from './tools.ts'

type LogTools = Pick<NodeTools, 'logger' | 'metrics'>

/** What leases say of whose they are. */
const nodeUrlOf = ({ nodeUrl, publicUrl }: Config): string => (nodeUrl === '' ? publicUrl : nodeUrl)

const encodeOwnership =
  (url: string) =>
  ({ owner, partition, epoch, node, at }: LeaseFacts): Uint8Array =>
    encode(leaseRecord, { owner, partition, epoch, node, url, at })

const openOwn = (config: Config, { logger, metrics }: LogTools): Promise<Log> =>
  openEmbeddedLog({
    directory: join(config.dataDirectory, 'log'),
    synchronous: config.synchronous,
    logger,
    node: nodeUrlOf(config),
    encodeOwnership: encodeOwnership(nodeUrlOf(config)),
    // Nothing can be acknowledged without the writer: a supervisor starts the process anew, and the log knows where it stood.
    onFailure: (error) => {
      logger.fatal({ name: 'log.failed', err: error })
      process.exit(1)
    },
    onPacket: ({ latencyMs }) => metrics.appendSeconds.observe({ door: 'log' }, latencyMs / 1000),
  })

/** Throws `config_invalid` naming the setting whose file cannot be read. */
const fileOf = (name: string, path: string): string | undefined => {
  if (path === '') return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ConfabError('config_invalid', { detail: `${name}: ${cause instanceof Error ? cause.message : String(cause)}.`, cause })
  }
}

const given = <T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T

/** How the brokers are reached. */
export const connectionOf = (config: Config): KafkaConnection => ({
  brokers: config.kafkaBrokers,
  clientId: `${config.kafkaPrefix}node`,
  ...(config.kafkaTls
    ? {
        tls: given<NonNullable<KafkaConnection['tls']>>({
          ca: fileOf('CONFAB_KAFKA_TLS_CA_FILE', config.kafkaTlsCaFile),
          cert: fileOf('CONFAB_KAFKA_TLS_CERT_FILE', config.kafkaTlsCertFile),
          key: fileOf('CONFAB_KAFKA_TLS_KEY_FILE', config.kafkaTlsKeyFile),
        }),
      }
    : {}),
  ...(config.kafkaSasl === 'none'
    ? {}
    : {
        sasl: {
          mechanism: config.kafkaSasl,
          username: config.kafkaUser,
          password: fileOf('CONFAB_KAFKA_PASSWORD_FILE', config.kafkaPasswordFile)?.trim() ?? '',
        },
      }),
})

const openShared = (config: Config, { logger }: LogTools): Promise<NodeLog> =>
  openKafkaLog({
    connection: connectionOf(config),
    client: config.kafkaClient,
    prefix: config.kafkaPrefix,
    directory: join(config.dataDirectory, 'log'),
    createTopics: config.kafkaCreateTopics,
    replication: config.kafkaReplication,
    clock: Date.now,
    logger,
    node: nodeUrlOf(config),
    encodeOwnership: encodeOwnership(nodeUrlOf(config)),
  })

/** Where telemetry goes: the site's log, or a cluster of its own that is opened when there is something to write, and again after a failure. */
export const openTelemetryLog = (config: Config, log: Log): Pick<Log, 'append' | 'close'> => {
  if (config.logsKafkaBrokers.length === 0) return { append: (entries) => log.append(entries), close: () => Promise.resolve() }
  const own = connectionOf({
    ...config,
    kafkaBrokers: config.logsKafkaBrokers,
    ...(config.logsKafkaUser === '' ? {} : { kafkaUser: config.logsKafkaUser, kafkaPasswordFile: config.logsKafkaPasswordFile }),
  })
  let opened: Promise<Log> | undefined
  const open = (): Promise<Log> =>
    openKafkaLog({
      connection: { ...own, clientId: `${config.kafkaPrefix}telemetry` },
      client: config.kafkaClient,
      prefix: config.kafkaPrefix,
      directory: join(config.dataDirectory, 'log', 'telemetry'),
      createTopics: config.kafkaCreateTopics,
      replication: config.logsKafkaReplication,
      only: ['logs'],
    })
  return {
    async append(entries) {
      opened ??= open()
      try {
        await (await opened).append(entries)
      } catch (error) {
        const failed = opened
        opened = undefined
        void failed.then((other) => other.close()).catch(() => undefined)
        throw error
      }
    },
    async close() {
      await opened?.then((other) => other.close()).catch(() => undefined)
    },
  }
}

/** What a log on Kafka can do beside: bring what an owner must know by key here before anybody asks. */
export type NodeLog = Log & Partial<Pick<KafkaLogHandle, 'restorePartition'>>

export const openLog = (config: Config, tools: LogTools): Promise<NodeLog> =>
  config.kafkaBrokers.length === 0 ? openOwn(config, tools) : openShared(config, tools)
