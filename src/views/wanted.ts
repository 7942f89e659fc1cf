// Which partitions of conversations a node folds, which of them can be read, and whose rows are to go.
// Between whoever shares them out among nodes and the feeder. Contacts are folded whole everywhere: every conversation shows one.

import { PARTITIONS } from '#topics'
import type { Position } from '#log'
import type { Positions } from './layout.ts'
import { viewTopics, type ViewTopic } from './packet.ts'
import type { Writer } from './writer-thread.ts'

const NOTHING: ReadonlySet<number> = new Set()

export class WantedPartitions {
  #wanted: ReadonlySet<number> | undefined
  #forget: readonly number[] = []
  readonly #reached = new Set<number>()

  /** undefined = all. */
  constructor(wanted: ReadonlySet<number> | undefined) {
    this.#wanted = wanted
  }

  get isAll(): boolean {
    return this.#wanted === undefined
  }

  /** What was said last: another object with every change. */
  get wish(): ReadonlySet<number> | undefined {
    return this.#wanted
  }

  /** Partitions that have once reached the log's end of when they came; none while a file is filled for the first time. */
  readable(writers: readonly Pick<Writer, 'isBuilding'>[]): ReadonlySet<number> {
    return writers.some(({ isBuilding }) => isBuilding) ? NOTHING : this.#reached
  }

  change(partitions: ReadonlySet<number>, forget: readonly number[]): void {
    this.#wanted = partitions
    this.#forget = [...new Set([...this.#forget, ...forget])].filter((partition) => !partitions.has(partition))
    for (const partition of this.#reached) if (!partitions.has(partition)) this.#reached.delete(partition)
  }

  includes(topic: ViewTopic, partition: number): boolean {
    return topic === 'contact-events' || this.#wanted === undefined || this.#wanted.has(partition)
  }

  /** The ends that are to be reached: 0 where nothing is wanted. */
  limit(ends: Positions): Positions {
    const targets = viewTopics.map((topic) => [topic, ends[topic].map((end, partition) => (this.includes(topic, partition) ? end : 0))])
    return Object.fromEntries(targets) as Positions
  }

  notice(writers: readonly Pick<Writer, 'applied'>[], targets: Positions): void {
    const isReached = (topic: ViewTopic, partition: number): boolean =>
      writers.every(({ applied }) => (applied[topic][partition] ?? 0) >= (targets[topic][partition] ?? 0))
    for (let partition = 0; partition < PARTITIONS; partition++) {
      if (this.#reached.has(partition) || !this.includes('events', partition)) continue
      if (isReached('events', partition) && isReached('marks', partition)) this.#reached.add(partition)
    }
  }

  /** A file was begun anew. */
  lose(): void {
    this.#reached.clear()
  }

  get toForget(): readonly number[] {
    return this.#forget
  }

  forgotten(): void {
    this.#forget = []
  }

  /** Of all positions those that are wanted; `served` is read on at once, so that partitions that have come hold those already served up no longer than it takes to read them. */
  split(positions: readonly Position[]): { readonly served: readonly Position[]; readonly rest: readonly Position[] } {
    const wanted = positions.filter(({ topic, partition }) => this.includes(topic as ViewTopic, partition))
    if (this.#reached.size === 0) return { served: [], rest: wanted }
    const isServed = ({ topic, partition }: Position): boolean => topic === 'contact-events' || this.#reached.has(partition)
    return { served: wanted.filter(isServed), rest: wanted.filter((position) => !isServed(position)) }
  }
}
