// The board of a cluster: each node's facts in one hash for an organization that expires with the node's lease, changes by pub/sub.
// Between nodes. Redis may be lost at any time: what others do is then unknown, and said to be; it comes back by itself.

import { factIdOf, type Board, type BoardNews, type Fact, type OpenBoard } from './index.ts'
import { keysOf, Lines } from './redis-lines.ts'
import { LEASE_MS, Others, type Saying } from './shared.ts'

export interface RedisBoardOptions {
  readonly url: string
  /** Whose facts these are: two sites in one Redis do not meet. */
  readonly site: string
  /** Drawn for each life of a process. */
  readonly node: string
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Redis has gone or come back; once each. */
  readonly onState: (isUp: boolean, error?: unknown) => void
}

/** Changes of so long go together. */
const GATHER_MS = 50
const TICK_MS = 1_000
/** A third of the lease: two may be lost. */
const RENEW_TICKS = 5
/** Facts in one message and one command. */
const FACTS_AT_ONCE = 500
const NODES_MAX = 1_000
/** Typing that waits to be told: what comes beyond it is not. */
const TYPING_MAX = 1_000
const NODES_TTL_MS = 4 * LEASE_MS
const VERSION = '#'

type Told = readonly [fact: Fact, isTyping: boolean]
interface Message extends Partial<Saying> {
  readonly node: string
  readonly typing?: readonly Told[]
}

/** What this node says in one organization. */
interface Own {
  readonly facts: Map<string, Fact>
  /** Changed since the last message; null = dropped. */
  readonly changed: Map<string, Fact | null>
  readonly typing: Told[]
  version: number
}

interface Followed {
  readonly others: Others
  isKnown: boolean
  /** Nodes whose facts are being read; true = they have changed meanwhile. */
  readonly reading: Map<string, boolean>
}

const chunksOf = <T>(items: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(items.length / FACTS_AT_ONCE) }, (_, index) =>
    items.slice(index * FACTS_AT_ONCE, (index + 1) * FACTS_AT_ONCE),
  )

class RedisBoard implements Board {
  readonly #options: RedisBoardOptions
  readonly #news: BoardNews
  readonly #keys: ReturnType<typeof keysOf>
  readonly #lines: Lines
  readonly #own = new Map<string, Own>()
  readonly #followed = new Map<string, Followed>()
  readonly #timer: NodeJS.Timeout
  #gathering: NodeJS.Timeout | undefined
  #isClosed = false
  #ticks = 0
  /** Above every version said so far. */
  #version = 0

