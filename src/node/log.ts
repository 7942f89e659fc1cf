// Which form of the log a node has: its own file, or a Kafka cluster.
// Between the settings and the log port: nothing else of the program knows which form it runs on.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { encode, leaseRecord } from '#schemas/log'
import type { Config } from '#config'
import { ConfabError } from '#errors'
import { openEmbeddedLog, openKafkaLog, type KafkaConnection, type LeaseFacts, type Log } from '#log'
import type { NodeTools } from './tools.ts'

type LogTools = Pick<NodeTools, 'logger' | 'metrics'>

const encodeOwnership =
  (url: string) =>
  ({ owner, partition, epoch, node, at }: LeaseFacts): Uint8Array =>
    encode(leaseRecord, { owner, partition, epoch, node, url, at })

const openOwn = (config: Config, { logger, metrics }: LogTools): Promise<Log> =>
  openEmbeddedLog({
    directory: join(config.dataDirectory, 'log'),
    synchronous: config.synchronous,
    logger,
    node: config.publicUrl,
    encodeOwnership: encodeOwnership(config.publicUrl),
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

const openShared = (config: Config, { logger }: LogTools): Promise<Log> =>
  openKafkaLog({
    connection: connectionOf(config),
    client: config.kafkaClient,
    prefix: config.kafkaPrefix,
    directory: join(config.dataDirectory, 'log'),
    createTopics: config.kafkaCreateTopics,
    replication: config.kafkaReplication,
    clock: Date.now,
    logger,
    node: config.publicUrl,
    encodeOwnership: encodeOwnership(config.publicUrl),
  })

export const openLog = (config: Config, tools: LogTools): Promise<Log> =>
  config.kafkaBrokers.length === 0 ? openOwn(config, tools) : openShared(config, tools)
