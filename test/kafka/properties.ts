// The server.properties of a test's broker: small, quick to settle, everything replicated as far as there are brokers.
// Stands between the harness and Kafka's own defaults, each of which would cost a test seconds.

/** The users of a cluster with SASL: the first is a super user. Their mechanisms are PLAIN and SCRAM-SHA-256 and -512. */
export const users = { admin: 'admin-secret', node: 'node-secret', stranger: 'stranger-secret' } as const

export interface Member {
  readonly id: number
  readonly port: number
  readonly controllerPort: number
}

const saslProperties = (): Record<string, string> => {
  const logins = Object.entries(users).map(([name, password]) => `user_${name}="${password}"`)
  const module = 'org.apache.kafka.common.security.plain.PlainLoginModule required'
  return {
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'sasl.mechanism.inter.broker.protocol': 'PLAIN',
    'listener.name.broker.plain.sasl.jaas.config': `${module} username="admin" password="${users.admin}" ${logins.join(' ')};`,
    'listener.name.broker.scram-sha-256.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'listener.name.broker.scram-sha-512.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    // The controllers' listener is plain: among themselves brokers are nobody.
    'super.users': 'User:admin;User:ANONYMOUS',
  }
}

export const serverProperties = (
  member: Member,
  members: readonly Member[],
  { sasl, cleaner }: { sasl: boolean; cleaner: boolean },
): Record<string, string> => {
  const replicas = String(members.length)
  const inSyncMin = members.length === 3 ? '2' : '1'
  return {
    'process.roles': 'broker,controller',
    'node.id': String(member.id),
    'controller.quorum.voters': members.map(({ id, controllerPort }) => `${id}@127.0.0.1:${controllerPort}`).join(','),
    listeners: `BROKER://127.0.0.1:${member.port},CONTROLLER://127.0.0.1:${member.controllerPort}`,
    'advertised.listeners': `BROKER://127.0.0.1:${member.port}`,
    'inter.broker.listener.name': 'BROKER',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': `BROKER:${sasl ? 'SASL_PLAINTEXT' : 'PLAINTEXT'},CONTROLLER:PLAINTEXT`,
    'auto.create.topics.enable': 'false',
    'delete.topic.enable': 'true',
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': '8',
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSyncMin,
    'transaction.state.log.num.partitions': '8',
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': '250',
    'min.insync.replicas': inSyncMin,
    'group.initial.rebalance.delay.ms': '0',
    'num.partitions': '1',
    'num.network.threads': '2',
    'num.io.threads': '4',
    'num.recovery.threads.per.data.dir': '2',
    // Hundreds of partitions a place: indexes as small as tests need them.
    'log.index.size.max.bytes': '65536',
    'log.cleaner.enable': String(cleaner),
    'log.cleaner.backoff.ms': '100',
    'log.cleaner.dedupe.buffer.size': '4194304',
    'file.delete.delay.ms': '100',
    // Retention runs by the tests' own hand: their records are of 1970 and of 2100.
    'log.retention.check.interval.ms': '3600000',
    'log.initial.task.delay.ms': '100',
    'broker.session.timeout.ms': '4000',
    'broker.heartbeat.interval.ms': '500',
    ...(sasl ? saslProperties() : {}),
  }
}
