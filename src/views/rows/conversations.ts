// Conversations of a batch: read once, folded in memory, written once, with labels and counters that follow from the change.
// Between the folds and the tables conversations, labels and counters.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { LRUCache } from 'lru-cache'
import type { Conversation } from '#schemas'
import { priorities, states } from '../layout.ts'
import { COLLISIONS_MAX, freeNumber, numberOf, rememberNumbers } from '../numbers.ts'
import { PACKET_RECORDS_MAX } from '../packet.ts'
import type { Counters } from './counters.ts'

/** What was stored last, as far as labels and counters depend on it. */
interface Stored {
  readonly state: string
  readonly assigneeId: string | null
  readonly labels: readonly string[]
}

export interface ConversationEntry {
  readonly n: number
  row: Conversation
  stored: Stored | null
  isDirty: boolean
}

/** Conversations changed in memory beyond which they are written, while the file is filled for the first time. */
const DIRTY_MAX = PACKET_RECORDS_MAX
/** Above what a packet and the unwritten before it touch: an entry that a batch has changed is still here when it is written. */
const ENTRIES_MAX = PACKET_RECORDS_MAX * 3
const NO_LABELS: readonly string[] = []

const storedOf = ({ state, assignee, labels }: Conversation): Stored => ({ state, assigneeId: assignee?.id ?? null, labels })
const msOrNull = (time: string | null): number | null => (time === null ? null : Date.parse(time))

export class ConversationTable {
  readonly #entries = new LRUCache<string, ConversationEntry>({ max: ENTRIES_MAX })
  readonly #dirty: ConversationEntry[] = []
  readonly #created = new Set<number>()
  readonly #find: StatementSync
  readonly #isTaken: StatementSync
  readonly #put: StatementSync
  readonly #putLabel: StatementSync
  readonly #dropLabel: StatementSync
  readonly #counters: Counters
  readonly #remember = rememberNumbers()

  constructor(database: DatabaseSync, counters: Counters) {
    this.#counters = counters
    this.#find = database.prepare('SELECT n, id, body FROM conversations WHERE n BETWEEN ? AND ?')
    this.#isTaken = database.prepare('SELECT 1 FROM conversations WHERE n = ?')
    this.#put = database.prepare(`INSERT INTO conversations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (n) DO UPDATE SET
      state = excluded.state, assignee = excluded.assignee, priority = excluded.priority, activity = excluded.activity,
      waiting = excluded.waiting, snoozed = excluded.snoozed, seq = excluded.seq, body = excluded.body
      WHERE excluded.seq > seq OR (excluded.seq = seq AND excluded.body <> body)`)
    this.#putLabel = database.prepare('INSERT OR IGNORE INTO labels VALUES (?, ?)')
    this.#dropLabel = database.prepare('DELETE FROM labels WHERE label = ? AND conversation = ?')
  }

  /** The conversation as the batch has left it. */
  get(id: string): ConversationEntry | undefined {
    const known = this.#entries.get(id)
    if (known !== undefined) return known
    const number = numberOf(id)
    for (const found of this.#find.all(number, number + COLLISIONS_MAX - 1)) {
      if (found['id'] !== id) continue
      const row = JSON.parse(found['body'] as string) as Conversation
      const entry: ConversationEntry = { n: found['n'] as number, row, stored: storedOf(row), isDirty: false }
      this.#entries.set(id, entry)
      return entry
    }
    return undefined
  }

  get isFull(): boolean {
    return this.#dirty.length >= DIRTY_MAX
  }

  create(row: Conversation): ConversationEntry {
    const entry: ConversationEntry = {
      n: freeNumber(row.id, (n) => this.#created.has(n) || this.#isTaken.get(n) !== undefined),
      row,
      stored: null,
      isDirty: true,
    }
    this.#created.add(entry.n)
    this.#entries.set(row.id, entry)
    this.#dirty.push(entry)
    return entry
  }

  put(entry: ConversationEntry, row: Conversation): void {
    if (row === entry.row) return
    entry.row = row
    if (entry.isDirty) return
    entry.isDirty = true
    this.#dirty.push(entry)
  }

  /** Writes what the batch has changed. */
  flush(): void {
    for (const entry of this.#dirty) {
      this.#write(entry)
      entry.isDirty = false
    }
    this.#dirty.length = 0
    this.#created.clear()
  }

  #write(entry: ConversationEntry): void {
    const { n, row, stored } = entry
    const { state, assignee } = row
    this.#put.run(
      n,
      this.#remember(row.organizationId),
      this.#remember(row.accountId),
      numberOf(row.contactId),
      states.indexOf(state),
      assignee === null ? 0 : this.#remember(assignee.id),
      priorities.indexOf(row.priority),
      Date.parse(row.lastActivityAt),
      Date.parse(row.createdAt),
      msOrNull(row.waitingSince),
      msOrNull(row.snoozedUntil),
      row.seq,
      row.id,
      JSON.stringify(row),
    )
    if (stored === null || stored.state !== state || stored.assigneeId !== (assignee?.id ?? null)) this.#count(row, stored)
    if (row.labels !== (stored?.labels ?? NO_LABELS)) this.#writeLabels(entry)
    entry.stored = storedOf(row)
  }

  #count(row: Conversation, stored: Stored | null): void {
    if (stored !== null) this.#counters.add(row, stored.state, -1, stored.assigneeId)
    this.#counters.add(row, row.state, 1, row.assignee?.id ?? null)
  }

  #writeLabels({ n, row, stored }: ConversationEntry): void {
    const before = stored?.labels ?? NO_LABELS
    for (const label of before) if (!row.labels.includes(label)) this.#dropLabel.run(this.#remember(label), n)
    for (const label of row.labels) if (!before.includes(label)) this.#putLabel.run(this.#remember(label), n)
  }
}
