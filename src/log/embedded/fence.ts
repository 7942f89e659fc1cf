// The fence: the highest epoch of each owner and partition, and the input position its commits have settled.
// Stands in the writer's transaction, before a commit's rows; memory mirrors the table of leases.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Owner } from '../index.ts'
import { NO_POSITION, type Operation } from './packet.ts'

interface LeaseRow {
  readonly owner: Owner
  readonly partition: number
  readonly epoch: number
  readonly position: number | null
}

export class Fence {
  readonly #leases = new Map<string, LeaseRow>()
  readonly #all: StatementSync
  readonly #save: StatementSync

  constructor(database: DatabaseSync) {
    this.#all = database.prepare('SELECT owner, partition, epoch, position FROM leases')
    this.#save = database.prepare('INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?)')
    this.load()
  }

  /** Reads again what memory mirrors, after a transaction was rolled back. */
  load(): void {
    this.#leases.clear()
    for (const row of this.#all.all() as unknown as LeaseRow[]) this.#leases.set(`${row.owner}/${row.partition}`, row)
  }

  leases(): LeaseRow[] {
    return [...this.#leases.values()]
  }

  positionOf(owner: Owner, partition: number): number {
    return this.#leases.get(`${owner}/${partition}`)?.position ?? NO_POSITION
  }

  /** Whether a commit holds the newest lease, or a lease is newer than that; stores what it changes. */
  pass(owner: Owner, operation: Pick<Operation, 'kind' | 'partition' | 'epoch' | 'position'>): boolean {
    const { kind, partition, epoch } = operation
    const name = `${owner}/${partition}`
    const held = this.#leases.get(name)
    const highest = held?.epoch ?? 0
    if (kind === 'lease' ? epoch <= highest : epoch !== highest) return false
    if (kind !== 'lease' && operation.position === undefined) return true
    const lease = { owner, partition, epoch, position: operation.position ?? held?.position ?? null }
    this.#leases.set(name, lease)
    this.#save.run(owner, partition, epoch, lease.position)
    return true
  }
}
