// The timers port: a disposable alarm clock. A wake-up may be lost, doubled, early, late or out of order.
// Between whoever keeps due times as data and a clock; the keeper alone decides whether it is time.

export interface Timers {
  /** Wakes with `key` at `atMs` (milliseconds since 1970) or somewhat around it; a second call for a key replaces the first. */
  schedule(key: string, atMs: number): void
  cancel(key: string): void
  /** Returns the unsubscribe function. */
  onWake(listener: (key: string) => void): () => void
  close(): Promise<void>
}

export { openLocalTimers } from './local.ts'
export type { LocalTimersOptions } from './local.ts'
