// A session: one open socket, what its principal may see and what it subscribes to; live, or catching up at its own pace.
// Between the tail, which offers entries, and a door's connection, which takes bytes; frames of one turn leave in one write.

import type { ServerFrame } from '#schemas'
import { hasCode } from '#errors'
import { Membership } from './audience.ts'
import { catchUp } from './catchup.ts'
import type { CursorRefusal } from '../cursor.ts'
import type { Entry } from '../tail/entry.ts'
import { jittered, type Authenticated, type Hub } from '../hub.ts'
import { headsOf, Progress, type Positions, type Subscription } from './progress.ts'
import { readUpToOf } from '../projection.ts'
import { bytesOf, closeCodes, type CloseReason } from '../protocol.ts'
import { everyone, principalKey, sees } from '../scopes.ts'

/** What a door gives: bytes out, and the end. */
export interface Connection {
  /** `done` once the bytes have left the process, or never will. */
  write(frames: readonly Buffer[], done: () => void): void
  close(code: number, reason: string): void
}

/** A frame's bytes are written together with all others of the turn. */
export interface Turns {
  /** Runs once at the end of this turn of the event loop, however often it is asked. */
  atEnd(session: Session): void
}

export class Session {
  readonly id: string
  readonly hub: Hub
  readonly progress: Progress
  /** Frames sent since it last began to catch up. */
  replayed = 0
  /** Subscriptions whose start is being found: checkpoints wait for them, live does not. */
  readonly pending = new Map<string, Subscription>()
  /** Milliseconds since 1970: when the setting behind it ends, whatever the short token says; null = until it is removed. */
  sourceEndsAt: number | null
  #who: Authenticated
  readonly #connection: Connection
  readonly #turns: Turns
  readonly #membership: Membership
  #out: Buffer[] = []
  #outBytes = 0
  #inFlight = 0
  #drained: (() => void) | undefined
  #stuckSince: number | undefined
  #isOpen = true
  #isCatchingUp = false
  #isPulling = false
  #checkpointAt: number
  #endsAt: number
  #isAged = false
  #toldRead = 0

  constructor(hub: Hub, parts: { id: string; who: Authenticated; connection: Connection; turns: Turns }) {
    this.hub = hub
    this.id = parts.id
    this.#who = parts.who
    this.#connection = parts.connection
    this.#turns = parts.turns
    this.progress = new Progress(hub.tailer.rings, parts.who.grants)
    const { source } = parts.who
    this.sourceEndsAt = (source === null ? undefined : hub.settings.get(source.kind, source.id))?.expiresAt ?? null
    const now = hub.clock()
    this.#checkpointAt = now + jittered(this.hub, hub.config.checkpointMs)
    this.#endsAt = now + jittered(this.hub, hub.config.sessionAgeMs)
    this.#membership = new Membership(hub.audience, this)
    for (const key of [everyone, principalKey(this.grants.id)]) this.#membership.add(key)
  }

  get who(): Authenticated {
    return this.#who
  }
  get grants(): Authenticated['grants'] {
    return this.#who.grants
  }
  get isOpen(): boolean {
    return this.#isOpen
  }
  get buffered(): number {
    return this.#inFlight + this.#outBytes
  }

  /** A frame, or its bytes where they are made already. */
  send(frame: ServerFrame | Buffer): void {
    this.#push(Buffer.isBuffer(frame) ? frame : bytesOf(frame))
  }

  /** An ephemeral frame, made once for many: the first to go where the socket is slow. */
  sendBytes(frame: Buffer): void {
    if (this.buffered < this.hub.config.bufferedBytesLow) this.#push(frame)
  }

  /** A fresh token of the same principal. */
  refresh(who: Authenticated): void {
    // The grants object stays where nothing changed: hashes are kept by it.
    this.#who = JSON.stringify(who.grants) === JSON.stringify(this.grants) ? { ...who, grants: this.grants } : who
  }

