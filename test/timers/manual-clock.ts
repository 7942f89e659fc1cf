// A clock that stands until it is advanced, and alarms that go off by it.

export class ManualClock {
  #now: number
  readonly #alarms = new Set<{ readonly at: number; readonly callback: () => void }>()

  constructor(start = 1_700_000_000_000) {
    this.#now = start
  }

  readonly clock = (): number => this.#now

  readonly alarm = (callback: () => void, delayMs: number): (() => void) => {
    const entry = { at: this.#now + delayMs, callback }
    this.#alarms.add(entry)
    return () => void this.#alarms.delete(entry)
  }

  /** When the nearest alarm goes off; undefined = none is set. */
  get nextAt(): number | undefined {
    return this.#alarms.size === 0 ? undefined : Math.min(...[...this.#alarms].map(({ at }) => at))
  }

  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const due = [...this.#alarms].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#alarms.delete(due)
      this.#now = Math.max(this.#now, due.at)
      due.callback()
    }
    this.#now = end
  }
}
