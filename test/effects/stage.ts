// A stage for carriers: a real embedded log in a directory of its own, a Twilio that misbehaves, a clock, and an actor that ends effects.

import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openOutbox, openOutgoing, openReports, openSender, openWaits, type Outgoing, type SenderOptions } from '#effects'
import { openEmbeddedLog, partitionOf, type Entry, type Log } from '#log'
import {
  aliasRow,
  addressRow,
  commandRecords,
  decode,
  deriveKeyed,
  derivePlain,
  effectSend,
  encode,
  keys,
  messageRow,
  recordTypeOf,
  sendRecord,
  type Account,
  type Command,
  type CommandType,
  type EffectSend,
  type MessageContent,
  type SendRecord,
} from '#schemas/log'
import { openLocalTimers } from '#timers'
import { ACCOUNT_SID, AUTH_TOKEN, FakeTwilio } from './fake-twilio.ts'

export const ORGANIZATION = '00000000-0000-8000-8000-00000000000a'
export const ID_KEY = randomBytes(32)
export const NUMBER = '+15550100'
const PUBLIC_URL = 'https://confab.example'

export const account: Account = {
  id: '00000000-0000-8000-8000-00000000000b',
  organizationId: ORGANIZATION,
  rev: 1,
  createdAt: 0,
  updatedAt: 0,
  uniqueKeys: [],
  name: 'Support',
  channel: 'twilio',
  externalId: NUMBER,
  ingestKey: 'key',
  sealedCredentials: null,
  replyGuard: 'guarded',
  sendsReadReceipts: false,
  isActive: true,
  options: { ratePerSecond: '1000' },
  origins: [],
  bots: [],
}

const textContent = (text: string): MessageContent => ({
  kind: 'text',
  text,
  attachments: [],
  location: null,
  answer: null,
  template: null,
  native: null,
  providerMessageId: null,
  providerEventId: null,
  clientKey: null,
})

export const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

const undoing = new WeakMap<TestContext, (() => Promise<void>)[]>()
/** As t.after, but the last opened is closed first. */
export const undo = (t: TestContext, close: () => Promise<void>): void => {
  const stack = undoing.get(t) ?? []
  if (stack.length === 0) {
    undoing.set(t, stack)
    t.after(async () => {
      for (const next of stack.toReversed()) await next()
    })
  }
  stack.push(close)
}

const openLog = async (t: TestContext): Promise<Log> => {
  const directory = await mkdtemp(join(tmpdir(), 'confab-effects-'))
  const log = await openEmbeddedLog({ directory, cleanIntervalMs: 0 })
  undo(t, async () => {
    await log.close()
    await rm(directory, { recursive: true, force: true })
  })
  return log
}

/** Real timers, all waits shortened a hundredfold: minutes of backoff pass in moments, and order stays. */
export const quickTime = () => {
  const start = performance.now()
  const epoch = Date.now()
  const clock = (): number => Math.round(epoch + (performance.now() - start) * 100)
  const timers = openLocalTimers({
    clock,
    alarm: (callback, delayMs) => {
      const timer = setTimeout(callback, delayMs / 100)
      return () => clearTimeout(timer)
    },
    onError: (error) => {
      throw error
    },
  })
  return { clock, timers, wait: openWaits(timers, clock) }
}

const conversationOf = (userId: string): string => deriveKeyed(ID_KEY, 'conversation', [account.id, userId])

let seq = 0
export const sendEffect = (userId: string, text: string, fields: Partial<EffectSend> = {}): EffectSend => {
  const conversationId = conversationOf(userId)
  const messageId = deriveKeyed(ID_KEY, 'outbound', [conversationId, text])
  const attempt = fields.attempt ?? 1
  return {
    effectId: derivePlain('effect', [conversationId, 'send', messageId, attempt]),
    organizationId: ORGANIZATION,
    conversationId,
    messageId,
    accountId: account.id,
    channel: 'twilio',
    attempt,
    seq: ++seq,
    notBefore: 0,
    address: { userId, threadId: null, accountAddress: NUMBER },
    content: textContent(text),
    ...fields,
  }
}

