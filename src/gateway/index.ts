// The gateway: how events reach screens, bots and web chats, nothing missed, nothing twice (realtime.md).
// Between the log, tailed once a node, and every open socket; wired by main to the http server's `upgrade`.

import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { ConfabError } from '#errors'
import type { Tails } from '#log'
import type { Settings } from '#runtime'
import type { Secrets } from '#secrets'
import { PARTITIONS } from '#topics'
import { decodeEvent } from '#schemas/log'
import type { Grants } from '#schemas'
import { Audience } from './sessions/audience.ts'
import { openCursors, topicOf, type Cursors } from './cursor.ts'
import { Doors } from './doors/index.ts'
import { openReception } from './doors/reception.ts'
import type { StreamRequest } from './doors/sse.ts'
import type { Entry, Route } from './tail/entry.ts'
import { gatewayDefaults, type GatewayConfig, type Hub } from './hub.ts'
import { PositionBook, type Positions } from './positions.ts'
import { Ephemeral, type Typing } from './presence/ephemeral.ts'
import type { OpenBoard } from './presence/index.ts'
import { MemoryBoard } from './presence/memory.ts'
import { openProjector } from './projection.ts'
import { Queues } from './queues/index.ts'
import { measure } from './measures.ts'
import { Replay } from './tail/replay.ts'
import { rememberingRoute } from './tail/removals.ts'
import { watchRevocations } from './revocations.ts'
import { Roster } from './sessions/roster.ts'
import type { Session } from './sessions/session.ts'
import { openTailer, tailerDefaults, type Tailer, type TailerConfig } from './tail/tailer.ts'

export type { Positions } from './positions.ts'
export type { Authenticated, CommandFrame, GatewayConfig } from './hub.ts'
export type { StreamRequest } from './doors/sse.ts'
export { openRedisBoard } from './presence/redis.ts'

export interface GatewayOptions extends Pick<
  Hub,
  'log' | 'views' | 'authenticate' | 'execute' | 'partitionOf' | 'clock' | 'random' | 'logger' | 'metrics'
> {
  readonly settings: Settings
  readonly tails: Tails
  readonly secrets: Pick<Secrets, 'key'>
  /** Makes the link of a stored file that an event names. */
  readonly fileUrl?: (organizationId: string, fileId: string) => string
  /** Whose address an upgrade request comes from, behind whatever proxies. */
  readonly addressOf: (request: IncomingMessage) => string
  /** The log is this process's own: there is no other node. Default false. */
  readonly isAlone?: boolean
  /** Where presence, viewers and typing meet those of other nodes; without it this node is all there is. */
  readonly openBoard?: OpenBoard
  /** How the outside reaches this server; its pages may open sockets. */
  readonly publicUrl: () => string
  readonly config?: Partial<GatewayConfig & TailerConfig>
}

export interface Gateway {
  /** For the `upgrade` event of the http server, paths /v1/socket and /v1/socket.io. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Requests under /v1/socket.io whose body nobody has read. */
  handleRequest(request: IncomingMessage, response: ServerResponse): void
  /** Server-sent events for who has proved who they are. Throws, with nothing answered yet, what refuses them. */
  stream(asked: StreamRequest): void
  readonly positions: Positions
  /** Someone types, said by another door. */
  typing(grants: Grants, typing: Typing): void
  readonly sessionsCount: number
  /** Whether the tail is at the log's end as known at open. */
  isReady(): boolean
  /** Asks every client to come back elsewhere, then closes. */
  close(): Promise<void>
}

const TICK_MS = 1_000
const EXPIRE_TICKS = 10
/** Subjects erased of late; older erasures have left the log. */
const ERASED_MAX = 10_000

class SocketGateway implements Gateway {
  readonly #options: GatewayOptions
  readonly #sessions = new Roster()
  readonly #dirty = new Set<Session>()
  readonly #erased = new Map<string, number>()
  readonly #abort = new AbortController()
  readonly #cursors: Cursors
  readonly #book: PositionBook
  readonly #hub: Hub
  readonly #doors: Doors
  readonly #route: Route
  #tailer: Tailer | undefined
  #isFlushDue = false
  #timer: NodeJS.Timeout | undefined
  #ticks = 0
  #isClosing = false
  #unwatch: () => void = () => undefined

