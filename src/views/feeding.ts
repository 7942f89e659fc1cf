// What the feeder is given and what it tells: files, partitions, and whom to call when it has got further.
// Between the views, which know both sides, and the feeder.

import type { Log } from '#log'

export type StoreName = 'rows' | 'search'
export const stores: readonly StoreName[] = ['rows', 'search']

export interface FeederLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** One packet applied by one writer. */
export interface ViewsSample {
  readonly store: StoreName
  readonly records: number
  readonly bytes: number
  readonly durationMs: number
}

export interface FeederOptions {
  readonly log: Log
  readonly files: Readonly<Record<StoreName, string>>
  /** Of conversations; undefined = all. Contacts are always folded whole: every conversation shows one. */
  readonly partitions: ReadonlySet<number> | undefined
  readonly logger: FeederLogger
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly onSample: (sample: ViewsSample) => void
  /** Called when the rows file has got further. */
  readonly onApplied: () => void
  /** Called when whether the files can be read has changed, and when they were opened anew. */
  readonly onReadable: (isReadable: boolean) => void
}
