// One work queue on one node: claims it, reads the log for it, deals out to the connections that share it, writes down what is done.
// Between sessions of a bot, the tail, and the queue's record in `ownership`.

import { hasCode } from '#errors'
import type { QueueRecord } from '#schemas/log'
import { PARTITIONS } from '#topics'
import { topicOf } from '../cursor.ts'
import type { Hub } from '../hub.ts'
import { sees } from '../scopes.ts'
import { beginningOf } from '../sessions/joining.ts'
import type { Entry } from '../tail/entry.ts'
import type { Ring } from '../tail/ring.ts'
import { dealtFrame, freestOf, showState, type Consumer } from './consumers.ts'
import { Dealer, type Item } from './dealer.ts'
import { deadLetterOf } from './given-up.ts'
import { Holding, type QueueName } from './holding.ts'
import { QUEUE_STREAMS, type Marks } from './marks.ts'

export interface QueueOptions extends QueueName {
  readonly hub: Hub
  readonly holder: string
  /** Monotonic milliseconds. */
  readonly now: () => number
}

/** Acknowledgements are written together so often: what a kill brings again. */
const WRITE_EVERY_MS = 500

export class Queue {
  readonly #options: QueueOptions
  readonly #holding: Holding
  readonly #consumers = new Set<Consumer>()
  readonly #reading = new Set<number>()
  #dealer: Dealer<Consumer> | undefined
  /** Below it an earlier holder may have dealt out what it never wrote down. */
  #doubtfulTo: readonly number[] = []
  #isDirty = false
  #isStepping = false
  #isPumpDue = false
  #shown: 'dealing' | 'waiting' = 'waiting'

  constructor(options: QueueOptions) {
    this.#options = options
    const { holder, hub, now, organizationId, botId, name } = options
    const { log, clock, isAlone, config } = hub
    this.#holding = new Holding({ queue: { organizationId, botId, name }, holder, log, clock, now, isAlone, leaseMs: config.queueLeaseMs })
  }

  /** Nobody is here and nothing is to be written down. */
  get isIdle(): boolean {
    return this.#consumers.size === 0 && this.#dealer === undefined
  }
  get depth(): number {
    return this.#dealer?.depth ?? 0
  }
  get oldestAt(): number | undefined {
    return this.#dealer?.oldestAt
  }
  get consumers(): ReadonlySet<Consumer> {
    return this.#consumers
  }

  /** A record of the queue, ours included; null = removed. */
  hear(holder: string, record: QueueRecord | null): void {
    this.#holding.hear(holder, record)
    this.step()
  }

