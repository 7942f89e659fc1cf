// Deals out entries: one of a conversation at a time, in its order, many conversations at once; what nobody acknowledges comes again.
// Pure: it is told the time. Between the entries of a queue and the connections that work on them.

import type { Entry } from '../tail/entry.ts'
import type { Mark, Marks } from './marks.ts'

export interface DealerLimits {
  /** Entries with a connection at once. */
  readonly inFlightMax: number
  /** Without an acknowledgement for so long an entry goes out again. */
  readonly ackTimeoutMs: number
  /** After so many it is given up. */
  readonly attemptsMax: number
  /** Entries of one stream that are taken beyond its oldest that is not done. */
  readonly windowMax: number
}

export interface Item<C> {
  readonly entry: Entry
  /** How often it has gone out. */
  attempt: number
  consumer: C | undefined
  dueAt: number
  readonly takenAt: number
  /** It has gone out before, or may have. */
  isRepeat: boolean
}

interface Stream {
  next: number
  /** Taken and not done, in the order of the log. */
  readonly open: Map<number, { readonly isRepeat: boolean }>
  readonly acknowledged: Set<number>
  /** What went out under an earlier holder. */
  readonly sent: ReadonlySet<number>
}

const place = (stream: number, offset: number): string => `${stream}/${offset}`
/** Contacts and conversations each have their own order. */
const subjectOf = ({ stream, routing }: Entry): string => `${stream}/${routing?.subjectId ?? ''}`

export class Dealer<C> {
  readonly #limits: DealerLimits
  readonly #streams = new Map<number, Stream>()
  /** Each subject's entries; the first is the one that is out, or next. */
  readonly #lines = new Map<string, Item<C>[]>()
  readonly #ready: Item<C>[] = []
  readonly #out = new Map<string, Item<C>>()
  readonly #loads = new Map<C, number>()

  constructor(limits: DealerLimits, marks: Marks) {
    this.#limits = limits
    for (const [stream, { next, acknowledged, sent }] of marks)
      this.#streams.set(stream, { next, open: new Map(), acknowledged: new Set(acknowledged), sent })
  }

