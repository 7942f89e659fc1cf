// The half of a webhook that Messenger, Instagram and WhatsApp share: the proof, the challenge, who signs, and the envelope's entries.
// Between ingest and the three readers of what an entry holds.

import { isObject, jsonOf, listOf, textOf, type JsonObject } from '../json.ts'
import type { Credentials, InboundRequest, ParsedEvent, ParsedRequest, Webhook } from '../shape.ts'
import { challenge, verify } from './verify.ts'

/** Meta bundles up to 1000 updates; what is beyond stays in raw, as a fault. */
const EVENTS_MAX = 2000
/** Faults and skipped names told of one request. */
const NOTES_MAX = 100
const NAME = /^[a-z][a-z_0-9]{0,63}$/

/** What a reader gives of one part: events, what could not be read, and names of what no event speaks of. */
export interface Reading {
  readonly events: ParsedEvent[]
  readonly faults: string[]
  readonly skipped: string[]
}

/** The name of something unknown, fit for counting: never content. */
export const skippable = (name: unknown): string => (typeof name === 'string' && NAME.test(name) ? name : 'unknown')

const RESPONSE = { status: 200, contentType: 'text/plain; charset=utf-8', body: 'EVENT_RECEIVED' } as const

const answered = ({ events, faults, skipped }: Reading): ParsedRequest => ({ signer: null, events, faults, skipped, response: RESPONSE })

type ReadEntry = (entry: JsonObject, reading: Reading) => void

/** One entry that cannot be read costs none of the others. */
const readEntries = (entries: readonly JsonObject[], read: ReadEntry, reading: Reading): void => {
  for (const entry of entries) {
    if (reading.events.length > EVENTS_MAX) break
    try {
      read(entry, reading)
    } catch {
      reading.faults.push('an entry that breaks its reader')
    }
  }
  reading.faults.splice(NOTES_MAX)
  reading.skipped.splice(NOTES_MAX)
  if (reading.events.splice(EVENTS_MAX).length > 0) reading.faults.push('more events than a request may hold')
}

const parseWith =
  (object: string, read: ReadEntry) =>
  ({ body }: InboundRequest): ParsedRequest => {
    const reading: Reading = { events: [], faults: [], skipped: [] }
    const envelope = jsonOf(body)
    if (!isObject(envelope)) reading.faults.push('a body that is no JSON object')
    else if (textOf(envelope, 'object') !== object) reading.faults.push(`an object other than ${object}`)
    else {
      const entries = listOf(envelope, 'entry')
      if (entries === undefined) reading.faults.push('a body without entries')
      else readEntries(entries, read, reading)
    }
    return answered(reading)
  }

const present = (credentials: Credentials, ...names: readonly string[]): string[] =>
  names.map((name) => credentials[name] ?? '').filter((value) => value !== '')

/** The app signs, not the page or number: its accounts share one path, and the body names the account (PROTOCOLS 0.3). */
export const metaWebhook = ({ channel, object, read }: { channel: string; object: string; read: ReadEntry }): Webhook => ({
  verify,
  parse: parseWith(object, read),
  challenge,
  challengeTokensOf: (credentials) => present(credentials, 'verifyToken'),
  ingestUrl: (publicUrl, ingestKey) => `${publicUrl.replace(/\/+$/, '')}/v1/ingest/${channel}/${encodeURIComponent(ingestKey)}`,
  secretsOf: (credentials) => present(credentials, 'appSecret', 'previousAppSecret'),
  signerOf: (credentials) => credentials['appId'] ?? null,
})
