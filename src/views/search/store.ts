// The search file's writer: what messages and contacts say, term by term; the texts themselves are not kept here.
// Between the packets of the main thread and FTS5; rowids rise with time, so that the newest hits are the first ones read.

import type { StatementSync } from 'node:sqlite'
import type { Contact, EventShape } from '#schemas'
import { eventToJson, type Event, type MessageContent, type StoredContent } from '#schemas/log'
import { partitionOf } from '#log/partition'
import { Carry, type Fault, type FoldSink, type Gone } from '../carry.ts'
import { ViewFile, type FileOptions } from '../file.ts'
import { foldContact } from '../folds.ts'
import { searchLayout } from '../layout.ts'
import { numberOf, rememberNumbers } from '../numbers.ts'
import { viewTopics, type Packet, type RecordCursor } from '../packet.ts'
import { WordPurge } from './purge.ts'
import { forgetEntries } from './forget.ts'
import { contactText, indexedText, scopes, textOf } from './text.ts'

/** Year 2000: with 12 bits of tie-break behind the milliseconds, rowids stay safe integers until 2069. */
const EPOCH_MS = Date.UTC(2000, 0, 1)
const TIES = 4_096

/** Messages and contacts that gather in memory while the file is filled for the first time: sorted by time together, they make one segment. */
const BUILDING_ENTRIES = 65_536

const births = new Set(['message.received', 'message.queued', 'note.added'])
const changes = new Set(['message.edited', 'note.edited', 'message.attached', 'message.deleted', 'note.deleted'])

interface Entry {
  n: number
  readonly conversation: number
  readonly key: number
  seq: number
  readonly scope: string
  readonly body: string
}

const messageIn = (contents: readonly StoredContent[]): MessageContent | null => {
  for (const content of contents) if (content.kind === 'message') return content.body
  return null
}

const firstNumber = (time: number, key: number): number => Math.max(0, time - EPOCH_MS) * TIES + (key % TIES)

export class SearchStore implements FoldSink {
  readonly file: ViewFile
  readonly #carry = new Carry()
  readonly #remember = rememberNumbers()
  readonly #accounts = new Map<number, number>()
  /** By message number. */
  readonly #changed = new Map<number, Entry>()
  readonly #scopes = new Map<number, { readonly organization: number; readonly text: string }>()
  readonly #people = new Map<string, { n: number | undefined; row: Contact }>()
  readonly #statements: Readonly<Record<keyof typeof sql, StatementSync>>
  readonly #purge: WordPurge
  #isIndexed = false

  constructor(options: FileOptions) {
    this.file = ViewFile.open(searchLayout, options)
    this.#purge = new WordPurge(this.file)
    if (forgetEntries(this.file, options.forget ?? [])) this.#purge.need()
    const { database, positions } = this.file
    this.#statements = Object.fromEntries(Object.entries(sql).map(([name, text]) => [name, database.prepare(text)])) as Record<
      keyof typeof sql,
      StatementSync
    >
    for (const topic of viewTopics) for (const [partition, next] of positions[topic].entries()) this.#carry.begin(topic, partition, next)
  }

