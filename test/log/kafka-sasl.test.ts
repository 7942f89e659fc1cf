// The Kafka log with SASL and the broker's authorizer on: the planned ACLs are enough, and no more than enough.

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import kafkajs from 'kafkajs'
import { hasCode } from '#errors'
import {
  applyTopics,
  checkTopics,
  openKafkaClient,
  openKafkaLog,
  planAcls,
  type Duty,
  type KafkaClientName,
  type KafkaConnection,
  type KafkaLogHandle,
} from '#log'
import { batchOf, readTopic, recordOf, textOf } from '../contract/log-records.ts'
import { startOwnKafka, type TestKafka } from '../kafka/index.ts'
import { users } from '../kafka/properties.ts'

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, Kafka, logLevel, ResourcePatternTypes } = kafkajs

const prefix = 'confab.'
const duties: readonly Duty[] = ['ingest', 'actors', 'gateway', 'sender', 'webhooks']

type User = keyof typeof users
type Mechanism = NonNullable<KafkaConnection['sasl']>['mechanism']

let kafka: TestKafka
let directory: string

const connection = (user: User, mechanism: Mechanism = 'scram-sha-512'): KafkaConnection => ({
  brokers: kafka.bootstrap.split(','),
  clientId: 'confab-test',
  sasl: { mechanism, username: user, password: users[user] },
})

const operations = {
  Read: AclOperationTypes.READ,
  Write: AclOperationTypes.WRITE,
  Create: AclOperationTypes.CREATE,
  Describe: AclOperationTypes.DESCRIBE,
  DescribeConfigs: AclOperationTypes.DESCRIBE_CONFIGS,
}
const resources = {
  topic: AclResourceTypes.TOPIC,
  group: AclResourceTypes.GROUP,
  'transactional-id': AclResourceTypes.TRANSACTIONAL_ID,
}

const allow = async (user: User, duty: Duty): Promise<void> => {
  const admin = new Kafka({
    brokers: kafka.bootstrap.split(','),
    logLevel: logLevel.NOTHING,
    sasl: { mechanism: 'plain', username: 'admin', password: users.admin },
  }).admin()
  await admin.connect()
  await admin.createAcls({
    acl: planAcls(duty, { prefix, createTopics: false }).flatMap((rule) =>
      rule.operations.map((operation) => ({
        resourceType: resources[rule.resource],
        resourceName: rule.name,
        resourcePatternType: rule.pattern === 'literal' ? ResourcePatternTypes.LITERAL : ResourcePatternTypes.PREFIXED,
        principal: `User:${user}`,
        host: '*',
        operation: operations[operation],
        permissionType: AclPermissionTypes.ALLOW,
      })),
    ),
  })
  // Acknowledged by the controller is not yet in force at the broker: it applies the new topics first.
  const everything = { resourceType: AclResourceTypes.ANY, resourcePatternType: ResourcePatternTypes.ANY } as const
  const all = { operation: AclOperationTypes.ANY, permissionType: AclPermissionTypes.ANY, principal: `User:${user}` } as const
  const marker = `${prefix}${duty === 'ingest' ? 'log-id' : duty}`
  for (const endsAt = performance.now() + 30_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const { resources: found } = await admin.describeAcls({ ...everything, ...all })
    if (found.some(({ resourceName }) => resourceName === marker) || duty === 'gateway') break
    assert.ok(performance.now() < endsAt, `the ACLs of ${duty} are not in force`)
  }
  await admin.disconnect()
}

before(async () => {
  kafka = await startOwnKafka({ sasl: true, cleaner: false })
  directory = await mkdtemp(join(tmpdir(), 'confab-keys-'))
  const client = await openKafkaClient(connection('admin', 'plain'))
  await applyTopics(client, { prefix, replication: 1 })
  assert.deepEqual(await checkTopics(client, { prefix, replication: 1 }), [])
  await client.close()
  for (const duty of duties) await allow('node', duty)
  await allow('stranger', 'ingest')
})
after(async () => {
  await kafka.stop()
  await rm(directory, { recursive: true, force: true })
})

let opened = 0
const open = (user: User, mechanism: Mechanism, client: KafkaClientName = 'kafkajs'): Promise<KafkaLogHandle> =>
  openKafkaLog({
    connection: connection(user, mechanism),
    client,
    prefix,
    directory: join(directory, `${opened++}`),
    createTopics: false,
    replication: 1,
    transactionTimeoutMs: 5_000,
    slowMs: 5_000,
  })

const rounds: readonly (readonly [KafkaClientName, Mechanism])[] = [
  ['kafkajs', 'plain'],
  ['kafkajs', 'scram-sha-256'],
  ['kafkajs', 'scram-sha-512'],
  ['confluent', 'scram-sha-512'],
]
for (const [index, [client, mechanism]] of rounds.entries()) {
  test(`a node with the planned ACLs of all duties does all there is to do: ${client}, ${mechanism}`, async (t) => {
    const log = await open('node', mechanism, client)
    t.after(() => log.close())
    await log.append([{ topic: 'raw', partition: 0, records: [recordOf('request', 'bytes')] }])
    for (const owner of ['conversations', 'contacts', 'sender', 'webhooks'] as const) await log.lease(owner, index)
    const lease = await log.lease('conversations', index)
    await lease.commit({ entries: batchOf(index, 0) }, 1)
    assert.equal((await readTopic(log, 'events', index)).length, 2)
    assert.equal(textOf((await log.latest('messages', index, ['subject/message-0']))[0]), 'message 0')
    const abort = new AbortController()
    for await (const given of log.assignment('actors', abort.signal)) {
      assert.equal(given.size, 32)
      abort.abort()
    }
  })
}

test('a node of another duty cannot write what its duty does not', async (t) => {
  const log = await open('stranger', 'plain')
  t.after(() => log.close())
  await log.append([{ topic: 'raw', partition: 0, records: [recordOf('request', 'bytes')] }])
  await assert.rejects(log.lease('conversations', 0), (error) => hasCode(error, 'append_refused') && /ACLs/.test((error as Error).message))
})

test('a wrong password is told as what it is', async () => {
  const wrong: KafkaConnection = { ...connection('node'), sasl: { mechanism: 'plain', username: 'node', password: 'guess' } }
  const opening = openKafkaLog({ connection: wrong, prefix, directory: join(directory, 'wrong'), createTopics: false, replication: 1 })
  await assert.rejects(opening, (error) => hasCode(error, 'kafka_refused') && /SASL|[Aa]uthenticat/.test((error as Error).message))
})
