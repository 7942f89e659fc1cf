// What a provider can be asked beside sending: fates, history, profiles, media, health, subscriptions, templates.
// Between the effects that ask, and the channels that know how; each is a request and the reading of its answer.

import type { Address, MessageContent, Profile, SendReason, SendState } from '#schemas/log'
import type { ParsedEvent } from './events.ts'
import type { AccountContext, Answer, ProviderContext, RenderContext, RequestDescription } from './request.ts'

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

/** none = refused or not there: kept as such for a week. again = try later. */
export type ProfileResult =
  | { readonly kind: 'found'; readonly profile: Profile }
  | { readonly kind: 'none' | 'again' | 'credentials-refused' }

export interface ProfileLookup {
  request(userId: string, context: AccountContext): RequestDescription
  parse(answer: Answer, userId: string): ProfileResult
}

/** Media that is named and not linked: asks where it lies, just before it is fetched. */
export interface MediaLocator {
  /** null = `sourceUrl` is itself what is to be fetched. */
  request(sourceUrl: string, context: AccountContext): RequestDescription | null
  /** null = not there any more, for good. */
  parse(
    answer: Answer,
    context?: Pick<AccountContext, 'apiUrl'>,
  ): { readonly url: string; readonly contentType: string | null; readonly sizeBytes: number | null; readonly sha256: string | null } | null
}

/** What is wrong with an account, in words for its owner; `isBroken` = messages do not pass. */
export interface Finding {
  readonly isBroken: boolean
  readonly what: string
}

export interface HealthCheck {
  requests(context: AccountContext): readonly { readonly name: string; readonly request: RequestDescription }[]
  /** Answers by the names of their requests; none = the whole path stands. */
  findings(answers: Readonly<Record<string, Answer>>, context: AccountContext): readonly Finding[]
}

/** Asks the provider to call us for this account, or to stop it. */
export interface Subscription {
  subscribe(context: AccountContext): readonly RequestDescription[]
  unsubscribe(context: AccountContext): readonly RequestDescription[]
  /** null = done, else why not. */
  failure(answer: Answer): string | null
}

/** A template that the provider has approved or not, with the names of its variables in order. */
export interface ProviderTemplate {
  readonly name: string
  readonly language: string
  readonly category: string
  readonly isApproved: boolean
  readonly text: string
  readonly parameters: readonly string[]
}

export interface TemplateList {
  request(context: AccountContext, after: string | null): RequestDescription
  /** null = unreadable. */
  parse(answer: Answer): { readonly templates: readonly ProviderTemplate[]; readonly after: string | null } | null
}