  get inFlight(): number {
    return this.#out.size
  }
  /** Entries that a consumer has. */
  loadOf(consumer: C): number {
    return this.#loads.get(consumer) ?? 0
  }
  /** Entries taken and not done. */
  get depth(): number {
    return this.#lines.size === 0 ? 0 : [...this.#streams.values()].reduce((sum, { open }) => sum + open.size, 0)
  }
  /** Since when the oldest that is not done has been here; undefined = all is done. */
  get oldestAt(): number | undefined {
    let oldest: number | undefined
    for (const [item] of this.#lines.values()) if (item !== undefined && !(item.takenAt > (oldest ?? Infinity))) oldest = item.takenAt
    return oldest
  }

  /** Where the stream is to be read on; undefined while its window is full, or it has not begun. */
  wants(stream: number): number | undefined {
    const known = this.#streams.get(stream)
    if (known === undefined || known.open.size + known.acknowledged.size >= this.#limits.windowMax) return undefined
    return known.next
  }

  /** An entry, in the order of its stream. `isWanted`: whether the queue's filter takes it. False: the window is full. */
  take(entry: Entry, isWanted: boolean, now: number, mayBeRepeat = false): boolean {
    const stream = this.#streams.get(entry.stream)
    if (stream === undefined || this.wants(entry.stream) === undefined) return false
    if (entry.offset < stream.next) return true
    stream.next = entry.next
    if (!isWanted || stream.acknowledged.has(entry.offset)) return true
    const item: Item<C> = {
      entry,
      attempt: 0,
      consumer: undefined,
      dueAt: 0,
      takenAt: now,
      isRepeat: mayBeRepeat || stream.sent.has(entry.offset),
    }
    stream.open.set(entry.offset, item)
    const line = this.#lines.get(subjectOf(entry))
    if (line !== undefined) line.push(item)
    else {
      this.#lines.set(subjectOf(entry), [item])
      this.#ready.push(item)
    }
    return true
  }

  /** Nothing more lies before `next`. */
  passed(stream: number, next: number): void {
    const known = this.#streams.get(stream)
    if (known !== undefined && next > known.next) known.next = next
  }

  /** Goes on elsewhere: the log does not hold what comes next. */
  jump(stream: number, next: number): void {
    this.#streams.set(stream, { next, open: new Map(), acknowledged: new Set(), sent: new Set() })
    for (const [subject, line] of this.#lines) {
      if (line[0]?.entry.stream !== stream) continue
      this.#lines.delete(subject)
      for (const item of line) this.#take(item)
    }
    for (let index = this.#ready.length - 1; index >= 0; index--)
      if (this.#ready[index]?.entry.stream === stream) this.#ready.splice(index, 1)
  }

  /** What is to go out next; undefined = nothing, or enough is out. */
  next(): Item<C> | undefined {
    return this.#out.size >= this.#limits.inFlightMax ? undefined : this.#ready[0]
  }

  /** The item of `next` has gone to the consumer. */
  sent(item: Item<C>, consumer: C, now: number): void {
    this.#ready.shift()
    item.consumer = consumer
    item.attempt++
    this.#loads.set(consumer, this.loadOf(consumer) + 1)
    item.dueAt = now + this.#limits.ackTimeoutMs
    this.#out.set(place(item.entry.stream, item.entry.offset), item)
  }

  /** Done, whoever says so of those it went to. False = it is not out. */
  acknowledge(stream: number, offset: number): boolean {
    const item = this.#out.get(place(stream, offset))
    if (item === undefined) return false
    this.#done(item)
    return true
  }

  /** A consumer has gone: what it had goes out again. Answers those that are given up instead. */
  lost(consumer: C): Item<C>[] {
    return this.#back([...this.#out.values()].filter((item) => item.consumer === consumer))
  }

  /** What was not acknowledged in time goes out again. Answers those that are given up instead. */
  expire(now: number): Item<C>[] {
    return this.#back([...this.#out.values()].filter(({ dueAt }) => now >= dueAt))
  }

  /** Not to be dealt out: there is nothing to show, or it lies elsewhere now. */
  done(item: Item<C>): void {
    const at = this.#ready.indexOf(item)
    if (at >= 0) this.#ready.splice(at, 1)
    this.#done(item)
  }

  marks(): Marks {
    return new Map(
      [...this.#streams].map(([stream, each]) => {
        const out = [...each.open].flatMap(([offset, { isRepeat }]) => (isRepeat || this.#out.has(place(stream, offset)) ? [offset] : []))
        return [stream, { ...markOf(each), sent: new Set(out) }]
      }),
    )
  }

  #back(items: readonly Item<C>[]): Item<C>[] {
    const givenUp: Item<C>[] = []
    for (const item of items) {
      this.#take(item)
      item.isRepeat = true
      if (item.attempt >= this.#limits.attemptsMax) givenUp.push(item)
      else this.#ready.push(item)
    }
    return givenUp
  }

  /** From its consumer, where it has one. */
  #take(item: Item<C>): void {
    const { entry, consumer } = item
    item.consumer = undefined
    if (!this.#out.delete(place(entry.stream, entry.offset)) || consumer === undefined) return
    const load = this.loadOf(consumer) - 1
    if (load > 0) this.#loads.set(consumer, load)
    else this.#loads.delete(consumer)
  }

  #done(item: Item<C>): void {
    const { entry } = item
    this.#take(item)
    const stream = this.#streams.get(entry.stream)
    stream?.open.delete(entry.offset)
    stream?.acknowledged.add(entry.offset)
    if (stream !== undefined) {
      const { next } = markOf(stream)
      for (const offset of stream.acknowledged) if (offset < next) stream.acknowledged.delete(offset)
    }
    const line = this.#lines.get(subjectOf(entry))
    line?.shift()
    const following = line?.[0]
    if (following === undefined) this.#lines.delete(subjectOf(entry))
    else this.#ready.push(following)
  }
}

const markOf = ({ next, open, acknowledged }: Stream): Omit<Mark, 'sent'> => {
  const [oldest] = open.keys()
  const low = oldest ?? next
  return { next: low, acknowledged: new Set([...acknowledged].filter((offset) => offset >= low)) }
}
