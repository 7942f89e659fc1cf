// The settings projection: `config`, tailed whole into memory, answers every edge's "who is this, what may they, which account".
// Between the log and HTTP, gateway, owners and effects; the organization's settings actor alone writes what it reads.

import {
  decode,
  settingRecords,
  type Account,
  type Agent,
  type Label,
  type Organization,
  type Session,
  type SettingKind,
  type SettingValue,
  type Token,
} from '#schemas/log'
import { openTails, partitionOf, type Log, type Offset, type StoredRecord, type Tails } from '#log'
import { PARTITIONS } from '#topics'

/** Everything settings can be asked. Lookups are synchronous: the whole of `config` is in memory. */
export interface Settings {
  organizations(): readonly Organization[]
  organization(id: string): Organization | undefined
  get<K extends SettingKind>(kind: K, id: string): SettingValue[K] | undefined
  /** All of a kind in an organization, by creation. */
  list<K extends SettingKind>(kind: K, organizationId: string): readonly SettingValue[K][]
  account(id: string): Account | undefined
  agent(id: string): Agent | undefined
  label(id: string): Label | undefined
  /** Accounts whose webhooks are signed under the key, of one channel. */
  accountsByIngestKey(channel: string, key: string): readonly Account[]
  /** SHA-256 hex of a bearer token's text. */
  tokenByHash(hash: string): Token | undefined
  sessionByHash(hash: string): Session | undefined
  agentByEmail(email: string): readonly Agent[]
  /** The organization's 32-byte id key, opened once. Throws ConfabError when the organization is unknown. */
  idKey(organizationId: string): Buffer
  /** Offset of the newest record of the organization's config partition: recorded in events as settingsOffset. */
  offsetOf(organizationId: string): Offset
  /** Resolves once config is applied up to the offset (≤ timeoutMs: false). */
  waitFor(organizationId: string, offset: Offset, timeoutMs: number): Promise<boolean>
  /** Lets the projection reach the log's end captured now (≤ timeoutMs), of one organization or of all. */
  catchUp(timeoutMs: number, organizationId?: string): Promise<void>
  /** Called in the turn a record is applied. Returns the unsubscribe function. */
  onChange(listener: (change: SettingsChange) => void): () => void
  close(): Promise<void>
}

export interface SettingsChange {
  readonly kind: SettingKind
  readonly id: string
  readonly organizationId: string
  readonly value: SettingValue[SettingKind] | null
  readonly partition: number
  readonly offset: Offset
}

/** Who waits for an offset of a partition. */
interface Waiter {
  readonly partition: number
  readonly offset: Offset
  readonly done: (isReached: boolean) => void
}

export interface SettingsOptions {
  readonly log: Log
  /** Opens an organization's sealed id key. */
  readonly openIdKey: (organization: Organization) => Buffer
  readonly onError: (error: unknown) => void
  /** The node's tails; without them it keeps its own. A tail that ends with `tail_lost` is told to `onError`. */
  readonly tails?: Pick<Tails, 'follow'>
}

const kinds = Object.keys(settingRecords) as SettingKind[]

class SettingsProjection implements Settings {
  readonly #options: SettingsOptions
  readonly #byKind = new Map<SettingKind, Map<string, SettingValue[SettingKind]>>(kinds.map((kind) => [kind, new Map()]))
  readonly #idKeys = new Map<string, Buffer>()
  readonly #tokens = new Map<string, Token>()
  readonly #sessions = new Map<string, Session>()
  readonly #ingestKeys = new Map<string, Account[]>()
  readonly #next = new Map<number, Offset>()
  readonly #listeners = new Set<(change: SettingsChange) => void>()
  readonly #abort = new AbortController()
  #waiters: Waiter[] = []
  #loop: Promise<void> = Promise.resolve()

