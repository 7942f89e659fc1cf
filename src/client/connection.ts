// The connection: opens the socket, resumes where state stands, applies frames in order, comes back by itself until told not to.
// Between a server's gateway and whoever folds frames; apply, then advance the cursor, in one synchronous step.

import type { Conversation, ServerFrame } from '#schemas'
import { Backoff, GOOD_AFTER_MS, staysAway, TOKEN_EXPIRED } from './backoff.ts'
import {
  platform as thisPlatform,
  type AppliedFrame,
  type Client,
  type ConnectOptions,
  type LineStatus,
  type Platform,
  type Result,
  type ResumePoint,
  type SubscribeOptions,
  type SubscriptionWish,
} from './line.ts'
import { Kept, STORAGE_KEY } from './keeping.ts'
import { Listeners } from './listeners.ts'
import { Outbox, type Command } from './outbox.ts'
import { Sequence } from './sequence.ts'
import { Subscriptions } from './subscriptions.ts'
import { Wires } from './wires.ts'

class Connection implements Client {
  readonly #platform: Platform
  readonly #backoff: Backoff
  readonly #outbox: Outbox
  readonly #subscriptions: Subscriptions
  readonly #statusListeners: Listeners<LineStatus>
  readonly #frameListeners: Listeners<AppliedFrame>
  readonly #undoWake: () => void
  readonly #sequence: Sequence
  readonly #wires: Wires
  #status: LineStatus = { state: 'connecting' }
  #undoWait: () => void = () => undefined
  #undoGood: () => void = () => undefined
  #afterMs: number | undefined
  #isWelcome = false
  /** Bots and integrations may see fewer events than there are. */
  #isWhole = false
  #sent = new Set<string>()
  gaps = 0
  repeats = 0

