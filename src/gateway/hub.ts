// What all sessions of a node share, and what stands outside: ports, rings, index. Handed to each part instead of globals.
// Between openGateway, which fills it, and sessions, which know nothing of how they were opened.

import type { Logger } from 'pino'
import type { Grants } from '#schemas'
import type { Metrics } from '#metrics'
import type { Settings } from '#runtime'
import type { Views } from '#views'
import type { Audience } from './sessions/audience.ts'
import type { Cursors } from './cursor.ts'
import type { Ephemeral } from './presence/ephemeral.ts'
import type { PositionBook } from './positions.ts'
import type { Projector } from './projection.ts'
import type { Queues } from './queues/index.ts'
import type { Replay } from './tail/replay.ts'
import type { Tailer } from './tail/tailer.ts'
import type { Log } from '#log'

/** Who asks, as HTTP's authentication proves it. */
export interface Authenticated {
  readonly grants: Grants
  /** Milliseconds since 1970; null = until it is removed. */
  readonly expiresAt: number | null
  /** The setting behind it, whose removal ends its sockets; null for visitors. */
  readonly source: { readonly kind: 'session' | 'token'; readonly id: string } | null
  /** The page a visitor's token is bound to. */
  readonly origin: string | null
}

/** A socket's command frame, target ids and body flat beside each other. */
export type CommandFrame = { readonly id: string; readonly type: string } & Readonly<Record<string, unknown>>

export interface GatewayConfig {
  /** A session that has more unsent bytes is read to by its own pace: pull. It goes on below the second. */
  readonly bufferedBytesHigh: number
  readonly bufferedBytesLow: number
  /** Without any progress in pull it is closed. */
  readonly drainTimeoutMs: number
  readonly helloTimeoutMs: number
  readonly checkpointMs: number
  /** A session's age, ± 10 %, after which it is asked to come anew. */
  readonly sessionAgeMs: number
  readonly tokenGraceMs: number
  /** How long clients are given to open another socket before a closing gateway or an old session ends theirs. */
  readonly drainMs: number
  readonly frameBytesMax: number
  /** Streams of server-sent events that had nothing to say send a comment so often: proxies cut what is silent. */
  readonly streamHeartbeatMs: number
  readonly subscriptionsMax: number
  readonly sessionsPerPrincipalMax: number
  /** Handshakes under way, in all and from an address: upgraded, and no session yet. */
  readonly handshakesMax: number
  readonly handshakesPerAddressMax: number
  /** Begun by an address within a second. */
  readonly handshakesPerSecondMax: number
  readonly commandsPerSecondMax: number
  /** Frames of all other kinds. */
  readonly framesPerSecondMax: number
  /** Frames that people are sent on resume before a fresh snapshot is cheaper. */
  readonly replayFramesMax: number
  readonly snapshotItems: number
  /** Of a work queue: events with connections at once, and how long one may be without an acknowledgement before it goes out again. */
  readonly queueInFlightMax: number
  readonly queueAckTimeoutMs: number
  /** Then it is put aside, as a dead letter. */
  readonly queueAttemptsMax: number
  /** Events of one partition that are dealt out beyond its oldest one without an acknowledgement. */
  readonly queueWindowMax: number
  /** A node that holds a queue and is silent for so long has lost it. */
  readonly queueLeaseMs: number
}

export const gatewayDefaults: GatewayConfig = {
  bufferedBytesHigh: 65_536,
  bufferedBytesLow: 16_384,
  drainTimeoutMs: 30_000,
  helloTimeoutMs: 5_000,
  checkpointMs: 25_000,
  sessionAgeMs: 6 * 3_600_000,
  tokenGraceMs: 25_000,
  drainMs: 2_500,
  frameBytesMax: 262_144,
  streamHeartbeatMs: 15_000,
  subscriptionsMax: 64,
  sessionsPerPrincipalMax: 20,
  handshakesMax: 1_000,
  handshakesPerAddressMax: 50,
  handshakesPerSecondMax: 20,
  commandsPerSecondMax: 50,
  framesPerSecondMax: 100,
  replayFramesMax: 5_000,
  snapshotItems: 50,
  queueInFlightMax: 100,
  queueAckTimeoutMs: 30_000,
  queueAttemptsMax: 10,
  queueWindowMax: 256,
  queueLeaseMs: 15_000,
}

export interface Hub {
  readonly log: Log
  readonly settings: Pick<Settings, 'account' | 'agent' | 'get' | 'list' | 'onChange'>
  readonly views: Views
  readonly authenticate: (token: string) => Promise<Authenticated>
  readonly execute: (grants: Grants, frame: CommandFrame) => Promise<{ readonly accepted: unknown; readonly position: string }>
  readonly partitionOf: (key: string) => number
  readonly clock: () => number
  /** In [0, 1): jitter. */
  readonly random: () => number
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error' | 'debug'>
  readonly metrics: Pick<
    Metrics,
    | 'connections'
    | 'pushed'
    | 'pushSeconds'
    | 'encoded'
    | 'sessions'
    | 'bufferedBytes'
    | 'pulled'
    | 'resumes'
    | 'resyncs'
    | 'replayChunks'
    | 'handshakes'
    | 'handshakesRefused'
    | 'closes'
    | 'queueDepth'
    | 'queueOldestSeconds'
    | 'queueRedelivered'
  >
  readonly config: GatewayConfig
  readonly cursors: Cursors
  readonly positions: PositionBook
  readonly projector: Projector
  readonly queues: Queues
  /** The log is this process's own: there is no other node. */
  readonly isAlone: boolean
  /** Whether what is known of tokens and agents is too old to let anybody in, or to do what they ask. */
  readonly isUnsure: () => boolean
  readonly audience: Audience
  readonly ephemeral: Ephemeral
  readonly tailer: Tailer
  readonly replay: Replay
}

const JITTER = 0.1

/** So that what began together does not end together. */
export const jittered = ({ random }: Pick<Hub, 'random'>, ms: number): number => ms * (1 - JITTER + 2 * JITTER * random())
