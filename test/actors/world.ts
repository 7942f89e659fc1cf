// A tiny world for actors: applies decisions to maps as the runtime does to the log, and checks what must hold after each.
// Between the tests of this folder and the pure decisions.

import assert from 'node:assert/strict'
import {
  decideContact,
  decideConversation,
  decideSettings,
  evolveConversation,
  hashConversation,
  rowOf,
  type DecideContext,
  type Decision,
  type EffectChange,
  type SettingsSlice,
} from '#actors'
import {
  commandRecords,
  contentRecords,
  decode,
  derivePlain,
  encode,
  eventRecords,
  keys,
  type Account,
  type Address,
  type Agent,
  type Command,
  type CommandType,
  type ContactSnapshot,
  type ConversationSnapshot,
  type Event,
  type EventData,
  type EventType,
  type MessageContent,
  type MessageRow,
  type OrganizationSnapshot,
  type Principal,
  type RecordShape,
  type SettingKind,
  type StoredContent,
} from '#schemas/log'
import { catalogue } from '../../schemas/log/catalogue.ts'
import { transition } from '../../src/runtime/scope.ts'

export const idOf = (name: string): string => derivePlain('setting', ['test', name])
export const organizationId = idOf('organization')
export const accountId = idOf('account')
export const contactId = idOf('contact')
export const conversationId = idOf('conversation')

export const agentBy = (name: string): Principal => ({ kind: 'agent', id: idOf(name) })
export const contactBy: Principal = { kind: 'contact', id: contactId }
export const systemBy: Principal = { kind: 'system', id: null }

export const textContent = (text: string, more: Partial<MessageContent> = {}): MessageContent => ({
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
  ...more,
})

export const agentSetting = (name: string, more: Partial<Agent> = {}): Agent => ({
  id: idOf(name),
  organizationId,
  rev: 1,
  createdAt: 0,
  updatedAt: 0,
  uniqueKeys: [],
  name,
  email: `${name}@example.com`,
  role: 'agent',
  passwordHash: null,
  isActive: true,
  isAvailable: true,
  ...more,
})

export const accountSetting = (more: Partial<Account> = {}): Account => ({
  id: accountId,
  organizationId,
  rev: 1,
  createdAt: 0,
  updatedAt: 0,
  uniqueKeys: [],
  name: 'account',
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
  ...more,
})

export interface WorldOptions {
  readonly channel?: ConversationSnapshot['channel']
  readonly userId?: string
  readonly settings?: Partial<SettingsSlice>
  /** Encodes and decodes every record, as the log does. */
  readonly crossesCodec?: boolean
}

type Sent<T extends CommandType> = Partial<Command<T>['data']>

/** Each record must fit its schema: encoding throws otherwise. */
const cross = <T>(shape: RecordShape<unknown>, value: T): T => decode(shape, encode(shape, value)) as T

/** One conversation, its rows and what it asked for. */
export class World {
  snapshot: ConversationSnapshot | null = null
  readonly events: Event[] = []
  readonly contents: (readonly StoredContent[])[] = []
  readonly rows = new Map<string, object | null>()
  readonly effects = new Map<string, EffectChange>()
  readonly dropped: string[] = []
  now = 1_000_000
  agents: Record<string, Agent> = {}
  bots: Record<string, { accountIds: string[] }> = { [idOf('bot')]: { accountIds: [] }, [idOf('robot')]: { accountIds: [accountId] } }
  readonly #options: Required<WorldOptions>
  #commands = 0

  constructor(options: WorldOptions = {}) {
    this.#options = { channel: 'twilio', userId: '+15550199', settings: {}, crossesCodec: true, ...options }
    for (const name of ['anna', 'ben', 'carl']) this.agents[idOf(name)] = agentSetting(name)
  }

