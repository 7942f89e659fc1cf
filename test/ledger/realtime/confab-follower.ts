// A client of the socket, by hand, for the realtime ledger: resume, resync, snapshots, and a line given up when it is mute.
// Speaks the protocol without the client library, so that a fault of the one cannot hide one of the other.

import WebSocket from 'ws'
import type { Scope, ServerFrame } from '#schemas'
import type { Follower, Recording } from './driver.ts'

/** How often the line is asked whether it lives, and how long an answer may take. */
const PING_MS = 500
const MUTE_MS = 2_500
const HANDSHAKE_MS = 2_500
/** Back after a cut: full jitter below these. */
const BACKOFF_MS = [20, 100, 400] as const
/** Close codes from here on say: stay away. */
const STAY_AWAY = 4500

/** Where the next hello begins: nothing had yet, everything anew, or a place. */
type Place = 'latest' | 'snapshot' | { checkpoint: string; slots: Record<string, string> }

export interface FollowOptions {
  readonly port: number
  readonly token: string
  readonly scope: Scope
}

export class ConfabFollower implements Follower {
  reconnects = -1
  readonly #options: FollowOptions
  readonly #recording: Recording
  #place: Place = 'latest'
  #socket: WebSocket | undefined
  #isLive = false
  #isWelcome = false
  #isClosed = false
  #isAway = false
  #heardAt = 0
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  readonly #vigil: NodeJS.Timeout

  constructor(options: FollowOptions, recording: Recording) {
    this.#options = options
    this.#recording = recording
    this.#vigil = setInterval(() => this.#watch(), PING_MS)
    this.#dial()
  }

  isLive(): boolean {
    return this.#isLive
  }

  close(): void {
    this.#isClosed = true
    clearInterval(this.#vigil)
    clearTimeout(this.#timer)
    this.#socket?.terminate()
  }

  #watch(): void {
    const socket = this.#socket
    if (socket === undefined || socket.readyState !== WebSocket.OPEN) return
    if (performance.now() - this.#heardAt > MUTE_MS) socket.terminate()
    // Between hello and welcome the door takes no other frame.
    else if (this.#isWelcome) socket.send('{"frame":"ping"}')
  }

  #dial(): void {
    if (this.#isClosed || this.#isAway) return
    this.reconnects++
    const { port, token, scope } = this.#options
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/socket`, 'confab.v1', {
      handshakeTimeout: HANDSHAKE_MS,
      perMessageDeflate: false,
    })
    this.#socket = socket
    this.#isWelcome = false
    socket.on('open', () => {
      this.#heardAt = performance.now()
      const place = this.#place
      const subscription = { id: 's', scope, ...(place === 'latest' ? { from: 'latest' } : {}) }
      socket.send(
        JSON.stringify({ frame: 'hello', token, subscriptions: [subscription], ...(typeof place === 'string' ? {} : { resume: place }) }),
      )
    })
    socket.on('message', (data) => {
      this.#heardAt = performance.now()
      // What still lies in the buffer of a socket that was given up is not applied: its successor asks for it again.
      if (socket === this.#socket && socket.readyState === WebSocket.OPEN)
        this.#onFrame(JSON.parse((data as Buffer).toString()) as ServerFrame)
    })
    socket.on('error', () => undefined)
    socket.on('close', (code) => this.#onClose(code))
  }

  #onClose(code: number): void {
    this.#isLive = false
    if (code >= STAY_AWAY) {
      this.#isAway = true
      return this.#recording.fault(`closed with ${code}`)
    }
    this.#again()
  }

  #again(): void {
    if (this.#isClosed) return
    const most = BACKOFF_MS[Math.min(this.#failures++, BACKOFF_MS.length - 1)] ?? 400
    this.#timer = setTimeout(() => this.#dial(), Math.random() * most)
  }

  /** Applies, and moves its place in the same turn. */
  #onFrame(frame: ServerFrame): void {
    switch (frame.frame) {
      case 'welcome':
        this.#isWelcome = true
        if (this.#place === 'latest') this.#place = { checkpoint: frame.cursor, slots: {} }
        return
      case 'event': {
        const { event } = frame
        if (event.subject.kind === 'conversation' || event.subject.kind === 'contact')
          this.#recording.event({ id: event.id, subject: event.subject.id, seq: event.seq })
        return this.#move(frame.slot, frame.cursor)
      }
      case 'state':
        return this.#move(frame.slot, frame.cursor)
      case 'checkpoint':
        this.#place = { checkpoint: frame.cursor, slots: {} }
        this.#isLive = true
        this.#failures = 0
        return
      case 'resync':
        this.#place = 'snapshot'
        return this.#recording.resync(frame.reason)
      case 'snapshot': {
        const rows = frame.items as { id: string; seq: number }[]
        this.#recording.base(new Map(rows.map(({ id, seq }) => [id, seq])))
        this.#place = { checkpoint: frame.asOf, slots: {} }
        return
      }
      case 'reconnect':
        // A client of one socket: what it has not read of the old one it is sent on the new.
        this.#socket?.terminate()
        return
      case 'error':
        if (frame.code !== 'log_stale') this.#recording.fault(`error ${frame.code}`)
        return
      default:
        return
    }
  }

  #move(slot: number, cursor: string): void {
    if (typeof this.#place !== 'string') this.#place.slots[String(slot)] = cursor
  }
}

/** Everything from the log's beginning, in the order in which it is sent; ends at the checkpoint. */
export const readAll = (port: number, token: string): Promise<Extract<ServerFrame, { frame: 'event' }>['event'][]> =>
  new Promise((resolve, reject) => {
    const events: Extract<ServerFrame, { frame: 'event' }>['event'][] = []
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/socket`, 'confab.v1', { perMessageDeflate: false })
    socket.on('open', () =>
      socket.send(JSON.stringify({ frame: 'hello', token, subscriptions: [{ id: 's', scope: { all: true }, from: 'earliest' }] })),
    )
    socket.on('error', reject)
    socket.on('close', (code) => reject(new Error(`the reader was closed: ${code}`)))
    socket.on('message', (data) => {
      const frame = JSON.parse((data as Buffer).toString()) as ServerFrame
      if (frame.frame === 'event') events.push(frame.event)
      else if (frame.frame === 'resync' || frame.frame === 'error') reject(new Error(JSON.stringify(frame)))
      else if (frame.frame === 'checkpoint') {
        resolve(events)
        socket.terminate()
      }
    })
  })
