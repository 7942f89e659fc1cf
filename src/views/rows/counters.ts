// Counters: conversations by state and assignee, messages whose send failed or is in doubt; deltas of a batch, written at its end.
// Between what the folds change and the table that `counts` sums up, exact after any rebuild.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { rememberNumbers } from '../numbers.ts'

interface Place {
  readonly organizationId: string
  readonly accountId: string
}

interface Delta extends Place {
  readonly name: string
  readonly assigneeId: string | null
  value: number
}

export class Counters {
  readonly #deltas = new Map<string, Delta>()
  readonly #add: StatementSync
  readonly #remember = rememberNumbers()

  constructor(database: DatabaseSync) {
    this.#add = database.prepare('INSERT INTO counters VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value')
  }

  /** `name`: a state of conversations, or `failed` or `unknown` sends. */
  add({ organizationId, accountId }: Place, name: string, value: number, assigneeId: string | null = null): void {
    const key = `${organizationId}/${accountId}/${name}/${assigneeId ?? ''}`
    const known = this.#deltas.get(key)
    if (known === undefined) this.#deltas.set(key, { organizationId, accountId, name, assigneeId, value })
    else known.value += value
  }

  flush(): void {
    for (const { organizationId, accountId, name, assigneeId, value } of this.#deltas.values()) {
      if (value === 0) continue
      this.#add.run(
        this.#remember(organizationId),
        this.#remember(accountId),
        name,
        assigneeId === null ? 0 : this.#remember(assigneeId),
        value,
      )
    }
    this.#deltas.clear()
  }
}
