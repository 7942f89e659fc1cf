// Time travel: a conversation, its messages or a contact as they were, folded from the events up to a moment by the views' own folds.
// Between questions with `asOf` and the log; today's grants decide, and what is erased stays erased.

import { may, type Contact, type Conversation, type Message } from '#schemas'
import { eventToJson, type Event, type StoredContent } from '#schemas/log'
import { ConfabError, hasCode } from '#errors'
import type { Log } from '#log'
import { foldContact, foldConversation, foldMessage, messageIdOf, previewOf } from '../folds.ts'
import { showMessage } from '../queries/rows.ts'
import type { AsOf, MessageQuery, Page, Viewer, Views } from '../index.ts'
import { newestAt, walk, type Moment, type Subject } from './walk.ts'

/** Walks at a time, and more that wait for their turn. */
const WALKS_MAX = 2
const WAITING_MAX = 32
const DEADLINE_MS = 10_000
/** How long a view may take to reach the places asked for. */
const REACH_MS = 2_000
/** No contact has as many events. */
const CONTACT_SEQ_MAX = 2 ** 31

export interface PastOptions {
  readonly log: Log
  readonly views: Pick<Views, 'conversation' | 'contact' | 'message' | 'waitFor'>
  /** A page of the messages born at or before `upToSeq`, as they are today. */
  readonly messagesUpTo: (
    viewer: Viewer,
    conversationId: string,
    query: MessageQuery & { readonly upToSeq: number },
  ) => Promise<Page<Message>>
}

interface Item<T> {
  readonly item: T | null
  readonly asOf: AsOf
}

const conversationOf = (id: string): Subject => ({ topic: 'events', id })
const contactOf = (id: string): Subject => ({ topic: 'contact-events', id })
const json = (event: Event, contents: readonly StoredContent[]) => eventToJson(event, contents, { includeNative: true, id: '' })

/** All throw `as_of_gone` before the first kept event, `position_invalid`, `query_timeout`, `overloaded`. */
export class Past {
  readonly #options: PastOptions
  readonly #waiting: (() => void)[] = []
  #walks = 0

  constructor(options: PastOptions) {
    this.#options = options
  }

  /** `unread` is 0: read marks have no history. */
  async conversation(viewer: Viewer, id: string, moment: Moment): Promise<Item<Conversation>> {
    await this.#reach(moment)
    const { item: today, asOf } = await this.#options.views.conversation(viewer, id)
    if (today === null || viewer.grants.kind === 'contact') return { item: null, asOf }
    const row = await this.#inTurn(async (signal) => {
      const last = await newestAt(this.#options.log, conversationOf(id), { moment, newest: today.seq })
      const then = await this.#foldConversation(viewer, last, signal)
      if (then === null) throw new ConfabError('as_of_gone', { fields: { earliest: null } })
      const name = await this.#nameAt(then, moment.kind === 'time' ? moment.at : last.at, signal)
      return { ...then, contact: { ...then.contact, name } }
    })
    // Whom today shows without a name or address was erased.
    const contact = {
      id: row.contact.id,
      name: today.contact.name === null ? null : row.contact.name,
      address: today.contact.address === null ? null : row.contact.address,
    }
    return { item: await this.#withPreview(viewer, { ...row, contact, unread: 0 }), asOf }
  }

