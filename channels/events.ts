// What a provider's request can tell, as facts in our words: messages, echoes, receipts, watermarks, reactions, edits, identities, accounts.
// Between the parsers, which only ever add to this list, and intake, which turns each into commands.

import type { Profile, SendReason, SendState } from '#schemas/log'
import type { Content } from './content.ts'

interface Found {
  /** Our address at the provider, best first: an account of the signer whose externalId is one of them. */
  readonly accountAddresses: readonly string[]
  /** The person's address, opaque. */
  readonly userId: string
  readonly threadId: string | null
  /** What makes the event itself recognisable, for its commandId. */
  readonly eventKey: readonly string[]
  /** Other ids under which the same person may be known already, best first: one contact, one conversation. */
  readonly aliases?: readonly string[]
  /** Done on our side, in the provider's own app or by another one: a reaction, an edit, a message taken back. */
  readonly isOurs?: boolean
  /** Another app holds the thread: to be stored, not to be answered. */
  readonly isStandby?: boolean
  /** Opens the reply window for this long from `providerAt`. Absent = this event opens none. */
  readonly opensWindowMs?: number
}

/** Ids of ours that a provider carries and hands back; `seal` proves that this organization wrote them. */
export interface Correlation {
  readonly conversationId: string
  readonly messageId: string
  readonly seal: string
}

/** What brought the person here: an ad, a link, a product. Everything in it is the provider's word. */
export interface Referral {
  readonly source: string | null
  readonly type: string | null
  readonly ref: string | null
  readonly url: string | null
  readonly adId: string | null
  readonly title: string | null
  readonly text: string | null
}

interface Said extends Found {
  readonly providerMessageId: string
  /** Milliseconds since 1970; null where the provider gives none. */
  readonly providerAt: number | null
  readonly content: Content
  /** The provider's id of the message that this one quotes or answers. */
  readonly replyTo?: string | null
}

export interface ParsedMessage extends Said {
  readonly kind: 'message'
  readonly profile: Profile | null
  /** What the message says about further messages: "out" = stop, "in" = again. */
  readonly opt: 'out' | 'in' | null
  readonly referral?: Referral | null
}

/** A message from our side that the provider shows us: our own send, another app's, or a person's in the provider's inbox. */
export interface ParsedEcho extends Said {
  readonly kind: 'echo'
  /** The app that sent it; null = a person in the provider's own app, or not told. */
  readonly appId: string | null
  /** Ours for certain, if its seal holds. */
  readonly correlation: Correlation | null
}

export interface ParsedReceipt extends Found {
  readonly kind: 'receipt'
  readonly providerMessageId: string
  readonly correlation: Correlation | null
  readonly state: SendState
  readonly reason: SendReason | null
  readonly providerCode: number | null
  /** A failure after which the provider is known not to have delivered and may succeed later. */
  readonly mayRetry?: boolean
}

/** Everything of ours up to a time has reached the person. */
export interface ParsedWatermark extends Found {
  readonly kind: 'watermark'
  readonly state: 'delivered' | 'read'
  /** Milliseconds since 1970, by the provider's clock. */
  readonly upTo: number
}

export interface ParsedReaction extends Found {
  readonly kind: 'reaction'
  /** The provider's id of the message reacted to. */
  readonly providerMessageId: string
  readonly providerAt: number | null
  /** null = taken back. */
  readonly emoji: string | null
}

export interface ParsedEdit extends Found {
  readonly kind: 'edit'
  readonly providerMessageId: string
  readonly providerAt: number | null
  readonly text: string
}

/** The person took a message back. */
export interface ParsedUnsend extends Found {
  readonly kind: 'unsend'
  readonly providerMessageId: string
  readonly providerAt: number | null
}

/** The person came by a link or ad into a thread that exists; no message was said. */
export interface ParsedReferral extends Found {
  readonly kind: 'referral'
  readonly providerAt: number | null
  readonly referral: Referral
}

/** The person stopped or allowed messages by the provider's own switch. `topic` null = all of them. */
export interface ParsedOpt extends Found {
  readonly kind: 'opt'
  readonly providerAt: number | null
  readonly opt: 'out' | 'in'
  readonly topic: string | null
}

/** A person known under `previousUserId` is now `userId`. */
export interface ParsedIdentity extends Found {
  readonly kind: 'identity'
  readonly providerAt: number | null
  readonly previousUserId: string
}

/** The person's name or picture as the provider tells it outside of messages. */
export interface ParsedProfile extends Found {
  readonly kind: 'profile'
  readonly profile: Profile
}

/** Who answers at the provider: the thread was passed to, taken by, or asked for by an app. */
export interface ParsedHandover extends Found {
  readonly kind: 'handover'
  readonly action: 'passed' | 'taken' | 'requested'
  readonly providerAt: number | null
  /** Who has or wants it now; null = not told. */
  readonly appId: string | null
  readonly previousAppId: string | null
}

/** The person types, where a provider tells; ephemeral, never in the log. */
export interface ParsedTyping extends Found {
  readonly kind: 'typing'
  readonly isTyping: boolean
}

/** News about the account itself, in words without personal data; `userId` is empty. */
export interface ParsedAccountNews extends Found {
  readonly kind: 'account'
  readonly level: 'info' | 'warning' | 'error'
  readonly what: string
}

export type ParsedEvent =
  | ParsedMessage
  | ParsedEcho
  | ParsedReceipt
  | ParsedWatermark
  | ParsedReaction
  | ParsedEdit
  | ParsedUnsend
  | ParsedReferral
  | ParsedOpt
  | ParsedIdentity
  | ParsedProfile
  | ParsedHandover
  | ParsedTyping
  | ParsedAccountNews
