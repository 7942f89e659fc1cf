// The table of topics that succeed others: what cannot be said compatibly is said in a new topic, and for a while in both.
// Between the owners, which write both while readers move, and docs/schemas.md, which tells the steps. Empty while no topic is moving.

import type { RecordShape } from './avro.ts'

/** One record type in both of its forms. */
export interface Conversion {
  readonly older: RecordShape<unknown>
  readonly newer: RecordShape<unknown>
  /** What readers of the older topic are shown. */
  readonly down: (newer: never) => object
  /** What the older topic held before the newer one began. */
  readonly up: (older: never) => object
}

export interface Generation {
  /** The newer topic, such as `marks.v2`: a row of topics.ts and of the catalogue like any other. */
  readonly topic: string
  readonly succeeds: string
  /** `both`: whoever writes the newer writes the older too. `moved`: every reader has moved, the older gets nothing more. */
  readonly stage: 'both' | 'moved'
  /** By the header `type` of the records. */
  readonly types: Readonly<Record<string, Conversion>>
}

export const generations: readonly Generation[] = []
