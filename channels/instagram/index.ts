// Instagram messaging: conversations of a professional account, by its linked Page or by Instagram Login.
// Between Meta's webhooks and Send API, and the shape that ingest and effects know (docs/channels/instagram.md).

import { Type } from 'typebox'
import { metaCredentials, metaOptions, pageOptions } from '../meta/credentials.ts'
import { GRAPH_URL } from '../meta/graph.ts'
import { readPageEntry } from '../meta/page-events.ts'
import type { PageAccount } from '../meta/page-lookups.ts'
import { pageCapabilities, pageProvider } from '../meta/page-provider.ts'
import { pageLimits, type PageDialect } from '../meta/page-render.ts'
import { metaWebhook } from '../meta/webhook.ts'
import { idOf, inner, objectOf } from '../json.ts'
import type { AccountContext, ChannelAdapter } from '../shape.ts'
import { utf8Bytes } from '../split.ts'

const LOGIN_URL = 'https://graph.instagram.com'

const isLogin = ({ account }: AccountContext): boolean => account.options['login'] === 'instagram'

/** An account of Instagram Login lives on a host of its own, unless the operator set one. */
const onItsHost = <T extends AccountContext>(context: T): T =>
  isLogin(context) && context.apiUrl === GRAPH_URL ? { ...context, apiUrl: LOGIN_URL } : context

const accountOf = (context: AccountContext): PageAccount => ({
  path: '/me',
  // The app of Instagram Login has an id that the Graph API does not know.
  object: isLogin(context) ? null : 'instagram',
  self: isLogin(context)
    ? { path: '/me', fields: 'user_id,username', idIn: (body) => idOf(objectOf(body), 'user_id'), word: 'account' }
    : {
        path: '/me',
        fields: 'id,name,instagram_business_account',
        idIn: (body) => idOf(inner(objectOf(body), 'instagram_business_account'), 'id'),
        word: 'account',
      },
  subscription: isLogin(context)
    ? { needed: ['messages'], wanted: ['messaging_postbacks', 'messaging_seen', 'message_reactions', 'messaging_referral'] }
    : // The linked Page is subscribed to any field of its own; Instagram's fields are chosen in the app's dashboard.
      { needed: ['messages'], wanted: [] },
})

const dialect: PageDialect = {
  path: () => '/me',
  // Counted in bytes of UTF-8, unlike Messenger's.
  limits: { ...pageLimits, textMax: 1000, measure: utf8Bytes },
  hasMetadata: false,
  hasButtons: false,
  hosted: onItsHost,
}
const capabilities = pageCapabilities(dialect)

export const instagram: ChannelAdapter = {
  name: 'instagram',
  capabilities: () => capabilities,
  credentialsSchema: metaCredentials('The linked Page’s access token, or the account’s own with Instagram Login.'),
  optionsSchema: metaOptions({
    ...pageOptions,
    login: Type.Optional(
      Type.Union([Type.Literal('page'), Type.Literal('instagram')], { description: 'How the account is connected; page.' }),
    ),
  }),
  webhook: metaWebhook({ channel: 'instagram', object: 'instagram', read: readPageEntry }),
  provider: pageProvider(dialect, { accountOf, profileFields: 'name,username,profile_pic' }),
}
