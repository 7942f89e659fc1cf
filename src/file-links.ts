// Links to stored files that need no sign-in: signed, for ten minutes, of one file of one organization.
// Between views and sends, which name files, and the route that serves them to browsers and providers.

import { createHmac, timingSafeEqual } from 'node:crypto'

export interface FileLinks {
  /** Path and query, without origin. */
  pathOf(organizationId: string, fileId: string): string
  /** Whether the signature holds and has not expired; `expires` in seconds since 1970. */
  isValid(link: { readonly organizationId: string; readonly fileId: string; readonly expires: number; readonly signature: string }): boolean
}

const LIFE_SECONDS = 600
/** Links of one ten minutes are alike, so that browsers may keep what they have loaded. */
const STEP_SECONDS = 300

export const openFileLinks = (key: Buffer, clock: () => number): FileLinks => {
  const sign = (organizationId: string, fileId: string, expires: number): string =>
    createHmac('sha256', key).update(`${organizationId}/${fileId}/${expires}`).digest('base64url').slice(0, 32)
  return {
    pathOf(organizationId, fileId) {
      const expires = (Math.floor(clock() / 1000 / STEP_SECONDS) + 1) * STEP_SECONDS + LIFE_SECONDS
      return `/v1/attachments/${fileId}?organization=${organizationId}&expires=${expires}&signature=${sign(organizationId, fileId, expires)}`
    },
    isValid({ organizationId, fileId, expires, signature }) {
      const expected = Buffer.from(sign(organizationId, fileId, expires))
      const given = Buffer.from(signature)
      return expires * 1000 > clock() && given.length === expected.length && timingSafeEqual(given, expected)
    },
  }
}
