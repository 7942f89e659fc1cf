// The sends of one conversation, one after the other, in the order of the events that queued them.
// Between the sender and its attempts; an open fate does not hold up the next message, an undecided one does.

import type { EffectSend } from '#schemas/log'
import type { WaitUntil } from './reports.ts'

export interface LaneOptions {
  readonly partition: number
  readonly clock: () => number
  readonly wait: WaitUntil
  readonly stop: AbortSignal
  /** Resolves once the report is in the log, or nothing is left to do. */
  readonly carry: (effect: EffectSend) => Promise<void>
  /** Whether to try again: `carry` begins by asking the ledger, so that is safe. */
  readonly onError: (error: unknown, effect: EffectSend) => boolean
  readonly onIdle: () => void
}

const AGAIN_MS = 5000

export class Lane {
  readonly partition: number
  readonly #options: LaneOptions
  /** Not reported yet, by key. */
  readonly #queue = new Map<string, EffectSend>()
  /** Reported, and open until the actor has ended them. */
  readonly #reported = new Set<string>()
  readonly #closed = new AbortController()
  #changed = new AbortController()
  #run: Promise<void> | undefined

  constructor(options: LaneOptions) {
    this.#options = options
    this.partition = options.partition
  }

  get isIdle(): boolean {
    return this.#run === undefined && this.#queue.size === 0 && this.#reported.size === 0
  }

  /** Resolves when nothing is under way. */
  get settled(): Promise<void> {
    return this.#run ?? Promise.resolve()
  }

  holds(effect: EffectSend): boolean {
    return !this.#closed.signal.aborted && [...this.#queue.values()].some(({ effectId }) => effectId === effect.effectId)
  }

  put(key: string, effect: EffectSend): void {
    if (this.#reported.has(key)) return
    this.#queue.set(key, effect)
    this.#wake()
    this.#run ??= this.#work()
  }

  end(key: string): void {
    this.#queue.delete(key)
    this.#reported.delete(key)
    this.#wake()
  }

  close(): void {
    this.#closed.abort()
    this.#queue.clear()
    this.#wake()
  }

  #wake(): void {
    this.#changed.abort()
    this.#changed = new AbortController()
  }

  async #work(): Promise<void> {
    const { stop } = this.#options
    try {
      // The first turn lets every effect of the same chunk arrive, so that order goes by seq.
      await Promise.resolve()
      while (this.#queue.size > 0 && !stop.aborted && (await this.#next()));
    } finally {
      // In the turn of the last look at the queue: what comes from now on begins anew, and waits for nobody.
      this.#run = undefined
      if (this.isIdle) this.#options.onIdle()
    }
  }

  /** Carries what is due first, or waits for it; false = no more. */
  async #next(): Promise<boolean> {
    const { stop, clock, wait, carry, onError } = this.#options
    const due = [...this.#queue]
      .filter(([, effect]) => effect.notBefore <= clock())
      .toSorted(([, a], [, b]) => a.seq - b.seq || a.attempt - b.attempt)[0]
    if (due === undefined) {
      const next = Math.min(...[...this.#queue.values()].map(({ notBefore }) => notBefore))
      await wait(next, AbortSignal.any([stop, this.#changed.signal]))
      return true
    }
    const [key, effect] = due
    try {
      await carry(effect)
    } catch (error) {
      if (!onError(error, effect)) return false
      await wait(clock() + AGAIN_MS, stop)
      return true
    }
    if (this.#queue.delete(key)) this.#reported.add(key)
    return true
  }
}
