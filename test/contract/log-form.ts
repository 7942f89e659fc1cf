// What a form of the log brings to its contract suite, and the suite's seed.
// Stands between a form's own few lines and the suite in log.ts.

import type { Log } from '#log'
import type { Topic } from '#topics'

export interface OpenOptions {
  /** C2: leave random holes, cut chunks, send empty ones. */
  readonly holesSeed?: number
  /** Milliseconds since 1970, for what is due. */
  readonly now?: () => number
  readonly compactionLagMs?: number
  readonly tombstoneRetentionMs?: number
  readonly retentionMs?: Partial<Record<Topic, number>>
  /** Bytes a form may keep in memory for readers. */
  readonly cacheBytesMax?: number
}

export interface LogForm {
  readonly name: string
  /** URL of the module that exports this form as `form`, for children. */
  readonly module: string
  createPlace(): Promise<string>
  removePlace(place: string): Promise<void>
  /** Opens the log at `place`; after a close or a kill the same log again. */
  open(place: string, options?: OpenOptions): Promise<Log>
  /**
   * Who removes superseded and erased records. `by-clean`: `clean` does, for the clock of `open`. `by-brokers`: they do in their own time,
   * never in the newest segment; the form's own tests under test/log show it, and latest still answers at once.
   */
  readonly compaction: 'by-clean' | 'by-brokers'
  /** Milliseconds for the whole suite; default 120,000. */
  readonly timeoutMs?: number
  /** Removes what is due by now. */
  clean(log: Log): Promise<void>
}

/** Seeds of the runs: printed, and fixed by SEED. */
export const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
