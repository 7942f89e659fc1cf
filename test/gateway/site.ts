// A site for tests of the gateway: the embedded log in a folder of its own, records written as owners write them, a real http server.
// Its views fold the whole log afresh at each question: slow, and right by definition.

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { openGateway, type Gateway, type Authenticated, type GatewayConfig, type GatewayOptions } from '#gateway'
import {
  openEmbeddedLog,
  openTails,
  partitionOf,
  type EmbeddedLogOptions,
  type Log,
  type LogRecord,
  type StoredRecord,
  type TailFacts,
  type Tails,
} from '#log'
import { openMetrics, type Metrics } from '#metrics'
import { openSettings, type Settings } from '#runtime'
import { openSecrets } from '#secrets'
import type { EventShape, Grants } from '#schemas'
import {
  CONTENTS_MAX,
  contentRecords,
  decodeContent,
  decodeEvent,
  derivePlain,
  encode,
  eventRecords,
  eventToContactJson,
  eventToJson,
  isContentType,
  keys,
  mark as markShape,
  settingRecords,
  type ContentKind,
  type ContentBody,
  type ConversationRow,
  type Event,
  type EventData,
  type EventType,
  type Mark,
  type Principal,
  type SettingKind,
} from '#schemas/log'
import { ConfabError } from '#errors'
import { PARTITIONS } from '#topics'
import type { AsOf, Views } from '#views'
import { foldConversation, foldMessage, messageIdOf } from '#views/folds'
import { removeDirectory, temporaryDirectory } from '../harness.ts'
import { answerWith } from './requests.ts'

export const idOf = (...parts: (string | number)[]): string => derivePlain('setting', ['gateway', ...parts])
export const ids = {
  organization: idOf('organization'),
  other: idOf('other organization'),
  account: idOf('account'),
  second: idOf('second account'),
  agent: idOf('agent'),
  colleague: idOf('colleague'),
} as const

const base = { rev: 1, createdAt: 1, updatedAt: 1, uniqueKeys: [] }
const organization = (id: string) => ({
  ...base,
  id,
  organizationId: id,
  name: 'Test',
  sealedIdKey: Buffer.alloc(32, 1),
  reopenToAgentHours: 24,
})
const agent = (id: string) => ({
  ...base,
  id,
  organizationId: ids.organization,
  name: 'Anna',
  email: `${id}@test`,
  role: 'agent',
  passwordHash: 'scrypt$canary-hash',
  isActive: true,
  isAvailable: true,
})
const account = (id: string) => ({
  ...base, id, organizationId: ids.organization, name: 'Site', channel: 'web', externalId: '', ingestKey: `canary-${id}`, sealedCredentials: Buffer.from('canary-sealed'),
  replyGuard: 'guarded', sendsReadReceipts: true, isActive: true, options: { secret: 'canary-option' }, origins: ['https://shop.test'],
}) // prettier-ignore

export const firstSettings: readonly (readonly [SettingKind, { id: string; organizationId: string }])[] = [
  ['organization', organization(ids.organization)],
  ['organization', organization(ids.other)],
  ['account', account(ids.account)],
  ['account', account(ids.second)],
  ['agent', agent(ids.agent)],
  ['agent', agent(ids.colleague)],
]

export const grantsOf = (over: Partial<Grants> = {}): Grants => ({
  organizationId: ids.organization,
  kind: 'agent',
  id: ids.agent,
  role: 'agent',
  accountIds: null,
  ...over,
})
export const contactOf = (conversationId: string): Grants =>
  grantsOf({ kind: 'contact', role: 'contact', id: idOf('contact', conversationId), accountIds: [ids.account], conversationId })

const messageContent = (text: string, clientKey: string | null = null): ContentBody['message'] => ({
  kind: 'text', text, attachments: [], location: null, answer: null, template: null, native: null, providerMessageId: null, providerEventId: null, clientKey,
}) // prettier-ignore

const person: Principal = { kind: 'contact', id: null }

/** Writes events as an owner does: contents directly before their event, one commit for each call. */
export class Writer {
  readonly #log: Log
  readonly #clock: () => number
  readonly #states = new Map<string, { seq: number; contactSeq: number }>()

  constructor(log: Log, clock: () => number) {
    this.#log = log
    this.#clock = clock
  }

  async commit(topic: 'events' | 'contact-events' | 'marks' | 'config', partition: number, records: readonly LogRecord[]): Promise<void> {
    const lease = await this.#log.lease(topic === 'contact-events' ? 'contacts' : 'conversations', partition)
    await lease.commit({ entries: [{ topic, partition, records }] })
  }

