// The one shape of a channel: how a platform's bytes become facts, and our wishes become its requests. Pure, all of it.
// Between the folders beside this file and ingest, sender, media and backfill, which do the I/O that is described here.

import type { Channel, SendReason } from '#schemas/log'
import type { TObject } from 'typebox'
import type { Content, ContentKind } from './content.ts'
import type { Correlation, ParsedEvent } from './events.ts'
import type { Backfill, HealthCheck, Lookup, MediaLocator, ProfileLookup, Subscription, TemplateList } from './lookups.ts'
import type { Credentials, Headers, RenderContext, RequestDescription } from './request.ts'

export type * from './content.ts'
export type * from './events.ts'
export type * from './lookups.ts'
export type * from './request.ts'

/** What `verify` judges. `url`: CONFAB_PUBLIC_URL and the request's path and query as received, never Host or X-Forwarded-*. */
export interface SignedRequest {
  readonly method: string
  readonly url: string
  readonly headers: Headers
  readonly body: Uint8Array
  /** Every live secret of the signer; one that fits suffices. */
  readonly secrets: readonly string[]
  /** When it arrived, milliseconds since 1970: bounds the age of a proof that holds a time. Absent = any age. */
  readonly at?: number
}

export type InboundRequest = Omit<SignedRequest, 'secrets' | 'method' | 'at'>

