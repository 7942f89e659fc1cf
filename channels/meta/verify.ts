// X-Hub-Signature-256: sha256=hex(HMAC-SHA256(app secret, raw body)), and the GET by which Meta asks whether the path is ours.
// Between ingest and every byte that claims to come from Meta (PROTOCOLS 1.1, 1.2; test/fixtures/channels/meta-signatures.json).

import { hmac, isSameText } from '../hmac.ts'
import type { Response, SignedRequest } from '../shape.ts'

const PREFIX = 'sha256='
/** The prefix and 64 hex digits. */
const HEADER_LENGTH = 71

/** Over the bytes as they came: Meta signs its own escaped form, which no re-serialising would give back. */
export const verify = ({ headers, body, secrets }: Pick<SignedRequest, 'headers' | 'body' | 'secrets'>): boolean => {
  const given = headers['x-hub-signature-256']
  if (given === undefined || given.length !== HEADER_LENGTH) return false
  let isProved = false
  // Every secret is tried, so that the time tells nothing of which one fitted.
  for (const secret of secrets) if (isSameText(given, PREFIX + hmac('sha256', secret, [body]).toString('hex'))) isProved = true
  return isProved
}

/** Printable, and within the bounds of what a challenge can be: it is sent back as it came. */
const CHALLENGE = /^[\x21-\x7e]{1,512}$/

/** The query is read raw, since the names hold dots; the challenge is a text, for it can exceed 32 bits. */
export const challenge = ({ method, url }: Pick<SignedRequest, 'method' | 'url'>, tokens: readonly string[]): Response | null => {
  const start = url.indexOf('?')
  if (method !== 'GET' || start === -1) return null
  const query = new URLSearchParams(url.slice(start))
  const token = query.get('hub.verify_token')
  const text = query.get('hub.challenge')
  if (query.get('hub.mode') !== 'subscribe' || token === null || text === null || !CHALLENGE.test(text)) return null
  const isOurs = tokens.filter((own) => own !== '' && isSameText(token, own)).length > 0
  return isOurs ? { status: 200, contentType: 'text/plain; charset=utf-8', body: text } : null
}
