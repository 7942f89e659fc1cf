// The views port: lists, messages, contacts, search and counters, folded from the log into SQLite that can be deleted at any moment.
// Between the log, which it tails, and HTTP and gateway, which ask; it decides nothing and writes nothing else.

import type { Contact, Conversation, EventShape, Grants, Message } from '#schemas'
import type { Offset } from '#log'
import type { Topic } from '#topics'
import type { Moment } from './past/walk.ts'
import type { QuestionAnswer, QuestionArguments } from './queries/worker.ts'

/** One place in the log that a read must have seen, or that a view has applied up to (the NEXT offset). */
export interface ViewPosition {
  readonly topic: Topic
  readonly partition: number
  readonly offset: Offset
}

/** The vector of positions of a read: taken in the same read transaction as its rows. */
export type AsOf = readonly ViewPosition[]

/** The caller as views need it: what it may see, and whose unread counts and drafts to fill in. */
export interface Viewer {
  readonly grants: Grants
  /** Fill in `native` parts. */
  readonly includeNative?: boolean
  /** Takes a list without the partitions that no node answers for; else it throws `partition_unreachable`. */
  readonly mayBePartial?: boolean
}

export type ConversationSort = '-activity' | '-created' | 'created' | 'waiting' | '-priority' | 'snoozed'

export interface ConversationQuery {
  readonly state?: readonly ('open' | 'pending' | 'snoozed' | 'resolved')[]
  readonly accountId?: string
  readonly contactId?: string
  /** An agent's or bot's id, or none. */
  readonly assignee?: string
  readonly label?: string
  readonly sort?: ConversationSort
  /** ≤ 100, default 25. */
  readonly limit?: number
  /** Decoded keyset of the previous page: opaque JSON-able values; HTTP seals it. */
  readonly after?: readonly (string | number)[]
}

/** Where several nodes hold the views: what an answer lacks. Neither stands in one that is whole. */
export interface Label {
  /** Partitions that nobody answered for. */
  readonly missing?: number
  /** A standby answered that is behind what the owner was last heard to have applied. */
  readonly isStale?: boolean
}

export interface Page<T> extends Label {
  readonly items: readonly T[]
  /** Keyset of the next page, null at the end. */
  readonly next: readonly (string | number)[] | null
  readonly asOf: AsOf
}

export interface MessageQuery {
  readonly before?: string
  readonly after?: string
  readonly around?: string
  readonly direction?: 'in' | 'out' | 'note'
  readonly limit?: number
  /** The contact's projection: no notes, contactSeq as seq. */
  readonly asContact?: boolean
}

export interface SearchQuery {
  readonly text: string
  readonly type: 'message' | 'conversation' | 'contact'
  readonly limit?: number
  readonly after?: readonly (string | number)[]
}
export interface SearchHit {
  /** Of a contact: one that the viewer may see, if there is one. */
  readonly conversationId?: string
  readonly messageId?: string
  readonly contactId?: string
  readonly at: string
  /** Text with hits between \u0002 and \u0003. */
  readonly snippet: string
}

export interface AuditQuery {
  readonly kind?: 'conversation' | 'contact' | 'organization'
  /** As in JSON: `message.sent`, `account.changed`. */
  readonly type?: string
  /** Who did it: an agent's, bot's or token's id. */
  readonly actor?: string
  /** Milliseconds since 1970; `to` is not included. */
  readonly from?: number
  readonly to?: number
  readonly limit?: number
  readonly after?: readonly (string | number)[]
}

export interface Counts {
  readonly byState: Readonly<Record<string, number>>
  readonly mine: number
  readonly unassigned: number
  readonly failedSends: number
  readonly unknownSends: number
}

export type { Moment } from './past/walk.ts'

/** One row, and where the read stood. */
export interface One<T> extends Label {
  readonly item: T | null
  readonly asOf: AsOf
}

