// Facebook Messenger: conversations of a Page over the Graph API. The facts are those of docs/channels/messenger.md.
// Between Meta's webhooks and Send API, and the shape that ingest and effects know.

import { metaCredentials, metaOptions, pageOptions } from '../meta/credentials.ts'
import { readPageEntry } from '../meta/page-events.ts'
import type { PageAccount } from '../meta/page-lookups.ts'
import { pageCapabilities, pageProvider } from '../meta/page-provider.ts'
import { pageLimits, type PageDialect } from '../meta/page-render.ts'
import { metaWebhook } from '../meta/webhook.ts'
import { idOf, objectOf } from '../json.ts'
import type { AccountContext, ChannelAdapter } from '../shape.ts'

const accountOf = ({ account }: AccountContext): PageAccount => ({
  path: `/${encodeURIComponent(account.externalId)}`,
  object: 'page',
  self: { path: '/me', fields: 'id,name', idIn: (body) => idOf(objectOf(body), 'id'), word: 'Page' },
  subscription: {
    needed: ['messages', 'messaging_postbacks'],
    wanted: [
      'message_edits',
      'message_echoes',
      'message_deliveries',
      'message_reads',
      'message_reactions',
      'messaging_optins',
      'messaging_referrals',
      'messaging_handovers',
      'standby',
      'messaging_policy_enforcement',
    ],
  },
})

const dialect: PageDialect = {
  path: (context) => accountOf(context).path,
  limits: pageLimits,
  hasMetadata: true,
  hasButtons: true,
  hosted: (context) => context,
}
const capabilities = pageCapabilities(dialect)

export const messenger: ChannelAdapter = {
  name: 'messenger',
  capabilities: () => capabilities,
  credentialsSchema: metaCredentials('A Page access token that does not expire.'),
  optionsSchema: metaOptions(pageOptions),
  webhook: metaWebhook({ channel: 'messenger', object: 'page', read: readPageEntry }),
  provider: pageProvider(dialect, { accountOf, profileFields: 'first_name,last_name,profile_pic' }),
}
