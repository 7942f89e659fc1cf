// The local form of the timers port: a binary heap of due times and one alarm for the nearest.
// Between the port and the process's own scheduler; nothing is kept, a restart schedules anew from the log.

import type { Timers } from './index.ts'

export interface LocalTimersOptions {
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** Calls back after about `delayMs`; returns the cancel function. */
  readonly alarm: (callback: () => void, delayMs: number) => () => void
  readonly onError: (error: unknown) => void
  /** Keys held at most; beyond it the latest one is dropped: its keeper's sweep finds it. */
  readonly keysMax?: number
}

interface Due {
  readonly key: string
  readonly atMs: number
}

const KEYS_MAX = 100_000
/** An alarm is never set further ahead, so a clock that jumps is noticed within this. */
const ALARM_MS_MAX = 60_000

class LocalTimers implements Timers {
  readonly #options: LocalTimersOptions
  readonly #heap: Due[] = []
  /** The newest due time of each key; a heap entry that differs is stale. */
  readonly #dueOf = new Map<string, number>()
  readonly #listeners = new Set<(key: string) => void>()
  #cancelAlarm: (() => void) | undefined
  #alarmAt = Number.POSITIVE_INFINITY
  #isClosed = false
  #droppedCount = 0

  constructor(options: LocalTimersOptions) {
    this.#options = options
  }

  /** Keys refused for want of room. */
  get droppedCount(): number {
    return this.#droppedCount
  }

  schedule(key: string, atMs: number): void {
    if (this.#isClosed) return
    if (!this.#dueOf.has(key) && this.#dueOf.size >= (this.#options.keysMax ?? KEYS_MAX)) {
      this.#droppedCount++
      return
    }
    if (this.#dueOf.get(key) === atMs) return
    this.#dueOf.set(key, atMs)
    this.#push({ key, atMs })
    this.#compact()
    this.#arm()
  }

  cancel(key: string): void {
    this.#dueOf.delete(key)
  }

  onWake(listener: (key: string) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  close(): Promise<void> {
    this.#isClosed = true
    this.#cancelAlarm?.()
    this.#heap.length = 0
    this.#dueOf.clear()
    this.#listeners.clear()
    return Promise.resolve()
  }

  #arm(): void {
    const [next] = this.#heap
    if (next === undefined || this.#isClosed) return
    const now = this.#options.clock()
    const at = Math.min(next.atMs, now + ALARM_MS_MAX)
    if (at >= this.#alarmAt) return
    this.#cancelAlarm?.()
    this.#alarmAt = at
    this.#cancelAlarm = this.#options.alarm(() => this.#ring(), Math.max(0, at - now))
  }

  #ring(): void {
    this.#alarmAt = Number.POSITIVE_INFINITY
    const now = this.#options.clock()
    for (let [next] = this.#heap; next !== undefined && next.atMs <= now; [next] = this.#heap) {
      this.#pop()
      if (this.#dueOf.get(next.key) !== next.atMs) continue
      this.#dueOf.delete(next.key)
      this.#wake(next.key)
    }
    this.#arm()
  }

  #wake(key: string): void {
    for (const listener of this.#listeners) {
      try {
        listener(key)
      } catch (error) {
        this.#options.onError(error)
      }
    }
  }

  /** Stale entries of rescheduled or cancelled keys never outnumber the live ones by more than a constant. */
  #compact(): void {
    if (this.#heap.length < 2 * this.#dueOf.size + 64) return
    const live = this.#heap.filter(({ key, atMs }) => this.#dueOf.get(key) === atMs)
    this.#heap.length = 0
    for (const due of live) this.#push(due)
  }

  #push(due: Due): void {
    let at = this.#heap.push(due) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = this.#heap[above]
      if (parent === undefined || parent.atMs <= due.atMs) break
      this.#heap[at] = parent
      at = above
    }
    this.#heap[at] = due
  }

  #pop(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const [first, second] = [this.#heap[left], this.#heap[left + 1]]
      if (first === undefined) break
      const child = second !== undefined && second.atMs < first.atMs ? { due: second, at: left + 1 } : { due: first, at: left }
      if (child.due.atMs >= last.atMs) break
      this.#heap[at] = child.due
      at = child.at
    }
    this.#heap[at] = last
  }
}

export const openLocalTimers = (options: LocalTimersOptions): Timers & { readonly droppedCount: number } => new LocalTimers(options)
