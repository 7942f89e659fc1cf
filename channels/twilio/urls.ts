// The URLs that Twilio calls: our ingest path, its retry options, and our ids in the query of status callbacks.
// Between what we print or send to Twilio and what comes back in a signed request.

import type { Correlation } from '../shape.ts'

/**
 * Connection overrides in the fragment, which Twilio reads and never sends: five retries of 5xx, connect and read timeouts.
 * Without them a 503 of ours is not retried at all; with the default `rt` one slow attempt would eat the 15 s of all.
 */
const RETRIES = 'rc=5&rp=5xx,ct,rt&ct=2000&rt=4000'

const base = (publicUrl: string, ingestKey: string): string =>
  `${publicUrl.replace(/\/+$/, '')}/v1/ingest/twilio/${encodeURIComponent(ingestKey)}`

export const ingestUrl = (publicUrl: string, ingestKey: string): string => `${base(publicUrl, ingestKey)}#${RETRIES}`

/** Our ids stand in the query, so any callback proves that the message exists, even when the create's answer was lost. */
export const callbackUrl = (publicUrl: string, ingestKey: string, { conversationId, messageId, seal }: Correlation): string =>
  `${base(publicUrl, ingestKey)}?${new URLSearchParams({ c: conversationId, m: messageId, s: seal }).toString()}#${RETRIES}`

/** The ids of a callback's query, still to be checked by their seal. */
export const correlationOf = (url: string): Correlation | null => {
  const start = url.indexOf('?')
  if (start === -1) return null
  const query = new URLSearchParams(url.slice(start).split('#', 1)[0])
  const [conversationId, messageId, seal] = [query.get('c'), query.get('m'), query.get('s')]
  return conversationId === null || messageId === null || seal === null ? null : { conversationId, messageId, seal }
}
