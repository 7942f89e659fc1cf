// The board: what people do now, on all nodes; volatile, leased, ids only. Never in the log, and losing it delays no event.
// Between a node's sessions and those of other nodes; forms stand beside it, named by technology.

import type { Grants } from '#schemas'

/** Where a conversation stands, as far as its audience is concerned. */
export interface Place {
  readonly conversationId: string
  readonly organizationId: string
  readonly accountId: string
  readonly teamId: string | null
  readonly assigneeId: string | null
}

/** What one session of somebody does now: that they are there, that they look at a conversation, that they type in it. */
export interface Fact {
  readonly kind: 'presence' | 'viewers' | 'typing'
  readonly organizationId: string
  readonly principal: { readonly kind: Grants['kind']; readonly id: string }
  /** The session that says so, or the door. */
  readonly source: string
  /** presence: `online`, `away`; viewers: `viewing`, `replying`; typing: `reply`, `note`. */
  readonly state: string
  /** Of presence: null. */
  readonly place: Place | null
}

/** One for each that can be true beside another. */
export const factIdOf = ({ kind, principal, source, place }: Fact): string =>
  `${kind}/${principal.id}/${place?.conversationId ?? ''}/${source}`

/** Calls come synchronously for what this node puts itself. */
export interface BoardNews {
  readonly onPut: (fact: Fact) => void
  readonly onDrop: (fact: Fact) => void
  readonly onTyping: (fact: Fact, isTyping: boolean) => void
  /** What is known of other nodes has been lost, or is whole again: the picture is to be taken anew from `of`. */
  readonly onKnown: (organizationId: string) => void
}

export interface Board {
  /** False: other nodes may have people of whom nothing is known here. */
  isKnown(organizationId: string): boolean
  /** Stays until it is dropped, or this node has been gone for the lease. */
  put(fact: Fact): void
  drop(fact: Fact): void
  /** Told once, kept nowhere. */
  type(fact: Fact, isTyping: boolean): void
  /** All nodes' facts. */
  of(organizationId: string): Iterable<Fact>
  /** Someone of the organization is here who wants to know; `unfollow` once nobody is. */
  follow(organizationId: string): void
  unfollow(organizationId: string): void
  close(): Promise<void>
}

export type OpenBoard = (news: BoardNews) => Board