/** What the caller is answered. */
export interface Response {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

export interface ParsedRequest {
  /** The provider account that the verified body names (Twilio: AccountSid); must be the signer's own. null = it names none. */
  readonly signer: string | null
  readonly events: readonly ParsedEvent[]
  /** What could not be read, in words without content: for dead-letters. */
  readonly faults: readonly string[]
  /** Names of what it carries and no event speaks of, for counting: lower case, at most 64 characters; the bytes stay in raw. */
  readonly skipped?: readonly string[]
  readonly response: Response
}

export interface Webhook {
  /** Whether the proof over the request holds for one of the secrets, in constant time. */
  verify(request: SignedRequest): boolean
  /** Never throws for a signed request: what it does not understand is `unsupported` or a fault. */
  parse(request: InboundRequest): ParsedRequest
  /** What the user enters at the provider, retry options included. */
  ingestUrl(publicUrl: string, ingestKey: string): string
  secretsOf(credentials: Credentials): string[]
  /** Who signs for these credentials (Twilio: AccountSid; Meta: the app): accounts of one signer share an ingest path. null = the account alone. */
  signerOf(credentials: Credentials): string | null
  /** The answer to a provider's GET that asks whether the path is ours. null = no such request, or a wrong token: 403. */
  challenge?(request: Pick<SignedRequest, 'method' | 'url'>, tokens: readonly string[]): Response | null
  /** The words of which one must come with that GET. */
  challengeTokensOf?(credentials: Credentials): string[]
}

/** `local`: nothing leaves us, the message is sent by being in the log. `degraded` names what the channel cannot show. */
export type Rendering =
  | { readonly kind: 'exact'; readonly request: RequestDescription }
  | { readonly kind: 'degraded'; readonly degraded: readonly string[]; readonly request: RequestDescription }
  | { readonly kind: 'local' }
  | { readonly kind: 'refused'; readonly reason: SendReason; readonly detail: string }

/** How an attempt ended: the provider's answer, or where it broke (PROTOCOLS 0.4). */
export type Ending =
  | { readonly kind: 'answer'; readonly status: number; readonly headers: Headers; readonly body: string }
  /** DNS, connect, TLS, or our own abort before the first byte: nothing was sent. */
  | { readonly kind: 'not-sent' }
  /** Bytes left and no readable answer came: nothing is proved. */
  | { readonly kind: 'bytes-left'; readonly reason: 'timed_out' | 'connection_lost' }

/** The fate of a send (PROTOCOLS 0.4, 0.8). `retry` and `throttle` stand only where nothing was sent for certain. */
export type SendFate =
  | {
      readonly kind: 'accepted'
      readonly providerMessageId: string
      /** The recipient as the provider calls them, where that may differ from the address: aliases of one person. */
      readonly userIds?: readonly string[]
    }
  | { readonly kind: 'unknown'; readonly reason: SendReason; readonly providerCode: number | null }
  | { readonly kind: 'retry'; readonly reason: SendReason; readonly providerCode: number | null }
  | {
      readonly kind: 'throttle'
      readonly afterMs: number | null
      readonly providerCode: number | null
      /** Whom it slows: absent = the account. */
      readonly scope?: 'conversation'
    }
  | {
      readonly kind: 'permanent-message' | 'permanent-recipient' | 'permanent-credential'
      readonly reason: SendReason
      readonly providerCode: number | null
    }

/** What is no message of its own, repeatable without harm: what the channel lacks has no request. */
export type Signal =
  | { readonly kind: 'typing'; readonly isTyping: boolean; readonly lastInboundId: string | null }
  | { readonly kind: 'read'; readonly providerMessageId: string }
  | { readonly kind: 'react'; readonly providerMessageId: string; readonly emoji: string | null }
  | { readonly kind: 'edit'; readonly providerMessageId: string; readonly text: string }
  | { readonly kind: 'delete'; readonly providerMessageId: string }
  /** Who answers at the provider: taken from, asked of, or passed to another app. */
  | { readonly kind: 'thread'; readonly action: 'take' | 'request' }
  | { readonly kind: 'thread'; readonly action: 'pass'; readonly appId: string }

export interface Provider {
  readonly defaultApiUrl: string
  /** Answers every kind: exact, degraded by name, or refused with a reason before anything leaves. */
  render(content: Content, context: RenderContext): Rendering
  interpret(ending: Ending): SendFate
  readonly lookup: Lookup | null
  readonly backfill: Backfill | null
  /** The headers that fetch inbound media, for the provider's own hosts alone. */
  mediaHeaders(credentials: Credentials): Headers
  /** Whether a host may hold inbound media, redirects included. */
  isMediaHost(host: string): boolean
  /** Messages a second that an account sends unless its option `ratePerSecond` says otherwise. */
  ratePerSecond(accountAddress: string): number
  /** null = the provider reports to the ingest path, or in the message's own fields. */
  callbackUrl(publicUrl: string, ingestKey: string, correlation: Correlation): string | null
  /** A content as messages that each fit into one request, in order; one = it fits as it is. Unsplit, render refuses it. */
  split?(content: Content, accountAddress: string): readonly Content[]
  /** null = the channel has no such thing. */
  signal?(signal: Signal, context: RenderContext): RequestDescription | null
  /** The person's address from what somebody typed; null = none. */
  userIdOf?(typed: string): string | null
  /** Whether a request may be repeated under the same id, its first result being answered again. */
  isIdempotent?(options: Readonly<Record<string, string>>): boolean
  readonly profile?: ProfileLookup
  readonly media?: MediaLocator
  readonly health?: HealthCheck
  readonly subscription?: Subscription
  readonly templates?: TemplateList
}

export interface Capabilities {
  /** Kinds that can be sent as they are; others degrade or are refused. */
  readonly kinds: readonly ContentKind[]
  readonly textLengthMax: number
  readonly attachmentsMax: number
  readonly attachmentBytesMax: number
  /** How long after the contact's last message free text may be sent, in milliseconds; null = always. */
  readonly windowMs: number | null
  readonly hasReceipts: boolean
  readonly hasReadReceipts: boolean
  readonly canEdit: boolean
  readonly canDelete: boolean
  /** What may be sent after the window: an approved template, or an agent's own words for `agentWindowMs`. Absent = nothing. */
  readonly afterWindow?: 'template' | 'agent'
  readonly agentWindowMs?: number
  readonly canReact?: boolean
  readonly canReply?: boolean
  readonly canType?: boolean
  /** Whether the provider shows the person that we have read. */
  readonly canMarkRead?: boolean
  /** Most options of a choice, by style. */
  readonly optionsMax?: { readonly buttons: number; readonly 'quick-replies': number; readonly list: number }
}

export interface ChannelAdapter {
  readonly name: Channel
  /** By the account's address, since one channel can carry several networks, and by its options, where it declares them itself. */
  capabilities(accountAddress: string, options?: Readonly<Record<string, string>>): Capabilities
  /** Fields with `isSecret: true` are sealed and never shown. */
  readonly credentialsSchema: TObject
  /** What the account keeps in `options`, in clear. */
  readonly optionsSchema?: TObject
  /** null = no provider calls us. */
  readonly webhook: Webhook | null
  /** null = nothing leaves us: a message is sent by being in the log. */
  readonly provider: Provider | null
}