  constructor(options: RedisBoardOptions, news: BoardNews) {
    this.#options = options
    this.#news = news
    this.#keys = keysOf(options.site)
    this.#lines = new Lines({
      url: options.url,
      pulse: this.#keys.pulse(options.node),
      now: options.now,
      onUp: () => this.#rise(),
      onDown: (error) => this.#lose(error),
      onMessage: (channel, text) => this.#hear(channel, text),
    })
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#timer.unref()
  }

  isKnown(organizationId: string): boolean {
    return this.#followed.get(organizationId)?.isKnown ?? false
  }

  put(fact: Fact): void {
    const own = this.#ownOf(fact.organizationId)
    own.facts.set(factIdOf(fact), fact)
    own.changed.set(factIdOf(fact), fact)
    this.#gather()
    this.#news.onPut(fact)
  }

  drop(fact: Fact): void {
    const own = this.#ownOf(fact.organizationId)
    if (!own.facts.delete(factIdOf(fact))) return
    own.changed.set(factIdOf(fact), null)
    this.#gather()
    this.#news.onDrop(fact)
  }

  type(fact: Fact, isTyping: boolean): void {
    const { typing } = this.#ownOf(fact.organizationId)
    if (this.#lines.isUp && typing.length < TYPING_MAX) typing.push([fact, isTyping])
    this.#gather()
    this.#news.onTyping(fact, isTyping)
  }

  *of(organizationId: string): Iterable<Fact> {
    yield* this.#own.get(organizationId)?.facts.values() ?? []
    yield* this.#followed.get(organizationId)?.others.facts() ?? []
  }

  follow(organizationId: string): void {
    if (this.#followed.has(organizationId)) return
    this.#followed.set(organizationId, { others: new Others(this.#news), isKnown: false, reading: new Map() })
    if (this.#lines.isUp) this.#lines.guard(this.#takeIn(organizationId))
  }

  unfollow(organizationId: string): void {
    if (this.#followed.delete(organizationId) && this.#lines.isUp)
      this.#lines.guard(this.#lines.ears.unsubscribe(this.#keys.news(organizationId)))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    clearTimeout(this.#gathering)
    // Others need not wait for the lease. Where it fails they do.
    if (this.#lines.isUp) await Promise.allSettled([...this.#own.keys()].map((organizationId) => this.#leave(organizationId)))
    this.#lines.close()
  }

  #ownOf(organizationId: string): Own {
    const own = this.#own.get(organizationId) ?? { facts: new Map(), changed: new Map(), typing: [], version: this.#version + 1 }
    this.#own.set(organizationId, own)
    return own
  }

  #gather(): void {
    if (this.#isClosed) return
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined
      for (const organizationId of this.#own.keys()) this.#flush(organizationId)
    }, GATHER_MS)
    this.#gathering.unref()
  }

  /** One write for all that has changed. While Redis is away nothing is kept but the facts themselves. */
  #flush(organizationId: string): void {
    const own = this.#ownOf(organizationId)
    const changes = [...own.changed]
    const typing = own.typing.splice(0)
    own.changed.clear()
    if (!this.#lines.isUp) return
    for (const part of chunksOf(changes)) {
      const put = part.flatMap(([, fact]) => (fact === null ? [] : [fact]))
      const drop = part.flatMap(([id, fact]) => (fact === null ? [id] : []))
      this.#write(organizationId, { put, drop })
    }
    for (const part of chunksOf(typing)) this.#say(organizationId, { node: this.#options.node, typing: part })
  }

  #write(organizationId: string, { put, drop }: { readonly put: readonly Fact[]; readonly drop: readonly string[] }): void {
    const { node } = this.#options
    const version = this.#advance(organizationId)
    const key = this.#keys.facts(organizationId, node)
    const fields = put.flatMap((fact) => [factIdOf(fact), JSON.stringify(fact)])
    const transaction = this.#lines.commands.multi().hset(key, VERSION, version, ...fields)
    if (drop.length > 0) transaction.hdel(key, ...drop)
    transaction.pexpire(key, LEASE_MS)
    transaction.sadd(this.#keys.nodes(organizationId), node).pexpire(this.#keys.nodes(organizationId), NODES_TTL_MS)
    transaction.publish(this.#keys.news(organizationId), JSON.stringify({ node, version, put, drop } satisfies Message))
    this.#lines.guard(transaction.exec())
  }

  #say(organizationId: string, message: Message): void {
    this.#lines.guard(this.#lines.commands.publish(this.#keys.news(organizationId), JSON.stringify(message)))
  }

  #advance(organizationId: string): number {
    const version = ++this.#ownOf(organizationId).version
    this.#version = Math.max(this.#version, version)
    return version
  }

  async #leave(organizationId: string): Promise<void> {
    const { node } = this.#options
    // A version left out: who knows us reads anew, and finds nothing.
    this.#advance(organizationId)
    const version = this.#advance(organizationId)
    this.#own.delete(organizationId)
    await this.#lines.commands.del(this.#keys.facts(organizationId, node))
    await this.#lines.commands.srem(this.#keys.nodes(organizationId), node)
    await this.#lines.commands.publish(this.#keys.news(organizationId), JSON.stringify({ node, version } satisfies Message))
  }

  /** Redis is there: say all of ours, read all of theirs. */
  #rise(): void {
    this.#options.onState(true)
    for (const [organizationId, { facts }] of this.#own) this.#sayAll(organizationId, [...facts.values()])
    for (const organizationId of this.#followed.keys()) this.#lines.guard(this.#takeIn(organizationId))
  }

  #sayAll(organizationId: string, facts: readonly Fact[]): void {
    // A restarted Redis, or one that thought us dead, has none of it; an unbroken one may have some that are over.
    this.#lines.guard(this.#lines.commands.del(this.#keys.facts(organizationId, this.#options.node)))
    // A version left out: who followed reads all of it.
    this.#advance(organizationId)
    for (const part of chunksOf(facts)) this.#write(organizationId, { put: part, drop: [] })
  }

  /** Listens first and reads second, so that nothing lies between. */
  async #takeIn(organizationId: string): Promise<void> {
    await this.#lines.ears.subscribe(this.#keys.news(organizationId))
    const nodes = (await this.#lines.commands.smembers(this.#keys.nodes(organizationId))).slice(0, NODES_MAX)
    await Promise.all(nodes.map((node) => this.#read(organizationId, node)))
    const followed = this.#followed.get(organizationId)
    if (followed === undefined || !this.#lines.isUp || followed.isKnown) return
    followed.isKnown = true
    this.#news.onKnown(organizationId)
  }

  async #read(organizationId: string, node: string): Promise<void> {
    const followed = this.#followed.get(organizationId)
    if (followed === undefined || node === this.#options.node) return
    const isReading = followed.reading.has(node)
    followed.reading.set(node, isReading)
    if (isReading) return
    try {
      const { [VERSION]: version, ...fields } = await this.#lines.commands.hgetall(this.#keys.facts(organizationId, node))
      if (version === undefined) {
        followed.others.forget(node)
        await this.#lines.commands.srem(this.#keys.nodes(organizationId), node)
      } else {
        const facts = Object.values(fields).map((text) => JSON.parse(text) as Fact)
        followed.others.replace(node, Number(version), facts, this.#options.now())
      }
    } finally {
      const isStale = followed.reading.get(node) === true
      followed.reading.delete(node)
      if (isStale) this.#lines.guard(this.#read(organizationId, node))
    }
  }

  #hear(channel: string, text: string): void {
    const prefix = this.#keys.news('')
    if (!channel.startsWith(prefix)) return
    const organizationId = channel.slice(prefix.length)
    const followed = this.#followed.get(organizationId)
    const message = JSON.parse(text) as Message
    if (followed === undefined || message.node === this.#options.node) return
    for (const [fact, isTyping] of message.typing ?? []) this.#news.onTyping(fact, isTyping)
    const { node, version, put, drop } = message
    if (version === undefined || followed.others.hear({ node, version, put, drop }, this.#options.now())) return
    this.#lines.guard(this.#read(organizationId, node))
  }

  #tick(): void {
    this.#lines.tick()
    if (!this.#lines.isUp) return
    const now = this.#options.now()
    for (const { others } of this.#followed.values()) others.expire(now)
    if (++this.#ticks % RENEW_TICKS !== 0) return
    for (const [organizationId, own] of this.#own) {
      if (own.facts.size > 0) this.#renew(organizationId, own.version)
      else if (own.changed.size === 0 && own.typing.length === 0) this.#lines.guard(this.#leave(organizationId))
    }
  }

  #renew(organizationId: string, version: number): void {
    const { node } = this.#options
    const transaction = this.#lines.commands.multi().pexpire(this.#keys.facts(organizationId, node), LEASE_MS)
    transaction.sadd(this.#keys.nodes(organizationId), node).pexpire(this.#keys.nodes(organizationId), NODES_TTL_MS)
    transaction.publish(this.#keys.news(organizationId), JSON.stringify({ node, version } satisfies Message))
    this.#lines.guard(transaction.exec())
  }

  #lose(error: unknown): void {
    this.#options.onState(false, error)
    for (const [organizationId, followed] of this.#followed) {
      this.#followed.set(organizationId, { others: new Others(this.#news), isKnown: false, reading: new Map() })
      if (followed.isKnown) this.#news.onKnown(organizationId)
    }
  }
}

/** Presence of a cluster. Opens at once and rises when Redis answers. */
export const openRedisBoard =
  (options: RedisBoardOptions): OpenBoard =>
  (news) =>
    new RedisBoard(options, news)
