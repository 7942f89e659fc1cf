// Who deals out a queue: the holder of the highest ballot, for as long as it is heard of. A fold of the queue's records; pure.
// Between nodes that would all like to, and the one that does; silence is measured by one's own clock, never by another's.

import { joinMarks, marksIn, type Marks } from './marks.ts'
import type { QueueRecord } from '#schemas/log'

interface Claimant {
  readonly ballot: number
  readonly isHeld: boolean
  readonly heardAt: number
  readonly marks: Marks
}

export interface ClaimOptions {
  readonly holder: string
  /** A holder that is silent for so long has gone. */
  readonly leaseMs: number
  /** Nobody else can be there: the log is this process's own. */
  readonly isAlone: boolean
}

export class Claim {
  readonly #options: ClaimOptions
  readonly #claimants = new Map<string, Claimant>()
  #confirmedAt = Number.NEGATIVE_INFINITY

  constructor(options: ClaimOptions) {
    this.#options = options
  }

  /** A record as the log has it; null = a tombstone. `now`: monotonic milliseconds. */
  hear(holder: string, record: QueueRecord | null, now: number): void {
    if (record === null) return void this.#claimants.delete(holder)
    this.#claimants.set(holder, { ballot: record.ballot, isHeld: record.isHeld, heardAt: now, marks: marksIn(record) })
  }

  /** Our own record, written at `at`, has come back. */
  confirm(at: number): void {
    this.#confirmedAt = at
  }

  /** Whether we deal out: nobody has claimed after us, and others cannot yet think us gone. */
  isOurs(now: number): boolean {
    const [holder, claimant] = this.#current() ?? []
    return holder === this.#options.holder && claimant?.isHeld === true && now - this.#confirmedAt < (this.#options.leaseMs * 2) / 3
  }

  /** Whether the highest ballot is ours, in time or not. */
  isLast(): boolean {
    return this.#current()?.[0] === this.#options.holder
  }

  isFree(now: number): boolean {
    const [holder, claimant] = this.#current() ?? []
    if (claimant === undefined || !claimant.isHeld || holder === this.#options.holder) return true
    return this.#options.isAlone || now - claimant.heardAt > this.#options.leaseMs
  }

  /** The ballot that claims it. */
  get nextBallot(): number {
    return (this.#current()?.[1].ballot ?? 0) + 1
  }

  /** All that any holder has written down. */
  marks(): Marks {
    return [...this.#claimants.values()].map(({ marks }) => marks).reduce(joinMarks, new Map())
  }

  /** Earlier holders and what they wrote. */
  *others(): Iterable<{ readonly holder: string; readonly isHeld: boolean; readonly marks: Marks }> {
    for (const [holder, { isHeld, marks }] of this.#claimants) if (holder !== this.#options.holder) yield { holder, isHeld, marks }
  }

  #current(): readonly [string, Claimant] | undefined {
    let highest: readonly [string, Claimant] | undefined
    for (const entry of this.#claimants) {
      if (highest === undefined || entry[1].ballot > highest[1].ballot) highest = entry
      else if (entry[1].ballot === highest[1].ballot && entry[0] > highest[0]) highest = entry
    }
    return highest
  }
}
