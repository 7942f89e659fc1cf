// Work queues of bots: each event to one of a bot's connections, acknowledged or dealt out again; where they stand is the log's to know.
// Between sessions that subscribe with `queue` and the queues of this node; one tail of `ownership`, begun by the first of them.

import { hasCode } from '#errors'
import type { Tails } from '#log'
import { decode, queueRecord, type QueueRecord } from '#schemas/log'
import type { Hub } from '../hub.ts'
import { subscriptionOf, type Wanted } from '../sessions/joining.ts'
import type { Session } from '../sessions/session.ts'
import type { Entry } from '../tail/entry.ts'
import { headsOf } from '../sessions/progress.ts'
import { SLOT_CURSOR_LENGTH } from '../cursor.ts'
import { queueKeyOf } from './holding.ts'
import type { Consumer } from './consumers.ts'
import { Queue } from './queue.ts'

export interface QueuesOptions {
  readonly hub: () => Hub
  readonly tails: Pick<Tails, 'follow'>
  /** Drawn for this life of the process. */
  readonly holder: string
  readonly now: () => number
}

const CONSUMERS_MAX = 10
const QUEUES_PER_SESSION_MAX = 16
/** Queues of which records are kept. */
const KNOWN_MAX = 10_000
const TICK_MS = 250
const RETRY_MS = 1_000

/** `queue: true` names the bot's only one. */
const nameOf = ({ queue }: Wanted): string => (typeof queue === 'string' ? queue : 'default')

const isSame = (one: Consumer, other: Consumer): boolean =>
  one.subscription.key === other.subscription.key &&
  [...(one.subscription.types ?? [])].toSorted().join(' ') === [...(other.subscription.types ?? [])].toSorted().join(' ')

