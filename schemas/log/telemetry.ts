// Request telemetry: what was asked of a node and how it ended, in `logs`. Routes, codes and ids alone: never a URL, a text or an address.
// Between the HTTP door and whoever looks after a site; losing it loses nothing.

import { double, id, int, optional, record, text, time, type Infer } from './avro.ts'

/** Key: node. */
export const requestLog = record('RequestLog', {
  node: text,
  requestId: text,
  at: time,
  method: text,
  /** The route's pattern, such as `/v1/conversations/:id`. */
  route: text,
  status: int,
  durationMs: double,
  organizationId: optional(id),
  principalId: optional(id),
})
export type RequestLog = Infer<typeof requestLog>
