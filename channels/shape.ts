// The one shape of a channel: how a platform's bytes become facts, and our wishes become its requests. Pure, all of it.
// Between the folders beside this file and ingest, sender, media and backfill, which do the I/O that is described here.

import type { Address, Channel, MessageContent, MessageKind, Profile, SendReason, SendState } from '#schemas/log'
import type { TObject } from 'typebox'

/** Header names in lower case; a repeated header is joined by ", ". */
export type Headers = Readonly<Record<string, string>>

/** What `verify` judges. `url`: CONFAB_PUBLIC_URL and the request's path and query as received, never Host or X-Forwarded-*. */
export interface SignedRequest {
  readonly method: string
  readonly url: string
  readonly headers: Headers
  readonly body: Uint8Array
  /** Every live secret of the signer; one that fits suffices. */
  readonly secrets: readonly string[]
}

export type InboundRequest = Omit<SignedRequest, 'secrets' | 'method'>

interface Found {
  /** Our address at the provider, best first: an account of the signer whose externalId is one of them. */
  readonly accountAddresses: readonly string[]
  /** The person's address, opaque. */
  readonly userId: string
  readonly threadId: string | null
  /** What makes the event itself recognisable, for its commandId. */
  readonly eventKey: readonly string[]
}

/** Ids of ours that a provider carries and hands back; `seal` proves that this organization wrote them. */
export interface Correlation {
  readonly conversationId: string
  readonly messageId: string
  readonly seal: string
}

export interface ParsedMessage extends Found {
  readonly kind: 'message'
  readonly providerMessageId: string
  /** Milliseconds since 1970; null where the provider gives none. */
  readonly providerAt: number | null
  readonly content: MessageContent
  readonly profile: Profile | null
  /** What the message says about further messages: "out" = stop, "in" = again. */
  readonly opt: 'out' | 'in' | null
}

export interface ParsedReceipt extends Found {
  readonly kind: 'receipt'
  readonly providerMessageId: string
  readonly correlation: Correlation | null
  readonly state: SendState
  readonly reason: SendReason | null
  readonly providerCode: number | null
}

export type ParsedEvent = ParsedMessage | ParsedReceipt

export interface ParsedRequest {
  /** The provider account that the verified body names (Twilio: AccountSid); must be the signer's own. */
  readonly signer: string | null
  readonly events: readonly ParsedEvent[]
  /** What could not be read, in words without content: for dead-letters. */
  readonly faults: readonly string[]
  readonly response: { readonly status: number; readonly contentType: string; readonly body: string }
}

export interface Webhook {
  /** Whether the proof over the request holds for one of the secrets, in constant time. */
  verify(request: SignedRequest): boolean
  /** Never throws for a signed request: what it does not understand is `unsupported` or a fault. */
  parse(request: InboundRequest): ParsedRequest
  /** What the user enters at the provider, retry options included. */
  ingestUrl(publicUrl: string, ingestKey: string): string
  secretsOf(credentials: Credentials): string[]
  /** The provider account that the credentials belong to, as `ParsedRequest.signer` names it. */
  signerOf(credentials: Credentials): string | null
}

/** Opened credentials, valid by the channel's `credentialsSchema`. */
export type Credentials = Readonly<Record<string, string>>

/** A request to make, for the outgoing guard. */
export interface RequestDescription {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly url: string
  readonly headers: Headers
  readonly body: string | null
}

export interface ProviderContext {
  readonly credentials: Credentials
  /** Origin of the provider's API, without a slash at the end. */
  readonly apiUrl: string
}

