// Counters: conversations by state and assignee, messages whose send failed or is in doubt; deltas of a batch, written at its end.
// Between what the folds change and the table that `counts` sums up, exact after any rebuild.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { partitionOf } from '#log/partition'
import { rememberNumbers } from '../numbers.ts'

interface Place {
  /** The conversation's. */
  readonly id: string
  readonly organizationId: string
  readonly accountId: string
}

interface Delta extends Omit<Place, 'id'> {
  readonly name: string
  readonly assigneeId: string | null
  /** Counted apart: a node may be asked for some partitions only. */
  readonly partition: number
  value: number
}

export class Counters {
  readonly #deltas = new Map<string, Delta>()
  readonly #add: StatementSync
  readonly #remember = rememberNumbers()

  constructor(database: DatabaseSync) {
    this.#add = database.prepare('INSERT INTO counters VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value')
  }

  /** `name`: a state of conversations, or `failed` or `unknown` sends. */
  add({ id, organizationId, accountId }: Place, name: string, value: number, assigneeId: string | null = null): void {
    const partition = partitionOf(id)
    const key = `${organizationId}/${accountId}/${name}/${assigneeId ?? ''}/${partition}`
    const known = this.#deltas.get(key)
    if (known === undefined) this.#deltas.set(key, { organizationId, accountId, name, assigneeId, partition, value })
    else known.value += value
  }

  flush(): void {
    for (const { organizationId, accountId, name, assigneeId, partition, value } of this.#deltas.values()) {
      if (value === 0) continue
      this.#add.run(
        this.#remember(organizationId),
        this.#remember(accountId),
        name,
        assigneeId === null ? 0 : this.#remember(assigneeId),
        partition,
        value,
      )
    }
    this.#deltas.clear()
  }
}
