// The smallest site: an embedded log in a folder of its own, settings written straight into `config`, owners and a command door.
// For tests of the runtime; the server's own way is test/harness.ts.

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import {
  derivePlain,
  encode,
  settingRecords,
  type Account,
  type Agent,
  type Command,
  type CommandType,
  type Organization,
  type SettingKind,
} from '#schemas/log'
import { openEmbeddedLog, partitionOf, type EmbeddedLogOptions, type Log } from '#log'
import { openCommands, openOwners, openSettings, type Commands, type Owners, type OwnersOptions, type Settings } from '#runtime'
import { removeDirectory, temporaryDirectory } from '../harness.ts'

export const ids = {
  organization: derivePlain('setting', ['test', 'organization']),
  account: derivePlain('setting', ['test', 'account']),
  agent: derivePlain('setting', ['test', 'agent']),
  other: derivePlain('setting', ['test', 'other']),
} as const

const base = { organizationId: ids.organization, uniqueKeys: [], rev: 1, createdAt: 1, updatedAt: 1 }
const agent = (id: string): Agent => ({
  ...base,
  id,
  name: 'Agent',
  email: `${id}@test`,
  role: 'agent',
  passwordHash: null,
  isActive: true,
  isAvailable: true,
})
const organization: Organization = { ...base, id: ids.organization, name: 'Test', sealedIdKey: randomBytes(32), reopenToAgentHours: 24 }
const account: Account = {
  ...base,
  id: ids.account,
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

export interface Site {
  readonly log: Log
  readonly settings: Settings
  readonly commands: Commands
  readonly owners: Owners
  readonly troubles: unknown[]
  readonly parked: { key: string; code: string; error: unknown }[]
  close(): Promise<void>
}

const writeSettings = async (log: Log): Promise<void> => {
  const values: [SettingKind, { id: string }][] = [
    ['organization', organization],
    ['account', account],
    ['agent', agent(ids.agent)],
    ['agent', agent(ids.other)],
  ]
  const records = values.map(([kind, value]) => ({
    key: `${kind}/${value.id}`,
    value: encode(settingRecords[kind] as never, value as never),
    headers: { type: kind },
    time: 1,
  }))
  const lease = await log.lease('conversations', partitionOf(ids.organization))
  await lease.commit({ entries: [{ topic: 'config', partition: lease.partition, records }] })
}

export interface SiteOptions {
  readonly directory?: string
  readonly log?: Partial<EmbeddedLogOptions>
  readonly clock?: () => number
  /** Puts something between the owners and the log, such as faults. */
  readonly wrap?: (log: Log) => Log
  readonly families?: OwnersOptions['families']
}

export const openSite = async (options: SiteOptions = {}): Promise<Site & { readonly directory: string; remove(): Promise<void> }> => {
  const directory = options.directory ?? (await temporaryDirectory())
  const clock = options.clock ?? Date.now
  const log = await openEmbeddedLog({ directory: join(directory, 'log'), cleanIntervalMs: 0, ...options.log })
  const troubles: unknown[] = []
  const parked: { key: string; code: string; error: unknown }[] = []
  const onError = (error: unknown): void => void troubles.push(error)
  if (options.directory === undefined) await writeSettings(log)
  const settings = await openSettings({ log, openIdKey: ({ sealedIdKey }) => sealedIdKey, onError })
  const seen = options.wrap?.(log) ?? log
  const commands = await openCommands({ log, settings, clock, drawKey: () => randomBytes(16).toString('hex'), onError })
  const owners = await openOwners({
    log: seen,
    settings,
    clock,
    now: () => performance.now(),
    random: () => 0,
    pause: () => new Promise((resolve) => setImmediate(resolve)),
    onDecided: () => undefined,
    onParked: ({ key, code, error }) => void parked.push({ key, code, error }),
    onTrouble: onError,
    ...(options.families === undefined ? {} : { families: options.families }),
  })
  const close = async (): Promise<void> => {
    await owners.close()
    await commands.close()
    await settings.close()
    await log.close()
  }
  return { directory, log, settings, commands, owners, troubles, parked, close, remove: () => removeDirectory(directory) }
}

/** An inbound text of the n-th person. */
export const inbound = (person: number, sid: string, text: string): Command<'message.receive'> => {
  const conversationId = derivePlain('setting', ['test', 'conversation', person])
  return {
    type: 'message.receive',
    commandId: derivePlain('command', [sid]),
    organizationId: ids.organization,
    actor: { kind: 'conversation', id: conversationId },
    by: { kind: 'contact', id: derivePlain('setting', ['test', 'contact', person]) },
    asksOutcome: false,
    bodyHash: '',
    at: Date.now(),
    data: {
      messageId: derivePlain('setting', ['test', 'message', sid]),
      accountId: ids.account,
      channel: 'twilio',
      contactId: derivePlain('setting', ['test', 'contact', person]),
      address: { userId: `+1555000${person}`, threadId: null, accountAddress: '+15550100' },
      profile: null,
      content: {
        kind: 'text',
        text,
        attachments: [],
        location: null,
        answer: null,
        template: null,
        native: null,
        providerMessageId: sid,
        providerEventId: null,
        clientKey: null,
      },
      providerAt: null,
      receivedAt: Date.now(),
    },
  }
}

export const conversationOf = (person: number): string => derivePlain('setting', ['test', 'conversation', person])

/** A wish of an agent on a person's conversation. */
export const wish = <T extends CommandType>(type: T, person: number, data: unknown, agentId: string = ids.agent) =>
  ({
    type,
    organizationId: ids.organization,
    actor: { kind: 'conversation', id: conversationOf(person) },
    by: { kind: 'agent', id: agentId },
    data,
  }) as never

/** Every record of a topic that the log holds now, in order within each partition. */
export const readAll = async (log: Log, topic: 'events' | 'dead-letters' | 'outcomes' | 'outbox' | 'conversations', partitions = 32) => {
  const records = []
  for (let partition = 0; partition < partitions; partition++) {
    const { start, end } = await log.bounds(topic, partition)
    if (start >= end) continue
    const abort = new AbortController()
    for await (const chunk of log.read([{ topic, partition, offset: start }], { signal: abort.signal })) {
      records.push(...chunk.records)
      if (chunk.next >= end) abort.abort()
    }
  }
  return records
}
