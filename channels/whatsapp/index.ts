// WhatsApp by Meta's Cloud API: one number of a WhatsApp Business Account. The facts are those of docs/channels/whatsapp.md.
// Between Meta's webhooks and /messages, and the shape that ingest and effects know.

import { Type } from 'typebox'
import { metaCredentials, metaOptions } from '../meta/credentials.ts'
import { authorization, GRAPH_URL, isMetaMediaHost } from '../meta/graph.ts'
import { metaWebhook } from '../meta/webhook.ts'
import type { Capabilities, ChannelAdapter } from '../shape.ts'
import { interpret } from './codes.ts'
import { BUTTONS_MAX, ROWS_MAX } from './interactive.ts'
import { health, media, subscription } from './lookups.ts'
import { userIdOf } from './numbers.ts'
import { readEntry } from './parse.ts'
import { limits, render, signal, split } from './render.ts'
import { templates } from './template.ts'

const DAY_MS = 86_400_000
const MEGABYTE = 1_048_576

const capabilities: Capabilities = {
  kinds: ['text', 'media', 'location', 'vcards', 'choice', 'template', 'native'],
  textLengthMax: limits.textMax,
  attachmentsMax: 1,
  attachmentBytesMax: 100 * MEGABYTE,
  windowMs: DAY_MS,
  afterWindow: 'template',
  hasReceipts: true,
  hasReadReceipts: true,
  canEdit: false,
  canDelete: false,
  canReact: true,
  canReply: true,
  canType: true,
  canMarkRead: true,
  optionsMax: { buttons: BUTTONS_MAX, 'quick-replies': BUTTONS_MAX, list: ROWS_MAX },
}

export const whatsapp: ChannelAdapter = {
  name: 'whatsapp',
  capabilities: () => capabilities,
  credentialsSchema: metaCredentials('A system user’s access token with whatsapp_business_messaging and _management.'),
  optionsSchema: metaOptions({
    wabaId: Type.Optional(
      Type.String({ pattern: '^\\d{1,32}$', description: 'The WhatsApp Business Account that the number belongs to.' }),
    ),
  }),
  webhook: metaWebhook({ channel: 'whatsapp', object: 'whatsapp_business_account', read: readEntry }),
  provider: {
    defaultApiUrl: GRAPH_URL,
    render,
    split,
    signal,
    interpret,
    lookup: null,
    backfill: null,
    mediaHeaders: authorization,
    isMediaHost: isMetaMediaHost,
    // A number has 80 a second, both ways together.
    ratePerSecond: () => 40,
    callbackUrl: () => null,
    userIdOf,
    media,
    health,
    subscription,
    templates,
  },
}