  setting(
    kind: SettingKind,
    value: { id: string; organizationId: string } | null,
    id = value?.id ?? '',
    organizationId = value?.organizationId ?? ids.organization,
  ): Promise<void> {
    const record = {
      key: keys.setting(kind, id),
      value: value === null ? null : encode(settingRecords[kind] as never, value as never),
      headers: { type: kind },
      time: this.#clock(),
    }
    return this.commit('config', partitionOf(organizationId), [record])
  }

  mark(conversationId: string, agentId: string, over: Partial<Mark> = {}): Promise<void> {
    const value: Mark = {
      conversationId,
      organizationId: ids.organization,
      accountId: ids.account,
      agentId,
      rev: 1,
      readUpTo: 0,
      readUpToContactSeq: 0,
      draftRev: 0,
      draft: null,
      isNoteDraft: false,
      at: this.#clock(),
      ...over,
    }
    return this.commit('marks', partitionOf(conversationId), [
      { key: keys.mark(conversationId, agentId), value: encode(markShape, value), headers: { type: 'mark' }, time: value.at },
    ])
  }

  /** One event of a conversation; `note.*`, `conversation.labeled` and the like take no contactSeq. */
  records<T extends EventType>(subjectId: string, type: T, data: EventData[T], options: EventOptions = {}): LogRecord[] {
    const state = this.#states.get(subjectId) ?? { seq: 0, contactSeq: 0 }
    this.#states.set(subjectId, state)
    state.seq++
    const isShown = type.startsWith('message.')
    if (isShown) state.contactSeq++
    const organizationId = options.organizationId ?? ids.organization
    const contents = options.contents ?? []
    const at = this.#clock()
    const event = {
      organizationId, subjectId, seq: state.seq, contactSeq: isShown ? state.contactSeq : null, at, by: options.by ?? person,
      commandId: derivePlain('command', [subjectId, state.seq]), ruleId: null, settingsOffset: -1, contents: contents.length, data,
    } // prettier-ignore
    const headers: Record<string, string> = {
      type,
      organization: organizationId,
      seq: String(state.seq),
      account: options.accountId ?? ids.account,
      assignee: options.assignee ?? '',
      team: '',
    }
    if (event.contactSeq !== null) headers['contactSeq'] = String(event.contactSeq)
    if (type.startsWith('contact.')) for (const name of ['account', 'assignee', 'team']) delete headers[name]
    const records: LogRecord[] = contents.map(({ kind, body }, n) => ({
      key: keys.content(subjectId, state.seq, n),
      value: encode(contentRecords[kind] as never, { organizationId, subjectId, seq: state.seq, n, body }),
      headers: { type: `content.${kind}`, kind: 'content' },
      time: at,
    }))
    return [
      ...records,
      { key: keys.event(subjectId, state.seq), value: encode(eventRecords[type] as never, event as never), headers, time: at },
    ]
  }

  seqOf(subjectId: string): number {
    return this.#states.get(subjectId)?.seq ?? 0
  }

  row(conversationId: string): ConversationRow {
    const at = this.#clock()
    return {
      id: conversationId, accountId: ids.account, channel: 'web', contactId: idOf('contact', conversationId), state: 'open', snoozedUntil: null, cycle: 1, assignee: null, teamId: null,
      priority: 'none', labels: [], createdAt: at, lastActivityAt: at, lastInboundAt: null, lastReplyAt: null, waitingSince: null, firstReplyAt: null, seq: 0, contactSeq: 0, startedBy: person,
    } // prettier-ignore
  }

  created(conversationId: string, options: EventOptions = {}): LogRecord[] {
    const accountId = options.accountId ?? ids.account
    return this.records(
      conversationId,
      'conversation.created',
      { accountId, channel: 'web', contactId: idOf('contact', conversationId), row: { ...this.row(conversationId), accountId } },
      options,
    )
  }

  received(conversationId: string, text: string, options: EventOptions & { clientKey?: string } = {}): LogRecord[] {
    const at = this.#clock()
    const messageId = derivePlain('setting', ['message', conversationId, this.seqOf(conversationId) + 1])
    return this.records(
      conversationId,
      'message.received',
      { messageId, kind: 'text', orderAt: at, receivedAt: at, providerAt: null, attachments: 0, window: null },
      { contents: [{ kind: 'message', body: messageContent(text, options.clientKey ?? null) }], ...options },
    )
  }

  queued(conversationId: string, text: string, options: EventOptions & { clientKey?: string } = {}): LogRecord[] {
    const at = this.#clock()
    const messageId = derivePlain('setting', ['message', conversationId, this.seqOf(conversationId) + 1])
    return this.records(
      conversationId,
      'message.queued',
      {
        messageId,
        kind: 'text',
        orderAt: at,
        attachments: 0,
        attempt: 1,
        seenSeq: null,
        isOverride: false,
        replyTo: null,
        sendAt: null,
        isUnlessReply: false,
        isDue: false,
      },
      {
        by: { kind: 'agent', id: ids.agent },
        contents: [{ kind: 'message', body: messageContent(text, options.clientKey ?? null) }],
        ...options,
      },
    )
  }

