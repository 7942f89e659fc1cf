// Refuses writes at once while a broker does not answer: one write finds out when it is back, the others need not wait for it.
// Stands before each broker's sends; opens on an error, or when the oldest send has waited too long.

interface Broker {
  /** Sends under way, oldest first, with the time (ms, monotonic) they began. */
  readonly sends: Set<{ readonly startedAt: number; onSlow: (() => void) | undefined }>
  /** Since when it has done nothing but fail; undefined = it is well. */
  failedAt: number | undefined
}

export interface BreakerOptions {
  /** Milliseconds a send may take before its broker counts as gone. */
  readonly slowMs: number
  /** Milliseconds between two sends that find out whether it is back. */
  readonly probeMs: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly onOpen: () => void
}

export class Breaker {
  readonly #options: BreakerOptions
  readonly #brokers = new Map<number | undefined, Broker>()
  #timer: NodeJS.Timeout | undefined
  #opened = 0

  constructor(options: BreakerOptions) {
    this.#options = options
  }

  /** How often it opened. */
  get opened(): number {
    return this.#opened
  }

  /** Whether a send to this broker may go out now: it is well, or it is time to find out. */
  admits(leader: number | undefined): boolean {
    const broker = this.#brokers.get(leader)
    if (broker?.failedAt === undefined) return true
    // What hangs is the probe; without one, the next send is it, and alone: its turn's others are refused.
    const now = this.#options.now()
    if (broker.sends.size > 0 || now - broker.failedAt < this.#options.probeMs) return false
    broker.failedAt = now
    return true
  }

  /** Follows one send. `onSlow` is called once, when its broker counts as gone while it is under way. */
  async follow(leader: number | undefined, send: () => Promise<void>, onSlow: () => void): Promise<void> {
    const broker = this.#brokerOf(leader)
    const entry = { startedAt: this.#options.now(), onSlow: onSlow as (() => void) | undefined }
    broker.sends.add(entry)
    this.#timer ??= setInterval(() => this.#look(), Math.max(10, this.#options.slowMs / 5)).unref()
    try {
      await send()
      broker.failedAt = undefined
    } catch (error) {
      this.#fail(broker)
      throw error
    } finally {
      broker.sends.delete(entry)
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #brokerOf(leader: number | undefined): Broker {
    const known = this.#brokers.get(leader)
    if (known !== undefined) return known
    const broker: Broker = { sends: new Set(), failedAt: undefined }
    this.#brokers.set(leader, broker)
    return broker
  }

  #look(): void {
    const now = this.#options.now()
    let isBusy = false
    for (const broker of this.#brokers.values()) {
      const [oldest] = broker.sends
      isBusy ||= oldest !== undefined
      if (oldest !== undefined && now - oldest.startedAt > this.#options.slowMs) this.#fail(broker)
    }
    if (isBusy) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #fail(broker: Broker): void {
    if (broker.failedAt === undefined) {
      this.#opened++
      this.#options.onOpen()
    }
    broker.failedAt = this.#options.now()
    for (const entry of broker.sends) {
      entry.onSlow?.()
      entry.onSlow = undefined
    }
  }
}
