// Where providers are reached and by which credentials, as the operator and the accounts say.
// Between settings and every request that leaves for a provider.

import type { Credentials } from '#channels'
import type { Config } from '#config'
import type { Account } from '#schemas/log'
import type { Secrets } from '#secrets'

type Addresses = Pick<Config, 'twilioApiUrl' | 'graphApiUrl'>

/** Opens an account's sealed credentials. Throws `secret_mismatch`. */
export const credentialsOf =
  (secrets: Pick<Secrets, 'open'>) =>
  (account: Account): Credentials =>
    account.sealedCredentials === null
      ? {}
      : (JSON.parse(secrets.open('credentials', account.sealedCredentials, account.id).toString('utf8')) as Credentials)

const metaChannels = new Set(['messenger', 'instagram', 'whatsapp'])

/** The API's origin where the operator set one; undefined = the provider's own. */
export const apiUrlsOf =
  ({ twilioApiUrl, graphApiUrl }: Addresses) =>
  (channel: string): string | undefined => {
    if (channel === 'twilio') return twilioApiUrl
    return metaChannels.has(channel) && graphApiUrl !== '' ? graphApiUrl : undefined
  }

/** Origins that the operator named: they may lie inside the network. */
export const trustedOrigins = ({ twilioApiUrl, graphApiUrl }: Addresses): string[] =>
  [twilioApiUrl, graphApiUrl].filter((url) => url !== '').map((url) => new URL(url).origin)
