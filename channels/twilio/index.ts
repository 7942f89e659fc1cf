// Twilio: SMS, MMS and WhatsApp over one API. The facts are those of docs/channels.md and the vectors under test/channels.
// Between Twilio's forms, signatures and lists, and the shape that ingest and effects know.

import type { ChannelAdapter } from '../shape.ts'
import { backfill } from './backfill.ts'
import { capabilities, credentialsSchema, ratePerSecond } from './capabilities.ts'
import { health } from './health.ts'
import { interpret } from './interpret.ts'
import { lookup } from './lookup.ts'
import { parse } from './parse.ts'
import { authorization, render, split } from './render.ts'
import { callbackUrl, ingestUrl } from './urls.ts'
import { verify } from './verify.ts'

export const twilio: ChannelAdapter = {
  name: 'twilio',
  capabilities,
  credentialsSchema,
  webhook: {
    verify,
    parse,
    ingestUrl,
    secretsOf: (credentials) => ['authToken', 'secondaryAuthToken'].map((name) => credentials[name] ?? '').filter((token) => token !== ''),
    signerOf: (credentials) => credentials['accountSid'] ?? null,
  },
  provider: {
    defaultApiUrl: 'https://api.twilio.com',
    render,
    interpret,
    lookup,
    backfill,
    health,
    split,
    mediaHeaders: authorization,
    isMediaHost: (host) =>
      host === 'twilio.com' || host.endsWith('.twilio.com') || host === 'twiliocdn.com' || host.endsWith('.twiliocdn.com'),
    ratePerSecond,
    callbackUrl,
  },
}
