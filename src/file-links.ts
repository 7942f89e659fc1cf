// Links to stored files that need no sign-in: signed, of one file of one organization; for ten minutes, or a day for providers.
// Between views and sends, which name files, and the route that serves them to browsers and providers.

import { createHmac, timingSafeEqual } from 'node:crypto'

export interface FileLinks {
  /** Path and query, without origin. */
  pathOf(organizationId: string, fileId: string): string
  /** The same for a provider that fetches what we send, some time after it took the message. */
  providerPathOf(organizationId: string, fileId: string): string
  /** Whether the signature holds and has not expired; `expires` in seconds since 1970. */
  isValid(link: { readonly organizationId: string; readonly fileId: string; readonly expires: number; readonly signature: string }): boolean
}

const LIFE_SECONDS = 600
/**
 * Of what is handed to a provider. Twilio keeps a message in its queue for 4 hours by itself and for 10 at most where asked to
 * (ValidityPeriod of its Message resource), and fetches media, again where that failed, when the message's turn comes.
 */
const PROVIDER_LIFE_SECONDS = 86_400
const PROVIDER_STEP_SECONDS = 3_600
/** Links of one ten minutes are alike, so that browsers may keep what they have loaded. */
const STEP_SECONDS = 300

export const openFileLinks = (key: Buffer, clock: () => number): FileLinks => {
  const sign = (organizationId: string, fileId: string, expires: number): string =>
    createHmac('sha256', key).update(`${organizationId}/${fileId}/${expires}`).digest('base64url').slice(0, 32)
  const path = (organizationId: string, fileId: string, { step, life }: { readonly step: number; readonly life: number }): string => {
    const expires = (Math.floor(clock() / 1000 / step) + 1) * step + life
    return `/v1/attachments/${fileId}?organization=${organizationId}&expires=${expires}&signature=${sign(organizationId, fileId, expires)}`
  }
  return {
    pathOf: (organizationId, fileId) => path(organizationId, fileId, { step: STEP_SECONDS, life: LIFE_SECONDS }),
    providerPathOf: (organizationId, fileId) => path(organizationId, fileId, { step: PROVIDER_STEP_SECONDS, life: PROVIDER_LIFE_SECONDS }),
    isValid({ organizationId, fileId, expires, signature }) {
      const expected = Buffer.from(sign(organizationId, fileId, expires))
      const given = Buffer.from(signature)
      return expires * 1000 > clock() && given.length === expected.length && timingSafeEqual(given, expected)
    },
  }
}