const put = (topic: Entry['topic'], key: string, value: Buffer | null, type: string): Entry => ({
  topic,
  partition: partitionOf(key.slice(0, key.indexOf('/'))),
  records: [{ key, value, headers: { type }, time: Date.now() }],
})

/** Plays the conversation's owner: queues messages, ends their effects when reported, keeps their rows. */
class FakeActor {
  readonly reports: Command<'send.report'>[] = []
  readonly commands: Command[] = []
  readonly #log: Log
  readonly #stop = new AbortController()
  readonly #effects = new Map<string, EffectSend>()
  #loop: Promise<void> = Promise.resolve()
  #commit: Promise<unknown> = Promise.resolve()

  constructor(log: Log) {
    this.#log = log
  }

  async start(): Promise<void> {
    const partitions = Array.from({ length: 32 }, (_, partition) => partition)
    const from = await Promise.all(
      partitions.map(async (partition) => ({
        topic: 'commands' as const,
        partition,
        offset: (await this.#log.bounds('commands', partition)).end,
      })),
    )
    this.#loop = this.#run(from)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#loop
    await this.#commit
  }

  async #write(entries: readonly Entry[]): Promise<void> {
    const work = this.#commit.then(async () => {
      const lease = await this.#log.lease('conversations', entries[0]?.partition ?? 0)
      await lease.commit({ entries })
    })
    this.#commit = work
    await work
  }

  async queue(effect: EffectSend): Promise<void> {
    const key = keys.effect(effect.conversationId, effect.effectId)
    this.#effects.set(`${effect.messageId}/${effect.attempt}`, effect)
    const { conversationId, organizationId, address } = effect
    await this.#write([
      put('messages', keys.message(conversationId, effect.messageId), this.#row(effect, 'queued'), recordTypeOf(messageRow)),
      put(
        'messages',
        keys.address(conversationId),
        encode(addressRow, { conversationId, organizationId, address }),
        recordTypeOf(addressRow),
      ),
      put('outbox', key, encode(effectSend, effect), recordTypeOf(effectSend)),
    ])
  }

  #row(effect: EffectSend, state: 'queued' | 'sent' | 'failed' | 'unknown'): Buffer {
    return encode(messageRow, {
      messageId: effect.messageId,
      conversationId: effect.conversationId,
      organizationId: effect.organizationId,
      seq: effect.seq,
      contactSeq: 1,
      direction: 'out',
      kind: 'text',
      author: { kind: 'system', id: null },
      orderAt: 0,
      at: 0,
      receivedAt: null,
      send: { state, reason: null, providerCode: null, attempt: effect.attempt },
      replyTo: null,
      edits: 0,
      isDeleted: false,
      isErased: false,
      contents: [],
      content: effect.content,
      commandId: effect.effectId,
      bodyHash: '',
      reactions: [],
      mentions: [],
      sendAt: null,
    })
  }

  async #run(from: Parameters<Log['read']>[0]): Promise<void> {
    for await (const chunk of this.#log.read(from, { signal: this.#stop.signal })) {
      for (const record of chunk.records) {
        if (record.value === null) continue
        const type = record.headers['type'] as CommandType
        const command = { type, ...(decode(commandRecords[type] as never, record.value) as object) } as Command
        if (command.type === 'send.report') await this.#decide(command)
        this.commands.push(command)
      }
    }
  }

  async #decide(command: Command<'send.report'>): Promise<void> {
    await this.#end(command)
    // Only now, so that who sees the report finds its effect ended.
    this.reports.push(command)
  }

  async #end(command: Command<'send.report'>): Promise<void> {
    const { messageId, attempt, state, aliasId } = command.data
    const effect = this.#effects.get(`${messageId}/${attempt ?? 1}`)
    if (effect === undefined) return
    const { conversationId } = effect
    const alias =
      aliasId === null
        ? []
        : [
            put(
              'messages',
              keys.message(conversationId, aliasId),
              encode(aliasRow, { aliasId, messageId, attempt: attempt ?? 1 }),
              recordTypeOf(aliasRow),
            ),
          ]
    await this.#write([
      put('messages', keys.message(conversationId, messageId), this.#row(effect, state as 'sent'), recordTypeOf(messageRow)),
      ...alias,
      put('outbox', keys.effect(conversationId, effect.effectId), null, 'send'),
    ])
  }

  /** States reported of a message, in order. */
  statesOf(effect: EffectSend): string[] {
    return this.reports.filter(({ data }) => data.messageId === effect.messageId).map(({ data }) => data.state)
  }
}

