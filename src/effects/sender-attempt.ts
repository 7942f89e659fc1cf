// One attempt at a provider: the account as it is configured now, the request, and what its ending proves.
// Between an open send effect and the outgoing guard; keeps nothing.

import { channelOf, type Credentials, type Ending, type Provider, type Rendering, type RequestDescription, type SendFate } from '#channels'
import { ConfabError, hasCode } from '#errors'
import type { Settings } from '#runtime'
import { sealOf } from '#runtime'
import type { Account, EffectSend, SendReason } from '#schemas/log'
import type { Outgoing } from './http.ts'

/** For everything together; Twilio's own API answers in well under a second. */
const SEND_TIMEOUT_MS = 15_000
const ANSWER_BYTES_MAX = 262_144

export interface AttemptOptions {
  readonly outgoing: Pick<Outgoing, 'request'>
  readonly settings: Pick<Settings, 'account' | 'idKey'>
  /** Opens an account's sealed credentials. Throws `secret_mismatch`. */
  readonly credentialsOf: (account: Account) => Credentials
  /** A URL under which the provider fetches one of our files. */
  readonly fileUrlOf: (organizationId: string, fileId: string) => string
  readonly publicUrl: string
  /** The API's origin of a channel where the operator set one. */
  readonly apiUrlOf: (channel: string) => string | undefined
}

export interface ProviderAccount {
  readonly account: Account
  readonly provider: Provider
  readonly credentials: Credentials
  readonly apiUrl: string
}

export interface Refusal {
  readonly kind: 'refused'
  readonly reason: SendReason
}
export type Plan =
  | { readonly kind: 'request'; readonly target: ProviderAccount; readonly request: RequestDescription }
  | { readonly kind: 'local' }
  | Refusal

/** The account with its provider and opened credentials; undefined where it is gone, switched off, local or unreadable. */
export const providerAccountOf = (
  options: Pick<AttemptOptions, 'settings' | 'credentialsOf' | 'apiUrlOf'>,
  accountId: string,
): ProviderAccount | undefined => {
  const account = options.settings.account(accountId)
  const provider = account === undefined ? undefined : channelOf(account.channel)?.provider
  if (account?.isActive !== true || provider === undefined || provider === null) return undefined
  try {
    const apiUrl = (options.apiUrlOf(account.channel) ?? provider.defaultApiUrl).replace(/\/+$/, '')
    return { account, provider, credentials: options.credentialsOf(account), apiUrl }
  } catch (error) {
    if (error instanceof ConfabError) return undefined
    throw error
  }
}

const rendered = (options: AttemptOptions, { account, provider, credentials, apiUrl }: ProviderAccount, effect: EffectSend): Rendering => {
  const { organizationId, conversationId, messageId } = effect
  const files = effect.content.attachments.flatMap(({ fileId }) => (fileId === null ? [] : [fileId]))
  const seal = sealOf(options.settings.idKey(organizationId), account.id, { conversationId, messageId })
  return provider.render(effect.content, {
    credentials,
    apiUrl,
    address: effect.address,
    account: { externalId: account.externalId, options: account.options },
    callbackUrl: provider.callbackUrl(options.publicUrl, account.ingestKey, { conversationId, messageId, seal }),
    attachmentUrls: files.map((fileId) => options.fileUrlOf(organizationId, fileId)),
  })
}

export const planOf = (options: AttemptOptions, effect: EffectSend): Plan => {
  if (channelOf(effect.channel)?.provider === null) return { kind: 'local' }
  const target = providerAccountOf(options, effect.accountId)
  if (target === undefined) return { kind: 'refused', reason: 'credentials_refused' }
  const rendering = rendered(options, target, effect)
  if (rendering.kind === 'refused') return { kind: 'refused', reason: rendering.reason }
  return rendering.kind === 'local' ? { kind: 'local' } : { kind: 'request', target, request: rendering.request }
}

const endingOf = (error: unknown): Ending => {
  // A refusal of the guard is no failure of the network: the address is configured wrong, and a repeat would be refused again.
  if (hasCode(error, 'request_not_sent')) return { kind: 'not-sent' }
  const reason = error instanceof ConfabError && error.fields['reason'] === 'timed_out' ? 'timed_out' : 'connection_lost'
  return { kind: 'bytes-left', reason }
}

/** Makes the request once and interprets how it ended. Never throws. */
export const fateOf = async (
  outgoing: Pick<Outgoing, 'request'>,
  { target, request }: Extract<Plan, { kind: 'request' }>,
  signal: AbortSignal,
): Promise<SendFate> => {
  try {
    const answer = await outgoing.request({
      ...request,
      timeoutMs: SEND_TIMEOUT_MS,
      responseBytesMax: ANSWER_BYTES_MAX,
      isToProvider: true,
      signal,
    })
    return target.provider.interpret({ kind: 'answer', status: answer.status, headers: answer.headers, body: answer.body.toString('utf8') })
  } catch (error) {
    if (hasCode(error, 'egress_refused')) return { kind: 'permanent-credential', reason: 'credentials_refused', providerCode: null }
    return target.provider.interpret(endingOf(error))
  }
}
