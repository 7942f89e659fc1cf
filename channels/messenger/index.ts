// Facebook Messenger: conversations of a Page over the Graph API. The facts are those of docs/channels/messenger.md.
// Between Meta's webhooks and Send API, and the shape that ingest and effects know.

import { metaCredentials, metaOptions, pageOptions } from '../meta/credentials.ts'
import { GRAPH_URL, isMetaMediaHost } from '../meta/graph.ts'
import { interpretPage } from '../meta/page-errors.ts'
import { readPageEntry } from '../meta/page-events.ts'
import { pageHealth, pageProfile, pageSubscription, type PageAccount } from '../meta/page-lookups.ts'
import { pageLimits, renderPage } from '../meta/page-render.ts'
import { metaWebhook } from '../meta/webhook.ts'
import { idOf, objectOf } from '../json.ts'
import type { AccountContext, Capabilities, ChannelAdapter } from '../shape.ts'

const DAY_MS = 86_400_000
const MEGABYTE = 1_048_576

const capabilities: Capabilities = {
  kinds: ['text', 'media', 'choice', 'cards', 'native'],
  textLengthMax: pageLimits.textMax,
  attachmentsMax: pageLimits.attachmentsMax,
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
  optionsMax: { buttons: 3, 'quick-replies': 13, list: 0 },
}

const pageOf = ({ account }: AccountContext): PageAccount => ({
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

const same = <T>(context: T): T => context

const page = renderPage({
  path: (context) => pageOf(context).path,
  limits: pageLimits,
  hasMetadata: true,
  hasButtons: true,
  context: same,
})

export const messenger: ChannelAdapter = {
  name: 'messenger',
  capabilities: () => capabilities,
  credentialsSchema: metaCredentials('A Page access token that does not expire.'),
  optionsSchema: metaOptions(pageOptions),
  webhook: metaWebhook({ channel: 'messenger', object: 'page', read: readPageEntry }),
  provider: {
    defaultApiUrl: GRAPH_URL,
    ...page,
    interpret: interpretPage,
    lookup: null,
    backfill: null,
    // A link of Meta's CDN holds its own proof: the token stays here.
    mediaHeaders: () => ({}),
    isMediaHost: isMetaMediaHost,
    // Meta allows 300 a second for texts and 10 for audio and video; the sender learns the rest from throttling.
    ratePerSecond: () => 40,
    callbackUrl: () => null,
    profile: pageProfile('first_name,last_name,profile_pic', same),
    health: pageHealth(pageOf, same),
    subscription: pageSubscription(pageOf, same),
  },
}
