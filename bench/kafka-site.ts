// The smallest site on a broker of its own: log, settings, and the means to make commands and to catch what their decisions commit.
// Between the benchmarks of cluster mode and the real owners: nothing here stands in for them.

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { derivePlain, encode, settingRecords, type Account, type Command, type Organization, type SettingKind } from '#schemas/log'
import { openKafkaLog, partitionOf, type Batch, type KafkaLogHandle, type Lease, type Log } from '#log'
import { openOwners, openSettings, recordOf, type Owners, type Settings } from '#runtime'
import { removeDirectory, temporaryDirectory } from '../test/harness.ts'
import { startOwnKafka, type TestKafka } from '../test/kafka/index.ts'

const organizationId = derivePlain('setting', ['bench', 'organization'])
const base = { organizationId, uniqueKeys: [], rev: 1, createdAt: 1, updatedAt: 1 }
const organization: Organization = { ...base, id: organizationId, name: 'Bench', sealedIdKey: randomBytes(32), reopenToAgentHours: 24 }
const account: Account = {
  ...base,
  id: derivePlain('setting', ['bench', 'account']),
  name: 'SMS',
  channel: 'twilio',
  externalId: '+15550100',
  ingestKey: 'key',
  sealedCredentials: null,
  replyGuard: 'guarded',
  sendsReadReceipts: true,
  isActive: true,
  options: {},
  origins: [],
  bots: [],
}

export interface KafkaSite {
  readonly kafka: TestKafka
  readonly log: KafkaLogHandle
  readonly settings: Settings
  /** What owners committed, in order within each partition. */
  readonly commits: readonly { readonly partition: number; readonly batch: Batch }[]
  openOwners(): Promise<Owners>
  close(): Promise<void>
}

const writeSettings = async (log: Log): Promise<void> => {
  const values: [SettingKind, { id: string }][] = [
    ['organization', organization],
    ['account', account],
  ]
  const records = values.map(([kind, value]) => ({
    key: `${kind}/${value.id}`,
    value: encode(settingRecords[kind] as never, value as never),
    headers: { type: kind },
    time: 1,
  }))
  const lease = await log.lease('conversations', partitionOf(organizationId))
  await lease.commit({ entries: [{ topic: 'config', partition: lease.partition, records }] })
  await lease.release()
}

/** The same log, whose leases remember what was committed under them. */
const watched = (log: KafkaLogHandle, commits: { partition: number; batch: Batch }[]): Log => ({
  id: log.id,
  append: (entries) => log.append(entries),
  read: (from, options) => log.read(from, options),
  latest: (topic, partition, keys) => log.latest(topic, partition, keys),
  bounds: (topic, partition) => log.bounds(topic, partition),
  offsetAt: (topic, partition, time) => log.offsetAt(topic, partition, time),
  assignment: (duty, signal) => log.assignment(duty, signal),
  close: () => log.close(),
  async lease(owner, partition): Promise<Lease> {
    const lease = await log.lease(owner, partition)
    return {
      owner,
      partition,
      epoch: lease.epoch,
      position: lease.position,
      async commit(batch, position) {
        await lease.commit(batch, position)
        commits.push({ partition, batch })
      },
      release: () => lease.release(),
    }
  },
})

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })

export const openKafkaSite = async (options: { brokers?: 1 | 3; client?: 'kafkajs' | 'confluent' } = {}): Promise<KafkaSite> => {
  const kafka = await startOwnKafka({ brokers: options.brokers ?? 1 })
  const directory = await temporaryDirectory()
  const log = await openKafkaLog({
    connection: { brokers: kafka.bootstrap.split(','), clientId: 'confab-bench' },
    client: options.client ?? 'kafkajs',
    prefix: 'confab.',
    directory: join(directory, 'log'),
    replication: options.brokers ?? 1,
    // A benchmark fills the broker as fast as it goes: slow is not gone.
    slowMs: 30_000,
    inFlightBytesMax: 512 * 1_048_576,
  })
  await writeSettings(log)
  const fail = (error: unknown): void => {
    throw error
  }
  const settings = await openSettings({ log, openIdKey: ({ sealedIdKey }) => sealedIdKey, onError: fail })
  const commits: { partition: number; batch: Batch }[] = []
  return {
    kafka,
    log,
    settings,
    commits,
    openOwners: () =>
      openOwners({
        log: watched(log, commits),
        settings,
        clock: Date.now,
        now: () => performance.now(),
        random: Math.random,
        pause,
        onDecided: () => undefined,
        onParked: ({ error }) => fail(error),
        onTrouble: (error) => console.error(error),
      }),
    async close() {
      await settings.close()
      await log.close()
      await kafka.stop()
      await removeDirectory(directory)
    },
  }
}

/** An inbound text of the n-th message, spread over the conversations. */
export const inboundCommand = (n: number, conversations: number): Command<'message.receive'> => {
  const person = n % conversations
  const contactId = derivePlain('setting', ['bench', 'contact', person])
  return {
    type: 'message.receive',
    commandId: derivePlain('command', ['bench', n]),
    organizationId,
    actor: { kind: 'conversation', id: derivePlain('setting', ['bench', 'conversation', person]) },
    by: { kind: 'contact', id: contactId },
    asksOutcome: false,
    bodyHash: '',
    at: Date.now(),
    data: {
      messageId: derivePlain('setting', ['bench', 'message', n]),
      accountId: account.id,
      channel: 'twilio',
      contactId,
      address: { userId: `+1555${1_000_000 + person}`, threadId: null, accountAddress: '+15550100' },
      profile: null,
      content: {
        kind: 'text',
        text: `order invoice delivery address tomorrow question refund package ${n}`,
        attachments: [],
        location: null,
        answer: null,
        template: null,
        native: null,
        providerMessageId: `SM${n}`,
        providerEventId: null,
        clientKey: null,
      },
      providerAt: null,
      receivedAt: Date.now(),
    },
  }
}

/** Appends commands, many a send, so that the log and not its filling is measured. */
export const appendCommands = async (log: Log, from: number, to: number, conversations: number): Promise<void> => {
  const queues = new Map<number, ReturnType<typeof recordOf>['record'][]>()
  for (let n = from; n < to; n++) {
    const { entry, record } = recordOf(inboundCommand(n, conversations))
    const queue = queues.get(entry.partition) ?? []
    queues.set(entry.partition, queue)
    queue.push(record)
  }
  await Promise.all(
    [...queues].map(async ([partition, records]) => {
      for (let at = 0; at < records.length; at += 500)
        await log.append([{ topic: 'commands', partition, records: records.slice(at, at + 500) }])
    }),
  )
}