  get address(): Address {
    return { userId: this.#options.userId, threadId: null, accountAddress: '+15550100' }
  }

  get context(): DecideContext {
    const row = (key: string): never => (this.rows.get(key) ?? null) as never
    const one = (id: string, isOne: (row: object) => boolean): never => {
      const found = this.rows.get(keys.message(conversationId, id)) ?? null
      return (found !== null && isOne(found) ? found : null) as never
    }
    return {
      rows: {
        message: (id) => one(id, (found) => 'direction' in found),
        alias: (id) => one(id, (found) => !('direction' in found) && !('reports' in found)),
        early: (id) => one(id, (found) => 'reports' in found),
        echoes: () => (row(keys.echoes(conversationId)) as { held: Uint8Array[] } | null)?.held ?? [],
        address: () => (row(keys.address(conversationId)) as { address: Address | null } | null)?.address ?? null,
        attributes: () =>
          (row(keys.attributes(conversationId)) as { attributes: Record<string, string> | null } | null)?.attributes ?? null,
        mark: (id) => row(keys.mark(conversationId, id)),
        profile: () => null,
        setting: () => null,
        unique: () => null,
      },
      settings: {
        offset: 7,
        account: accountSetting({ channel: this.#options.channel }),
        agent: (id) => this.agents[id],
        label: (id) => id !== idOf('nolabel'),
        bot: (id) => this.bots[id],
        team: (id) => id === idOf('team'),
        ...this.#options.settings,
      },
      now: this.now,
      input: this.#commands,
      transition,
    }
  }

  place(): { accountId: string; channel: ConversationSnapshot['channel']; contactId: string; address: Address; profile: null } {
    return { accountId, channel: this.#options.channel, contactId, address: this.address, profile: null }
  }

  command<T extends CommandType>(type: T, data: Sent<T>, envelope: Partial<Command> = {}): Command<T> {
    this.#commands++
    return {
      type,
      commandId: derivePlain('command', [this.#commands]),
      organizationId,
      actor: { kind: 'conversation', id: conversationId },
      by: contactBy,
      asksOutcome: true,
      bodyHash: '',
      at: this.now,
      ...envelope,
      data,
    } as unknown as Command<T>
  }

  do<T extends CommandType>(type: T, data: Sent<T>, envelope: Partial<Command> = {}): Decision<ConversationSnapshot> {
    return this.decide(this.command(type, data, envelope) as never)
  }

  decide(command: Command): Decision<ConversationSnapshot> {
    const shape = commandRecords[command.type] as RecordShape<unknown>
    const given = this.#options.crossesCodec ? { ...cross(shape, command), type: command.type } : command
    const frozen = deepFreeze(given)
    const decision = decideConversation(this.snapshot === null ? null : deepFreeze(this.snapshot), frozen as never, this.context)
    this.#check(decision)
    this.#commit(decision)
    return decision
  }

  receive(name: string, more: Sent<'message.receive'> = {}, envelope: Partial<Command> = {}): Decision<ConversationSnapshot> {
    const data = { messageId: idOf(name), ...this.place(), content: textContent(name), providerAt: null, receivedAt: this.now, ...more }
    return this.do('message.receive', data, envelope)
  }

  send(name: string, by: Principal, more: Sent<'message.send'> = {}, envelope: Partial<Command> = {}): Decision<ConversationSnapshot> {
    const data = {
      messageId: idOf(name),
      content: textContent(name),
      isInternal: false,
      seenSeq: null,
      isOverride: false,
      mayReplyAny: false,
      replyTo: null,
      mentions: [],
      sendAt: null,
      isUnlessReply: false,
      ...more,
    }
    return this.do('message.send', data, { by, bodyHash: 'hash', ...envelope })
  }

  report(name: string, more: Sent<'send.report'>): Decision<ConversationSnapshot> {
    const data = {
      messageId: idOf(name),
      attempt: 1,
      state: 'sent' as const,
      reason: null,
      providerCode: null,
      providerMessageId: null,
      aliasId: null,
      at: this.now,
      ...more,
    }
    return this.do('send.report', data, { by: systemBy })
  }

  receipt(alias: string, more: Sent<'receipt.report'>): Decision<ConversationSnapshot> {
    const data = {
      aliasId: idOf(alias),
      messageId: null,
      state: 'delivered' as const,
      reason: null,
      providerCode: null,
      at: this.now,
      ...more,
    }
    return this.do('receipt.report', data, { by: { kind: 'provider', id: null } })
  }

  message(name: string): MessageRow {
    const row = this.rows.get(keys.message(conversationId, idOf(name)))
    assert.ok(row, `no row of ${name}`)
    return row as MessageRow
  }

  get state(): ConversationSnapshot {
    assert.ok(this.snapshot, 'no conversation yet')
    return this.snapshot
  }

  /** Open effects of a shape. */
  open<K extends EffectChange['shape']>(shape: K): NonNullable<Extract<EffectChange, { shape: K }>['value']>[] {
    return [...this.effects.values()].filter((effect) => effect.shape === shape && effect.value !== null).map(({ value }) => value) as never
  }

  #check(decision: Decision<ConversationSnapshot>): void {
    const { events, contents } = decision
    assert.equal(events.length, contents.length)
    if (events.length === 0) assert.equal(decision.snapshot, this.snapshot, 'nothing changed, same snapshot')
    let folded = this.snapshot
    let contactSeq = folded?.contactSeq ?? 0
    for (const [index, event] of events.entries()) {
      assert.equal(event.seq, (folded?.seq ?? 0) + 1, 'seq is dense')
      if (event.contactSeq !== null) assert.equal(event.contactSeq, ++contactSeq, 'contactSeq is dense')
      assert.equal(event.contents, contents[index]?.length)
      assert.ok(event.contents <= 16)
      folded = evolveConversation(folded, event, [], transition)
      assert.equal(folded.at, event.at)
      const row = (event.data as { row?: unknown }).row
      if (row !== undefined) assert.deepEqual(row, rowOf(folded), 'the row is what the fold says')
    }
    assert.deepEqual(decision.snapshot, folded, 'the snapshot is the fold of the events')
    if (folded !== null && decision.snapshot !== null) {
      assert.equal(hashConversation(folded), hashConversation(decision.snapshot))
      const isPending = folded.state === 'pending'
      assert.equal(isPending, folded.assignee?.kind === 'bot', 'pending if and only if a bot has it')
      assert.equal(folded.contactSeq, contactSeq)
    }
  }

  #commit(decision: Decision<ConversationSnapshot>): void {
    for (const [index, event] of decision.events.entries()) {
      const contents = decision.contents[index] ?? []
      cross(eventRecords[event.type] as RecordShape<unknown>, event)
      for (const content of contents) cross(contentRecords[content.kind] as RecordShape<unknown>, content)
      this.events.push(event)
      this.contents.push(contents)
    }
    for (const { key, shape, value } of decision.rows)
      this.rows.set(key, value === null ? null : cross(catalogue['messages']?.[shape] as RecordShape<unknown>, value))
    for (const { key, value } of decision.marks)
      this.rows.set(key, value === null ? null : cross(catalogue['marks']?.['mark'] as RecordShape<unknown>, value))
    for (const effect of decision.effects) {
      if (effect.value !== null) cross(catalogue['outbox']?.[effect.shape] as RecordShape<unknown>, effect.value)
      this.effects.set(effect.key, effect)
    }
    this.dropped.push(...decision.drops)
    this.snapshot =
      decision.snapshot === null ? null : cross(catalogue['conversations']?.['conversation'] as RecordShape<unknown>, decision.snapshot)
  }
}

const deepFreeze = <T>(value: T): T => {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return value
  Object.freeze(value)
  for (const part of Object.values(value)) deepFreeze(part)
  return value
}

export const typesOf = (decision: Decision<unknown>): string[] => decision.events.map(({ type }) => type)

export const dataOf = <T extends EventType>(decision: Decision<unknown>, type: T): EventData[T] => {
  const event = decision.events.find((candidate) => candidate.type === type)
  assert.ok(event, `no ${type} among ${typesOf(decision).join(', ')}`)
  return event.data as EventData[T]
}

export const refused = (decision: Decision<unknown>, code: string): Readonly<Record<string, unknown>> => {
  assert.ok(decision.outcome !== null && !decision.outcome.accepted, `accepted, not refused with ${code}`)
  assert.equal(decision.outcome.code, code)
  assert.deepEqual(decision.events, [])
  return decision.outcome.fields
}

export const accepted = (decision: Decision<unknown>): { seq: number; createdId: string | null } => {
  assert.ok(decision.outcome?.accepted === true, `refused: ${JSON.stringify(decision.outcome)}`)
  return decision.outcome
}

/** A contact and the settings of an organization, the same way but smaller. */
export class Pair {
  contact: ContactSnapshot | null = null
  organization: OrganizationSnapshot | null = null
  readonly rows = new Map<string, object | null>()
  now = 1_000_000
  #commands = 0

  #context(): DecideContext {
    const row = (key: string): never => (this.rows.get(key) ?? null) as never
    const none = (): null => null
    return {
      rows: {
        message: none,
        alias: none,
        early: none,
        echoes: () => [],
        address: none,
        attributes: none,
        mark: none,
        profile: () => row(keys.profile(contactId)),
        setting: (kind, id) => row(keys.setting(kind, id)),
        unique: (id) => row(keys.unique(id)),
      },
      settings: { offset: -1 },
      now: this.now,
      input: 0,
      transition,
    }
  }

  #envelope(kind: 'contact' | 'organization', id: string, by: Principal): Omit<Command, 'type' | 'data'> {
    this.#commands++
    return {
      commandId: derivePlain('command', ['pair', this.#commands]),
      organizationId,
      actor: { kind, id },
      by,
      asksOutcome: true,
      bodyHash: '',
      at: this.now,
    }
  }

  tell<T extends CommandType>(type: T, data: Sent<T>, by: Principal = systemBy): Decision<ContactSnapshot> {
    const command = { type, data, ...this.#envelope('contact', contactId, by) }
    cross(commandRecords[type] as RecordShape<unknown>, command)
    const decision = decideContact(this.contact, command as never, this.#context())
    for (const { key, value } of decision.rows) this.rows.set(key, value)
    for (const event of decision.events) cross(eventRecords[event.type] as RecordShape<unknown>, event)
    this.contact = decision.snapshot
    return decision
  }

  write(kind: SettingKind, more: Partial<Command<'setting.write'>['data']> & { fields?: object }): Decision<OrganizationSnapshot> {
    const { fields, ...rest } = more
    const data = {
      kind,
      action: 'create' as const,
      entityId: organizationId,
      expectedRev: null,
      json: JSON.stringify(fields ?? {}),
      uniqueKeys: [],
      ...rest,
    }
    const command = { type: 'setting.write', data, ...this.#envelope('organization', organizationId, systemBy) }
    const decision = decideSettings(this.organization, command as never, this.#context())
    for (const change of decision.settings) {
      const shape = catalogue['config']?.[change.kind] as RecordShape<unknown>
      this.rows.set(change.key, change.value === null ? null : cross(shape, change.value))
    }
    if (decision.snapshot !== null) cross(catalogue['conversations']?.['organization'] as RecordShape<unknown>, decision.snapshot)
    this.organization = decision.snapshot
    return decision
  }
}
