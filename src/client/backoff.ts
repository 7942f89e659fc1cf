// When to come back after a cut: 250 ms · 2^n up to 20 s, full jitter, so that clients that left together do not return together.
// Between a closed socket and the next.

const FIRST_MS = 250
const MOST_MS = 20_000
/** Live for so long, a line counts as good again. */
export const GOOD_AFTER_MS = 30_000

export class Backoff {
  readonly #random: () => number
  #attempt = 0

  constructor(random: () => number) {
    this.#random = random
  }

  /** Milliseconds to wait. */
  next(): number {
    const most = Math.min(MOST_MS, FIRST_MS * 2 ** this.#attempt)
    this.#attempt++
    return Math.floor(this.#random() * most)
  }

  reset(): void {
    this.#attempt = 0
  }
}

/** Codes after which there is nothing to come back for (realtime.md §9). */
export const staysAway = (code: number): boolean => (code >= 4500 && code < 5000) || [1002, 1003, 1007, 1009].includes(code)
/** The token has expired: fetch another, then come back at once. */
export const TOKEN_EXPIRED = 4010