  constructor(options: ConnectOptions) {
    this.#platform = { ...thisPlatform, ...options.platform }
    this.#backoff = new Backoff(() => this.#platform.random())
    const { storage, storageKey = STORAGE_KEY, onError = () => undefined, onOutcome } = options
    const kept = storage === undefined ? undefined : new Kept(storage, storageKey, onError)
    this.#outbox = new Outbox({ platform: this.#platform, kept, onOutcome })
    this.#subscriptions = new Subscriptions(options.resume, options.subscriptions)
    this.#sequence = new Sequence(options.resume?.known)
    this.#statusListeners = new Listeners(options.onStatus, options.onError)
    this.#frameListeners = new Listeners(options.onFrame, options.onError)
    this.#wires = new Wires({
      platform: this.#platform,
      url: options.url,
      token: options.token,
      hello: (token) => ({ frame: 'hello', token, ...this.#subscriptions.hello() }),
      onFrame: (frame) => this.#receive(frame),
      onChanged: () => this.#onChanged(),
      onLost: (code, reason) => this.#onLost(code, reason),
      onConnecting: () => this.#become({ state: 'connecting' }),
      onNoToken: (isRefused) => (isRefused ? this.#end('tokenRefused') : this.#wait()),
    })
    this.#undoWake = this.#platform.onWake(() => this.#onWake())
    this.#open()
  }

  get status(): LineStatus {
    return this.#status
  }
  get pendingCommands(): readonly Command[] {
    return this.#outbox.pending
  }

  onStatus(listener: (status: LineStatus) => void): () => void {
    return this.#statusListeners.add(listener)
  }
  onFrame(listener: (frame: AppliedFrame) => void): () => void {
    return this.#frameListeners.add(listener)
  }

  subscribe(id: string, scope: SubscriptionWish['scope'], options: SubscribeOptions = {}): void {
    const wish = { id, scope, ...options }
    this.#subscriptions.want(wish)
    if (this.#isWelcome) this.#send({ frame: 'subscribe', ...wish })
  }
  unsubscribe(id: string): void {
    this.#subscriptions.drop(id)
    if (this.#isWelcome) this.#send({ frame: 'unsubscribe', id })
  }

  command<T>(type: string, fields: Readonly<Record<string, unknown>>, id: string = this.#platform.draw()): Promise<Result<T>> {
    if (this.#status.state === 'ended')
      return Promise.resolve({ problem: { type: 'urn:confab:problem:offline', title: 'The line has ended.', status: 0, code: 'offline' } })
    const outcome = this.#outbox.add({ id, type, fields })
    if (this.#status.state === 'live') this.#sendCommands()
    return outcome as Promise<Result<T>>
  }

  typing(conversationId: string, isTyping: boolean, { isNote }: { readonly isNote?: boolean } = {}): void {
    if (this.#isWelcome) this.#send({ frame: 'typing', conversationId, isTyping, ...(isNote === undefined ? {} : { isNote }) })
  }
  presence(state: 'online' | 'away' | 'viewing' | 'replying' | 'gone', conversationId?: string): void {
    if (this.#isWelcome) this.#send({ frame: 'presence', state, ...(conversationId === undefined ? {} : { conversationId }) })
  }
  acknowledge(cursor: string, id?: string): void {
    if (this.#isWelcome) this.#send({ frame: 'ack', cursor, ...(id === undefined ? {} : { id }) })
  }

  reconnect(): void {
    if (this.#status.state === 'reconnecting' || this.#status.state === 'offline') this.#open()
  }

  resumePoint(): ResumePoint | undefined {
    return this.#subscriptions.point(this.#sequence.entries())
  }

  close(): void {
    this.#end('closed')
  }

  #open(): void {
    this.#undoWait()
    if (this.#status.state !== 'connecting') this.#become({ state: 'connecting' })
    this.#wires.open()
  }

  #onLost(code: number, reason: string): void {
    if (staysAway(code)) return this.#end(reason === '' ? String(code) : reason)
    if (code === TOKEN_EXPIRED) this.#afterMs = 0
    this.#wait()
  }

  #onChanged(): void {
    this.#isWelcome = false
    this.#sent.clear()
    this.#undoGood()
  }

  #wait(): void {
    const afterMs = this.#afterMs ?? this.#backoff.next()
    this.#afterMs = undefined
    this.#become(this.#platform.isOnline() ? { state: 'reconnecting', retryAt: this.#platform.now() + afterMs } : { state: 'offline' })
    this.#undoWait()
    this.#undoWait = this.#platform.later(() => this.#open(), afterMs)
  }

  #end(reason: string): void {
    if (this.#status.state === 'ended') return
    this.#wires.leave()
    this.#undoWait()
    this.#undoWake()
    this.#outbox.close(reason)
    this.#become({ state: 'ended', reason })
  }

  #receive(frame: ServerFrame): void {
    switch (frame.frame) {
      case 'welcome':
        return this.#onWelcome(frame)
      case 'event':
        return this.#onEvent(frame)
      case 'snapshot':
        return this.#onSnapshot(frame)
      case 'state':
        this.#frameListeners.tell(frame)
        return this.#subscriptions.advance(frame.slot, frame.cursor)
      case 'subscribed':
        return this.#subscriptions.onSubscribed(frame.id, frame.cursor)
      case 'resync':
        // A log that was cut may give the same numbers again; else what is known of other subscriptions stays known.
        if (frame.reason === 'truncated' || frame.reason === 'generation') this.#sequence.forget()
        this.#subscriptions.onResync(frame.id)
        return this.#frameListeners.tell(frame)
      case 'checkpoint':
        return this.#onCheckpoint(frame.cursor)
      case 'result':
        return this.#onResult(frame)
      case 'reconnect':
        this.#afterMs = frame.afterMs
        return this.#wires.move(frame.afterMs)
      case 'error':
        if (frame.code === 'log_stale') this.#become({ state: 'stale' })
        return this.#frameListeners.tell(frame)
      case 'ephemeral':
        return this.#frameListeners.tell(frame)
      case 'pong':
    }
  }

  #onWelcome(frame: Extract<ServerFrame, { frame: 'welcome' }>): void {
    this.#isWelcome = true
    this.#afterMs = undefined
    this.#isWhole = frame.principal.kind === 'agent' || frame.principal.kind === 'contact'
    this.#become({ state: 'catching-up' })
    for (const wish of this.#subscriptions.onWelcome(frame.cursor)) this.#send({ frame: 'subscribe', ...wish })
    this.#frameListeners.tell(frame)
    const { organizationId, kind, id } = frame.principal
    this.#restore(`${organizationId}/${kind}/${id}`).catch(() => undefined)
  }

  /** What an earlier page left unsent goes as soon as the line is live. */
  async #restore(principal: string): Promise<void> {
    await this.#outbox.restore(principal)
    if (this.#status.state === 'live') this.#sendCommands()
  }

  #onEvent(frame: Extract<ServerFrame, { frame: 'event' }>): void {
    // The server knows where a work queue stands: what comes again is meant to, and no cursor of ours moves.
    if (frame.queue !== undefined) return this.#frameListeners.tell(frame)
    const verdict = this.#sequence.judge(frame.event, this.#isWhole && this.#subscriptions.checksGaps)
    if (verdict === 'repeat') this.repeats++
    else if (verdict === 'gap' && frame.event.conversationId !== undefined) this.#heal(frame.event.conversationId)
    else this.#frameListeners.tell(frame)
    this.#subscriptions.advance(frame.slot, frame.cursor)
  }

  /** A hole: the conversation is taken up anew; what follows comes with it. */
  #heal(conversationId: string): void {
    this.gaps++
    const wish = this.#subscriptions.heal(conversationId)
    if (wish !== undefined) this.#send({ frame: 'subscribe', ...wish })
  }

  #onSnapshot(frame: Extract<ServerFrame, { frame: 'snapshot' }>): void {
    const rows = frame.items as Conversation[]
    const [row] = rows
    if (frame.messages !== undefined && row !== undefined) this.#sequence.rebase(row)
    else this.#sequence.raise(rows)
    this.#frameListeners.tell(frame)
    this.#subscriptions.onSnapshot(frame.id)
  }

  #onCheckpoint(cursor: string): void {
    for (const id of this.#subscriptions.onCheckpoint(cursor)) this.#send({ frame: 'unsubscribe', id })
    if (this.#status.state === 'live') return
    this.#become({ state: 'live' })
    this.#undoGood()
    this.#undoGood = this.#platform.later(() => this.#backoff.reset(), GOOD_AFTER_MS)
    this.#sendCommands()
  }

  #onResult({ id, ok, problem, position }: Extract<ServerFrame, { frame: 'result' }>): void {
    this.#sent.delete(id)
    this.#outbox.settle(id, problem === undefined ? { ok, ...(position === undefined ? {} : { position }) } : { problem })
  }

  /** Each once a socket: the id tells the server a repeat after a cut. */
  #sendCommands(): void {
    for (const { id, type, fields } of this.#outbox.pending) {
      if (this.#sent.has(id)) continue
      this.#sent.add(id)
      this.#send({ ...fields, frame: 'command', id, type })
    }
  }

  #send(frame: object): void {
    this.#wires.send(frame)
  }

  #become(status: LineStatus): void {
    this.#status = status
    this.#statusListeners.tell(status)
  }

  #onWake(): void {
    if (this.#status.state === 'reconnecting' || this.#status.state === 'offline') this.#open()
    else if (this.#isWelcome) this.#wires.probe()
  }
}

/** Opens a line and keeps it open until `close()` or until the server says to stay away. */
export const connect = (options: ConnectOptions): Client => new Connection(options)