  async #foldConversation(viewer: Viewer, { subjectId, seq }: Event, signal: AbortSignal): Promise<Conversation | null> {
    const mayNotes = may(viewer.grants, 'note.read')
    const folded: { row: Conversation | null } = { row: null }
    await walk(this.#options.log, conversationOf(subjectId), {
      from: 1,
      to: seq,
      signal,
      wants: () => true,
      visit: (event, contents) => {
        const before = folded.row
        folded.row = foldConversation(before, json(event, contents))
        // Whoever may read no notes is shown the newest message that is none.
        if (event.type === 'note.added' && !mayNotes && folded.row !== null && before !== null)
          folded.row = { ...folded.row, lastMessage: before.lastMessage }
      },
    })
    return folded.row
  }

  async #nameAt({ contactId, contact }: Conversation, at: number, signal: AbortSignal): Promise<string | null> {
    try {
      const last = await newestAt(this.#options.log, contactOf(contactId), { moment: { kind: 'time', at }, newest: CONTACT_SEQ_MAX })
      return (await this.#foldContact(last, signal))?.name ?? contact.name
    } catch (error) {
      // A contact is introduced a moment after its first conversation.
      if (hasCode(error, 'as_of_gone')) return contact.name
      throw error
    }
  }

  /** What was edited or deleted since is for those who may read the audit; what is erased for nobody. */
  async #withPreview(viewer: Viewer, row: Conversation): Promise<Conversation> {
    const last = row.lastMessage
    if (last === null) return row
    const today = await this.#options.views.message(viewer, row.id, last.id)
    if (today !== null && !today.isErased && may(viewer.grants, 'audit.read')) return row
    const preview = today === null || today.isErased ? '' : previewOf(today.content)
    return { ...row, lastMessage: { ...last, preview } }
  }

  /** Thread order is fixed as messages are decided, so a view knows the page; how each of it stood, its events tell. */
  async messages(viewer: Viewer, id: string, query: MessageQuery, moment: Moment): Promise<Page<Message>> {
    await this.#reach(moment)
    const { item: today, asOf } = await this.#options.views.conversation(viewer, id)
    if (today === null || viewer.grants.kind === 'contact') return { items: [], next: null, asOf }
    return this.#inTurn(async (signal) => {
      const { seq } = await newestAt(this.#options.log, conversationOf(id), { moment, newest: today.seq })
      const page = await this.#options.messagesUpTo(viewer, id, { ...query, upToSeq: seq })
      return { ...page, items: await this.#foldMessages(viewer, page.items, { id, to: seq, signal }) }
    })
  }

  /** Read marks in a thread are of no other messages than those before them: the walk begins at the page's first. */
  async #foldMessages(
    viewer: Viewer,
    page: readonly Message[],
    { id, to, signal }: { readonly id: string; readonly to: number; readonly signal: AbortSignal },
  ): Promise<Message[]> {
    const rows = new Map<string, Message | null>(page.map((message) => [message.id, null]))
    const receipts = { delivered: 0, read: 0 }
    await walk(this.#options.log, conversationOf(id), {
      from: page.reduce((first, { seq }) => Math.min(first, seq), to),
      to,
      signal,
      wants: ({ data }) => 'messageId' in data && data.messageId !== null && rows.has(data.messageId),
      visit: (event, contents) => {
        if ((event.type === 'message.delivered' || event.type === 'message.read') && event.data.upToSeq !== null) {
          receipts.delivered = Math.max(receipts.delivered, event.data.upToSeq)
          if (event.type === 'message.read') receipts.read = Math.max(receipts.read, event.data.upToSeq)
          return
        }
        const shape = json(event, contents)
        if (event.type === 'conversation.erased') for (const [key, row] of rows) rows.set(key, foldMessage(row, shape))
        const messageId = messageIdOf(shape)
        const row = messageId === null ? undefined : rows.get(messageId)
        if (messageId !== null && row !== undefined) rows.set(messageId, foldMessage(row, shape))
      },
    })
    return page.flatMap((today) => {
      const then = rows.get(today.id) ?? null
      return then === null ? [] : [showMessage(asMayBeSeen(viewer, then, today), receipts, viewer)]
    })
  }

  async contact(viewer: Viewer, id: string, moment: Moment): Promise<Item<Contact>> {
    await this.#reach(moment)
    const { item: today, asOf } = await this.#options.views.contact(viewer, id)
    if (today === null) return { item: null, asOf }
    const item = await this.#inTurn(async (signal) => {
      const last = await newestAt(this.#options.log, contactOf(id), { moment, newest: today.seq })
      return this.#foldContact(last, signal)
    })
    return { item, asOf }
  }

  async #foldContact({ subjectId, seq }: Event, signal: AbortSignal): Promise<Contact | null> {
    const folded: { row: Contact | null } = { row: null }
    await walk(this.#options.log, contactOf(subjectId), {
      from: 1,
      to: seq,
      signal,
      wants: () => true,
      visit: (event, contents) => {
        folded.row = foldContact(folded.row, json(event, contents))
      },
    })
    return folded.row
  }

  /** What was erased today's row knows: it must have seen the places that are asked for. */
  async #reach(moment: Moment): Promise<void> {
    if (moment.kind === 'places') await this.#options.views.waitFor(moment.places, REACH_MS)
  }

  async #inTurn<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#walks >= WALKS_MAX) {
      if (this.#waiting.length >= WAITING_MAX) throw new ConfabError('overloaded')
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else this.#walks++
    try {
      return await work(AbortSignal.timeout(DEADLINE_MS))
    } finally {
      // Whoever waits longest has the place.
      const next = this.#waiting.shift()
      if (next === undefined) this.#walks--
      else next()
    }
  }
}

const asMayBeSeen = (viewer: Viewer, then: Message, today: Message): Message => {
  if (today.isErased) return { ...then, content: null, providerMessageId: null, isErased: true }
  const isSame = today.edits === then.edits && today.isDeleted === then.isDeleted
  return isSame || may(viewer.grants, 'audit.read') ? then : { ...then, content: today.content }
}
