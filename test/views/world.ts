// A small world for the views' tests: conversations whose events are encoded and committed as an owner would.
// Between the tests and the log; ids are derived from names, times run from one fixed moment.

import {
  contentRecords,
  derivePlain,
  encode,
  eventRecords,
  keys,
  mark,
  type Content,
  type ContentBody,
  type ConversationRow,
  type Event,
  type EventData,
  type EventType,
  type Mark,
  type Principal,
} from '#schemas/log'
import type { Grants } from '#schemas'
import { partitionOf, type Batch, type Log, type LogRecord, type Lease, type Owner } from '#log'
import type { Topic } from '#topics'

export const START = Date.UTC(2026, 0, 5, 9)
export const idOf = (name: string): string => derivePlain('setting', [name])
export const ORGANIZATION = idOf('organization')
export const ACCOUNT = idOf('account')

const system: Principal = { kind: 'system', id: null }
export const agentOf = (name: string): Principal => ({ kind: 'agent', id: idOf(name) })
export const contactOf = (name: string): Principal => ({ kind: 'contact', id: idOf(`contact ${name}`) })

export const textContent = (text: string, extra: Partial<ContentBody['message']> = {}): Content => ({
  kind: 'message',
  body: {
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
    ...extra,
  },
})

export const profileOf = (name: string | null, extra: Partial<ContentBody['profile']> = {}): Content => ({
  kind: 'profile',
  body: { name, emails: [], phones: [], avatarUrl: null, locale: null, timezone: null, company: null, userId: null, ...extra },
})

interface Fate {
  row: ConversationRow
  at: number
}

export interface Options {
  readonly organizationId?: string
  readonly accountId?: string
  readonly channel?: ConversationRow['channel']
  readonly address?: string
}

type Said = { readonly by?: Principal; readonly at?: number; readonly contents?: readonly Content[] }

/** Records gather here until `commit`; `batch` shows them to tests that commit by themselves. */
export class World {
  readonly #fates = new Map<string, Fate>()
  readonly #seqs = new Map<string, number>()
  readonly #organizations = new Map<string, string>()
  #records: { topic: Topic; partition: number; record: LogRecord }[] = []
  readonly #leases = new Map<string, Promise<Lease>>()
  now = START

  tick(ms = 1_000): number {
    this.now += ms
    return this.now
  }

  conversationId(name: string): string {
    return idOf(`conversation ${name}`)
  }

  rowOf(name: string): ConversationRow {
    const fate = this.#fates.get(this.conversationId(name))
    if (fate === undefined) throw new Error(`${name} does not exist`)
    return fate.row
  }

