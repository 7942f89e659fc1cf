// How fast one account sends: a token bucket that learns from throttling, a pause for all of it, a bound on what is in flight.
// Between the lanes of an account's conversations and its provider, which throttles accounts and not messages.

import type { WaitUntil } from './reports.ts'

/** Requests of one account at once. */
const IN_FLIGHT_MAX = 32
const RATE_MIN_PER_SECOND = 0.1
const PAUSE_FIRST_MS = 1000
const PAUSE_MAX_MS = 300_000
/** Each success wins back this part of the configured rate. */
const RECOVERY = 0.05

export class Pace {
  readonly #clock: () => number
  #ratePerSecond: number
  #learntPerSecond: number
  #tokens: number
  #filledAt: number
  #pausedUntil = 0
  #throttles = 0
  #inFlight = 0

  constructor(clock: () => number, ratePerSecond: number) {
    this.#clock = clock
    this.#ratePerSecond = ratePerSecond
    this.#learntPerSecond = ratePerSecond
    this.#tokens = this.#burst
    this.#filledAt = clock()
  }

  /** Two seconds' worth may go at once. */
  get #burst(): number {
    return Math.max(1, 2 * this.#learntPerSecond)
  }

  configure(ratePerSecond: number): void {
    if (ratePerSecond === this.#ratePerSecond) return
    this.#ratePerSecond = ratePerSecond
    this.#learntPerSecond = ratePerSecond
  }

  /** Takes a turn: undefined = go (and `done` later), else when to ask again; Infinity = when one in flight is done. */
  take(): number | undefined {
    const now = this.#clock()
    this.#tokens = Math.min(this.#burst, this.#tokens + (Math.max(0, now - this.#filledAt) / 1000) * this.#learntPerSecond)
    this.#filledAt = now
    if (now < this.#pausedUntil) return this.#pausedUntil
    if (this.#inFlight >= IN_FLIGHT_MAX) return Number.POSITIVE_INFINITY
    if (this.#tokens < 1) return now + Math.ceil(((1 - this.#tokens) / this.#learntPerSecond) * 1000)
    this.#tokens -= 1
    this.#inFlight += 1
    return undefined
  }

  done(): void {
    this.#inFlight -= 1
  }

  succeeded(): void {
    this.#throttles = 0
    this.#learntPerSecond = Math.min(this.#ratePerSecond, this.#learntPerSecond + RECOVERY * this.#ratePerSecond)
  }

  /** The provider said slower: half the rate, and nothing at all until its time, or ours, has passed. */
  throttled(afterMs: number | null): void {
    this.#throttles += 1
    this.#learntPerSecond = Math.max(RATE_MIN_PER_SECOND, this.#learntPerSecond / 2)
    const own = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** Math.min(this.#throttles - 1, 20))
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#clock() + (afterMs ?? own))
    this.#tokens = Math.min(this.#tokens, 1)
  }
}

/** A reply to somebody who waits, or one of many that a program sends. */
export type Priority = 'live' | 'bulk'

/** Of so many turns one is for the many, so that they end too. */
const BULK_TURN = 8

/** Lets the sends of an account through one by one, as its pace allows: replies before fan-outs, each first come first served. */
export class Gate {
  readonly pace: Pace
  readonly #clock: () => number
  readonly #wait: WaitUntil
  readonly #signal: AbortSignal
  readonly #waiting: Record<Priority, (() => void)[]> = { live: [], bulk: [] }
  #turns = 0
  #isTicking = false

  constructor(
    pace: Pace,
    { clock, wait, signal }: { readonly clock: () => number; readonly wait: WaitUntil; readonly signal: AbortSignal },
  ) {
    this.pace = pace
    this.#clock = clock
    this.#wait = wait
    this.#signal = signal
    signal.addEventListener('abort', () => [...this.#waiting.live.splice(0), ...this.#waiting.bulk.splice(0)].forEach((enter) => enter()), {
      once: true,
    })
  }

  /** Resolves with true once it is one's turn; `leave` must follow. false = the sender closes. */
  async enter(priority: Priority = 'live'): Promise<boolean> {
    if (this.#signal.aborted) return false
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting[priority].push(resolve)
    this.#pump()
    await promise
    return !this.#signal.aborted
  }

  leave(): void {
    this.pace.done()
    this.#pump()
  }

  #pump(): void {
    if (this.#isTicking || this.#signal.aborted) return
    const { live, bulk } = this.#waiting
    while (live.length + bulk.length > 0) {
      const again = this.pace.take()
      if (again === undefined) this.#next()?.()
      else if (again === Number.POSITIVE_INFINITY) return
      else return this.#tick(Math.max(again, this.#clock() + 1))
    }
  }

  #next(): (() => void) | undefined {
    const { live, bulk } = this.#waiting
    const isBulk = live.length === 0 || (bulk.length > 0 && ++this.#turns % BULK_TURN === 0)
    return (isBulk ? bulk : live).shift()
  }

  #tick(atMs: number): void {
    this.#isTicking = true
    const go = (): void => {
      this.#isTicking = false
      this.#pump()
    }
    this.#wait(atMs, this.#signal).then(go, go)
  }
}