export interface RenderContext extends ProviderContext {
  readonly address: Address
  readonly account: { readonly externalId: string; readonly options: Readonly<Record<string, string>> }
  /** Where the provider reports; its query carries the correlation. null = no reports wanted. */
  readonly callbackUrl: string | null
  /** A URL for each attachment, in their order, under which the provider can fetch it. */
  readonly attachmentUrls: readonly string[]
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
  | { readonly kind: 'accepted'; readonly providerMessageId: string }
  | { readonly kind: 'unknown'; readonly reason: SendReason; readonly providerCode: number | null }
  | { readonly kind: 'retry'; readonly reason: SendReason; readonly providerCode: number | null }
  | { readonly kind: 'throttle'; readonly afterMs: number | null; readonly providerCode: number | null }
  | {
      readonly kind: 'permanent-message' | 'permanent-recipient' | 'permanent-credential'
      readonly reason: SendReason
      readonly providerCode: number | null
    }

/** A message of ours in the provider's own list. */
export interface FoundSend {
  readonly providerMessageId: string
  readonly createdAt: number
  readonly userId: string
  readonly accountAddresses: readonly string[]
  readonly text: string
  readonly state: SendState
  readonly reason: SendReason | null
  readonly providerCode: number | null
}

/** Asks the provider whether it knows a message whose fate is open. */
export interface Lookup {
  request(context: ProviderContext & { readonly address: Address }): RequestDescription
  /** null = the answer cannot be read: nothing is learnt. */
  parse(answer: { readonly status: number; readonly body: string }): readonly FoundSend[] | null
  /** Whether `found` can be the send of this content, begun at `startedAt`. */
  matches(
    found: FoundSend,
    send: { readonly content: MessageContent; readonly context: Pick<RenderContext, 'address' | 'account'>; readonly startedAt: number },
  ): boolean
  /** Two empty answers at least this far from the attempt prove that it was not sent. */
  readonly proofAfterMs: number
}

export interface BackfillPage {
  readonly events: readonly ParsedEvent[]
  readonly faults: readonly string[]
  /** Attachments to list, each filling the event of that index. */
  readonly mediaRequests: readonly { readonly index: number; readonly request: RequestDescription }[]
  readonly next: RequestDescription | null
}

/** Reads back what webhooks should have brought. */
export interface Backfill {
  requests(context: ProviderContext & { readonly accountAddress: string; readonly since: number }): readonly RequestDescription[]
  /** null = not a page: stop and try later. */
  parse(body: string, context: ProviderContext): BackfillPage | null
  /** The event with its attachments, from the answer to a media request; null = unreadable. */
  withMedia(event: ParsedEvent, body: string, context: ProviderContext): ParsedEvent | null
}

export interface Provider {
  readonly defaultApiUrl: string
  render(content: MessageContent, context: RenderContext): Rendering
  interpret(ending: Ending): SendFate
  readonly lookup: Lookup | null
  readonly backfill: Backfill | null
  /** The headers that fetch inbound media, for the provider's own hosts alone. */
  mediaHeaders(credentials: Credentials): Headers
  /** Whether a host may hold inbound media, redirects included. */
  isMediaHost(host: string): boolean
  /** Messages a second that an account sends unless its option `ratePerSecond` says otherwise. */
  ratePerSecond(accountAddress: string): number
  callbackUrl(publicUrl: string, ingestKey: string, correlation: Correlation): string
}

export interface Capabilities {
  /** Kinds that can be sent. */
  readonly kinds: readonly MessageKind[]
  readonly textLengthMax: number
  readonly attachmentsMax: number
  readonly attachmentBytesMax: number
  /** How long after the contact's last message free text may be sent, in milliseconds; null = always. */
  readonly windowMs: number | null
  readonly hasReceipts: boolean
  readonly hasReadReceipts: boolean
  readonly canEdit: boolean
  readonly canDelete: boolean
}

export interface ChannelAdapter {
  readonly name: Channel
  /** By the account's address, since one channel can carry several networks. */
  capabilities(accountAddress: string): Capabilities
  readonly credentialsSchema: TObject
  /** null = no provider calls us. */
  readonly webhook: Webhook | null
  /** null = nothing leaves us: a message is sent by being in the log. */
  readonly provider: Provider | null
}
