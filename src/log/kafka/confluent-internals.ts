// The parts of @confluentinc/kafka-javascript that are used: its callback API over librdkafka, and the settings both sides share.
// Stands between the adapter and an optional package, found where the operator installed it or told how to install it.

import { createRequire } from 'node:module'
import { ConfabError } from '#errors'
import type { ConnectionOptions } from './client.ts'

type Callback<T = unknown> = (error: RdKafkaError | null | undefined, value: T) => void

export interface RdKafkaError extends Error {
  readonly code: number
  readonly isFatal?: boolean
  readonly isTxnRequiresAbort?: boolean
}

export interface DeliveryReport {
  readonly offset: number
  readonly opaque: { readonly onReport: (error: RdKafkaError | null | undefined, offset: number) => void }
}

interface RdKafkaHandle {
  connect(options: object, callback: Callback): void
  disconnect(callback: Callback): void
  on(event: 'event.error', listener: (error: RdKafkaError) => void): void
}

export interface RdKafkaProducer extends RdKafkaHandle {
  on(event: 'event.error', listener: (error: RdKafkaError) => void): void
  on(event: 'delivery-report', listener: (error: RdKafkaError | null | undefined, report: DeliveryReport) => void): void
  setPollInBackground(set: boolean): void
  produce(
    topic: string,
    partition: number,
    value: Buffer | null,
    key: Buffer,
    timestamp: number,
    opaque: DeliveryReport['opaque'],
    headers: readonly Record<string, string>[],
  ): void
  initTransactions(timeoutMs: number, callback: Callback): void
  beginTransaction(callback: Callback): void
  commitTransaction(timeoutMs: number, callback: Callback): void
}

interface RdKafka {
  readonly Producer: new (settings: object, topicSettings: object) => RdKafkaProducer
}

const PACKAGE = '@confluentinc/kafka-javascript'

/** What the operator runs where the package's ready-made binary cannot be fetched. */
const RECIPE =
  `Install it beside Confab: npm install ${PACKAGE}@1.10.1. Where its binary cannot be fetched, build it: ` +
  'apt-get install g++ make python3 libcurl4-openssl-dev libssl-dev zlib1g-dev libzstd-dev, then ' +
  `CKJS_LINKING=dynamic npm_config_build_from_source=true npm rebuild ${PACKAGE}. Or set CONFAB_KAFKA_CLIENT=kafkajs.`

/** Throws `kafka_client_missing` with the recipe. */
export const loadRdKafka = (): RdKafka => {
  try {
    // Optional, and not ES: only who chose it has it. NODE_PATH counts too.
    return createRequire(import.meta.url)(PACKAGE) as RdKafka
  } catch (cause) {
    throw new ConfabError('kafka_client_missing', { detail: RECIPE, cause })
  }
}

/** librdkafka's settings for reaching the brokers. */
export const settingsOf = ({ brokers, clientId, tls, sasl }: ConnectionOptions): Record<string, string | number | boolean> => ({
  'bootstrap.servers': brokers.join(','),
  'client.id': clientId,
  'security.protocol': `${sasl === undefined ? '' : 'sasl_'}${tls === undefined ? 'plaintext' : 'ssl'}`,
  'socket.keepalive.enable': true,
  'socket.nagle.disable': true,
  'reconnect.backoff.ms': 50,
  'reconnect.backoff.max.ms': 500,
  // The events say it; the library's own lines go to stderr past every logger.
  log_level: 0,
  ...(tls?.ca === undefined ? {} : { 'ssl.ca.pem': tls.ca }),
  ...(tls?.cert === undefined ? {} : { 'ssl.certificate.pem': tls.cert }),
  ...(tls?.key === undefined ? {} : { 'ssl.key.pem': tls.key }),
  ...(sasl === undefined
    ? {}
    : { 'sasl.mechanism': sasl.mechanism.toUpperCase(), 'sasl.username': sasl.username, 'sasl.password': sasl.password }),
})

/** A callback API's answer as a promise. */
export const answered = <T>(call: (callback: Callback<T>) => void): Promise<T> =>
  new Promise((resolve, reject) => call((error, value) => (error === null || error === undefined ? resolve(value) : reject(error))))
