// Who signs under an ingest key, and for whom: several accounts, of several organizations, can stand behind one app of a provider.
// Between the settings, whose credentials are opened once a state of theirs, and ingest.

import type { ChannelAdapter, Credentials, Webhook } from '#channels'
import type { Account } from '#schemas/log'
import type { HttpOptions } from './options.ts'

/** Accounts that one set of secrets signs for: whoever knows it says nothing of others under the same key. */
export interface Party {
  readonly organizationId: string
  readonly idKey: Buffer
  readonly accounts: readonly Account[]
  readonly secrets: readonly string[]
}

export interface Signer {
  readonly channel: string
  readonly webhook: Webhook
  /** The provider account or app that all of them name; null = the account alone. */
  readonly name: string | null
  readonly parties: readonly Party[]
  /** The words of which one must come with a challenge. */
  readonly tokens: readonly string[]
  /** Of the first party: names requests. */
  readonly idKey: Buffer
  readonly accepted: { inc(): void }
}

type SignersOptions = Pick<HttpOptions, 'settings' | 'secrets' | 'metrics'>

interface Opened {
  readonly account: Account
  readonly credentials: Credentials
}

const openCredentials = ({ secrets }: SignersOptions, account: Account): Opened => ({
  account,
  credentials:
    account.sealedCredentials === null
      ? {}
      : (JSON.parse(secrets.open('credentials', account.sealedCredentials, account.id).toString()) as Credentials),
})

/** One party an organization and set of secrets. */
const partiesOf = ({ settings }: SignersOptions, webhook: Webhook, opened: readonly Opened[]): Party[] => {
  const parties = new Map<string, Party & { readonly accounts: Account[] }>()
  for (const { account, credentials } of opened) {
    const secrets = webhook.secretsOf(credentials)
    const key = JSON.stringify([account.organizationId, secrets])
    const { organizationId } = account
    const party = parties.get(key) ?? { organizationId, idKey: settings.idKey(organizationId), accounts: [], secrets }
    party.accounts.push(account)
    parties.set(key, party)
  }
  return [...parties.values()]
}

/** Twilio's accounts of one key have one signer whose tokens rotate one by one: any live one of them signs for all. */
const isShared = (webhook: Webhook): boolean => webhook.challenge === undefined

/** null = no active account. */
export const signerOf = (options: SignersOptions, adapter: ChannelAdapter, all: readonly Account[]): Signer | null => {
  const opened = all.filter((account) => account.isActive).map((account) => openCredentials(options, account))
  const [first] = opened
  const { webhook } = adapter
  if (first === undefined || webhook === null) return null
  const parties = partiesOf(options, webhook, opened)
  const secrets = [...new Set(parties.flatMap((party) => party.secrets))]
  const { organizationId } = first.account
  // A key of such a channel belongs to one organization; accounts of another under it would let its secrets sign for these.
  const own = parties.filter((party) => party.organizationId === organizationId)
  const merged: Party[] = [
    {
      organizationId,
      idKey: options.settings.idKey(organizationId),
      accounts: own.flatMap(({ accounts }) => accounts),
      secrets: [...new Set(own.flatMap((party) => party.secrets))],
    },
  ]
  return {
    channel: adapter.name,
    webhook,
    name: webhook.signerOf(first.credentials),
    parties: isShared(webhook) ? merged : secrets.length === 0 ? [] : parties,
    tokens: opened.flatMap(({ credentials }) => webhook.challengeTokensOf?.(credentials) ?? []),
    idKey: options.settings.idKey(organizationId),
    accepted: options.metrics.ingestAccepted.labels(adapter.name),
  }
}
