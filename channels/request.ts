// Requests to make and what they are made from: credentials, the account, the address, the moment.
// Between whoever makes requests for a channel and its codecs, which only describe them.

import type { Address } from '#schemas/log'
import type { Correlation } from './events.ts'

/** Header names in lower case; a repeated header is joined by ", ". */
export type Headers = Readonly<Record<string, string>>

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

export interface AccountContext extends ProviderContext {
  readonly account: { readonly externalId: string; readonly options: Readonly<Record<string, string>> }
  /** Where the provider shall call us, for health. */
  readonly ingestUrl?: string
}

export interface RenderContext extends AccountContext {
  readonly address: Address
  /** Where the provider reports; its query carries the correlation. null = no reports wanted. */
  readonly callbackUrl: string | null
  /** A URL for each attachment, in their order, under which the provider can fetch it. */
  readonly attachmentUrls: readonly string[]
  /** Our ids, for channels that carry them in the message itself. */
  readonly correlation?: Correlation | null
  /** The provider's id of the message that this one answers. */
  readonly replyTo?: string | null
  /** Whether the reply window is closed; absent = open, or there is none. */
  readonly window?: 'open' | 'closed'
  /** Who speaks: outside of the window some channels let people answer, never machines. */
  readonly author?: 'agent' | 'bot' | 'other'
  /** Refuses where it would degrade. */
  readonly isStrict?: boolean
  /** Milliseconds since 1970, for requests that we sign. */
  readonly now?: number
}

/** An answer as read by the lookups below; `status` 0 = none came. */
export interface Answer {
  readonly status: number
  readonly body: string
}
