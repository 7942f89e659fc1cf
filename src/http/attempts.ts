// Counts attempts in windows, by whom and for whom, in bounded memory: guessing passwords must be slow.
// Between public routes and whoever tries them often.

import { LRUCache } from 'lru-cache'
import { ConfabError } from '#errors'

interface Window {
  count: number
  readonly until: number
}

/** Keys remembered; the longest unused is forgotten first. */
const KEYS_MAX = 20_000

export class Attempts {
  readonly #windows = new LRUCache<string, Window>({ max: KEYS_MAX })
  readonly #clock: () => number
  readonly #windowMs: number

  constructor(clock: () => number, windowMs: number) {
    this.#clock = clock
    this.#windowMs = windowMs
  }

  /** Counts one; throws `rate_limited` beyond `max` a window. */
  take(key: string, max: number): void {
    const now = this.#clock()
    const known = this.#windows.get(key)
    const window = known === undefined || known.until <= now ? { count: 0, until: now + this.#windowMs } : known
    if (window.count >= max) throw new ConfabError('rate_limited', { retryAfterSeconds: Math.ceil((window.until - now) / 1000) })
    window.count++
    this.#windows.set(key, window)
  }

  /** After a success. */
  forget(key: string): void {
    this.#windows.delete(key)
  }
}