export interface Views {
  conversations(viewer: Viewer, query: ConversationQuery): Promise<Page<Conversation>>
  /** The same page with its items as one JSON array in UTF-8, for those who pass it on: read and written by no one on the way. */
  conversationBytes(viewer: Viewer, query: ConversationQuery): Promise<Omit<Page<Conversation>, 'items'> & { readonly items: Uint8Array }>
  conversation(viewer: Viewer, id: string): Promise<One<Conversation>>
  /** Thread order (orderAt, seq), oldest first. */
  messages(viewer: Viewer, conversationId: string, query: MessageQuery): Promise<Page<Message>>
  message(viewer: Viewer, conversationId: string, messageId: string): Promise<Message | null>
  /** As they were: today's grants, nothing erased since. Throw `as_of_gone`, `position_invalid`, `query_timeout`, `overloaded`. */
  conversationAt(viewer: Viewer, id: string, moment: Moment): Promise<One<Conversation>>
  messagesAt(viewer: Viewer, conversationId: string, query: MessageQuery, moment: Moment): Promise<Page<Message>>
  contactAt(viewer: Viewer, id: string, moment: Moment): Promise<One<Contact>>
  /** Audit: events with contents filled in, by seq. */
  events(viewer: Viewer, subjectId: string, query: { after?: number; limit?: number }): Promise<Page<EventShape>>
  /** The organization's, newest first. */
  audit(viewer: Viewer, query: AuditQuery): Promise<Page<EventShape>>
  contacts(viewer: Viewer, query: { limit?: number; after?: readonly (string | number)[]; text?: string }): Promise<Page<Contact>>
  contact(viewer: Viewer, id: string): Promise<One<Contact>>
  search(viewer: Viewer, query: SearchQuery): Promise<Page<SearchHit>>
  counts(viewer: Viewer): Promise<{ readonly counts: Counts; readonly asOf: AsOf } & Label>
  /** Routing and names by conversation, for the gateway: what a row needs that an event does not carry. */
  rows(conversationIds: readonly string[]): Promise<readonly (Conversation | null)[]>
  /** Structure of every current view row in one hash, and of each conversation's fold: for the rebuild test (G8, G9). */
  hash(): Promise<string>
  /** Keys of contents of a subject up to `upToSeq` that still exist, for `drop` effects; ≤ limit. */
  contentsOf(subjectId: string, upToSeq: number, limit: number): Promise<{ references: { seq: number; n: number }[]; messageIds: string[] }>
  applied(topic: Topic, partition: number): Offset
  /** Resolves true once applied, false after timeoutMs. */
  waitFor(positions: AsOf, timeoutMs: number): Promise<boolean>
  /** Folds have reached the ends captured at open. */
  isReady(): boolean
  close(): Promise<void>
}

/** What is asked of the conversations of some partitions: the parts of a list over all of them. */
export type PartName = 'conversations' | 'counts' | 'hits' | 'hashes'

/** The views of one node's files, which may hold some partitions only. */
export interface FoldedViews extends Views {
  /** Partitions that can be read here. */
  held(): ReadonlySet<number>
  /** Folds these from now on; takes the rows of those in `forget` out. */
  fold(partitions: ReadonlySet<number>, forget: readonly number[]): Promise<void>
  /** One read transaction. `asOf` has the places of these partitions and of all contacts. */
  part<N extends PartName>(
    partitions: readonly number[],
    name: N,
    ...values: QuestionArguments<N>
  ): Promise<{ readonly answer: QuestionAnswer<N>; readonly asOf: AsOf }>
  /** Contacts that head a search for conversations. */
  heads(viewer: Viewer, query: SearchQuery): Promise<readonly { readonly n: number; readonly row: Contact }[]>
}

export { contactHit, conversationsPage, mergeHits, pageOfHits, peoplesShare } from './queries/hits.ts'
export { combineHashes, mergeConversations, mergeCounts } from './queries/merge.ts'
export { clampLimit } from './queries/conversations.ts'
export { seesConversation } from './queries/rows.ts'
export { isViewTopic } from './packet.ts'
export { openViews } from './open.ts'
export type { ViewsOptions } from './open.ts'
export type { ViewsSample } from './feeding.ts'