  /** Applies records whole; `positions` as a packet's. Throws what SQLite throws; then nothing of it is stored, and the store must be opened anew. */
  apply(records: RecordCursor, positions: Packet['positions']): readonly Fault[] {
    this.file.commit(() => {
      while (records.advance()) this.#carry.accept(records, this)
      if (!this.file.isBuilding || this.#changed.size + this.#removed.size + this.#people.size >= BUILDING_ENTRIES) this.#flush()
      for (let at = 0; at < positions.length; at += 3) {
        const topic = viewTopics[positions[at] ?? 0] ?? 'events'
        const partition = positions[at + 1] ?? 0
        this.file.positions[topic][partition] = this.#carry.end(topic, partition, positions[at + 2] ?? 0)
      }
    })
    return this.#carry.faults.splice(0)
  }

  finish(): void {
    this.file.finishBuilding(() => this.#flush())
  }

  wants(type: string): boolean {
    return (
      births.has(type) ||
      changes.has(type) ||
      type === 'conversation.created' ||
      type === 'conversation.erased' ||
      type.startsWith('contact.')
    )
  }

  event(event: Event, contents: readonly StoredContent[]): void {
    if (event.type === 'conversation.created') return this.#addConversation(event.subjectId, event.data.accountId)
    if (event.type === 'conversation.erased') return this.#erase(numberOf(event.subjectId), event.data.upToSeq)
    if (event.type.startsWith('contact.')) return this.#contactEvent(eventToJson(event, contents, { id: '' }))
    this.#messageEvent(event, contents)
  }

  mark(): void {
    // Marks and drafts are in no search.
  }

  #addConversation(id: string, accountId: string): void {
    const n = numberOf(id)
    const account = this.#remember(accountId)
    this.#accounts.set(n, account)
    this.#statements.putConversation.run(n, account, partitionOf(id))
  }

  #accountOf(conversation: number): number {
    let account = this.#accounts.get(conversation)
    if (account !== undefined) return account
    account = (this.#statements.findConversation.get(conversation)?.['account'] as number | undefined) ?? 0
    if (this.#accounts.size >= ACCOUNTS_MAX) this.#accounts.clear()
    this.#accounts.set(conversation, account)
    return account
  }

  #messageEvent(event: Event, contents: readonly StoredContent[]): void {
    const { messageId, orderAt, attempt } = event.data as {
      readonly messageId: string
      readonly orderAt?: number
      readonly attempt?: number
    }
    const conversation = numberOf(event.subjectId)
    const key = numberOf(messageId)
    this.#part(conversation, key)
    if (!births.has(event.type)) this.#remove(conversation, key)
    const body = textOf(messageIn(contents))
    // A deletion brings no text, a retry nothing new.
    if (body === '' || (attempt ?? 1) > 1) return
    const kind = event.type.startsWith('note.') ? scopes.noted : scopes.said
    const scope = this.#scopeOf(this.#remember(event.organizationId), this.#accountOf(conversation), kind)
    const n = this.#removed.get(key)?.n ?? firstNumber(orderAt ?? event.at, key)
    this.#changed.set(key, { n, conversation, key, seq: event.seq, scope, body: indexedText(body) })
  }

  /** Entries taken out in this batch, by message number: an edit puts its message back where it was. */
  readonly #removed = new Map<number, Pick<Entry, 'n' | 'conversation'>>()

  /** Two messages that share a number are not of one batch. */
  #part(conversation: number, key: number): void {
    const known = this.#changed.get(key) ?? this.#removed.get(key)
    if (known !== undefined && known.conversation !== conversation) this.#flush()
  }

  /** Written with the same numbers again and again. */
  #scopeOf(organization: number, account: number, kind: string): string {
    let ofAccount = this.#scopes.get(account)
    if (ofAccount?.organization !== organization) {
      if (this.#scopes.size >= SCOPES_MAX) this.#scopes.clear()
      this.#scopes.set(account, (ofAccount = { organization, text: `${scopes.organization(organization)} ${scopes.account(account)}` }))
    }
    return `${ofAccount.text} ${kind}`
  }

