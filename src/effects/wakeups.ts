// Carries `timer` effects: wakes an actor at its time. The timers port is only an alarm; a sweep over the due index finds what it lost.
// Between due times in the outbox and `timer.fire`, which the actor judges by `setBySeq` and ends.

import type { EffectTimer } from '#schemas/log'
import type { Timers } from '#timers'
import type { Carrier, OpenEffect } from './outbox.ts'
import { reportOf, type Logger, type Reports } from './reports.ts'

export interface WakeupsOptions {
  readonly timers: Timers
  readonly reports: Reports
  readonly clock: () => number
  readonly logger: Logger
  /** Every `intervalMs`, until the function it returns is called. */
  readonly every: (intervalMs: number, callback: () => void) => () => void
}

export interface Wakeups extends Carrier {
  /** Milliseconds by which the oldest open effect is overdue; 0 = none is. */
  overdueMs(): number
  close(): Promise<void>
}

const SWEEP_MS = 5000
/** Only what is due within this goes to the timers port. */
const HORIZON_MS = 3_600_000
/** A fired effect that is still open after this long is fired again: harmless, its command is the same. */
const REFIRE_MS = 60_000

interface Entry {
  readonly partition: number
  readonly value: EffectTimer
  firedAt: number | undefined
}

const PREFIX = 'timer/'

class TimerCarrier implements Wakeups {
  readonly types = ['timer'] as const
  readonly #options: WakeupsOptions
  readonly #open = new Map<string, Entry>()
  readonly #running = new Set<Promise<void>>()
  readonly #stop = new AbortController()
  readonly #unsubscribe: () => void
  readonly #endSweep: () => void

  constructor(options: WakeupsOptions) {
    this.#options = options
    this.#unsubscribe = options.timers.onWake((key) => {
      if (key.startsWith(PREFIX)) this.#look(key.slice(PREFIX.length))
    })
    this.#endSweep = options.every(SWEEP_MS, () => {
      for (const key of this.#open.keys()) this.#look(key)
    })
  }

  put(effect: OpenEffect): void {
    if (effect.type !== 'timer') return
    this.#open.set(effect.key, { partition: effect.partition, value: effect.value, firedAt: undefined })
    this.#look(effect.key)
  }

  end(_partition: number, key: string): void {
    if (this.#open.delete(key)) this.#options.timers.cancel(PREFIX + key)
  }

  release(partition: number): void {
    for (const [key, entry] of this.#open) if (entry.partition === partition) this.end(partition, key)
  }

  overdueMs(): number {
    const now = this.#options.clock()
    let oldest = now
    for (const { value } of this.#open.values()) oldest = Math.min(oldest, value.dueAt)
    return now - oldest
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#unsubscribe()
    this.#endSweep()
    await Promise.all(this.#running)
  }

  /** Early, late or double: the due time alone decides. */
  #look(key: string): void {
    const entry = this.#open.get(key)
    if (entry === undefined || this.#stop.signal.aborted) return
    const now = this.#options.clock()
    if (entry.value.dueAt > now) {
      if (entry.value.dueAt - now <= HORIZON_MS) this.#options.timers.schedule(PREFIX + key, entry.value.dueAt)
      return
    }
    if (entry.firedAt !== undefined && now - entry.firedAt < REFIRE_MS) return
    entry.firedAt = now
    this.#fire(entry.value)
  }

  #fire(effect: EffectTimer): void {
    const { reports, clock, logger } = this.#options
    const { conversationId, kind, setBySeq } = effect
    const command = reportOf(effect, {
      actor: { kind: 'conversation', id: conversationId },
      type: 'timer.fire',
      parts: [setBySeq],
      at: clock(),
      data: { kind, setBySeq },
    })
    const work: Promise<void> = reports
      .post([command], this.#stop.signal)
      .catch((error: unknown) => logger.error({ conversationId, kind, setBySeq, err: error }, 'timer not fired'))
      .finally(() => this.#running.delete(work))
    this.#running.add(work)
  }
}

export const openWakeups = (options: WakeupsOptions): Wakeups => new TimerCarrier(options)