  note(conversationId: string, text: string): LogRecord[] {
    const messageId = derivePlain('setting', ['message', conversationId, this.seqOf(conversationId) + 1])
    return this.records(
      conversationId,
      'note.added',
      { messageId, kind: 'text', attachments: 0, mentions: [] },
      { by: { kind: 'agent', id: ids.agent }, contents: [{ kind: 'message', body: messageContent(text) }] },
    )
  }

  events(conversationId: string, ...records: LogRecord[][]): Promise<void> {
    return this.commit('events', partitionOf(conversationId), records.flat())
  }
}

export interface EventOptions {
  readonly organizationId?: string
  readonly accountId?: string
  readonly assignee?: string
  readonly by?: Principal
  readonly contents?: readonly { readonly kind: ContentKind; readonly body: unknown }[]
}

/** Every event of the log as both projections show it, and the positions after it. */
export const readLog = async (
  log: Log,
): Promise<{ events: { full: EventShape; contact: EventShape | null; event: Event }[]; asOf: AsOf }> => {
  const events: { full: EventShape; contact: EventShape | null; event: Event }[] = []
  const asOf: AsOf[number][] = []
  for (const topic of ['events', 'contact-events', 'marks', 'config'] as const) {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const { start, end } = await log.bounds(topic, partition)
      asOf.push({ topic, partition, offset: end })
      if (topic === 'marks' || topic === 'config' || start === end) continue
      const abort = new AbortController()
      let pending: StoredRecord[] = []
      for await (const chunk of log.read([{ topic, partition, offset: start }], { signal: abort.signal })) {
        for (const record of chunk.records) {
          const type = record.headers['type'] ?? ''
          if (isContentType(type)) pending = [...pending, record].slice(-CONTENTS_MAX)
          else if (record.value !== null && type in eventRecords) {
            const event = decodeEvent(type, record.value)
            const contents = pending.flatMap(({ headers, value }) => (value === null ? [] : [decodeContent(headers['type'] ?? '', value)]))
            events.push({ full: eventToJson(event, contents), contact: eventToContactJson(event, contents), event })
            pending = []
          }
        }
        if (chunk.next >= end) break
      }
      abort.abort()
    }
  }
  return { events, asOf }
}

const refuse = (): never => {
  throw new ConfabError('internal')
}

export const foldingViews = (log: Log): Views => {
  const rows = async (grants: Grants | undefined) => {
    const { events, asOf } = await readLog(log)
    const conversations = new Map<string, ReturnType<typeof foldConversation>>()
    for (const { full } of events) {
      if (full.conversationId === undefined || (grants !== undefined && full.organizationId !== grants.organizationId)) continue
      conversations.set(full.conversationId, foldConversation(conversations.get(full.conversationId) ?? null, full))
    }
    const items = [...conversations.values()]
      .filter((row) => row !== null)
      .filter((row) => grants === undefined || grants.accountIds === null || grants.accountIds.includes(row.accountId))
    return { items, asOf, events }
  }
  const messagesOf = (events: readonly { full: EventShape; contact: EventShape | null }[], conversationId: string, asContact: boolean) => {
    const messages = new Map<string, NonNullable<ReturnType<typeof foldMessage>>>()
    for (const { full, contact } of events) {
      const event = asContact ? contact : full
      if (event?.conversationId !== conversationId) continue
      const id = messageIdOf(event)
      const after = id === null ? null : foldMessage(messages.get(id) ?? null, event)
      if (id !== null && after !== null) messages.set(id, after)
    }
    return [...messages.values()]
  }
  return {
    conversations: async ({ grants }, { limit = 25, accountId }) => {
      const { items, asOf } = await rows(grants)
      const shown = items.filter((row) => accountId === undefined || row.accountId === accountId)
      return { items: shown.toSorted((one, other) => other.lastActivityAt.localeCompare(one.lastActivityAt)).slice(0, limit), next: null, asOf }
    },
    conversation: async ({ grants }, id) => {
      const { items, asOf } = await rows(grants)
      return { item: items.find((row) => row.id === id) ?? null, asOf }
    },
    messages: async ({ grants }, conversationId, { limit = 25, asContact = false }) => {
      const { asOf, events } = await rows(grants)
      return { items: messagesOf(events, conversationId, asContact).slice(-limit), next: null, asOf }
    },
    rows: async (wanted) => {
      const { items } = await rows(undefined)
      return wanted.map((id) => items.find((row) => row.id === id) ?? null)
    },
    message: refuse, conversationBytes: refuse, conversationAt: refuse, messagesAt: refuse, contactAt: refuse, audit: refuse, events: refuse, contacts: refuse, contact: refuse, search: refuse, counts: refuse, hash: refuse, contentsOf: refuse, applied: refuse,
    waitFor: () => Promise.resolve(true),
    isReady: () => true,
    close: () => Promise.resolve(),
  } // prettier-ignore
}

