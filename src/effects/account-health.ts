// An account asked at its provider: whether the whole path stands, which templates it has, and to call us.
// Between the settings' routes and the outgoing guard; says in words what is wrong, and never what a credential is.

import { channelOf, type AccountContext, type Answer, type Finding, type Provider, type ProviderTemplate } from '#channels'
import { ConfabError } from '#errors'
import type { Account } from '#schemas/log'
import type { Outgoing } from './http.ts'
import { isProviders, providerAccountOf, type AttemptOptions } from './sender-attempt.ts'

export interface AccountHealth {
  /** No findings = everything between a customer's message and us stands. */
  check(account: Account): Promise<{ readonly isAsked: boolean; readonly findings: readonly Finding[] }>
  /** Throws `not_on_this_channel`, and `provider_failed` where the provider's answer cannot be read. */
  templates(account: Account): Promise<readonly ProviderTemplate[]>
  /** Asks the provider to call us for this account; null = done, or the channel has no such thing, else why not. */
  connect(account: Account): Promise<string | null>
}

export interface AccountHealthOptions extends Pick<AttemptOptions, 'settings' | 'credentialsOf' | 'apiUrlOf'> {
  readonly outgoing: Pick<Outgoing, 'request'>
  readonly publicUrl: () => string
}

const TIMEOUT_MS = 10_000
const ANSWER_BYTES_MAX = 1_048_576
/** Pages of templates that are read. */
const PAGES_MAX = 20

type Request = ReturnType<NonNullable<Provider['health']>['requests']>[number]['request']

class Doctor implements AccountHealth {
  readonly #options: AccountHealthOptions

  constructor(options: AccountHealthOptions) {
    this.#options = options
  }

  #targetOf(account: Account): { readonly provider: Provider; readonly context: AccountContext } | undefined {
    const target = providerAccountOf(this.#options, account.id)
    const ingestUrl = channelOf(account.channel)?.webhook?.ingestUrl(this.#options.publicUrl(), account.ingestKey)
    if (target === undefined) return undefined
    const { provider, credentials, apiUrl } = target
    return { provider, context: { credentials, apiUrl, account, ...(ingestUrl === undefined ? {} : { ingestUrl }) } }
  }

  async #ask(account: Account, request: Request): Promise<Answer> {
    try {
      const answer = await this.#options.outgoing.request({
        ...request,
        timeoutMs: TIMEOUT_MS,
        responseBytesMax: ANSWER_BYTES_MAX,
        isToProvider: isProviders(account),
      })
      return { status: answer.status, body: answer.body.toString('utf8') }
    } catch {
      return { status: 0, body: '' }
    }
  }

  async check(account: Account): ReturnType<AccountHealth['check']> {
    const target = this.#targetOf(account)
    if (!account.isActive) return { isAsked: false, findings: [{ isBroken: true, what: 'The account is switched off.' }] }
    if (target === undefined || target.provider.health === undefined) return { isAsked: false, findings: troubleOf(account) }
    const { provider, context } = target
    const asked = target.provider.health.requests(context)
    const answers = await Promise.all(asked.map(async ({ name, request }) => [name, await this.#ask(account, request)] as const))
    const found = provider.health?.findings(Object.fromEntries(answers), context) ?? []
    return { isAsked: true, findings: [...found, ...troubleOf(account)] }
  }

  async templates(account: Account): ReturnType<AccountHealth['templates']> {
    const target = this.#targetOf(account)
    const list = target?.provider.templates
    if (target === undefined || list === undefined) throw new ConfabError('not_on_this_channel', { fields: { channel: account.channel } })
    const found: ProviderTemplate[] = []
    let after: string | null = null
    for (let page = 0; page < PAGES_MAX; page++) {
      const parsed = list.parse(await this.#ask(account, list.request(target.context, after)))
      if (parsed === null) throw new ConfabError('provider_failed')
      found.push(...parsed.templates)
      after = parsed.after
      if (after === null) break
    }
    return found
  }

  async connect(account: Account): Promise<string | null> {
    const target = this.#targetOf(account)
    const subscription = target?.provider.subscription
    if (target === undefined || subscription === undefined) return null
    for (const request of subscription.subscribe(target.context)) {
      const failure = subscription.failure(await this.#ask(account, request))
      if (failure !== null) return failure
    }
    return null
  }
}

/** What sends and webhooks have told since. */
const troubleOf = ({ trouble, isBroken }: Account): Finding[] =>
  typeof trouble === 'string' ? [{ isBroken: isBroken === true, what: trouble }] : []

export const openAccountHealth = (options: AccountHealthOptions): AccountHealth => new Doctor(options)