  constructor(options: GatewayOptions) {
    this.#options = options
    const { log, tails, secrets, partitionOf, clock, logger } = options
    this.#cursors = openCursors(secrets, log.id, partitionOf)
    this.#book = new PositionBook({ cursors: this.#cursors, tailer: () => this.#tail, partitionOf, clock })
    const audience = new Audience()
    const onError = (error: unknown): void => logger.error({ name: 'gateway.ephemeral_failed', error })
    const ephemeral = new Ephemeral({
      audience,
      views: options.views,
      settings: options.settings,
      openBoard: options.openBoard ?? ((news) => new MemoryBoard(news)),
      clock,
      onError,
    })
    const route = (this.#route = this.#guarded(rememberingRoute(options.settings)))
    const replay = new Replay({ log, tails, route, signal: this.#abort.signal })
    const projector = openProjector({
      cursors: this.#cursors,
      fileUrl: options.fileUrl,
      publicName: ({ kind, id }) => (kind === 'agent' && id !== null ? options.settings.agent(id)?.name : undefined),
      erasedUpTo: (subjectId) => this.#erased.get(subjectId) ?? 0,
      onEncoded: () => options.metrics.encoded.inc(),
      onUnreadable: ({ stream, offset }, error) => this.#onUnreadable(stream, offset, error),
    })
    const tail = (): Tailer => this.#tail
    this.#hub = {
      ...options,
      config: { ...gatewayDefaults, ...options.config },
      cursors: this.#cursors,
      positions: this.#book,
      projector,
      queues: new Queues({ hub: () => this.#hub, tails, holder: randomUUID(), now: () => performance.now() }),
      isAlone: options.isAlone ?? false,
      isUnsure: () => isConfigStale(tails),
      audience,
      ephemeral,
      replay,
      get tailer() {
        return tail()
      },
    }
    const reception = openReception({
      ...options,
      hub: this.#hub,
      sessions: this.#sessions,
      turns: { atEnd: (each) => this.#atEnd(each) },
      isOpen: () => this.isReady(),
    })
    this.#doors = new Doors(reception, (error) => logger.error({ name: 'gateway.door_failed', error }))
  }

  get #tail(): Tailer {
    if (this.#tailer === undefined) throw new ConfabError('internal', { detail: 'The tail is not open.' })
    return this.#tailer
  }

  get positions(): Positions {
    return this.#book
  }
  get sessionsCount(): number {
    return this.#sessions.size
  }
  isReady(): boolean {
    return this.#tailer !== undefined && !this.#isClosing
  }

  async open(): Promise<void> {
    const { log, clock, logger, settings, config } = this.#options
    this.#tailer = await openTailer({
      log,
      clock,
      route: this.#route,
      onEntry: (entry) => this.#onEntry(entry),
      tails: this.#options.tails,
      onStale: () => {
        for (const session of this.#sessions) session.tellStale()
      },
      onFresh: () => {
        for (const session of this.#sessions) session.checkpointIfLive()
      },
      onLost: (error) => logger.error({ name: 'gateway.tail_lost', error }),
      onJump: () => {
        for (const session of this.#sessions) session.end('drain')
      },
      config: { ...tailerDefaults, ...config },
    })
    // What the tail was filled with on the way to the head was erased before there were rings to erase it from.
    for (const [subjectId, upToSeq] of this.#erased) for (const ring of this.#tail.rings) ring.erase(subjectId, upToSeq)
    this.#unwatch = watchRevocations(settings, this.#sessions)
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#timer.unref()
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#doors.handleUpgrade(request, socket, head)
  }

  handleRequest(request: IncomingMessage, response: ServerResponse): void {
    this.#doors.handleRequest(request, response)
  }

  stream(asked: StreamRequest): void {
    this.#doors.stream(asked)
  }

  typing(grants: Grants, typing: Typing): void {
    this.#hub.ephemeral.say(grants, typing)
  }

  async close(): Promise<void> {
    this.#isClosing = true
    await this.#sessions.drain(this.#hub.config.drainMs, this.#options.random)
    this.#abort.abort()
    this.#book.close()
    await this.#doors.close()
    clearInterval(this.#timer)
    this.#unwatch()
    await this.#hub.queues.close()
    await this.#hub.ephemeral.close()
    await this.#tailer?.close()
  }

  /** A record that cannot be read has no audience, and stops no other. */
  #guarded(route: Route): Route {
    return (stream, record) => {
      try {
        return route(stream, record)
      } catch (error) {
        this.#onUnreadable(stream, record.offset, error)
        return undefined
      }
    }
  }

  #onUnreadable(stream: number, offset: number, error: unknown): void {
    this.#options.logger.error({ name: 'gateway.record_unreadable', topic: topicOf(stream), partition: stream % PARTITIONS, offset, error })
  }

  #onEntry(entry: Entry): void {
    this.#book.note(entry)
    this.#hub.queues.onEntry(entry)
    this.#options.metrics.pushSeconds.observe(Math.max(0, this.#options.clock() - entry.record.time) / 1_000)
    const { routing } = entry
    if (routing === undefined) return
    if (routing.type.endsWith('.erased')) this.#erase(entry)
    this.#hub.audience.each(routing.organizationId, entry.keys, (session) => session.offer(entry))
  }

  #erase({ stream, record }: Entry): void {
    if (record.value === null) return
    const { data, subjectId } = decodeEvent(record.headers['type'] ?? '', record.value)
    const { upToSeq } = data as { upToSeq: number }
    if (this.#erased.size >= ERASED_MAX) this.#erased.delete(this.#erased.keys().next().value ?? '')
    this.#erased.set(subjectId, upToSeq)
    this.#tailer?.rings[stream]?.erase(subjectId, upToSeq)
    this.#hub.replay.forget(stream)
  }

  /** All frames that this turn brings a session leave in one write. */
  #atEnd(session: Session): void {
    this.#dirty.add(session)
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    setImmediate(() => {
      this.#isFlushDue = false
      const dirty = [...this.#dirty]
      this.#dirty.clear()
      for (const each of dirty) each.flush()
    })
  }

  #tick(): void {
    const now = this.#options.clock()
    for (const session of this.#sessions) session.tick(now)
    this.#hub.ephemeral.tick(now)
    measure(this.#hub, this.#sessions)
    this.#tail.look().catch(() => undefined)
    if (++this.#ticks % EXPIRE_TICKS === 0) this.#tail.expire()
  }
}

/** A token may have been revoked, and this node cannot know: `config` has not been readable for so long. */
const CONFIG_STALE_MS = 30_000

const isConfigStale = (tails: Pick<Tails, 'facts'>): boolean =>
  tails
    .facts()
    .some(
      ({ name, failingSince }) => name === 'settings' && failingSince !== undefined && performance.now() - failingSince > CONFIG_STALE_MS,
    )

/** Opens the gateway with the recent past in its rings, so that the first resumes do not all read the log. */
export const openGateway = async (options: GatewayOptions): Promise<Gateway> => {
  const gateway = new SocketGateway(options)
  await gateway.open()
  return gateway
}