export interface Site {
  readonly directory: string
  readonly log: Log
  readonly settings: Settings
  readonly writer: Writer
  readonly gateway: Gateway
  readonly metrics: Metrics
  readonly server: Server
  readonly url: string
  /** token → who; tests add to it. */
  readonly tokens: Map<string, Authenticated>
  readonly commands: { grants: Grants; frame: { id: string; type: string } }[]
  /** Closes everything; the directory stays for a next site. */
  close(): Promise<void>
}

export interface SiteOptions {
  readonly directory?: string
  readonly log?: Partial<EmbeddedLogOptions>
  readonly clock?: () => number
  readonly config?: Partial<GatewayConfig> & { ringBytesMax?: number; recentRecords?: number; ringAgeMs?: number }
  readonly port?: number
  readonly secret?: number
  /** Puts something between the gateway and the log, such as faults. */
  readonly wrap?: (log: Log) => Log
  /** Another node over the log and the settings of this one. */
  readonly beside?: Site
  readonly isAlone?: boolean
  /** Tails beside the gateway's own, as a whole node has them. */
  readonly alsoTails?: () => readonly TailFacts[]
  readonly openBoard?: GatewayOptions['openBoard']
  readonly execute?: (grants: Grants, frame: { id: string; type: string }) => Promise<{ accepted: unknown; position: string }>
}

const withTails = (tails: Tails, also: SiteOptions['alsoTails'] = () => []): Tails => ({
  follow: tails.follow.bind(tails),
  past: tails.past.bind(tails),
  staleMs: () => tails.staleMs(),
  facts: () => [...tails.facts(), ...also()],
})

const silent = { info: () => undefined, warn: () => undefined, debug: () => undefined, error: (fields: object) => console.error(fields) }

export const openSite = async (options: SiteOptions = {}): Promise<Site> => {
  const { beside } = options
  const directory = beside?.directory ?? options.directory ?? (await temporaryDirectory())
  const clock = options.clock ?? Date.now
  const log = beside?.log ?? (await openEmbeddedLog({ directory: join(directory, 'log'), cleanIntervalMs: 0, ...options.log }))
  const writer = beside?.writer ?? new Writer(log, clock)
  if (beside === undefined && options.directory === undefined) for (const [kind, value] of firstSettings) await writer.setting(kind, value)
  const settings =
    beside?.settings ?? (await openSettings({ log, openIdKey: ({ sealedIdKey }) => sealedIdKey, onError: (error) => console.error(error) }))
  const tokens =
    beside?.tokens ?? new Map<string, Authenticated>([['agent', { grants: grantsOf(), expiresAt: null, source: null, origin: null }]])
  const commands: Site['commands'] = []
  const metrics = openMetrics()
  const seen = options.wrap?.(log) ?? log
  const gateway = await openGateway({
    log: seen,
    tails: withTails(openTails({ log: seen, onOutage: () => undefined }), options.alsoTails),
    settings,
    views: foldingViews(log),
    secrets: openSecrets(Buffer.alloc(32, options.secret ?? 7)),
    authenticate: (token) => {
      const who = tokens.get(token)
      return who === undefined ? Promise.reject(new ConfabError('token_invalid')) : Promise.resolve(who)
    },
    execute: (grants, frame) => {
      commands.push({ grants, frame })
      return options.execute === undefined
        ? Promise.reject(new ConfabError('conversation_taken', { fields: { holder: ids.colleague } }))
        : options.execute(grants, frame)
    },
    partitionOf,
    clock,
    random: () => 0.5,
    ...(options.openBoard === undefined ? {} : { openBoard: options.openBoard }),
    isAlone: options.isAlone ?? false,
    logger: silent,
    metrics,
    publicUrl: () => 'http://confab.test',
    addressOf: ({ socket, headers }) => String(headers['x-test-address'] ?? socket.remoteAddress),
    config: { drainMs: 0, handshakesPerSecondMax: 100_000, ...options.config },
  })
  const server = createServer(answerWith(gateway, tokens))
  server.on('upgrade', (request, socket, head) => gateway.handleUpgrade(request, socket, head))
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/v1/socket`
  const close = async (): Promise<void> => {
    await gateway.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    if (beside !== undefined) return
    await settings.close()
    await log.close()
  }
  return { directory, log, settings, writer, gateway, metrics, server, url, tokens, commands, close }
}

export const removeSite = (site: Pick<Site, 'directory'>): Promise<void> => removeDirectory(site.directory)
