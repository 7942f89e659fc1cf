// What a channel brings to the contract suite: how its provider signs, bodies of its webhooks, credentials, and where ids stand in a request.
// Stands between a channel's own few lines and the suite in channel.ts.

import type { ChannelAdapter, Credentials, Headers, RenderContext, RequestDescription } from '#channels'

export interface SignedSample {
  readonly url: string
  readonly headers: Headers
  readonly body: Buffer
}

export interface ChannelForm {
  readonly adapter: ChannelAdapter
  readonly credentials: Credentials
  /** A context whose address and account the channel could have. */
  context(): RenderContext
  /** Real webhooks' bodies, by what they show. */
  readonly bodies: Readonly<Record<string, Buffer>>
  /** Signed as the provider does it, by the first of the credentials' secrets. */
  sign(body: Buffer, secret: string): SignedSample
  /** Other changes of what the proof covers, beside each byte of the body. */
  covered?(sample: SignedSample): readonly SignedSample[]
  /** Another secret of the same form. */
  readonly otherSecret: string
  /** The recipient that a request of ours names. */
  recipientIn(request: RequestDescription): string
  /** An answer that accepts, and a webhook's body that tells of the same message; null = the channel reports nothing. */
  acceptance(providerMessageId: string): { readonly answer: string; readonly receipt: Buffer | null }
  /** A webhook in which our correlation comes back as `request` carried it; null = it stands in the URL. */
  echoOf(request: RequestDescription): Buffer | null
  /** How an HTTP 4xx that no table knows ends. */
  readonly unheard: 'permanent-message' | 'unknown'
}