  #remove(conversation: number, key: number): void {
    const pending = this.#changed.get(key)
    if (pending !== undefined) {
      // What waits to be written is in no file yet.
      this.#removed.set(key, pending)
      this.#changed.delete(key)
      return
    }
    this.#index()
    for (const found of this.#statements.findEntry.all(conversation, key)) {
      this.#removed.set(key, { n: found['n'] as number, conversation })
      this.#drop(found['n'] as number)
    }
  }

  /** A first filling has no index until something that is written already changes; one made for each row as it comes costs more. */
  #index(): void {
    if (!this.file.isBuilding || this.#isIndexed) return
    this.file.database.exec(searchLayout.indexes)
    this.#isIndexed = true
  }

  #drop(n: number): void {
    this.#statements.dropWords.run(n)
    this.#statements.dropEntry.run(n)
  }

  #erase(conversation: number, upToSeq: number): void {
    this.#flush()
    this.#index()
    for (const { n } of this.#statements.findConversationEntries.all(conversation, upToSeq)) this.#drop(n as number)
    this.#purge.need()
  }

  gone({ subjectId, seq }: Gone): void {
    this.#flush()
    this.#index()
    for (const { n } of this.#statements.findSeqEntries.all(numberOf(subjectId), seq)) this.#drop(n as number)
    this.#purge.need()
  }

  #contactEvent(json: EventShape): void {
    const { id } = json.subject
    const known = this.#people.get(id) ?? this.#findPerson(id)
    const row = foldContact(known?.row ?? null, json)
    if (row !== null && row !== known?.row) this.#people.set(id, { n: known?.n, row })
  }

  #findPerson(id: string): { n: number; row: Contact } | undefined {
    for (const found of this.#statements.findPerson.all(numberOf(id))) {
      const row = JSON.parse(found['body'] as string) as Contact
      if (row.id === id) return { n: found['n'] as number, row }
    }
    return undefined
  }

  #flush(): void {
    // Rising rowids: FTS5 writes them in one go.
    const entries = [...this.#changed.values()].sort((a, b) => a.n - b.n)
    for (const entry of entries) this.#write(entry)
    this.#changed.clear()
    this.#removed.clear()
    for (const person of this.#people.values()) this.#writePerson(person)
    this.#people.clear()
  }

  #write(entry: Entry): void {
    const { conversation, key, seq, scope, body } = entry
    while (this.#statements.putEntry.run(entry.n, conversation, key, seq).changes === 0) {
      const taken = this.#statements.getEntry.get(entry.n)
      // The same message read again from a repeated log.
      if (taken?.['conversation'] === conversation && taken['key'] === key) return
      entry.n++
    }
    this.#statements.putWords.run(entry.n, scope, body)
  }

  #writePerson({ n: known, row }: { readonly n: number | undefined; readonly row: Contact }): void {
    const key = numberOf(row.id)
    let n = known ?? firstNumber(Date.parse(row.createdAt), key)
    if (known === undefined) while (this.#statements.putPerson.run(n, key, JSON.stringify(row)).changes === 0) n++
    else {
      this.#statements.changePerson.run(JSON.stringify(row), n)
      this.#statements.dropNames.run(n)
      if (row.isErased) this.#purge.need()
    }
    const { body, digits } = contactText(row)
    if (body === '' && digits === '') return
    const accounts = [...new Set(row.identities.map(({ accountId }) => scopes.account(this.#remember(accountId))))]
    this.#statements.putNames.run(n, [scopes.organization(this.#remember(row.organizationId)), ...accounts].join(' '), body, digits)
  }

  close(): void {
    this.#purge.close()
    this.file.close()
  }
}

/** Accounts whose terms are remembered at most. */
const SCOPES_MAX = 10_000
/** Accounts of conversations remembered at most. */
const ACCOUNTS_MAX = 200_000

const sql = {
  putConversation: 'INSERT OR IGNORE INTO conversations VALUES (?, ?, ?)',
  findConversation: 'SELECT account FROM conversations WHERE n = ?',
  putEntry: 'INSERT OR IGNORE INTO entries VALUES (?, ?, ?, ?)',
  getEntry: 'SELECT conversation, key FROM entries WHERE n = ?',
  findEntry: 'SELECT n FROM entries WHERE conversation = ? AND key = ?',
  findConversationEntries: 'SELECT n FROM entries WHERE conversation = ? AND seq <= ?',
  findSeqEntries: 'SELECT n FROM entries WHERE conversation = ? AND seq = ?',
  dropEntry: 'DELETE FROM entries WHERE n = ?',
  putWords: 'INSERT INTO words (rowid, scope, body) VALUES (?, ?, ?)',
  dropWords: 'DELETE FROM words WHERE rowid = ?',
  findPerson: 'SELECT n, body FROM people WHERE key = ?',
  putPerson: 'INSERT OR IGNORE INTO people VALUES (?, ?, ?)',
  changePerson: 'UPDATE people SET body = ? WHERE n = ?',
  putNames: 'INSERT INTO names (rowid, scope, body, digits) VALUES (?, ?, ?, ?)',
  dropNames: 'DELETE FROM names WHERE rowid = ?',
} as const
