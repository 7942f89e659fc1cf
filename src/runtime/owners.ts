// All partition owners of a node: leases what the log assigns, feeds each owner from one tail a family, says how they are.
// Between main and the owners; `conversations` decides conversations and settings, `contacts` decides contacts.

import type { Log, Position } from '#log'
import { PARTITIONS } from '#topics'
import { openFamilies, type Family } from './kinds.ts'
import { PartitionOwner, type OwnerOptions, type OwnerState } from './owner.ts'
import type { Settings } from './settings.ts'
import { openSnapshotCache } from './store.ts'

export interface OwnersOptions extends Pick<OwnerOptions, 'clock' | 'now' | 'pause' | 'onDecided' | 'onParked' | 'onTrouble'> {
  readonly log: Log
  readonly settings: Settings
  /** Which actors are decided; all of them unless a test says otherwise. */
  readonly families?: (settings: Settings) => readonly Family[]
}

export interface Owners {
  /** How many partitions of each owner are in each state. */
  states(): Readonly<Record<string, Readonly<Partial<Record<OwnerState, number>>>>>
  isReady(): boolean
  close(): Promise<void>
}

interface Running {
  readonly family: Family
  readonly partitions: readonly PartitionOwner[]
  readonly loop: Promise<void>
}

/** Leases every partition of both families and starts to decide. Resolves when all are leased. */
export const openOwners = async (options: OwnersOptions): Promise<Owners> => {
  const abort = new AbortController()
  const families = (options.families ?? openFamilies)(options.settings)
  const running = await Promise.all(families.map((family) => start(family, options, abort.signal)))
  const counts = (one: Running): Partial<Record<OwnerState, number>> => {
    const result: Partial<Record<OwnerState, number>> = {}
    for (const { state } of one.partitions) result[state] = (result[state] ?? 0) + 1
    return result
  }
  return {
    states: () => Object.fromEntries(running.map((one) => [one.family.owner, counts(one)])),
    isReady: () => running.every((one) => one.partitions.every((owner) => owner.state === 'ready')),
    async close() {
      abort.abort()
      await Promise.all(running.flatMap((one) => one.partitions.map((owner) => owner.close())))
      await Promise.all(running.map((one) => one.loop))
    },
  }
}

const start = async (family: Family, options: OwnersOptions, signal: AbortSignal): Promise<Running> => {
  const partitions = Array.from(
    { length: PARTITIONS },
    (_, partition) => new PartitionOwner({ ...options, family, snapshots: openSnapshotCache(), owner: family.owner, partition }),
  )
  const offsets = await Promise.all(partitions.map((owner) => owner.start()))
  const from: Position[] = offsets.map((offset, partition) => ({ topic: family.commands, partition, offset }))
  const feed = async (): Promise<void> => {
    for await (const chunk of options.log.read(from, { signal })) await partitions[chunk.partition]?.admit(chunk.records)
  }
  const loop = feed().catch((error: unknown) => options.onTrouble(error, { owner: family.owner, partition: -1 }))
  return { family, partitions, loop }
}
