// What clients ask on an open session: subscriptions, commands, typing, a fresh token; each frame checked, each limit named.
// Between a door that has read a text frame and the session, joins, wishes and ephemeral state it concerns.

import type { ClientFrame } from '#schemas'
import { may } from '#schemas'
import { ConfabError } from '#errors'
import { headsOf } from './progress.ts'
import { beginAt, resumeAt, subscriptionOf, takeUp, type Wanted } from './joining.ts'
import { parseFrame, problemOf } from '../protocol.ts'
import type { Session } from './session.ts'

type Frame<N extends ClientFrame['frame']> = Extract<ClientFrame, { frame: N }>

/** Frames over a limit that a session may send before it is told to stay away. */
const EXCESS_MAX = 100

/** So many a second, refilled evenly; the same number at once. */
class Pace {
  readonly #perSecond: number
  #tokens: number
  #at: number

  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond
    this.#tokens = perSecond
    this.#at = now
  }

  take(now: number): boolean {
    this.#tokens = Math.min(this.#perSecond, this.#tokens + ((now - this.#at) * this.#perSecond) / 1000)
    this.#at = now
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}

export class Requests {
  readonly #session: Session
  readonly #pace: Pace
  /** Of frames that are no commands: a subscription alone asks the views three times. */
  readonly #framePace: Pace
  #excess = 0

  constructor(session: Session) {
    this.#session = session
    const { config, clock } = session.hub
    this.#pace = new Pace(config.commandsPerSecondMax, clock())
    this.#framePace = new Pace(config.framesPerSecondMax, clock())
  }

  /** The first frame, its token proved: welcome, then its subscriptions. */
  async hello(frame: Frame<'hello'>): Promise<void> {
    const session = this.#session
    const { hub } = session
    const opened = frame.resume === undefined ? undefined : await resumeAt(session, frame.resume)
    if (!session.isOpen) return
    if (opened !== undefined) hub.metrics.resumes.labels(opened.ok ? 'resumed' : opened.reason).inc()
    const positions = opened?.ok === true ? opened.value : headsOf(hub.tailer.rings)
    const { kind, id, role, organizationId } = session.grants
    session.send({
      frame: 'welcome',
      sessionId: session.id,
      principal: { kind, id, role, organizationId },
      cursor: hub.positions.sealOffsets(positions, session.grants),
      serverTime: new Date(hub.clock()).toISOString(),
    })
    for (const wanted of frame.subscriptions ?? []) {
      if (opened === undefined || wanted.from !== undefined) this.#subscribe(wanted)
      else this.#resume(wanted, opened.ok ? undefined : opened.reason, positions)
    }
    if (session.pending.size === 0 && session.progress.isLive) session.checkpoint()
    hub.ephemeral.arrived(session)
  }

  /** Any later frame. */
  receive(text: string): void {
    const frame = parseFrame(text)
    if (frame === undefined || frame.frame === 'hello') return this.#session.end('badFrame')
    if (frame.frame !== 'command' && !this.#framePace.take(this.#session.hub.clock()))
      return this.#refuse('rate_limited', 'id' in frame ? frame.id : undefined)
    switch (frame.frame) {
      case 'subscribe':
        return this.#subscribe(frame)
      case 'unsubscribe':
        this.#session.hub.queues.leave(this.#session, frame.id)
        return this.#session.leave(frame.id)
      case 'command':
        return this.#command(frame)
      case 'typing':
        return this.#session.hub.ephemeral.typing(this.#session, frame)
      case 'presence':
        return this.#session.hub.ephemeral.presence(this.#session, frame)
      case 'refresh':
        return this.#refresh(frame.token)
      case 'ping':
        return this.#session.send({ frame: 'pong' })
      case 'ack':
        // Of a work queue alone; in broadcast a cursor is the client's own affair.
        return this.#session.hub.queues.acknowledge(this.#session, frame.cursor, frame.id)
    }
  }

  #subscribe(wanted: Wanted): void {
    const session = this.#session
    const { progress, pending, hub } = session
    const isNew = !progress.subscriptions.has(wanted.id) && !pending.has(wanted.id)
    if (isNew && progress.subscriptions.size + pending.size >= hub.config.subscriptionsMax)
      return this.#refuse('subscriptions_too_many', wanted.id)
    if (!this.#maySubscribe(wanted)) return this.#refuse('forbidden', wanted.id)
    session.leave(wanted.id)
    if (wanted.queue !== undefined) return hub.queues.join(session, wanted)
    takeUp(session, subscriptionOf(session, wanted), wanted.from)
  }

  #resume(wanted: Wanted, reason: Parameters<Session['sendResync']>[1] | undefined, positions: Float64Array): void {
    if (!this.#maySubscribe(wanted)) return this.#refuse('forbidden', wanted.id)
    if (wanted.queue !== undefined) return this.#session.hub.queues.join(this.#session, wanted)
    const subscription = subscriptionOf(this.#session, wanted)
    if (reason === undefined) return beginAt(this.#session, subscription, positions)
    this.#session.sendResync(subscription, reason)
    takeUp(this.#session, subscription)
  }

  /** A contact has one scope, its own conversation; whatever it names is read as that or refused. */
  #maySubscribe({ scope }: Wanted): boolean {
    const { grants } = this.#session
    if (grants.kind !== 'contact') return may(grants, 'events.subscribe')
    return 'all' in scope || ('conversation' in scope && scope.conversation === grants.conversationId)
  }

  #command(frame: Frame<'command'>): void {
    const session = this.#session
    const { hub } = session
    if (!this.#pace.take(hub.clock())) {
      if (++this.#excess > EXCESS_MAX) return session.end('limits')
      const problem = problemOf(new ConfabError('rate_limited', { retryAfterSeconds: 1 }))
      return session.send({ frame: 'result', id: frame.id, problem })
    }
    if (hub.isUnsure()) return session.send({ frame: 'result', id: frame.id, problem: problemOf(new ConfabError('log_stale')) })
    const { frame: _frame, ...command } = frame
    hub
      .execute(session.grants, command)
      .then(({ accepted, position }) => session.send({ frame: 'result', id: frame.id, ok: accepted, position }))
      .catch((error: unknown) => {
        if (!(error instanceof ConfabError))
          hub.logger.error({ name: 'gateway.command_failed', type: frame.type, sessionId: session.id, error })
        session.send({ frame: 'result', id: frame.id, problem: problemOf(error) })
      })
  }

  #refresh(token: string): void {
    const session = this.#session
    session.hub
      .authenticate(token)
      .then((who) => {
        const { organizationId, kind, id } = session.grants
        const isSame = who.grants.organizationId === organizationId && who.grants.kind === kind && who.grants.id === id
        if (isSame) session.refresh(who)
        else session.end('tokenRefused')
      })
      .catch(() => session.end('tokenRefused'))
  }

  #refuse(code: 'subscriptions_too_many' | 'forbidden' | 'rate_limited', id: string | undefined): void {
    if (++this.#excess > EXCESS_MAX) return this.#session.end('limits')
    this.#session.send({ frame: 'error', code, ...(id === undefined ? {} : { id }) })
  }
}
