// The other client: @confluentinc/kafka-javascript (librdkafka) writes the records, where the operator has installed it.
// Stands between the log's narrow client and the library; reads, offsets, topics and the group go our own way all the same.

import type { ConnectionOptions, KafkaClient } from './client.ts'
import { loadRdKafka } from './confluent-internals.ts'
import { ConfluentProducer, openConfluentTransactions } from './confluent-producers.ts'
import { openKafkajsClient } from './kafkajs.ts'

/** Throws `kafka_client_missing`. */
export const openConfluentClient = (connection: ConnectionOptions): KafkaClient => {
  loadRdKafka()
  // Our own fetches read four times what its consumer does, and our assigner cannot be told to it: one group holds both clients' nodes.
  const questions = openKafkajsClient(connection)
  return {
    offsets: (places, wish) => questions.offsets(places, wish),
    leaderOf: (place) => questions.leaderOf(place),
    refreshLeaders: () => questions.refreshLeaders(),
    joinGroup: (options) => questions.joinGroup(options),
    describeTopics: (names) => questions.describeTopics(names),
    createTopics: (wishes) => questions.createTopics(wishes),
    alterTopics: (wishes) => questions.alterTopics(wishes),
    openProducer: () => new ConfluentProducer(connection),
    openTransactional: (transactionalId, timeoutMs) => openConfluentTransactions(connection, transactionalId, timeoutMs),
    openReader: (options) => questions.openReader(options),
    close: () => questions.close(),
  }
}
