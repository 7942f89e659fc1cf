// Contacts of a batch: folded in memory, written at its end.
// Between the folds and the table contacts.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Contact } from '#schemas'
import { COLLISIONS_MAX, freeNumber, numberOf } from '../numbers.ts'

export interface ContactEntry {
  readonly n: number
  readonly row: Contact
}

export class ContactTable {
  readonly #changed = new Map<string, ContactEntry>()
  readonly #numbers = new Set<number>()
  readonly #find: StatementSync
  readonly #isTaken: StatementSync
  readonly #put: StatementSync

  constructor(database: DatabaseSync) {
    this.#find = database.prepare('SELECT n, id, body FROM contacts WHERE n BETWEEN ? AND ?')
    this.#isTaken = database.prepare('SELECT 1 FROM contacts WHERE n = ?')
    this.#put =
      database.prepare(`INSERT INTO contacts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (n) DO UPDATE SET seq = excluded.seq, body = excluded.body
      WHERE excluded.seq > seq`)
  }

  /** The contact as the batch has left it. */
  get(id: string): ContactEntry | undefined {
    const changed = this.#changed.get(id)
    if (changed !== undefined) return changed
    const number = numberOf(id)
    for (const found of this.#find.all(number, number + COLLISIONS_MAX - 1)) {
      if (found['id'] === id) return { n: found['n'] as number, row: JSON.parse(found['body'] as string) as Contact }
    }
    return undefined
  }

  put(row: Contact, known: ContactEntry | undefined): ContactEntry {
    const n = known?.n ?? freeNumber(row.id, (number) => this.#numbers.has(number) || this.#isTaken.get(number) !== undefined)
    if (known === undefined) this.#numbers.add(n)
    const entry = { n, row }
    this.#changed.set(row.id, entry)
    return entry
  }

  flush(): void {
    for (const { n, row } of this.#changed.values())
      this.#put.run(n, numberOf(row.organizationId), Date.parse(row.createdAt), row.seq, row.id, JSON.stringify(row))
    this.#changed.clear()
    this.#numbers.clear()
  }
}
