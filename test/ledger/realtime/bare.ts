// Drivers of the two servers that ours is compared with: bare `ws` and Socket.IO with connection state recovery, clients of their own kind.
// Between the checker and bench/bare-server.ts; what was acknowledged is the log, for they keep none.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { io } from 'socket.io-client'
import WebSocket from 'ws'
import { freePort } from '../../harness.ts'
import type { ClientPlan, Driver, Follower, LedgerEvent, Recording, Target, TrueEvent, Write } from './driver.ts'

type Mode = 'ws' | 'recovery'

const CONVERSATIONS = 12
const ACCOUNTS = 3
const ANSWER_MS = 2_000
/** As our own client: a line is asked so often, and mute after so long; back with full jitter below. */
const PING_MS = 500
const MUTE_MS = 2_500
const RETURN_MS = 400

class WsFollower implements Follower {
  reconnects = -1
  readonly #url: string
  readonly #recording: Recording
  readonly #vigil: NodeJS.Timeout
  #socket: WebSocket | undefined
  #heardAt = 0
  #isClosed = false

  constructor(url: string, recording: Recording) {
    this.#url = url
    this.#recording = recording
    this.#vigil = setInterval(() => this.#watch(), PING_MS)
    this.#dial()
  }

  isLive(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN
  }
  close(): void {
    this.#isClosed = true
    clearInterval(this.#vigil)
    this.#socket?.terminate()
  }

  #watch(): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return
    if (performance.now() - this.#heardAt > MUTE_MS) this.#socket.terminate()
    else this.#socket.ping()
  }

  #dial(): void {
    if (this.#isClosed) return
    this.reconnects++
    const socket = new WebSocket(this.#url, { handshakeTimeout: MUTE_MS, perMessageDeflate: false })
    this.#socket = socket
    const onHeard = (): void => void (this.#heardAt = performance.now())
    socket.on('open', onHeard)
    socket.on('pong', onHeard)
    socket.on('message', (data) => {
      onHeard()
      this.#recording.event(JSON.parse((data as Buffer).toString()) as LedgerEvent)
    })
    socket.on('error', () => undefined)
    socket.on('close', () => void setTimeout(() => this.#dial(), Math.random() * RETURN_MS))
  }
}

const followSocketIo = (port: number, key: string, recording: Recording): Follower => {
  const socket = io(`http://127.0.0.1:${port}`, {
    auth: { key },
    transports: ['websocket'],
    forceNew: true,
    reconnectionDelay: 20,
    reconnectionDelayMax: RETURN_MS,
    timeout: MUTE_MS,
  })
  let connects = 0
  socket.on('connect', () => connects++)
  socket.on('event', (event: LedgerEvent) => recording.event(event))
  return {
    get reconnects() {
      return connects - 1
    },
    isLive: () => socket.connected,
    close: () => void socket.disconnect(),
  }
}

class BareTarget implements Target {
  readonly conversations = CONVERSATIONS
  readonly kinds = ['note', 'received'] as const
  readonly plans: readonly ClientPlan[] = ['all', 'all', 'all', 'all', 'account/1', 'account/2', 'conversation/0', 'conversation/5'].map(
    (key, n) => ({ name: `${key} ${n}`, key, accounts: null, hasNotes: true, flips: false }),
  )
  readonly port: number
  readonly #mode: Mode
  readonly #seqs = new Map<number, number>()
  /** By key: a write that nobody answered keeps its number. */
  readonly #events = new Map<string, TrueEvent>()
  readonly #acknowledged: TrueEvent[] = []
  #child: ChildProcess | undefined

  constructor(mode: Mode, port: number) {
    this.#mode = mode
    this.port = port
  }

  async up(): Promise<void> {
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, '..', '..', '..', 'bench', 'bare-server.ts'), this.#mode, String(this.port)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    this.#child = child
    await once(child.stdout, 'data')
  }

  start(): Promise<ReadonlyMap<string, number>> {
    return Promise.resolve(new Map())
  }

  async write({ key, conversation, kind }: Write): Promise<string | undefined> {
    const event = this.#events.get(key) ?? this.#made(key, conversation, kind)
    try {
      const answer = await fetch(`http://127.0.0.1:${this.port}/publish`, {
        method: 'POST',
        body: JSON.stringify({ keys: event.keys, event: { id: event.id, subject: event.subject, seq: event.seq } }),
        signal: AbortSignal.timeout(ANSWER_MS),
      })
      await answer.text()
      this.#acknowledged.push(event)
      return key
    } catch {
      return undefined
    }
  }

  follow(plan: ClientPlan, port: number, recording: Recording): Promise<Follower> {
    if (this.#mode === 'recovery') return Promise.resolve(followSocketIo(port, plan.key, recording))
    return Promise.resolve(new WsFollower(`ws://127.0.0.1:${port}/?key=${encodeURIComponent(plan.key)}`, recording))
  }

  async kill(): Promise<void> {
    await this.#down('SIGKILL')
    await this.up()
  }
  async restart(): Promise<void> {
    await this.#down('SIGTERM')
    await this.up()
  }
  truth(): Promise<readonly TrueEvent[]> {
    return Promise.resolve(this.#acknowledged)
  }
  async stop(): Promise<void> {
    await this.#down('SIGKILL')
  }

  #made(key: string, conversation: number, kind: string): TrueEvent {
    const seq = (this.#seqs.get(conversation) ?? 0) + 1
    this.#seqs.set(conversation, seq)
    const account = String(conversation % ACCOUNTS)
    const keys = ['all', `conversation/${conversation}`, `account/${account}`]
    const type = kind === 'note' ? 'note.added' : 'message.received'
    const event: TrueEvent = { id: key, subject: String(conversation), seq, cause: key, type, account, keys }
    this.#events.set(key, event)
    return event
  }

  async #down(signal: NodeJS.Signals): Promise<void> {
    if (this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill(signal)
    await gone
  }
}

const driverOf = (mode: Mode, name: string): Driver => ({
  name,
  async open() {
    const target = new BareTarget(mode, await freePort())
    await target.up()
    return target
  },
})

export const wsDriver = driverOf('ws', 'ws')
export const socketIoDriver = driverOf('recovery', 'socket.io')
