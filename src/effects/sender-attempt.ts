// One attempt at a provider: the account as it is configured now, the request, and what its ending proves.
// Between an open send effect and the outgoing guard; keeps nothing.

import {
  channelOf,
  type Content,
  type Credentials,
  type Ending,
  type Provider,
  type Rendering,
  type RequestDescription,
  type SendFate,
} from '#channels'
import { ConfabError, hasCode } from '#errors'
import type { Settings } from '#runtime'
import { sealOf } from '#runtime'
import type { Account, EffectSend, SendReason } from '#schemas/log'
import type { Outgoing } from './http.ts'

/** For everything together; Twilio's own API answers in well under a second. */
const SEND_TIMEOUT_MS = 15_000
const ANSWER_BYTES_MAX = 262_144
/** As the actor has it: in the last minute the provider's clock decides. */
const WINDOW_GRACE_MS = 60_000

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
  | {
      readonly kind: 'request'
      readonly target: ProviderAccount
      readonly request: RequestDescription
      /** Nothing of the message is left after it. */
      readonly isLast: boolean
    }
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

/** What is said on this channel: the sender may have given it content of its own. */
const contentFor = ({ content, channel }: Pick<EffectSend, 'content' | 'channel'>): Content => {
  const native = content.overrides?.[channel]
  return native === undefined ? content : { ...content, kind: 'native', text: null, attachments: [], native }
}

/** The requests that one message takes: mostly one. */
const partsOf = (effect: EffectSend, { account, provider }: Pick<ProviderAccount, 'account' | 'provider'>): readonly Content[] => {
  const content = contentFor(effect)
  return provider.split?.(content, account.externalId) ?? [content]
}

interface Moment {
  readonly now: number
  /** How many parts have been accepted. */
  readonly part: number
}

const rendered = (
  options: AttemptOptions,
  { account, provider, credentials, apiUrl }: ProviderAccount,
  { effect, content, now }: { effect: EffectSend; content: Content; now: number },
): Rendering => {
  const { organizationId, conversationId, messageId, windowExpiresAt } = effect
  const files = content.attachments.flatMap(({ fileId }) => (fileId === null ? [] : [fileId]))
  const seal = sealOf(options.settings.idKey(organizationId), account.id, { conversationId, messageId })
  const isClosed = windowExpiresAt !== null && windowExpiresAt !== undefined && now > windowExpiresAt + WINDOW_GRACE_MS
  const correlation = { conversationId, messageId, seal }
  return provider.render(content, {
    credentials,
    apiUrl,
    address: effect.address,
    account: { externalId: account.externalId, options: account.options },
    callbackUrl: provider.callbackUrl(options.publicUrl, account.ingestKey, correlation),
    correlation,
    replyTo: effect.replyTo ?? null,
    window: isClosed ? 'closed' : 'open',
    author: effect.author ?? 'other',
    isStrict: content.isStrict === true,
    now,
    attachmentUrls: files.map((fileId) => options.fileUrlOf(organizationId, fileId)),
  })
}

export const planOf = (options: AttemptOptions, effect: EffectSend, { now, part }: Moment): Plan => {
  if (channelOf(effect.channel)?.provider === null) return { kind: 'local' }
  const target = providerAccountOf(options, effect.accountId)
  if (target === undefined) return { kind: 'refused', reason: 'credentials_refused' }
  const parts = partsOf(effect, target)
  const content = parts[part] ?? parts.at(-1) ?? effect.content
  const rendering = rendered(options, target, { effect, content, now })
  if (rendering.kind === 'refused') return { kind: 'refused', reason: rendering.reason }
  return rendering.kind === 'local'
    ? { kind: 'local' }
    : { kind: 'request', target, request: rendering.request, isLast: part >= parts.length - 1 }
}

/** Whether requests go to a provider that we know, and not to an address that an account's owner chose. */
export const isProviders = ({ channel }: Pick<Account, 'channel'>): boolean => channel !== 'custom'

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
      // A connector lies where somebody has typed: the guard judges its address.
      isToProvider: isProviders(target.account),
      signal,
    })
    return target.provider.interpret({ kind: 'answer', status: answer.status, headers: answer.headers, body: answer.body.toString('utf8') })
  } catch (error) {
    if (hasCode(error, 'egress_refused')) return { kind: 'permanent-credential', reason: 'credentials_refused', providerCode: null }
    return target.provider.interpret(endingOf(error))
  }
}
