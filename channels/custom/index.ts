// A channel that anybody can write outside of Confab: a signed webhook in, a signed `sendUrl` out, one account a connector.
// Between a program that speaks a platform we do not, and the shape that ingest and effects know.

import { Type } from 'typebox'
import type { ChannelAdapter } from '../shape.ts'
import { capabilities, isIdempotent, optionsSchema } from './capabilities.ts'
import { interpret } from './interpret.ts'
import { parse } from './parse.ts'
import { render, secretsOf, signal } from './render.ts'
import { verify } from './signature.ts'

/** 24 to 64 bytes in base64, as Standard Webhooks has it. */
const SECRET = '^(whsec_)?[A-Za-z0-9+/]{32,86}={0,2}$'

export const custom: ChannelAdapter = {
  name: 'custom',
  capabilities: (_accountAddress, options) => capabilities(options),
  credentialsSchema: Type.Object(
    {
      secret: Type.String({ pattern: SECRET, description: 'Signs both ways: whsec_ and 24 to 64 bytes in base64.', isSecret: true }),
      previousSecret: Type.Optional(
        Type.String({ pattern: SECRET, description: 'Signs beside it while it is being changed.', isSecret: true }),
      ),
    },
    { additionalProperties: false },
  ),
  optionsSchema,
  webhook: {
    verify,
    parse,
    ingestUrl: (publicUrl, ingestKey) => `${publicUrl.replace(/\/+$/, '')}/v1/ingest/custom/${encodeURIComponent(ingestKey)}`,
    secretsOf,
    signerOf: () => null,
  },
  provider: {
    defaultApiUrl: '',
    render,
    signal,
    interpret,
    lookup: null,
    backfill: null,
    // Files lie wherever the connector says; the outgoing guard keeps it out of our own network.
    mediaHeaders: () => ({}),
    isMediaHost: () => true,
    ratePerSecond: () => 20,
    callbackUrl: () => null,
    userIdOf: (typed) => (typed.trim() === '' ? null : typed.trim()),
    isIdempotent,
  },
}
