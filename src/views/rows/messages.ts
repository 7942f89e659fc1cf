// Messages of a batch: born and changed in memory, written once; and which contents each of them has.
// Between the folds and the tables messages and contents.

import type { StatementSync } from 'node:sqlite'
import { LRUCache } from 'lru-cache'
import type { Message } from '#schemas'
import type { ViewFile } from '../file.ts'
import { directions, keyIndex } from '../layout.ts'
import { numberOf } from '../numbers.ts'
import { Inserter } from './inserter.ts'
import { RecentMessages } from './recent.ts'

export interface MessageEntry {
  readonly n: number
  /** Number of the conversation. */
  readonly conversation: number
  row: Message
  /** seq of the event that brought its present content; 0 = it never had one. */
  contentSeq: number
  isStored: boolean
  isDirty: boolean
}

/** Messages on their way out that are kept in memory: what becomes of them is told soon. */
const SENDS_MAX = 4_000

export class MessageTable {
  /** What a batch has asked for or made. Rows that live longer than their batch cost more than reading them again. */
  readonly #batch = new Map<string, MessageEntry>()
  readonly #sends = new LRUCache<string, MessageEntry>({ max: SENDS_MAX })
  readonly #dirty: MessageEntry[] = []
  readonly #contents: number[] = []
  readonly #find: StatementSync
  readonly #insert: Inserter
  readonly #update: StatementSync
  readonly #thread: StatementSync
  readonly #byNumber: StatementSync
  readonly #putContent: Inserter
  readonly #findContent: StatementSync
  readonly #dropContent: StatementSync
  readonly #file: ViewFile
  readonly #recent = new RecentMessages()
  #nextNumber: number
  #isIndexed: boolean

  constructor(file: ViewFile) {
    const { database } = file
    this.#file = file
    this.#isIndexed = !file.isBuilding
    const columns = 'n, conversation, contentSeq, body'
    this.#find = database.prepare(`SELECT ${columns} FROM messages WHERE key = ?`)
    this.#thread = database.prepare(`SELECT ${columns} FROM messages WHERE conversation = ? AND seq <= ?`)
    this.#byNumber = database.prepare(`SELECT ${columns} FROM messages WHERE n = ?`)
    this.#insert = new Inserter(database, 'INSERT INTO messages', 8)
    this.#update = database.prepare('UPDATE messages SET contentSeq = ?, body = ? WHERE n = ?')
    this.#putContent = new Inserter(database, 'INSERT OR IGNORE INTO contents', 4)
    this.#findContent = database.prepare('SELECT message FROM contents WHERE subject = ? AND seq = ? AND n = ?')
    this.#dropContent = database.prepare('DELETE FROM contents WHERE subject = ? AND seq = ? AND n = ?')
    this.#nextNumber = Number(database.prepare('SELECT coalesce(max(n), 0) + 1 AS next FROM messages').get()?.['next'])
  }

  /** The message as the batch has left it. */
  get(id: string): MessageEntry | undefined {
    const known = this.#batch.get(id) ?? this.#sends.get(id)
    if (known !== undefined) return this.#remember(known)
    const number = numberOf(id)
    const recent = this.#isIndexed ? undefined : this.#recent.get(number)
    const found = recent === undefined ? undefined : this.#byNumber.get(recent)
    const entry = found === undefined ? undefined : this.#entryOf(found)
    if (entry?.row.id === id) return this.#remember(entry)
    this.#index()
    for (const candidate of this.#find.all(number)) {
      const entry = this.#entryOf(candidate)
      if (entry.row.id === id) return this.#remember(entry)
    }
    return undefined
  }

  /** A first filling has no index until it asks for a message of long ago; an entry made with each row costs more. */
  #index(): void {
    if (this.#isIndexed) return
    if (this.#file.isBuilding) this.#file.database.exec(keyIndex)
    this.#isIndexed = true
    this.#recent.clear()
  }

  #remember(entry: MessageEntry): MessageEntry {
    this.#batch.set(entry.row.id, entry)
    return entry
  }

  #entryOf(found: Record<string, unknown>): MessageEntry {
    const row = JSON.parse(found['body'] as string) as Message
    // What the batch holds is newer than the file.
    return (
      this.#batch.get(row.id) ??
      this.#sends.get(row.id) ?? {
        n: found['n'] as number,
        conversation: found['conversation'] as number,
        row,
        contentSeq: found['contentSeq'] as number,
        isStored: true,
        isDirty: false,
      }
    )
  }

  create(row: Message, conversation: number, contentSeq: number): MessageEntry {
    const entry: MessageEntry = { n: this.#nextNumber++, conversation, row, contentSeq, isStored: false, isDirty: true }
    this.#dirty.push(entry)
    return this.#remember(entry)
  }

  put(entry: MessageEntry, row: Message, contentSeq = entry.contentSeq): void {
    if (row === entry.row && contentSeq === entry.contentSeq) return
    entry.row = row
    entry.contentSeq = contentSeq
    if (entry.isDirty) return
    entry.isDirty = true
    this.#dirty.push(entry)
  }

  /** Messages of a conversation up to `seq`, from the file: flush first. */
  thread(conversation: number, upToSeq: number): MessageEntry[] {
    return this.#thread.all(conversation, upToSeq).map((found) => this.#entryOf(found))
  }

  /** Notes contents that an event brought; `message` = number of the message they belong to, 0 = none. */
  addContents(subject: number, contents: readonly { readonly seq: number; readonly n: number }[], message: number): void {
    for (const { seq, n } of contents) this.#contents.push(subject, seq, n, message)
  }

  /** Forgets a content; answers the message it belonged to. Flush first. */
  dropContent(subject: number, seq: number, n: number): MessageEntry | undefined {
    const message = this.#findContent.get(subject, seq, n)?.['message'] as number | undefined
    if (message === undefined) return undefined
    this.#dropContent.run(subject, seq, n)
    const found = message === 0 ? undefined : this.#byNumber.get(message)
    return found === undefined ? undefined : this.#entryOf(found)
  }

  flush(): void {
    if (!this.#file.isBuilding) this.#index()
    for (const entry of this.#dirty) {
      const { n, row, conversation, contentSeq } = entry
      const body = JSON.stringify(row)
      if (entry.isStored) this.#update.run(contentSeq, body, n)
      else {
        const direction = directions.indexOf(row.direction)
        const key = numberOf(row.id)
        this.#insert.add(n, key, conversation, Date.parse(row.orderAt), row.seq, direction, contentSeq, body)
        if (!this.#isIndexed) this.#recent.set(key, n)
      }
      entry.isStored = true
      entry.isDirty = false
      if (row.send !== null) this.#sends.set(row.id, entry)
    }
    this.#batch.clear()
    this.#insert.flush()
    this.#dirty.length = 0
    const contents = this.#contents
    // Filled in fours.
    for (let at = 0; at < contents.length; at += 4)
      this.#putContent.add(contents[at]!, contents[at + 1]!, contents[at + 2]!, contents[at + 3]!) // oxlint-disable-line typescript/no-non-null-assertion -- quads are pushed whole
    this.#putContent.flush()
    contents.length = 0
  }
}