  /** From the tail, after the ring has it. Those who catch up will meet it there. */
  offer(entry: Entry): void {
    if (!this.progress.isLive || !this.#isOpen) return
    for (const subscription of this.progress.subscriptions.values()) {
      if (!subscription.matches(entry, this.grants)) continue
      const frame = this.#frameFor(entry)
      if (frame === null) return
      if (this.buffered > 0 && this.buffered + frame.length > this.hub.config.bufferedBytesHigh) return this.#pull(entry)
      return this.#deliver(entry, frame)
    }
  }

  /** While catching up: sends the entry where it is wanted and not yet had. */
  serve(entry: Entry): void {
    if (!this.progress.pass(entry)) return
    const frame = this.#frameFor(entry)
    if (frame === null) return
    this.replayed++
    this.#deliver(entry, frame)
  }

  /** A subscription begins at the positions; catching up starts in this turn. */
  join(subscription: Subscription, positions: Positions): void {
    const old = this.progress.subscriptions.get(subscription.id)
    if (old !== undefined) this.#membership.drop(old.key)
    this.#membership.add(subscription.key)
    this.#isPulling = false
    this.progress.join(subscription, positions)
    this.catchUp()
  }

  /** A subscription has begun, or failed to. */
  onTakenUp(subscription: Subscription): void {
    if (this.pending.get(subscription.id) !== subscription) return
    this.pending.delete(subscription.id)
    this.checkpointIfLive()
  }

  leave(id: string): void {
    this.pending.delete(id)
    const subscription = this.progress.subscriptions.get(id)
    if (subscription === undefined) return
    this.progress.subscriptions.delete(id)
    this.#membership.drop(subscription.key)
  }

  /** Starts the loop unless it runs. Ends live, closed, or with subscriptions to be taken up anew. */
  catchUp(): void {
    if (this.#isCatchingUp || this.progress.isLive) return
    this.#isCatchingUp = true
    // Not in this very call: a hello's other subscriptions are still to join, and a checkpoint must cover them all.
    Promise.resolve()
      .then(() => catchUp(this))
      .catch((error: unknown) => {
        if (hasCode(error, 'log_closed')) return this.end('drain')
        this.hub.logger.error({ name: 'gateway.catchup_failed', sessionId: this.id, error })
        this.end('drain')
      })
      .finally(() => {
        this.#isCatchingUp = false
        // A join may have come between the last look and here.
        if (this.#isOpen) this.catchUp()
      })
  }

  /** Called in the turn in which it has turned live. */
  onLive(): void {
    this.replayed = 0
    this.#stuckSince = undefined
    // Back from pull the client never left live: its next checkpoint is soon enough.
    if (!this.#isPulling && this.pending.size === 0) this.checkpoint()
    this.#isPulling = false
  }

  /** Unless a part of it is under way: then one comes when that has ended. */
  checkpointIfLive(): void {
    if (this.#isOpen && this.progress.isLive && this.pending.size === 0) this.checkpoint()
  }

  checkpoint(): void {
    this.#checkpointAt = this.hub.clock() + jittered(this.hub, this.hub.config.checkpointMs)
    // A checkpoint promises everything up to now: nobody can while the log cannot be read.
    if (this.hub.tailer.isStale) return this.tellStale()
    this.send({ frame: 'checkpoint', cursor: this.hub.positions.sealOffsets(headsOf(this.hub.tailer.rings), this.grants) })
  }

  tellStale(): void {
    this.send({ frame: 'error', code: 'log_stale' })
  }

  /** Resolves when less than the low mark is unsent, or the session is closed. */
  async drained(): Promise<void> {
    this.flush()
    if (this.buffered < this.hub.config.bufferedBytesLow || !this.#isOpen) return
    this.#stuckSince ??= this.hub.clock()
    await new Promise<void>((resolve) => (this.#drained = resolve))
    this.#stuckSince = undefined
  }

  /** Once a second: what is due. */
  tick(now: number): void {
    const { expiresAt } = this.#who
    const { config } = this.hub
    if (this.sourceEndsAt !== null && now >= this.sourceEndsAt) return this.end('revoked')
    if (expiresAt !== null && now > expiresAt + config.tokenGraceMs) return this.end('tokenExpired')
    if (now > this.#endsAt) {
      if (this.#isAged) return this.end('aged')
      this.#isAged = true
      this.#endsAt = now + config.drainMs
      this.invite(0)
    }
    if (this.#stuckSince !== undefined && now - this.#stuckSince > config.drainTimeoutMs) return this.end('notDrained')
    if (now < this.#checkpointAt) return
    if (this.progress.isLive && this.pending.size === 0) return this.checkpoint()
    // A heartbeat that promises nothing: a checkpoint would cover a join in progress.
    this.#checkpointAt = now + jittered(this.hub, config.checkpointMs)
    this.send({ frame: 'ephemeral', kind: 'catching-up' })
  }

  /** Asks the client to open another socket, with all that a resume needs; this one serves until then. */
  invite(afterMs: number): void {
    this.checkpointIfLive()
    this.send({ frame: 'reconnect', afterMs })
  }

  end(reason: CloseReason): void {
    if (!this.#isOpen) return
    this.flush()
    this.#connection.close(closeCodes[reason], reason)
    this.onClosed()
  }

  /** The connection is gone, whoever ended it. */
  onClosed(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#membership.end()
    this.hub.queues.closed(this)
    this.progress.subscriptions.clear()
    this.#drained?.()
  }

  /** Writes what the turn has gathered. */
  flush(): void {
    if (this.#out.length === 0) return
    const bytes = this.#outBytes
    const frames = this.#out
    this.#out = []
    this.#outBytes = 0
    this.#inFlight += bytes
    this.#connection.write(frames, () => {
      this.#inFlight -= bytes
      if (this.#stuckSince !== undefined) this.#stuckSince = this.hub.clock()
      if (this.buffered < this.hub.config.bufferedBytesLow) {
        this.#drained?.()
        this.#drained = undefined
      }
    })
  }

  /** Tells the client why it must begin a scope anew; the caller then takes it up from a snapshot. */
  sendResync(subscription: Pick<Subscription, 'id' | 'scope'>, reason: CursorRefusal): void {
    this.hub.metrics.resyncs.labels(reason).inc()
    this.send({ frame: 'resync', id: subscription.id, scope: subscription.scope, reason })
  }

  #frameFor(entry: Entry): Buffer | null {
    if (entry.routing === undefined || !sees(this.grants, entry.routing)) return null
    if (entry.routing.kind === 'mark' && this.grants.kind === 'contact') {
      // Only news: a draft saved or a note read must not look like anything.
      if (readUpToOf(entry) <= this.#toldRead) return null
    }
    return this.hub.projector.frameFor(entry, this.grants)
  }

  #deliver(entry: Entry, frame: Buffer): void {
    if (entry.routing?.kind === 'mark' && this.grants.kind === 'contact') this.#toldRead = readUpToOf(entry)
    this.hub.metrics.pushed.inc()
    this.#push(frame)
  }

  /** Too slow for live: it reads on from ring or log when its socket has room. One vector, not a queue. */
  #pull(entry: Entry): void {
    this.#isPulling = true
    this.hub.metrics.pulled.inc()
    this.progress.fall(entry)
    this.catchUp()
  }

  #push(frame: Buffer): void {
    if (!this.#isOpen) return
    this.#out.push(frame)
    this.#outBytes += frame.length
    if (this.#out.length === 1) this.#turns.atEnd(this)
  }
}
