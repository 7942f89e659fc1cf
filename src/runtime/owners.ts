// All partition owners of a node: takes and lets go of partitions as the log assigns them, says how they are.
// Between main and the owners; `conversations` decides conversations and settings, `contacts` decides contacts.

import type { Log } from '#log'
import { Feed } from './feed.ts'
import { openFamilies, type Family } from './kinds.ts'
import { PartitionOwner, type OwnerOptions, type OwnerState } from './owner.ts'
import type { Settings } from './settings.ts'
import { openSnapshotCache } from './store.ts'

export interface OwnersOptions extends Pick<OwnerOptions, 'clock' | 'now' | 'random' | 'pause' | 'onDecided' | 'onParked' | 'onTrouble'> {
  readonly log: Log
  readonly settings: Settings
  /** Which actors are decided; all of them unless a test says otherwise. */
  readonly families?: (settings: Settings) => readonly Family[]
}

export interface Owners {
  /** How many partitions of each owner are in each state. */
  states(): Readonly<Record<string, Readonly<Partial<Record<OwnerState, number>>>>>
  /** Everything assigned is leased and deciding. */
  isReady(): boolean
  /** Stops taking commands, commits what is decided, lets go of every lease. */
  close(): Promise<void>
}

/** The owners of one family. */
class FamilyOwners {
  readonly #options: OwnersOptions
  readonly #feed: Feed
  readonly #owners = new Map<number, PartitionOwner>()
  readonly family: Family

  constructor(family: Family, options: OwnersOptions) {
    this.family = family
    this.#options = options
    this.#feed = new Feed({ ...options, topic: family.commands, owner: family.owner })
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#feed.run(signal)
  }

  /** Lets go of what is another node's now, and takes what is ours. Resolves when all of it is leased. */
  async assign(partitions: ReadonlySet<number>): Promise<void> {
    const gone = [...this.#owners].filter(([partition]) => !partitions.has(partition))
    await Promise.all(gone.map(([partition]) => this.#release(partition)))
    const fresh = [...partitions].filter((partition) => !this.#owners.has(partition))
    await Promise.all(fresh.map((partition) => this.#take(partition)))
  }

  async #take(partition: number): Promise<void> {
    const { family } = this
    const owner = new PartitionOwner({
      ...this.#options,
      family,
      snapshots: openSnapshotCache(),
      owner: family.owner,
      partition,
      onRoom: () => this.#feed.again(),
    })
    this.#owners.set(partition, owner)
    await owner.start()
    if (this.#owners.get(partition) === owner) this.#feed.add(partition, owner)
  }

  /** Drained first, let go of second: what is decided is committed before the next owner fences us. */
  async #release(partition: number): Promise<void> {
    const owner = this.#owners.get(partition)
    this.#owners.delete(partition)
    this.#feed.remove(partition)
    await owner?.close()
  }

  states(): Partial<Record<OwnerState, number>> {
    const result: Partial<Record<OwnerState, number>> = {}
    for (const { state } of this.#owners.values()) result[state] = (result[state] ?? 0) + 1
    return result
  }

  isReady(): boolean {
    return [...this.#owners.values()].every(({ state }) => state === 'ready')
  }

  async close(): Promise<void> {
    await Promise.all([...this.#owners.keys()].map((partition) => this.#release(partition)))
  }
}

/** Follows what the log assigns to this node. Resolves when the first assignment is leased. */
export const openOwners = async (options: OwnersOptions): Promise<Owners> => {
  const abort = new AbortController()
  const families = (options.families ?? openFamilies)(options.settings).map((family) => new FamilyOwners(family, options))
  const feeds = families.map((family) => family.run(abort.signal))
  const first = Promise.withResolvers<void>()
  let isAssigned = false
  let work: Promise<unknown> = Promise.resolve()
  const follow = async (): Promise<void> => {
    for await (const partitions of options.log.assignment('actors', abort.signal)) {
      // Not awaited: a lease that takes its time must not keep a later word from being heard.
      work = Promise.all([work, ...families.map((family) => family.assign(partitions))])
      work.then(() => first.resolve(), first.reject)
      isAssigned = true
    }
    first.resolve()
  }
  const loop = follow().catch((error: unknown) => {
    first.reject(error)
    options.onTrouble(error, { owner: 'conversations', partition: -1 })
  })
  await first.promise
  return {
    states: () => Object.fromEntries(families.map((one) => [one.family.owner, one.states()])),
    isReady: () => isAssigned && families.every((one) => one.isReady()),
    async close() {
      abort.abort()
      await loop
      await Promise.all(families.map((one) => one.close()))
      await work
      await Promise.all(feeds)
    },
  }
}