export interface SenderParts {
  readonly log: Log
  readonly outgoing: Pick<Outgoing, 'request'>
  readonly twilioUrl: string
  readonly time: ReturnType<typeof quickTime>
  /** Appends commands; a test that crashes the sender wraps it. */
  readonly post?: (entries: readonly Entry[]) => Promise<void>
}

/** A sender with its outbox, as main wires them. */
export const startSender = ({ log, outgoing, twilioUrl, time, post }: SenderParts, options: Partial<SenderOptions> = {}) => {
  const append = post ?? ((entries: readonly Entry[]) => log.append(entries))
  const commands = {
    post: (list: readonly Command[]) =>
      append(
        list.map((command) => ({
          topic: 'commands',
          partition: partitionOf(command.actor.id),
          records: [
            {
              key: command.actor.id,
              value: encode(commandRecords[command.type] as never, command as never),
              headers: { type: command.type, commandId: command.commandId },
              time: command.at,
            },
          ],
        })),
      ),
  }
  const reports = openReports({ commands, clock: time.clock, random: Math.random, wait: time.wait, logger: silent })
  const sender = openSender({
    log,
    outgoing,
    reports,
    clock: time.clock,
    random: Math.random,
    wait: time.wait,
    logger: silent,
    publicUrl: PUBLIC_URL,
    settings: { account: (id) => (id === account.id ? account : undefined), idKey: () => ID_KEY },
    credentialsOf: () => ({ accountSid: ACCOUNT_SID, authToken: AUTH_TOKEN }),
    fileUrlOf: (_, fileId) => `${PUBLIC_URL}/v1/files/${fileId}`,
    apiUrlOf: () => twilioUrl,
    ...options,
  })
  const outbox = openOutbox({ log, carriers: [sender], onError: () => undefined })
  return {
    sender,
    outbox,
    close: async () => {
      await outbox.close()
      await sender.close(100)
    },
  }
}

export const openStage = async (t: TestContext) => {
  const time = quickTime()
  const log = await openLog(t)
  const twilio = new FakeTwilio(time.clock)
  const twilioUrl = await twilio.listen()
  const outgoing = openOutgoing({ allow: [], trustedOrigins: [twilioUrl] })
  const actor = new FakeActor(log)
  await actor.start()
  undo(t, async () => {
    await actor.close()
    await outgoing.close()
    await twilio.close()
    await time.timers.close()
  })
  return { time, log, twilio, twilioUrl, outgoing, actor }
}

export const ledgerOf = async (log: Log, { conversationId, messageId, attempt }: EffectSend): Promise<SendRecord | null> => {
  const [record] = await log.latest('sends', partitionOf(conversationId), [keys.send(conversationId, messageId, attempt)])
  return record?.value === undefined || record.value === null ? null : decode(sendRecord, record.value)
}

/** Until `check` holds; throws what was awaited after `timeoutMs`. */
export const eventually = async (what: string, check: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> => {
  const deadline = performance.now() + timeoutMs
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`never came true: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
