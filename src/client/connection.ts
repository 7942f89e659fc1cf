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
  type SocketLike,
  type SubscribeOptions,
  type SubscriptionWish,
  type TokenAnswer,
} from './line.ts'
import { Listeners } from './listeners.ts'
import { Outbox, type Command } from './outbox.ts'
import { Sequence } from './sequence.ts'
import { Subscriptions } from './subscriptions.ts'
import { Vigil } from './vigil.ts'

const SUBPROTOCOL = 'confab.v1'
const OPEN = 1

class Connection implements Client {
  readonly #options: ConnectOptions
  readonly #platform: Platform
  readonly #backoff: Backoff
  readonly #outbox: Outbox
  readonly #subscriptions: Subscriptions
  readonly #statusListeners: Listeners<LineStatus>
  readonly #frameListeners: Listeners<AppliedFrame>
  readonly #undoWake: () => void
  readonly #sequence: Sequence
  #status: LineStatus = { state: 'connecting' }
  #socket: SocketLike | undefined
  #attempt = 0
  #undoWait: () => void = () => undefined
  #undoGood: () => void = () => undefined
  #vigil: Vigil | undefined
  #afterMs: number | undefined
  #isWelcome = false
  /** Bots and integrations may see fewer events than there are. */
  #isWhole = false
  #sent = new Set<string>()
  gaps = 0
  repeats = 0

  constructor(options: ConnectOptions) {
    this.#options = options
    this.#platform = { ...thisPlatform, ...options.platform }
    this.#backoff = new Backoff(() => this.#platform.random())
    this.#outbox = new Outbox(this.#platform)
    this.#subscriptions = new Subscriptions(options.resume, options.subscriptions)
    this.#sequence = new Sequence(options.resume?.known)
    this.#statusListeners = new Listeners(options.onStatus, options.onError)
    this.#frameListeners = new Listeners(options.onFrame, options.onError)
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
  presence(state: 'online' | 'away'): void {
    if (this.#isWelcome) this.#send({ frame: 'presence', state })
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
    const attempt = ++this.#attempt
    if (this.#status.state !== 'connecting') this.#become({ state: 'connecting' })
    this.#options
      .token()
      .then((answer) => {
        if (attempt === this.#attempt) this.#openWith(typeof answer === 'string' ? { token: answer } : answer, attempt)
      })
      .catch((error: unknown) => {
        if (attempt !== this.#attempt) return
        if (error instanceof Error && error.name === 'Refused') this.#end('tokenRefused')
        else this.#wait()
      })
  }

  #openWith(answer: Exclude<TokenAnswer, string>, attempt: number): void {
    const socket = this.#platform.open(this.#options.url, SUBPROTOCOL)
    this.#socket = socket
    const isCurrent = (): boolean => attempt === this.#attempt
    socket.onopen = () => {
      if (isCurrent()) this.#send({ frame: 'hello', token: answer.token, ...this.#subscriptions.hello() })
    }
    socket.onmessage = ({ data }) => {
      if (isCurrent() && typeof data === 'string') this.#receive(JSON.parse(data) as ServerFrame)
    }
    socket.onclose = ({ code, reason }) => {
      if (isCurrent()) this.#onClosed(code, reason)
    }
    socket.onerror = () => undefined
    this.#vigil = new Vigil({
      platform: this.#platform,
      expiresAt: answer.expiresAt,
      token: this.#options.token,
      onDead: () => this.#onClosed(1006, ''),
      send: (frame) => this.#send(frame),
    })
  }

  #onClosed(code: number, reason: string): void {
    this.#forgetSocket()
    if (staysAway(code)) return this.#end(reason === '' ? String(code) : reason)
    if (code === TOKEN_EXPIRED) this.#afterMs = 0
    this.#wait()
  }

  #forgetSocket(): void {
    // Whatever the old socket still says is not heard.
    this.#attempt++
    const socket = this.#socket
    this.#socket = undefined
    this.#isWelcome = false
    this.#sent.clear()
    this.#vigil?.stop()
    this.#vigil = undefined
    this.#undoGood()
    if (socket !== undefined && socket.readyState <= OPEN) socket.close()
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
    this.#forgetSocket()
    this.#undoWait()
    this.#undoWake()
    this.#outbox.close(reason)
    this.#become({ state: 'ended', reason })
  }

  #receive(frame: ServerFrame): void {
    this.#vigil?.heard()
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
        // What was known no longer connects: a log that was cut may give the same numbers again.
        this.#sequence.forget()
        this.#subscriptions.onResync(frame.id)
        return this.#frameListeners.tell(frame)
      case 'checkpoint':
        return this.#onCheckpoint(frame.cursor)
      case 'result':
        return this.#onResult(frame)
      case 'reconnect':
        this.#afterMs = frame.afterMs
        return
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
    this.#isWhole = frame.principal.kind === 'agent' || frame.principal.kind === 'contact'
    this.#become({ state: 'catching-up' })
    for (const wish of this.#subscriptions.onWelcome(frame.cursor)) this.#send({ frame: 'subscribe', ...wish })
    this.#frameListeners.tell(frame)
  }

  #onEvent(frame: Extract<ServerFrame, { frame: 'event' }>): void {
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
    if (this.#socket?.readyState === OPEN) this.#socket.send(JSON.stringify(frame))
  }

  #become(status: LineStatus): void {
    this.#status = status
    this.#statusListeners.tell(status)
  }

  #onWake(): void {
    if (this.#status.state === 'reconnecting' || this.#status.state === 'offline') this.#open()
    else if (this.#isWelcome) this.#vigil?.probe()
  }
}

/** Opens a line and keeps it open until `close()` or until the server says to stay away. */
export const connect = (options: ConnectOptions): Client => new Connection(options)