export class Queues {
  readonly #options: QueuesOptions
  readonly #queues = new Map<string, Queue>()
  readonly #byOrganization = new Map<string, Set<Queue>>()
  readonly #records = new Map<string, Map<string, QueueRecord>>()
  readonly #sessions = new Map<Session, Map<string, { readonly queue: Queue; readonly consumer: Consumer }>>()
  readonly #abort = new AbortController()
  #ready: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: QueuesOptions) {
    this.#options = options
  }

  /** The session shares a queue of its bot. */
  join(session: Session, wanted: Wanted): void {
    const { kind } = session.grants
    this.leave(session, wanted.id)
    if (kind !== 'bot' && kind !== 'token') return session.send({ frame: 'error', code: 'forbidden', id: wanted.id })
    if ((this.#sessions.get(session)?.size ?? 0) >= QUEUES_PER_SESSION_MAX)
      return session.send({ frame: 'error', code: 'subscriptions_too_many', id: wanted.id })
    // One slot's place says nothing of the others.
    if (wanted.from?.length === SLOT_CURSOR_LENGTH && Number.isNaN(Date.parse(wanted.from)))
      return session.send({ frame: 'error', code: 'cursor_partial', id: wanted.id })
    this.#ready ??= this.#follow()
    this.#ready
      .then(() => this.#joined(session, wanted))
      .catch((error: unknown) => {
        this.#ready = undefined
        this.#options.hub().logger.error({ name: 'gateway.queues_failed', error })
        session.end('overloaded')
      })
  }

  leave(session: Session, id: string): void {
    const joined = this.#sessions.get(session)
    const found = joined?.get(id)
    if (joined === undefined || found === undefined) return
    joined.delete(id)
    if (joined.size === 0) this.#sessions.delete(session)
    found.queue.leave(found.consumer)
  }

  closed(session: Session): void {
    for (const id of [...(this.#sessions.get(session)?.keys() ?? [])]) this.leave(session, id)
  }

  /** A cursor of an event that a queue sent to the bot. Others mean nothing. */
  acknowledge(session: Session, cursor: string, id?: string): void {
    const opened = this.#options.hub().cursors.openSlot(cursor)
    if (!opened.ok) return session.send({ frame: 'error', code: 'cursor_partial' })
    const { stream, next } = opened.value
    for (const [joined, { queue }] of this.#sessions.get(session) ?? []) {
      if (id !== undefined && id !== joined) continue
      if (queue.acknowledge(stream, next - 1)) return
    }
  }

  /** A new entry of the tail. */
  onEntry({ routing }: Entry): void {
    if (routing === undefined || this.#byOrganization.size === 0) return
    for (const queue of this.#byOrganization.get(routing.organizationId) ?? []) queue.wake()
  }

  /** For metrics. */
  facts(): { readonly depth: number; readonly oldestMs: number } {
    const now = this.#options.now()
    const queues = [...this.#queues.values()]
    const oldest = Math.min(now, ...queues.flatMap(({ oldestAt }) => oldestAt ?? []))
    return { depth: queues.reduce((sum, { depth }) => sum + depth, 0), oldestMs: now - oldest }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()))
    this.#abort.abort()
    await this.#ready?.catch(() => undefined)
  }

  #joined(session: Session, wanted: Wanted): void {
    if (!session.isOpen) return
    const hub = this.#options.hub()
    const queue = this.#queueOf(session, nameOf(wanted))
    const consumer: Consumer = { session, subscription: subscriptionOf(session, wanted), from: wanted.from }
    const [first] = queue.consumers
    const code =
      queue.consumers.size >= CONSUMERS_MAX
        ? 'subscriptions_too_many'
        : first !== undefined && !isSame(first, consumer)
          ? 'queue_differs'
          : null
    if (code !== null) return session.send({ frame: 'error', code, id: wanted.id })
    const joined = this.#sessions.get(session) ?? new Map<string, { queue: Queue; consumer: Consumer }>()
    this.#sessions.set(session, joined.set(wanted.id, { queue, consumer }))
    session.send({ frame: 'subscribed', id: wanted.id, cursor: hub.positions.sealOffsets(headsOf(hub.tailer.rings), session.grants) })
    queue.join(consumer)
  }

  #queueOf({ grants: { organizationId, id: botId } }: Session, name: string): Queue {
    const key = queueKeyOf({ botId, name })
    const known = this.#queues.get(key)
    if (known !== undefined) return known
    const { holder, now } = this.#options
    const queue = new Queue({ hub: this.#options.hub(), organizationId, botId, name, holder, now })
    this.#queues.set(key, queue)
    this.#byOrganization.set(organizationId, (this.#byOrganization.get(organizationId) ?? new Set()).add(queue))
    for (const [other, record] of this.#records.get(key) ?? []) queue.hear(other, record)
    return queue
  }

  #forget(key: string, queue: Queue): void {
    this.#queues.delete(key)
    for (const [organizationId, queues] of this.#byOrganization)
      if (queues.delete(queue) && queues.size === 0) this.#byOrganization.delete(organizationId)
  }

  /** Resolves when all is known that the log said of queues at the call. */
  async #follow(): Promise<void> {
    const { start, end } = await this.#options.hub().log.bounds('ownership', 0)
    this.#timer ??= setInterval(() => {
      for (const [key, queue] of this.#queues) {
        if (queue.isIdle) this.#forget(key, queue)
        else queue.tick()
      }
    }, TICK_MS).unref()
    await new Promise<void>((resolve) => {
      if (start === end) resolve()
      this.#tail(start, (next) => {
        if (next >= end) resolve()
      }).catch((error: unknown) => this.#options.hub().logger.error({ name: 'gateway.queues_failed', error }))
    })
  }

  async #tail(start: number, onPassed: (next: number) => void): Promise<void> {
    const { signal } = this.#abort
    let offset = start
    while (!signal.aborted) {
      try {
        for await (const chunk of this.#options.tails.follow('queues', [{ topic: 'ownership', partition: 0, offset }], { signal })) {
          for (const record of chunk.records) if (record.key.startsWith('queue/')) this.#hear(record.key, record.value)
          offset = chunk.next
          onPassed(offset)
        }
        return
      } catch (error) {
        if (signal.aborted || hasCode(error, 'log_closed')) return
        this.#options.hub().logger.error({ name: 'gateway.queues_tail_lost', error })
        // Whoever deals out stops by itself when its records do not come back.
        offset = (await this.#options.hub().log.bounds('ownership', 0)).start
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref())
      }
    }
  }

  #hear(key: string, value: Uint8Array | null): void {
    const at = key.lastIndexOf('/')
    const [queueKey, holder] = [key.slice(0, at), key.slice(at + 1)]
    const record = value === null ? null : decode(queueRecord, value)
    const known = this.#records.get(queueKey) ?? new Map<string, QueueRecord>()
    if (record === null) known.delete(holder)
    else known.set(holder, record)
    if (known.size === 0) this.#records.delete(queueKey)
    else if (this.#records.has(queueKey) || this.#records.size < KNOWN_MAX) this.#records.set(queueKey, known)
    this.#queues.get(queueKey)?.hear(holder, record)
  }
}
