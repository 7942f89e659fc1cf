// Fills a data directory with conversations and messages: through the real actors and the real log, without HTTP.
// For benchmarks of what is stored; the server must not run meanwhile.

import { join } from 'node:path'
import { commandRecords, derivePlain, encode, type Account, type Command, type Organization } from '#schemas/log'
import { partitionOf, openEmbeddedLog, type StoredRecord } from '#log'
import { openSettings } from '#runtime'
import { loadSecret, openSecrets } from '#secrets'
import { PARTITIONS } from '#topics'
import { openFamilies } from '../src/runtime/kinds.ts'
import { decideBatch } from '../src/runtime/step.ts'
import { openSnapshotCache } from '../src/runtime/store.ts'
import { removeDirectory, startServer, temporaryDirectory } from '../test/harness.ts'

export interface Filled {
  readonly dataDirectory: string
  readonly conversations: number
  readonly messages: number
  remove(): Promise<void>
}

/** Commands a partition commits at once: what all partitions commit together stays below what the log lets wait for its disk. */
const BATCH = 100

const COMMON = ['order', 'invoice', 'delivery', 'address', 'package', 'thanks', 'please', 'number', 'refund', 'question']
/** Words by rank: a few in every message, many in one of thousands, as text has them. */
const wordOf = (n: number, position: number): string =>
  position < 4 ? (COMMON[(n + position * 3) % COMMON.length] ?? '') : `term${((n * 2_654_435_761 + position * 40_503) >>> 0) % 20_000}`

export const textOf = (n: number): string => Array.from({ length: 10 }, (_, position) => wordOf(n, position)).join(' ')
export const phoneOf = (conversation: number): string => `+1555${String(1_000_000 + conversation)}`

const commandOf = (n: number, place: { conversations: number; account: Account; organization: Organization; at: number }): Command => {
  const { account, organization, at } = place
  const number = n % place.conversations
  const conversationId = derivePlain('setting', ['bench-conversation', number])
  const contactId = derivePlain('setting', ['bench-contact', number])
  return {
    type: 'message.receive',
    commandId: derivePlain('command', ['bench', n]),
    organizationId: organization.id,
    actor: { kind: 'conversation', id: conversationId },
    by: { kind: 'contact', id: contactId },
    asksOutcome: false,
    bodyHash: '',
    at,
    data: {
      messageId: derivePlain('setting', ['bench-message', n]),
      accountId: account.id,
      channel: account.channel,
      contactId,
      address: { userId: phoneOf(number), threadId: null, accountAddress: account.externalId },
      profile: null,
      content: {
        kind: 'text',
        text: textOf(n),
        attachments: [],
        location: null,
        answer: null,
        template: null,
        native: null,
        providerMessageId: `SMbench${n}`,
        providerEventId: null,
        clientKey: null,
      },
      providerAt: null,
      receivedAt: at,
    },
  }
}

const recordOf = (command: Command, offset: number): StoredRecord => ({
  key: command.actor.id,
  value: encode(commandRecords[command.type] as never, command as never),
  headers: { type: command.type, commandId: command.commandId },
  time: command.at,
  offset,
})

/** Makes a data directory as a first run leaves it, with a Twilio account. */
const prepare = async (): Promise<string> => {
  const server = await startServer({ dataDirectory: await temporaryDirectory() })
  await server.api('/v1/accounts', {
    body: {
      channel: 'twilio',
      name: 'bench',
      externalId: '+15550100',
      credentials: { accountSid: `AC${'a1'.repeat(16)}`, authToken: '0123456789abcdef0123456789abcdef' },
    },
  })
  await server.stop()
  return server.dataDirectory
}

/** `messages` inbound messages spread over `conversations`, a second apart from a year back on. */
export const fill = async (options: { conversations: number; messages: number; say: (line: string) => void }): Promise<Filled> => {
  const dataDirectory = await prepare()
  const secrets = openSecrets(loadSecret(join(dataDirectory, 'secret')))
  const log = await openEmbeddedLog({ directory: join(dataDirectory, 'log') })
  const fail = (error: unknown): void => {
    throw error
  }
  const settings = await openSettings({
    log,
    openIdKey: (organization) => secrets.open('id-key', organization.sealedIdKey, organization.id),
    onError: fail,
  })
  const organization = settings.organizations()[0]
  const account = organization === undefined ? undefined : settings.list('account', organization.id).find((one) => one.channel === 'twilio')
  if (organization === undefined || account === undefined) throw new Error('the first run made no account')
  const family = openFamilies(settings)[0]
  if (family === undefined) throw new Error('no family of conversations')
  const leases = await Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => log.lease('conversations', partition)))
  const startAt = Date.now() - options.messages * 1000
  let clock = startAt
  const step = {
    log,
    family,
    snapshots: openSnapshotCache(),
    clock: () => clock,
    onParked: (facts: { error: unknown }) => fail(facts.error),
  }
  const startedAt = performance.now()
  for (let from = 0; from < options.messages; from += BATCH * PARTITIONS) {
    const queues: StoredRecord[][] = Array.from({ length: PARTITIONS }, () => [])
    const to = Math.min(options.messages, from + BATCH * PARTITIONS)
    for (let n = from; n < to; n++) {
      const command = commandOf(n, { conversations: options.conversations, account, organization, at: startAt + n * 1000 })
      queues[partitionOf(command.actor.id)]?.push(recordOf(command, n))
    }
    clock = startAt + to * 1000
    await Promise.all(
      queues.map(async (queue, partition) => {
        const decided = await decideBatch(step, partition, queue)
        await leases[partition]?.commit({ entries: decided.staged.entries(clock) })
        for (const [id, snapshot] of decided.changed) step.snapshots.set(id, snapshot)
      }),
    )
    if (from % (BATCH * PARTITIONS * 8) === 0)
      options.say(`${to} of ${options.messages} messages stored, ${Math.round(to / ((performance.now() - startedAt) / 1000))}/s`)
  }
  await settings.close()
  await log.close()
  return { dataDirectory, conversations: options.conversations, messages: options.messages, remove: () => removeDirectory(dataDirectory) }
}