  join(consumer: Consumer): void {
    this.#consumers.add(consumer)
    showState(consumer, this.#shown)
    this.step()
    this.wake()
  }

  leave(consumer: Consumer): void {
    if (!this.#consumers.delete(consumer)) return
    this.#giveUp(this.#dealer?.lost(consumer) ?? [])
    this.#isDirty = true
    this.step()
    this.wake()
  }

  /** False: it is not out, here or any longer. */
  acknowledge(stream: number, offset: number): boolean {
    if (this.#dealer?.acknowledge(stream, offset) !== true) return false
    this.#isDirty = true
    this.wake()
    return true
  }

  /** There may be something to deal out. */
  wake(): void {
    if (this.#isPumpDue || this.#dealer === undefined) return
    this.#isPumpDue = true
    setImmediate(() => {
      this.#isPumpDue = false
      this.#pump()
    })
  }

  /** A few times a second. */
  tick(): void {
    this.#giveUp(this.#dealer?.expire(this.#options.now()) ?? [])
    this.wake()
    this.step()
  }

  /** Gives it up at once, so that nobody waits for the lease. */
  async close(): Promise<void> {
    this.#consumers.clear()
    if (this.#holding.isLast()) await this.#write(false).catch(() => undefined)
    this.#dealer = undefined
  }

  /** Whatever is due of claiming, beginning, writing down, giving up. One at a time. */
  step(): void {
    if (this.#isStepping) return
    this.#isStepping = true
    this.#due()
      .catch((error: unknown) => {
        const { hub, name, botId } = this.#options
        hub.logger.warn({ name: 'gateway.queue_failed', queue: name, botId, error })
      })
      .finally(() => {
        this.#isStepping = false
        this.#tellState()
      })
  }

  async #due(): Promise<void> {
    // Another has claimed it: what is out here will go out there.
    if (!this.#holding.isLast()) this.#dealer = undefined
    if (this.#consumers.size === 0) {
      await this.#write(false)
      this.#dealer = undefined
      return
    }
    const idleMs = this.#options.now() - this.#holding.wroteAt
    if (this.#dealer !== undefined) {
      const everyMs = this.#isDirty ? WRITE_EVERY_MS : this.#options.hub.config.queueLeaseMs / 3
      if (idleMs >= everyMs) await this.#write(true)
    } else if (this.#holding.isOurs()) {
      if (this.#holding.isSettled()) await this.#begin()
    } else if (this.#holding.isFree() && idleMs >= WRITE_EVERY_MS) await this.#holding.claim()
  }

  /** Takes up where all holders together stood; where there was none, where the first connection says. */
  async #begin(): Promise<void> {
    const { hub } = this.#options
    const isTorn = this.#holding.isTorn()
    const known = this.#holding.marks()
    const marks = known.size > 0 ? await this.#within(known) : await this.#first()
    if (marks === undefined || !this.#holding.isLast()) return
    const { queueInFlightMax: inFlightMax, queueAckTimeoutMs: ackTimeoutMs, queueAttemptsMax: attemptsMax, queueWindowMax } = hub.config
    this.#doubtfulTo = isTorn ? hub.tailer.rings.map(({ head }) => head) : []
    this.#dealer = new Dealer<Consumer>({ inFlightMax, ackTimeoutMs, attemptsMax, windowMax: queueWindowMax }, marks)
    await this.#write(true)
    await this.#holding.clean(marks)
    this.wake()
  }

  async #first(): Promise<Marks | undefined> {
    const [first] = this.#consumers
    if (first === undefined) return undefined
    const positions = await beginningOf(first.session, first.subscription, first.from)
    const streams = Array.from({ length: QUEUE_STREAMS }, (_, stream) => stream)
    return new Map(streams.map((stream) => [stream, { next: positions[stream] ?? 0, acknowledged: new Set(), sent: new Set() }]))
  }

  /** A log that was restored may end before what had been done: it goes on at the end, and says so. */
  async #within(marks: Marks): Promise<Marks> {
    const { hub } = this.#options
    for (const [stream, mark] of marks) {
      if (mark.next <= (hub.tailer.rings[stream]?.head ?? 0)) continue
      const { end } = await hub.log.bounds(topicOf(stream), stream % PARTITIONS)
      if (mark.next <= end) continue
      marks.set(stream, { next: end, acknowledged: new Set(), sent: new Set() })
      for (const { session, subscription } of this.#consumers) session.sendResync(subscription, 'truncated')
    }
    return marks
  }

  async #write(isHeld: boolean): Promise<void> {
    if (this.#dealer === undefined) return
    this.#isDirty = false
    try {
      await this.#holding.write(isHeld, this.#dealer.marks())
    } catch (error) {
      this.#isDirty = true
      throw error
    }
  }

  #pump(): void {
    const dealer = this.#dealer
    if (dealer === undefined || !this.#holding.isOurs()) return
    for (let stream = 0; stream < QUEUE_STREAMS; stream++) this.#fill(dealer, stream)
    for (let item = dealer.next(); item !== undefined; item = dealer.next()) if (!this.#deal(dealer, item)) return
  }

  #fill(dealer: Dealer<Consumer>, stream: number): void {
    const ring = this.#options.hub.tailer.rings[stream] as Ring
    const from = dealer.wants(stream)
    if (from === undefined || from >= ring.head || this.#reading.has(stream)) return
    if (from >= ring.from) return this.#take(dealer, stream, ring.since(from), ring.head)
    this.#reading.add(stream)
    this.#options.hub.replay
      .read(stream, from)
      .then(({ entries, next }) => {
        if (dealer === this.#dealer && dealer.wants(stream) === from) this.#take(dealer, stream, entries, next)
      })
      .catch((error: unknown) => this.#onUnread(dealer, stream, error))
      .finally(() => {
        this.#reading.delete(stream)
        this.wake()
      })
  }

  #take(dealer: Dealer<Consumer>, stream: number, entries: Iterable<Entry>, next: number): void {
    const [consumer] = this.#consumers
    if (consumer === undefined) return
    const now = this.#options.now()
    const { subscription, session } = consumer
    for (const entry of entries) {
      const isWanted = entry.routing !== undefined && subscription.matches(entry, session.grants) && sees(session.grants, entry.routing)
      if (!dealer.take(entry, isWanted, now, entry.offset < (this.#doubtfulTo[stream] ?? 0))) return
      this.#isDirty = true
    }
    dealer.passed(stream, next)
  }

  /** The log does not hold what comes next: it is said, and the queue goes on where the log begins. */
  #onUnread(dealer: Dealer<Consumer>, stream: number, error: unknown): void {
    const { hub } = this.#options
    if (!hasCode(error, 'offset_below_start')) return hub.logger.error({ name: 'gateway.queue_unread', stream, error })
    hub.log
      .bounds(topicOf(stream), stream % PARTITIONS)
      .then(({ start }) => {
        dealer.jump(stream, start)
        for (const { session, subscription } of this.#consumers) session.sendResync(subscription, 'expired')
        this.wake()
      })
      .catch((cause: unknown) => hub.logger.error({ name: 'gateway.queue_unread', stream, error: cause }))
  }

  /** False: nobody has room. */
  #deal(dealer: Dealer<Consumer>, item: Item<Consumer>): boolean {
    const { hub, now, name } = this.#options
    const consumer = freestOf(this.#consumers, dealer)
    if (consumer === undefined) return false
    const { session, subscription } = consumer
    const frame = hub.projector.frameFor(item.entry, session.grants)
    if (frame === null) {
      dealer.done(item)
      return true
    }
    const isRepeat = item.isRepeat
    dealer.sent(item, consumer, now())
    // Of those with as few, whoever waited longest is next.
    this.#consumers.delete(consumer)
    this.#consumers.add(consumer)
    if (isRepeat) hub.metrics.queueRedelivered.inc()
    session.send(dealtFrame(frame, { queue: name, id: subscription.id, attempt: item.attempt, isRepeat }))
    hub.metrics.pushed.inc()
    return true
  }

  /** Nobody would acknowledge these: they are put aside, so that what follows them can go on. */
  #giveUp(items: readonly Item<Consumer>[]): void {
    const { hub, name, botId } = this.#options
    for (const item of items) {
      hub.logger.error({ name: 'gateway.queue_given_up', queue: name, botId, key: item.entry.record.key, attempts: item.attempt })
      hub.log
        .append([deadLetterOf(this.#options, item.entry, { clock: hub.clock, partitionOf: hub.partitionOf })])
        .then(() => {
          this.#dealer?.done(item)
          this.#isDirty = true
          this.wake()
        })
        .catch((error: unknown) => hub.logger.error({ name: 'gateway.queue_failed', queue: name, botId, error }))
    }
  }

  #tellState(): void {
    const shown = this.#dealer === undefined ? 'waiting' : 'dealing'
    if (shown === this.#shown) return
    this.#shown = shown
    for (const consumer of this.#consumers) showState(consumer, shown)
  }
}
