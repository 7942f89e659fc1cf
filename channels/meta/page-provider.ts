// The sending half of Messenger and Instagram, which are one API with two dialects.
// Between a dialect's few differences and the provider that effects know.

import type { AccountContext, Capabilities, Provider } from '../shape.ts'
import { GRAPH_URL, isMetaMediaHost } from './graph.ts'
import { interpretPage } from './page-errors.ts'
import { pageHealth, pageProfile, pageSubscription, type PageAccount } from './page-lookups.ts'
import { pageLimits, renderPage, type PageDialect } from './page-render.ts'

const DAY_MS = 86_400_000
const MEGABYTE = 1_048_576
const QUICK_REPLIES_MAX = 13

export const pageCapabilities = (dialect: PageDialect): Capabilities => ({
  kinds: ['text', 'media', 'choice', 'cards', 'native'],
  textLengthMax: dialect.limits.textMax,
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
  optionsMax: { buttons: dialect.hasButtons ? 3 : 0, 'quick-replies': QUICK_REPLIES_MAX, list: 0 },
})

export const pageProvider = (
  dialect: PageDialect,
  { accountOf, profileFields }: { readonly accountOf: (context: AccountContext) => PageAccount; readonly profileFields: string },
): Provider => ({
  defaultApiUrl: GRAPH_URL,
  ...renderPage(dialect),
  interpret: interpretPage,
  lookup: null,
  // Meta repeats its webhooks for hours, and its history is not known to name messages as they do: reading it could double them.
  backfill: null,
  // A link of Meta's CDN holds its own proof: the token stays here.
  mediaHeaders: () => ({}),
  isMediaHost: isMetaMediaHost,
  // Meta allows 300 a second for texts and 10 for audio and video; the sender learns the rest from throttling.
  ratePerSecond: () => 40,
  callbackUrl: () => null,
  profile: pageProfile(profileFields, dialect.hosted),
  health: pageHealth(accountOf, dialect.hosted),
  subscription: pageSubscription(accountOf, dialect.hosted),
})
