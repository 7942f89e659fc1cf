// At most once a second for each key: the first at once, what follows together at the next tick.
// Between changes that come in swarms and frames that only say how it stands.

const EVERY_MS = 1_000

export class Coalescer<T> {
  readonly #act: (key: string, value: T) => void
  readonly #clock: () => number
  readonly #last = new Map<string, number>()
  readonly #pending = new Map<string, T>()

  constructor(act: (key: string, value: T) => void, clock: () => number) {
    this.#act = act
    this.#clock = clock
  }

  /** `value` is that of the last call. */
  call(key: string, value: T): void {
    const now = this.#clock()
    if (now - (this.#last.get(key) ?? Number.NEGATIVE_INFINITY) < EVERY_MS) return void this.#pending.set(key, value)
    this.#last.set(key, now)
    this.#act(key, value)
  }

  /** What waits, and what nobody asked about for long, leave. */
  tick(now: number): void {
    for (const [key, at] of this.#last) if (now - at >= EVERY_MS) this.#last.delete(key)
    for (const [key, value] of this.#pending) {
      if (this.#last.has(key)) continue
      this.#pending.delete(key)
      this.#last.set(key, now)
      this.#act(key, value)
    }
  }
}
