// Our own web chat: no provider, no webhook, no request. A message is sent by being in the log.
// Between the catalogue of channels and the gateway and API, which carry the widget's words themselves.

import { Type } from 'typebox'
import type { ChannelAdapter } from '../shape.ts'

export const web: ChannelAdapter = {
  name: 'web',
  capabilities: () => ({
    kinds: ['text', 'media', 'location', 'answer'],
    textLengthMax: 16_384,
    attachmentsMax: 15,
    attachmentBytesMax: 25 * 1_048_576,
    windowMs: null,
    hasReceipts: true,
    hasReadReceipts: true,
    canEdit: true,
    canDelete: true,
  }),
  credentialsSchema: Type.Object({}, { additionalProperties: false }),
  webhook: null,
  provider: null,
}
