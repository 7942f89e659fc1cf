// The other client: @confluentinc/kafka-javascript (librdkafka), where the operator has installed it.
// Stands between the log's narrow client and the library.

import { ConfabError } from '#errors'
import type { ConnectionOptions, KafkaClient } from './client.ts'

/** Rejects with `kafka_client_missing`. */
export const openConfluentClient = (_connection: ConnectionOptions): Promise<KafkaClient> =>
  Promise.reject(new ConfabError('kafka_client_missing'))
