// Writes request telemetry to `logs`: gathered, appended now and then, dropped and counted where that cannot keep up.
// Between the HTTP door, which never waits for it, and a log that may be another cluster than the one of the events.

import { encode, requestLog, type RequestLog } from '#schemas/log'
import type { Log, LogRecord } from '#log'

/** Records that wait for the next append, those under way not counted. */
const WAITING_MAX = 10_000
const FLUSH_MS = 1_000

export interface TelemetryOptions {
  readonly log: Pick<Log, 'append'>
  /** This node's name, the key of its records. */
  readonly node: string
  /** Calls back once after so many ms; returns the function that calls it off. */
  readonly after: (ms: number, callback: () => void) => () => void
  readonly onDropped: (records: number) => void
}

export interface Telemetry {
  note(request: Omit<RequestLog, 'node'>): void
  /** One last append of what waits. */
  close(): Promise<void>
}

export const openTelemetry = ({ log, node, after, onDropped }: TelemetryOptions): Telemetry => {
  let waiting: LogRecord[] = []
  let underWay: Promise<void> | undefined
  let cancel: (() => void) | undefined
  const flush = (): Promise<void> => {
    cancel?.()
    cancel = undefined
    const records = waiting
    if (records.length === 0) return Promise.resolve()
    waiting = []
    return log.append([{ topic: 'logs', partition: 0, records }]).catch(() => onDropped(records.length))
  }
  const plan = (): void => {
    // While one append is under way none is planned: what comes meanwhile is the next one.
    if (cancel !== undefined || underWay !== undefined) return
    cancel = after(FLUSH_MS, () => {
      underWay = flush().finally(() => {
        underWay = undefined
        if (waiting.length > 0) plan()
      })
    })
  }
  return {
    note(request) {
      if (waiting.length >= WAITING_MAX) return onDropped(1)
      waiting.push({ key: node, value: encode(requestLog, { node, ...request }), headers: { type: 'request' }, time: request.at })
      plan()
    },
    async close() {
      cancel?.()
      await underWay
      await flush()
    },
  }
}