  create(name: string, options: Options = {}): string {
    const id = this.conversationId(name)
    const at = this.tick()
    const accountId = options.accountId ?? ACCOUNT
    const channel = options.channel ?? 'twilio'
    const contactId = idOf(`contact ${name}`)
    this.#organizations.set(id, options.organizationId ?? ORGANIZATION)
    const row: ConversationRow = {
      id,
      accountId,
      channel,
      contactId,
      state: 'open',
      snoozedUntil: null,
      cycle: 1,
      assignee: null,
      teamId: null,
      priority: 'none',
      labels: [],
      createdAt: at,
      lastActivityAt: at,
      lastInboundAt: null,
      lastReplyAt: null,
      waitingSince: null,
      firstReplyAt: null,
      seq: 1,
      contactSeq: 0,
      startedBy: contactOf(name),
    }
    this.#fates.set(id, { row, at })
    const address: Content = { kind: 'address', body: { userId: options.address ?? '+15550100', threadId: null, accountAddress: null } }
    this.#event(
      id,
      'conversation.created',
      { accountId, channel, contactId, row },
      { by: contactOf(name), contents: [address, profileOf(name)] },
    )
    return id
  }

  /** Any event of a conversation; `shown` gives it the contact's next number. */
  event<T extends EventType>(name: string, type: T, data: EventData[T], said: Said & { readonly shown?: boolean } = {}): number {
    return this.#event(this.conversationId(name), type, data, said)
  }

  receive(name: string, messageName: string, text: string, said: Said & { readonly orderAt?: number } = {}): string {
    const messageId = idOf(`message ${messageName}`)
    const at = said.at ?? this.tick()
    const row = this.rowOf(name)
    row.lastActivityAt = at
    row.lastInboundAt = at
    row.waitingSince ??= at
    this.event(
      name,
      'message.received',
      { messageId, kind: 'text', orderAt: said.orderAt ?? at, receivedAt: at, providerAt: null, attachments: 0, window: null },
      { by: contactOf(name), at, contents: said.contents ?? [textContent(text)], shown: true },
    )
    return messageId
  }

  send(name: string, messageName: string, text: string, said: Said = {}): string {
    const messageId = idOf(`message ${messageName}`)
    const at = said.at ?? this.tick()
    const by = said.by ?? agentOf('agent')
    const row = this.rowOf(name)
    row.lastActivityAt = at
    if (by.kind === 'agent' || by.kind === 'bot') {
      row.lastReplyAt = at
      row.waitingSince = null
      if (by.kind === 'agent') row.firstReplyAt ??= at
    }
    this.event(
      name,
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
      { by, at, contents: said.contents ?? [textContent(text)], shown: true },
    )
    return messageId
  }

  note(name: string, messageName: string, text: string): string {
    const messageId = idOf(`message ${messageName}`)
    const at = this.tick()
    this.rowOf(name).lastActivityAt = at
    this.event(
      name,
      'note.added',
      { messageId, kind: 'text', attachments: 0, mentions: [] },
      { by: agentOf('agent'), at, contents: [textContent(text)] },
    )
    return messageId
  }

  assign(name: string, agent: string | null): void {
    const row = this.rowOf(name)
    const before = row.assignee
    row.assignee = agent === null ? null : { kind: 'agent', id: idOf(agent) }
    this.#withRow(name, 'conversation.assigned', { because: 'assign', before, after: row.assignee, teamBefore: null, teamAfter: null })
  }

  resolve(name: string): void {
    const row = this.rowOf(name)
    const before = row.state
    row.state = 'resolved'
    row.waitingSince = null
    this.#withRow(name, 'conversation.resolved', { before })
  }

  #withRow<T extends EventType>(name: string, type: T, data: Omit<EventData[T], 'row'>): void {
    const row = this.rowOf(name)
    this.event(name, type, { ...data, row: { ...row, seq: row.seq + 1 } } as unknown as EventData[T], { by: agentOf('agent') })
  }

  /** The erasing event; `tombstones` follow as the drop effect would write them. */
  erase(name: string): { readonly upToSeq: number } {
    const row = this.rowOf(name)
    const upToSeq = row.seq
    row.waitingSince = null
    row.lastInboundAt = null
    this.event(name, 'conversation.erased', { upToSeq }, { by: agentOf('agent'), shown: true })
    return { upToSeq }
  }

  tombstone(subjectId: string, references: readonly { readonly seq: number; readonly n: number }[], topic: Topic = 'events'): void {
    for (const { seq, n } of references)
      this.#push(topic, subjectId, {
        key: keys.content(subjectId, seq, n),
        value: null,
        headers: { type: 'content', kind: 'content' },
        time: this.now,
      })
  }

  contact<T extends EventType>(name: string, type: T, data: EventData[T], said: Said & { readonly organizationId?: string } = {}): void {
    const id = idOf(`contact ${name}`)
    this.#organizations.set(id, said.organizationId ?? this.#organizations.get(this.conversationId(name)) ?? ORGANIZATION)
    this.#event(id, type, data, said)
  }

  /** A change of a setting, of the organization's own stream. */
  change(data: EventData['setting.changed'], said: Said = {}): void {
    this.#event(ORGANIZATION, 'setting.changed', data, said)
  }

  mark(name: string, agent: string, readUpTo: number): void {
    const conversationId = this.conversationId(name)
    const value: Mark = {
      conversationId,
      organizationId: ORGANIZATION,
      accountId: ACCOUNT,
      agentId: idOf(agent),
      rev: this.now,
      readUpTo,
      readUpToContactSeq: 0,
      draft: null,
      draftRev: 0,
      isNoteDraft: false,
      at: this.now,
    }
    this.#push('marks', conversationId, {
      key: keys.mark(conversationId, idOf(agent)),
      value: encode(mark, value),
      headers: { type: 'mark' },
      time: this.now,
    })
  }

  #event<T extends EventType>(subjectId: string, type: T, data: EventData[T], said: Said & { readonly shown?: boolean }): number {
    const seq = (this.#seqs.get(subjectId) ?? 0) + 1
    this.#seqs.set(subjectId, seq)
    const at = said.at ?? this.tick()
    const fate = this.#fates.get(subjectId)
    if (fate !== undefined) fate.row.seq = seq
    if (fate !== undefined && said.shown === true) fate.row.contactSeq++
    const contents = said.contents ?? []
    const organizationId = this.#organizations.get(subjectId) ?? ORGANIZATION
    const event = {
      type,
      organizationId,
      subjectId,
      seq,
      contactSeq: said.shown === true ? (fate?.row.contactSeq ?? null) : null,
      at,
      by: said.by ?? system,
      commandId: derivePlain('command', [subjectId, seq]),
      ruleId: null,
      settingsOffset: -1,
      contents: contents.length,
      data: structuredClone(data),
    } as unknown as Event
    const topic = type.startsWith('contact.') ? 'contact-events' : 'events'
    for (const [n, { kind, body }] of contents.entries()) {
      const value = encode(contentRecords[kind] as never, { organizationId, subjectId, seq, n, body })
      this.#push(topic, subjectId, {
        key: keys.content(subjectId, seq, n),
        value,
        headers: { type: `content.${kind}`, kind: 'content' },
        time: at,
      })
    }
    this.#push(topic, subjectId, {
      key: keys.event(subjectId, seq),
      value: encode(eventRecords[type] as never, event as never),
      headers: { type },
      time: at,
    })
    return seq
  }

  #push(topic: Topic, subjectId: string, record: LogRecord): void {
    this.#records.push({ topic, partition: partitionOf(subjectId), record })
  }

  /** What has gathered, by topic and partition, in order. */
  take(): Batch['entries'] {
    const entries = new Map<string, { topic: Topic; partition: number; records: LogRecord[] }>()
    for (const { topic, partition, record } of this.#records) {
      const place = `${topic}/${partition}`
      const entry = entries.get(place) ?? { topic, partition, records: [] }
      entry.records.push(record)
      entries.set(place, entry)
    }
    this.#records = []
    return [...entries.values()]
  }

  /** Writes what has gathered, under the lease of each partition's owner. */
  async commit(log: Log): Promise<void> {
    const entries = this.take()
    await Promise.all(
      entries.map(async (entry) => {
        const owner: Owner = entry.topic === 'contact-events' ? 'contacts' : 'conversations'
        const key = `${owner}/${entry.partition}`
        const lease = this.#leases.get(key) ?? log.lease(owner, entry.partition)
        this.#leases.set(key, lease)
        await (await lease).commit({ entries: [entry] })
      }),
    )
  }
}

export const grantsOf = (name: string, extra: Partial<Grants> = {}): Grants => ({
  organizationId: ORGANIZATION,
  kind: 'agent',
  id: idOf(name),
  role: 'agent',
  accountIds: null,
  ...extra,
})
