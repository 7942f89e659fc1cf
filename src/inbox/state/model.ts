// What the panes see: one immutable state that changes by events, and the actions an agent may take.
// Between React and the client's store; panes know this and nothing of frames, cursors or HTTP.

import type { Contact, Conversation, EventShape, Message, Problem } from '#schemas'
import type { ViewName } from './views.ts'

export type Connection =
  | { readonly state: 'connecting' | 'live' | 'catching-up' | 'offline' | 'stale' }
  | { readonly state: 'reconnecting'; readonly retryAt: number }
  | { readonly state: 'ended'; readonly reason: string }

export interface ListState {
  readonly isLoaded: boolean
  readonly isLoading: boolean
  readonly hasMore: boolean
  readonly problem: Problem | null
}

/** A file on its way into a message. */
export interface Upload {
  readonly key: string
  readonly name: string
  readonly contentType: string
  readonly sizeBytes: number
  /** 0 to 1. */
  readonly progress: number
  /** Our id of the file once it is stored. */
  readonly fileId: string | null
  readonly problem: string | null
}

/** What an agent wants to send; kept whole, so that a refused one can be sent again unchanged. */
export interface Outgoing {
  /** The client's own key: the idempotency key, and what finds its event. */
  readonly clientId: string
  readonly text: string
  readonly isNote: boolean
  readonly uploads: readonly Upload[]
  /** The last seq that was on screen. */
  readonly seenSeq: number
  readonly isOverride: boolean
}

export interface Pending extends Outgoing {
  readonly at: string
  readonly refusal: Problem | null
}

export interface Thread {
  readonly messages: readonly Message[]
  readonly events: readonly EventShape[]
  readonly pending: readonly Pending[]
  readonly isLoaded: boolean
  readonly isLoadingOlder: boolean
  readonly hasOlder: boolean
  /** Turned to an older page: the newest messages are not among these. */
  readonly hasNewer: boolean
  readonly isLoadingNewer: boolean
  readonly problem: Problem | null
  /** Of the last event that it holds: its snapshot may be older or newer than the row. */
  readonly seq: number
  /** Last seq read when it was opened: where the unread line stands. */
  readonly readUpTo: number | null
}

export interface Agent {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly role: string
  readonly isActive: boolean
}

export interface Label {
  readonly id: string
  readonly name: string
  readonly color: string
}

export interface Account {
  readonly id: string
  readonly name: string
  readonly channel: string
  readonly externalId: string
  readonly isActive: boolean
  readonly ingestUrl?: string
}

export interface Me {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly role: string
  readonly organizationName: string
  readonly permissions: readonly string[]
}

export type Counts = Readonly<Record<ViewName, number>>

export interface Toast {
  readonly key: number
  readonly text: string
  readonly tone: 'plain' | 'danger'
  readonly undo: (() => void) | null
}

export interface InboxState {
  readonly me: Me
  readonly connection: Connection
  readonly rows: ReadonlyMap<string, Conversation>
  readonly lists: Readonly<Partial<Record<ViewName, ListState>>>
  readonly counts: Counts | null
  readonly threads: ReadonlyMap<string, Thread>
  readonly contacts: ReadonlyMap<string, Contact>
  readonly agents: ReadonlyMap<string, Agent>
  readonly labels: ReadonlyMap<string, Label>
  readonly accounts: ReadonlyMap<string, Account>
  /** Conversations in which the contact types now. */
  readonly typing: ReadonlySet<string>
  readonly toasts: readonly Toast[]
}

export const emptyThread: Thread = {
  messages: [],
  events: [],
  pending: [],
  isLoaded: false,
  isLoadingOlder: false,
  hasOlder: false,
  hasNewer: false,
  isLoadingNewer: false,
  problem: null,
  seq: 0,
  readUpTo: null,
}

/** Before anything has come. */
export const firstState = (me: Me): InboxState => ({
  me,
  connection: { state: 'connecting' },
  rows: new Map(),
  lists: {},
  counts: null,
  threads: new Map(),
  contacts: new Map(),
  agents: new Map(),
  labels: new Map(),
  accounts: new Map(),
  typing: new Set(),
  toasts: [],
})
