// The rows file's writer: a packet of records folded in memory, then written in one transaction with its positions.
// Between the packets of the main thread and the tables that lists, threads and contacts are read from.

import type { StatementSync } from 'node:sqlite'
import type { EventShape, Message } from '#schemas'
import { decode, eventToJson, mark, type Event, type StoredContent } from '#schemas/log'
import { Carry, type Fault, type FoldSink, type Gone } from '../carry.ts'
import { ViewFile, type FileOptions } from '../file.ts'
import { foldContact, foldConversation, foldMessage, messageIdOf } from '../folds.ts'
import { rowsLayout } from '../layout.ts'
import { numberOf } from '../numbers.ts'
import { viewTopics, type Packet, type RecordCursor } from '../packet.ts'
import { ContactTable } from './contacts.ts'
import { ConversationTable, type ConversationEntry } from './conversations.ts'
import { Counters } from './counters.ts'
import { forgetRows } from './forget.ts'
import { MessageTable, type MessageEntry } from './messages.ts'

const JSON_OPTIONS = { includeNative: true, id: '' } as const

/** Events of a message that bring it a new content. */
const bringsContent = new Set(['message.received', 'message.queued', 'note.added', 'message.edited', 'note.edited', 'message.attached'])

export class RowsStore implements FoldSink {
  readonly file: ViewFile
  readonly #carry = new Carry()
  readonly #counters: Counters
  readonly #conversations: ConversationTable
  readonly #messages: MessageTable
  readonly #contacts: ContactTable
  readonly #putMark: StatementSync
  readonly #dropMark: StatementSync

  constructor(options: FileOptions) {
    this.file = ViewFile.open(rowsLayout, options)
    forgetRows(this.file, options.forget ?? [])
    const { database, positions } = this.file
    this.#counters = new Counters(database)
    this.#conversations = new ConversationTable(database, this.#counters)
    this.#messages = new MessageTable(this.file)
    this.#contacts = new ContactTable(database)
    this.#putMark = database.prepare('INSERT INTO marks VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET read = excluded.read')
    this.#dropMark = database.prepare('DELETE FROM marks WHERE conversation = ? AND agent = ?')
    for (const topic of viewTopics) for (const [partition, next] of positions[topic].entries()) this.#carry.begin(topic, partition, next)
  }

  /** Applies records whole; `positions` as a packet's. Throws what SQLite throws; then nothing of it is stored, and the store must be opened anew. */
  apply(records: RecordCursor, positions: Packet['positions']): readonly Fault[] {
    this.file.commit(() => {
      while (records.advance()) this.#carry.accept(records, this)
      if (!this.file.isBuilding || this.#conversations.isFull) this.#flush()
      else this.#messages.flush()
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

  wants(): boolean {
    return true
  }

  event(event: Event, contents: readonly StoredContent[]): void {
    if (event.type === 'setting.changed') return this.#messages.addContents(numberOf(event.subjectId), contents, 0)
    const json = eventToJson(event, contents, JSON_OPTIONS)
    if (json.subject.kind === 'contact') this.#contactEvent(json, contents)
    else this.#conversationEvent(json, contents, event.contents > 0)
  }

  #conversationEvent(json: EventShape, contents: readonly StoredContent[], hadContents: boolean): void {
    const entry = this.#conversations.get(json.subject.id)
    if (entry === undefined) {
      const row = foldConversation(null, json)
      if (row !== null) this.#messages.addContents(this.#conversations.create(row).n, contents, 0)
      return
    }
    // Seen before: neither the row nor its messages change again.
    if (json.seq <= entry.row.seq) return
    const messageId = messageIdOf(json)
    const message = messageId === null ? undefined : this.#messageEvent(json, messageId, { entry, hadContents })
    this.#messages.addContents(entry.n, contents, message?.n ?? 0)
    if (json.type === 'conversation.erased') this.#eraseMessages(json, entry)
    this.#conversations.put(entry, foldConversation(entry.row, json) ?? entry.row)
  }

  #messageEvent(
    json: EventShape,
    messageId: string,
    { entry, hadContents }: { readonly entry: ConversationEntry; readonly hadContents: boolean },
  ): MessageEntry | undefined {
    const isNew =
      json.type === 'message.received' || json.type === 'note.added' || (json.type === 'message.queued' && json.data['attempt'] === 1)
    const before = isNew ? undefined : this.#messages.get(messageId)
    const row = foldMessage(before?.row ?? null, json)
    if (row === null) return undefined
    // By what the event says, not by what is left of it: erasing changes no structure.
    const contentSeq = hadContents && bringsContent.has(json.type) && !row.isDeleted ? json.seq : (before?.contentSeq ?? 0)
    this.#countSend(entry, before?.row.send?.state, row.send?.state)
    if (before === undefined) return this.#messages.create(row, entry.n, contentSeq)
    this.#messages.put(before, row, contentSeq)
    return before
  }

  #countSend({ row }: ConversationEntry, before: string | undefined, after: string | undefined): void {
    if (before === after) return
    if (before === 'failed' || before === 'unknown') this.#counters.add(row, before, -1)
    if (after === 'failed' || after === 'unknown') this.#counters.add(row, after, 1)
  }

  #eraseMessages(json: EventShape, entry: ConversationEntry): void {
    this.#flush()
    for (const message of this.#messages.thread(entry.n, Number(json.data['upToSeq'])))
      this.#messages.put(message, foldMessage(message.row, json) ?? message.row)
    this.#flush()
  }

  #contactEvent(json: EventShape, contents: readonly StoredContent[]): void {
    const known = this.#contacts.get(json.subject.id)
    const row = foldContact(known?.row ?? null, json)
    if (row === null || row === known?.row) return
    this.#messages.addContents(this.#contacts.put(row, known).n, contents, 0)
  }

  /** A tombstoned content: the message that shows it is without it from now on. */
  gone({ subjectId, seq, n }: Gone): void {
    this.#flush()
    const subject = this.#conversations.get(subjectId)
    const message = this.#messages.dropContent(subject?.n ?? numberOf(subjectId), seq, n)
    if (message === undefined || message.contentSeq !== seq) return
    this.#messages.put(message, erasedMessage(message.row))
    const last = subject?.row.lastMessage
    if (subject !== undefined && last?.id === message.row.id)
      this.#conversations.put(subject, { ...subject.row, lastMessage: { ...last, preview: '' } })
    this.#flush()
  }

  mark(key: string, value: Buffer | null): void {
    const [conversationId = '', agentId = ''] = key.split('/')
    const conversation = numberOf(conversationId)
    if (value === null) this.#dropMark.run(conversation, numberOf(agentId))
    else this.#putMark.run(conversation, numberOf(agentId), decode(mark, value).readUpTo)
  }

  #flush(): void {
    this.#messages.flush()
    this.#conversations.flush()
    this.#counters.flush()
    this.#contacts.flush()
  }

  close(): void {
    this.file.close()
  }
}

const erasedMessage = (row: Message): Message => ({ ...row, content: null, providerMessageId: null, isErased: true })