  constructor(options: SettingsOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
    const bounds = await Promise.all(partitions.map((partition) => this.#options.log.bounds('config', partition)))
    for (const partition of partitions) this.#next.set(partition, bounds[partition]?.start ?? 0)
    this.#loop = this.#tail().catch(this.#options.onError)
    await Promise.all(bounds.map((bound, partition) => this.#wait(partition, bound.end, Number.POSITIVE_INFINITY)))
  }

  async #tail(): Promise<void> {
    const from = [...this.#next].map(([partition, offset]) => ({ topic: 'config' as const, partition, offset }))
    const { log, onError, tails = openTails({ log, onOutage: onError }) } = this.#options
    for await (const chunk of tails.follow('settings', from, { signal: this.#abort.signal })) {
      for (const record of chunk.records) this.#guarded(() => this.#apply(record, chunk.partition))
      this.#next.set(chunk.partition, chunk.next)
      this.#waiters = this.#waiters.filter((waiter) => {
        const isReached = waiter.partition === chunk.partition && chunk.next >= waiter.offset
        if (isReached) waiter.done(true)
        return !isReached
      })
    }
  }

  /** One setting that cannot be read, or a listener that fails, must not stop the others: revocations come this way. */
  #guarded(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#options.onError(error)
    }
  }

  #apply(record: StoredRecord, partition: number): void {
    const [kind, id] = record.key.split('/') as [SettingKind | 'unique', string]
    if (kind === 'unique') return
    const values = this.#byKind.get(kind)
    // A kind of a newer version: kept in the log, of no use here.
    if (values === undefined) return
    const before = values.get(id)
    const value: SettingValue[SettingKind] | null = record.value === null ? null : decode(settingRecords[kind], record.value)
    if (value === null) values.delete(id)
    else values.set(id, value)
    this.#index(kind, before, value)
    const organizationId = value?.organizationId ?? before?.organizationId
    if (organizationId === undefined) return
    for (const listener of this.#listeners)
      this.#guarded(() => listener({ kind, id, organizationId, value, partition, offset: record.offset }))
  }

  #index(kind: SettingKind, before: SettingValue[SettingKind] | undefined, value: SettingValue[SettingKind] | null): void {
    if (kind === 'token') reindex(this.#tokens, before as Token | undefined, value as Token | null)
    else if (kind === 'session') reindex(this.#sessions, before as Session | undefined, value as Session | null)
    else if (kind === 'account') {
      const key = (account: Account): string => `${account.channel}/${account.ingestKey}`
      const old = before as Account | undefined
      if (old !== undefined)
        this.#ingestKeys.set(
          key(old),
          (this.#ingestKeys.get(key(old)) ?? []).filter((account) => account.id !== old.id),
        )
      const account = value as Account | null
      if (account !== null) this.#ingestKeys.set(key(account), [...(this.#ingestKeys.get(key(account)) ?? []), account])
    }
  }

  organizations(): readonly Organization[] {
    return [...(this.#byKind.get('organization')?.values() ?? [])] as Organization[]
  }
  organization(id: string): Organization | undefined {
    return this.get('organization', id)
  }
  get<K extends SettingKind>(kind: K, id: string): SettingValue[K] | undefined {
    return this.#byKind.get(kind)?.get(id) as SettingValue[K] | undefined
  }
  list<K extends SettingKind>(kind: K, organizationId: string): readonly SettingValue[K][] {
    const all = [...(this.#byKind.get(kind)?.values() ?? [])] as SettingValue[K][]
    return all
      .filter((value) => value.organizationId === organizationId)
      .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
  }
  account(id: string): Account | undefined {
    return this.get('account', id)
  }
  agent(id: string): Agent | undefined {
    return this.get('agent', id)
  }
  label(id: string): Label | undefined {
    return this.get('label', id)
  }
  accountsByIngestKey(channel: string, key: string): readonly Account[] {
    return this.#ingestKeys.get(`${channel}/${key}`) ?? []
  }
  tokenByHash(hash: string): Token | undefined {
    return this.#tokens.get(hash)
  }
  sessionByHash(hash: string): Session | undefined {
    return this.#sessions.get(hash)
  }
  agentByEmail(email: string): readonly Agent[] {
    const wanted = email.trim().toLowerCase()
    return ([...(this.#byKind.get('agent')?.values() ?? [])] as Agent[]).filter((agent) => agent.email === wanted)
  }
  idKey(organizationId: string): Buffer {
    const known = this.#idKeys.get(organizationId)
    if (known !== undefined) return known
    const organization = this.organization(organizationId)
    if (organization === undefined) throw new Error(`organization ${organizationId} is not known`)
    const key = this.#options.openIdKey(organization)
    this.#idKeys.set(organizationId, key)
    return key
  }
  offsetOf(organizationId: string): Offset {
    return (this.#next.get(partitionOf(organizationId)) ?? 0) - 1
  }
  waitFor(organizationId: string, offset: Offset, timeoutMs: number): Promise<boolean> {
    return this.#wait(partitionOf(organizationId), offset, timeoutMs)
  }
  async catchUp(timeoutMs: number, organizationId?: string): Promise<void> {
    const partitions = organizationId === undefined ? [...this.#next.keys()] : [partitionOf(organizationId)]
    await Promise.all(
      partitions.map(async (partition) => this.#wait(partition, (await this.#options.log.bounds('config', partition)).end, timeoutMs)),
    )
  }
  #wait(partition: number, offset: Offset, timeoutMs: number): Promise<boolean> {
    if ((this.#next.get(partition) ?? 0) >= offset) return Promise.resolve(true)
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined
      const waiter: Waiter = {
        partition,
        offset,
        done: (isReached) => {
          clearTimeout(timer)
          resolve(isReached)
        },
      }
      if (Number.isFinite(timeoutMs)) {
        timer = setTimeout(() => {
          this.#waiters = this.#waiters.filter((other) => other !== waiter)
          resolve(false)
        }, timeoutMs)
      }
      this.#waiters.push(waiter)
    })
  }
  onChange(listener: (change: SettingsChange) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
  async close(): Promise<void> {
    this.#abort.abort()
    for (const waiter of this.#waiters.splice(0)) waiter.done(false)
    await this.#loop
  }
}

const reindex = <T extends { hash: string }>(index: Map<string, T>, before: T | undefined, value: T | null): void => {
  if (before !== undefined) index.delete(before.hash)
  if (value !== null) index.set(value.hash, value)
}

/** Opens the projection and reads `config` to the end that the log has now. */
export const openSettings = async (options: SettingsOptions): Promise<Settings> => {
  const settings = new SettingsProjection(options)
  await settings.start()
  return settings
}
