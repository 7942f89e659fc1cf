// The instruments of a node: what Prometheus reads at /metrics, each named once and used by whoever measures.
// Between the parts that count and observe, which get their instrument as an argument, and the door that prints them.

import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

const SECONDS_FAST = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]
const SECONDS_SLOW = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** All instruments. Labels hold names of channels, codes, routes and kinds: never ids, addresses or text. */
const instruments = (registry: Registry) => {
  const registers = [registry]
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter<L>({ name: `confab_${name}`, help, labelNames: [...labelNames], registers })
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge<L>({ name: `confab_${name}`, help, labelNames: [...labelNames], registers })
  const histogram = <L extends string>(name: string, help: string, buckets: number[], labelNames: readonly L[] = []) =>
    new Histogram<L>({ name: `confab_${name}`, help, buckets, labelNames: [...labelNames], registers })
  return {
    ingestAccepted: counter('ingest_accepted_total', 'Provider webhooks that are in the log.', ['channel']),
    ingestRefused: counter(
      'ingest_refused_total',
      'Provider webhooks refused, by code: signature_invalid, unknown_ingest_key, append_refused, ...',
      ['channel', 'code'],
    ),
    ingestDeadLetters: counter('ingest_dead_letters_total', 'Signed webhooks, or parts of them, that went to dead-letters.', [
      'channel',
      'code',
    ]),
    ingestSkipped: counter('ingest_skipped_total', 'Parts of signed webhooks that no event speaks of, by name; their bytes are in raw.', [
      'channel',
      'name',
    ]),
    tailRestarts: counter('tail_restarts_total', 'Reads of the log begun anew after an error, by tail.', ['tail']),
    appendSeconds: histogram('append_seconds', 'From an append to its durability, at the edges.', SECONDS_FAST, ['door']),
    decideSeconds: histogram('decide_seconds', 'From taking a batch of commands to its commit.', SECONDS_FAST),
    decided: counter('commands_decided_total', 'Commands decided, by result: accepted, refused, repeated, parked.', ['result']),
    viewLagRecords: gauge('view_lag_records', 'Records of the log that the views have not applied.'),
    viewLagSeconds: gauge('view_lag_seconds', 'Age of the oldest record that the views have not applied.'),
    connections: gauge('connections', 'Open sockets, by kind of principal.', ['kind']),
    handshakesRefused: counter('handshakes_refused_total', 'Sockets refused at the upgrade because too many were opening.'),
    pushed: counter('events_pushed_total', 'Event frames written to sockets.'),
    pushSeconds: histogram('push_seconds', "From an event's time to the turn in which sockets are handed it.", SECONDS_FAST),
    encoded: counter('events_encoded_total', 'Frames made of events; one serves all recipients of its kind.'),
    sessions: gauge('sessions', 'Open sessions by state: live, catching_up.', ['state']),
    bufferedBytes: gauge('session_buffered_bytes', 'Bytes that sessions have been sent and that have not left the process.'),
    pulled: counter('sessions_pulled_total', 'Sessions too slow for live, that read on at their own pace.'),
    resumes: counter('resumes_total', 'Sessions that came back with a place, by outcome: resumed, or the reason why not.', ['outcome']),
    resyncs: counter('resyncs_total', 'Subscriptions begun anew from a snapshot, by reason.', ['reason']),
    replayChunks: gauge('replay_chunks', 'Chunks of the past read from the log for sessions since the start.'),
    handshakes: counter('handshakes_total', 'Sessions begun.'),
    closes: counter('session_closes_total', 'Sessions that the server ended, by close reason.', ['reason']),
    queueDepth: gauge('queue_depth', 'Events of work queues that were read and not acknowledged.'),
    queueOldestSeconds: gauge('queue_oldest_seconds', 'For how long the oldest of them has waited.'),
    queueRedelivered: counter('queue_redelivered_total', 'Events that work queues of bots dealt out again.'),
    sends: counter('sends_total', 'Attempts to send at providers, by channel and fate.', ['channel', 'fate']),
    httpSeconds: histogram('http_seconds', 'API requests, from the first byte to the answer.', SECONDS_SLOW, ['method', 'route', 'status']),
    problems: counter('http_problems_total', 'Problems answered, by code.', ['code']),
    telemetryDropped: counter('telemetry_dropped_total', 'Request telemetry given up: too much waited, or its cluster did not take it.'),
    signIns: counter('sign_ins_total', 'Attempts to sign in, by result.', ['result']),
  }
}

export type Instruments = ReturnType<typeof instruments>

export interface Metrics extends Instruments {
  readonly contentType: string
  /** The Prometheus text format. */
  text(): Promise<string>
}

/** Opens the instruments of a node, with those of its process (event-loop lag, heap, CPU). A registry of its own: two nodes in a process do not mix. */
export const openMetrics = (options: { readonly ofProcess?: boolean } = {}): Metrics => {
  const registry = new Registry()
  if (options.ofProcess === true) collectDefaultMetrics({ register: registry, prefix: 'confab_' })
  return { ...instruments(registry), contentType: registry.contentType, text: () => registry.metrics() }
}
