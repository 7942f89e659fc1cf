// Holding a queue: our records of it in the log, and what those of others say. Nothing counts before it has come back by the tail.
// Between one queue of this node and `ownership`.

import { hasCode } from '#errors'
import type { Log } from '#log'
import { encode, queueRecord, type QueueRecord } from '#schemas/log'
import { Claim } from './claim.ts'
import { holds, recordOf, type Marks } from './marks.ts'

export interface QueueName {
  readonly organizationId: string
  readonly botId: string
  readonly name: string
}

export const queueKeyOf = ({ botId, name }: Pick<QueueName, 'botId' | 'name'>): string => `queue/${botId}/${name}`

export interface HoldingOptions {
  readonly queue: QueueName
  readonly holder: string
  readonly log: Pick<Log, 'append'>
  readonly leaseMs: number
  readonly isAlone: boolean
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** Monotonic milliseconds. */
  readonly now: () => number
}

/** Two that claim at once see one another within this. */
const SETTLE_MS = 250

export class Holding {
  readonly #options: HoldingOptions
  readonly #claim: Claim
  /** When each record went out whose return has not been seen, oldest first. */
  readonly #written: number[] = []
  #claimedAt: number | undefined
  /** When a record last went out. */
  wroteAt = Number.NEGATIVE_INFINITY

  constructor(options: HoldingOptions) {
    this.#options = options
    this.#claim = new Claim(options)
  }

  /** A record as the tail brings it, ours included; null = removed. */
  hear(holder: string, record: QueueRecord | null): void {
    const now = this.#options.now()
    this.#claim.hear(holder, record, now)
    if (holder !== this.#options.holder || record === null) return
    this.#claim.confirm(this.#written.shift() ?? Number.NEGATIVE_INFINITY)
    this.#claimedAt ??= now
  }

  /** Whether we may deal out now. */
  isOurs(): boolean {
    return this.#claim.isOurs(this.#options.now())
  }
  /** Whether nobody has claimed it after us. */
  isLast(): boolean {
    return this.#claim.isLast()
  }
  isFree(): boolean {
    return this.#claim.isFree(this.#options.now())
  }
  /** Whether who claimed at the same moment would have been heard by now. */
  isSettled(): boolean {
    const { isAlone, now } = this.#options
    return isAlone || (this.#claimedAt !== undefined && now() - this.#claimedAt >= SETTLE_MS)
  }
  /** All that any holder has written down. */
  marks(): Marks {
    return this.#claim.marks()
  }
  /** Whether an earlier holder ended without a word: it may have dealt out more than it wrote down. */
  isTorn(): boolean {
    return [...this.#claim.others()].some(({ isHeld }) => isHeld)
  }

  async claim(): Promise<void> {
    this.#claimedAt = undefined
    await this.#append({ isHeld: true, ballot: this.#claim.nextBallot, marks: this.#claim.marks() })
  }

  /** Under the ballot that is ours. */
  async write(isHeld: boolean, marks: Marks): Promise<void> {
    if (!isHeld) this.#claimedAt = undefined
    await this.#append({ isHeld, ballot: this.#claim.nextBallot - 1, marks })
  }

  /** Removes records of holders before us, once ours says all that they did. */
  async clean(marks: Marks): Promise<void> {
    const { log, clock } = this.#options
    const old = [...this.#claim.others()].filter((other) => holds(marks, other.marks))
    if (old.length === 0) return
    const records = old.map(({ holder }) => ({ key: this.#keyOf(holder), value: null, headers: { type: 'queue' }, time: clock() }))
    await log.append([{ topic: 'ownership', partition: 0, records }])
  }

  async #append({ isHeld, ballot, marks }: { readonly isHeld: boolean; readonly ballot: number; readonly marks: Marks }): Promise<void> {
    const { queue, holder, log, clock, now } = this.#options
    const at = clock()
    const value = encode(queueRecord, { ...queue, holder, ballot, isHeld, marks: recordOf(marks), at })
    this.wroteAt = now()
    this.#written.push(this.wroteAt)
    try {
      const record = { key: this.#keyOf(holder), value, headers: { type: 'queue' }, time: at }
      await log.append([{ topic: 'ownership', partition: 0, records: [record] }])
    } catch (error) {
      // Where its fate is open it stays among the written: a return is then taken for an earlier one, never for a later.
      if (hasCode(error, 'append_refused', 'log_full')) this.#written.pop()
      throw error
    }
  }

  #keyOf(holder: string): string {
    return `${queueKeyOf(this.#options.queue)}/${holder}`
  }
}
