// Instagram messaging: conversations of a professional account, by its linked Page or by Instagram Login.
// Between Meta's webhooks and Send API, and the shape that ingest and effects know (docs/channels/instagram.md).

import { Type } from 'typebox'
import { metaCredentials, metaOptions, pageOptions } from '../meta/credentials.ts'
import { GRAPH_URL, isMetaMediaHost } from '../meta/graph.ts'
import { interpretPage } from '../meta/page-errors.ts'
import { readPageEntry } from '../meta/page-events.ts'
import { pageHealth, pageProfile, pageSubscription, type PageAccount } from '../meta/page-lookups.ts'
import { pageLimits, renderPage } from '../meta/page-render.ts'
import { metaWebhook } from '../meta/webhook.ts'
import { idOf, inner, objectOf } from '../json.ts'
import type { AccountContext, Capabilities, ChannelAdapter } from '../shape.ts'
import { utf8Bytes, type Limits } from '../split.ts'

const DAY_MS = 86_400_000
const MEGABYTE = 1_048_576
const LOGIN_URL = 'https://graph.instagram.com'

/** Counted in bytes of UTF-8, unlike Messenger's. */
const limits: Limits = { ...pageLimits, textMax: 1000, measure: utf8Bytes }

const capabilities: Capabilities = {
  kinds: ['text', 'media', 'choice', 'cards', 'native'],
  textLengthMax: limits.textMax,
  attachmentsMax: 1,
  attachmentBytesMax: 25 * MEGABYTE,
  windowMs: DAY_MS,
  afterWindow: 'agent',
  agentWindowMs: 7 * DAY_MS,
  hasReceipts: true,
  hasReadReceipts: true,
  canEdit: false,
  canDelete: false,
  canReact: true,
  canReply: true,
  canType: true,
  canMarkRead: true,
  optionsMax: { buttons: 0, 'quick-replies': 13, list: 0 },
}

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

const page = renderPage({
  path: () => '/me',
  limits,
  hasMetadata: false,
  hasButtons: false,
  context: onItsHost,
})

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
  provider: {
    defaultApiUrl: GRAPH_URL,
    ...page,
    interpret: interpretPage,
    lookup: null,
    backfill: null,
    mediaHeaders: () => ({}),
    isMediaHost: isMetaMediaHost,
    ratePerSecond: () => 40,
    callbackUrl: () => null,
    profile: pageProfile('name,username,profile_pic', onItsHost),
    health: pageHealth(accountOf, onItsHost),
    subscription: pageSubscription(accountOf, onItsHost),
  },
}
