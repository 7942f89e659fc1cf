// What an account on Twilio can do: SMS and MMS for a plain number, WhatsApp behind its prefix.
// Between the composer and render, which refuse by the same figures.

import { Type } from 'typebox'
import type { Capabilities } from '../shape.ts'

const MEGABYTE = 1_048_576
const DAY_MS = 86_400_000

/** Twilio's own bound for Body on every channel. */
export const TEXT_LENGTH_MAX = 1600
const SMS_MEDIA_MAX = 10
const WHATSAPP_MEDIA_MAX = 1

export const isWhatsapp = (address: string): boolean => address.startsWith('whatsapp:')

export const capabilities = (accountAddress: string): Capabilities => {
  const whatsapp = isWhatsapp(accountAddress)
  return {
    kinds: whatsapp ? ['text', 'media', 'location', 'template'] : ['text', 'media', 'template'],
    textLengthMax: TEXT_LENGTH_MAX,
    attachmentsMax: whatsapp ? WHATSAPP_MEDIA_MAX : SMS_MEDIA_MAX,
    attachmentBytesMax: (whatsapp ? 16 : 5) * MEGABYTE,
    windowMs: whatsapp ? DAY_MS : null,
    hasReceipts: true,
    hasReadReceipts: whatsapp,
    canEdit: false,
    canDelete: false,
  }
}

/**
 * Requests, not messages: Twilio itself paces each number (long code 1 a second, WhatsApp 10) and queues up to 4 h of it,
 * so waiting here would only delay answers. Throttling teaches the sender the rest.
 */
export const ratePerSecond = (accountAddress: string): number => (isWhatsapp(accountAddress) ? 20 : 10)

export const credentialsSchema = Type.Object(
  {
    accountSid: Type.String({ pattern: '^AC[0-9a-fA-F]{32}$', description: 'The account or subaccount that owns the number.' }),
    authToken: Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'Its primary auth token: signs webhooks and, without an API key, our requests.',
      isSecret: true,
    }),
    secondaryAuthToken: Type.Optional(
      Type.String({ minLength: 1, maxLength: 128, description: 'Accepted in signatures while tokens are rotated.', isSecret: true }),
    ),
    apiKeySid: Type.Optional(
      Type.String({ pattern: '^SK[0-9a-fA-F]{32}$', description: 'An API key for requests, in place of the auth token.' }),
    ),
    apiKeySecret: Type.Optional(Type.String({ minLength: 1, maxLength: 128, isSecret: true })),
  },
  { additionalProperties: false },
)
