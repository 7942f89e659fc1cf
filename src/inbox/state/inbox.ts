// What panes may ask for: the state, and an agent's actions upon it. The one form is opened by open-inbox.ts.
// Between React, which only reads and asks, and the client, which talks to a server.

import type { Problem } from '#schemas'
import type { InboxState, Outgoing } from './model.ts'
import type { ViewName } from './views.ts'

/** The paths of `/v1/conversations/{id}/...` that change a conversation. */
export type ConversationAction = 'claim' | 'release' | 'assign' | 'snooze' | 'resolve' | 'reopen' | 'label' | 'priority'

export interface Draft {
  readonly text: string
  readonly isNote: boolean
}

/** Answers of the API: the value, or the problem that was answered instead. */
export type Answered<T> = { readonly ok: T; readonly problem?: undefined } | { readonly problem: Problem }

export interface Inbox {
  readonly getState: () => InboxState
  readonly subscribe: (listener: () => void) => () => void
  /** Loads the first page of a view once; events keep it true from then on. */
  openList(view: ViewName): void
  loadMore(view: ViewName): void
  retryList(view: ViewName): void
  /** Loads a thread and keeps it; the function it gives back lets go. */
  openThread(conversationId: string): () => void
  loadOlder(conversationId: string): void
  loadNewer(conversationId: string): void
  /** Turns a loaded thread to where a message stands; answers whether it is there. */
  showMessage(conversationId: string, messageId: string): Promise<boolean>
  /** Back to the newest. */
  showNewest(conversationId: string): void
  /** Reads conversations that no list has loaded. */
  lookUp(conversationIds: readonly string[]): void
  /** Links to a message's files live for minutes: asks for fresh ones. */
  renewLinks(conversationId: string, messageId: string): void
  act(conversationId: string, action: ConversationAction, body?: Readonly<Record<string, unknown>>): Promise<Problem | null>
  /** Shows the bubble at once; a refusal stays beside it. */
  send(conversationId: string, outgoing: Outgoing): void
  discardPending(conversationId: string, clientId: string): void
  /** Ends an `unknown`, or sends a failed one again. */
  settle(conversationId: string, messageId: string, as: 'sent' | 'failed'): void
  retry(conversationId: string, messageId: string, risksDuplicate: boolean): void
  markRead(conversationId: string, upToSeq: number): void
  markUnread(conversationId: string, fromSeq: number): void
  typing(conversationId: string, isTyping: boolean): void
  loadDraft(conversationId: string): Promise<Draft | null>
  saveDraft(conversationId: string, draft: Draft): void
  /** Stores a file; resolves with its id. Progress is 0 to 1. */
  upload(file: File, onProgress: (progress: number) => void): Promise<Answered<string>>
  loadContact(contactId: string): void
  /** Reads or writes a setting, or asks anything else of `/v1`. */
  request<T>(method: string, path: string, body?: unknown): Promise<Answered<T>>
  reloadDirectory(): Promise<void>
  notify(text: string, options?: { readonly tone?: 'plain' | 'danger'; readonly undo?: () => void }): void
  dismiss(key: number): void
  reconnect(): void
  signOut(): Promise<void>
  close(): void
}
