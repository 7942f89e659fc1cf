// The reception behind every door: who may come in, how many, and the session that is made for them.
// Between doors, which speak ws, Socket.IO or server-sent events, and sessions, which know none of these.

import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Settings } from '#runtime'
import type { ClientFrame } from '#schemas'
import type { Authenticated, Hub } from '../hub.ts'
import { Requests } from '../sessions/requests.ts'
import type { Roster } from '../sessions/roster.ts'
import { Session, type Connection, type Turns } from '../sessions/session.ts'
import { Admission } from './admission.ts'
import { originsOf } from './origins.ts'

export type Hello = Extract<ClientFrame, { frame: 'hello' }>

/** What a door has of a session. */
export interface Guest {
  /** A frame's JSON. */
  receive(text: string): void
  onClosed(): void
}

/** What doors need of the gateway. */
export interface Reception {
  readonly frameBytesMax: number
  readonly helloTimeoutMs: number
  /** Unused streams say something so often. */
  readonly heartbeatMs: number
  readonly authenticate: (token: string) => Promise<Authenticated>
  /** Not while it starts or closes. */
  readonly isOpen: () => boolean
  /** Whether a page of the origin may open a socket at all, and for whom. */
  readonly mayOpen: (request: IncomingMessage) => boolean
  readonly mayUse: (request: IncomingMessage, who: Authenticated) => boolean
  readonly isFull: (who: Authenticated) => boolean
  readonly isOrganization: (id: string) => boolean
  /** A handshake begins: answers what ends it, undefined where there is no room for another. */
  readonly admit: (request: IncomingMessage) => (() => void) | undefined
  /** Makes the session; later frames go to what it answers. */
  readonly welcome: (who: Authenticated, connection: Connection, hello: Hello) => Guest
}

export interface ReceptionOptions {
  readonly hub: Hub
  readonly settings: Pick<Settings, 'organizations' | 'list' | 'account'>
  readonly sessions: Roster
  readonly turns: Turns
  readonly isOpen: () => boolean
  readonly addressOf: (request: IncomingMessage) => string
  readonly publicUrl: () => string
}

const welcomeWith =
  ({ hub, sessions, turns }: ReceptionOptions): Reception['welcome'] =>
  (who, connection, hello) => {
    const { logger, metrics } = hub
    const counted: Connection = {
      write: (frames, done) => connection.write(frames, done),
      close: (code, reason) => {
        metrics.closes.labels(reason).inc()
        connection.close(code, reason)
      },
    }
    const session = new Session(hub, { id: randomUUID(), who, connection: counted, turns })
    metrics.handshakes.inc()
    const requests = new Requests(session)
    sessions.add(session)
    metrics.connections.labels(who.grants.kind).inc()
    requests.hello(hello).catch((error: unknown) => {
      logger.error({ name: 'gateway.hello_failed', sessionId: session.id, error })
      session.end('overloaded')
    })
    return {
      receive: (text) => {
        if (session.isOpen) requests.receive(text)
      },
      onClosed: () => {
        if (!sessions.remove(session)) return
        metrics.connections.labels(who.grants.kind).dec()
        session.onClosed()
      },
    }
  }

export const openReception = (options: ReceptionOptions): Reception => {
  const { hub, settings, sessions } = options
  const { config, metrics } = hub
  const admission = new Admission(config, hub.clock)
  const origins = originsOf(settings, options.publicUrl)
  return {
    frameBytesMax: config.frameBytesMax,
    helloTimeoutMs: config.helloTimeoutMs,
    heartbeatMs: config.streamHeartbeatMs,
    authenticate: hub.authenticate,
    isOpen: () => options.isOpen() && !hub.isUnsure(),
    mayOpen: (request) => origins.mayOpen(request),
    mayUse: (request, who) => origins.mayUse(request, who),
    isFull: ({ grants }) => sessions.countOf(grants) >= config.sessionsPerPrincipalMax,
    isOrganization: (id) => settings.organizations().some((organization) => organization.id === id),
    admit: (request) => {
      const end = admission.begin(options.addressOf(request))
      if (end === undefined) metrics.handshakesRefused.inc()
      return end
    },
    welcome: welcomeWith(options),
  }
}
