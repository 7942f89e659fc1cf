// What is kept as it came: providers' requests, what could not be processed, and the schemas of the log themselves.
// Between ingest and owners, which put it aside, and the tools that look at it or run it again.

import { boolean, bytes, enumeration, id, int, long, map, optional, record, text, time, type Infer } from './avro.ts'

export const deadLetter = record('DeadLetter', {
  organizationId: optional(id),
  topic: text,
  partition: int,
  offset: optional(long),
  key: text,
  code: text,
  error: text,
  at: time,
  isPoison: boolean,
  bytes,
})
export type DeadLetter = Infer<typeof deadLetter>

/** A provider's request, untouched. */
export const rawRequest = record('RawRequest', {
  requestId: id,
  organizationId: optional(id),
  channel: text,
  key: text,
  source: enumeration('RawSource', ['webhook', 'backfill', 'fallback']),
  receivedAt: time,
  method: text,
  url: text,
  headers: map(text),
  body: bytes,
})
export type RawRequest = Infer<typeof rawRequest>

export const schemaRecord = record('SchemaRecord', { subject: text, version: int, id: int, schema: text })
