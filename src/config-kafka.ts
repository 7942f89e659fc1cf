// The settings of the Kafka form of the log; a part of the one table in config.ts.
// Between the environment and src/log/kafka: unset brokers mean the embedded form.

import { integer, list, oneOf, setting, text, url } from './config-parsers.ts'

const flag = (given: string): boolean => oneOf('true', 'false')(given) === 'true'

const BROKER = /^[^\s:,]+:\d{1,5}$/
const brokers = (given: string): readonly string[] => {
  const parts = list(given)
  if (parts.some((part) => !BROKER.test(part))) throw new Error('expects host:port, separated by commas')
  return parts
}
const prefix = (given: string): string => {
  if (!/^[\w.-]{0,100}$/.test(given)) throw new Error('expects letters, digits, dots, hyphens and underscores')
  return given
}

const standbys = (given: string): number | 'all' => {
  if (given === 'all') return 'all'
  if (!/^\d{1,3}$/.test(given)) throw new Error('expects all, or a number of nodes')
  return Number(given)
}

export const kafkaSettings = {
  nodeUrl: setting(
    'CONFAB_NODE_URL',
    '',
    url,
    'How the other nodes of a cluster reach this one, inside the network; each node has its own. Needed where CONFAB_STANDBYS is a number.',
  ),
  standbys: setting(
    'CONFAB_STANDBYS',
    'all',
    standbys,
    'Who folds the views of a partition in a cluster: all nodes, or its owner and this many others. With a number each node needs CONFAB_NODE_URL.',
  ),
  kafkaBrokers: setting(
    'CONFAB_KAFKA_BROKERS',
    '',
    brokers,
    'Kafka brokers to begin with (host:port, comma-separated). Set: the log is theirs and any number of nodes share it. Unset: one process with its own log.',
  ),
  kafkaClient: setting(
    'CONFAB_KAFKA_CLIENT',
    'kafkajs',
    oneOf('kafkajs', 'confluent'),
    'kafkajs is in the box; confluent (@confluentinc/kafka-javascript, librdkafka) must be installed beside Confab. One of them for the whole site.',
  ),
  kafkaPrefix: setting(
    'CONFAB_KAFKA_PREFIX',
    'confab.',
    prefix,
    'What names of topics, groups and transactions begin with: one site of a cluster.',
  ),
  kafkaCreateTopics: setting(
    'CONFAB_KAFKA_CREATE_TOPICS',
    'true',
    flag,
    'Create topics that are missing at start. false: check them only (`confab topics plan` tells what they must be).',
  ),
  kafkaReplication: setting(
    'CONFAB_KAFKA_REPLICATION',
    '3',
    integer(1, 9),
    'Replicas of each partition of the topics that are created; with 3, two must have a record before it counts.',
  ),
  logsKafkaBrokers: setting(
    'CONFAB_LOGS_KAFKA_BROKERS',
    '',
    brokers,
    'Another cluster for request telemetry (`logs`), host:port, comma-separated: losing it slows nothing, what it does not take is dropped and counted. It is reached as the first one is, but for the settings below.',
  ),
  logsKafkaReplication: setting('CONFAB_LOGS_KAFKA_REPLICATION', '3', integer(1, 9), 'Replicas of `logs` there.'),
  logsKafkaUser: setting('CONFAB_LOGS_KAFKA_USER', '', text, 'User at that cluster, where it is another one.'),
  logsKafkaPasswordFile: setting('CONFAB_LOGS_KAFKA_PASSWORD_FILE', '', text, 'File that holds that user’s password.'),
  kafkaTls: setting('CONFAB_KAFKA_TLS', 'false', flag, 'Speak TLS to the brokers.'),
  kafkaTlsCaFile: setting(
    'CONFAB_KAFKA_TLS_CA_FILE',
    '',
    text,
    'PEM file of the authority that signed their certificates; default the system’s.',
  ),
  kafkaTlsCertFile: setting('CONFAB_KAFKA_TLS_CERT_FILE', '', text, 'PEM file of a certificate of our own, where brokers ask for one.'),
  kafkaTlsKeyFile: setting('CONFAB_KAFKA_TLS_KEY_FILE', '', text, 'PEM file of its key.'),
  kafkaSasl: setting(
    'CONFAB_KAFKA_SASL',
    'none',
    oneOf('none', 'plain', 'scram-sha-256', 'scram-sha-512'),
    'How to sign in at the brokers. plain is for TLS only.',
  ),
  kafkaUser: setting('CONFAB_KAFKA_USER', '', text, 'User at the brokers.'),
  kafkaPasswordFile: setting('CONFAB_KAFKA_PASSWORD_FILE', '', text, 'File that holds that user’s password.'),
} as const
