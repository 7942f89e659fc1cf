// A bare client of the socket for tests: it keeps every frame and waits for those a test names.

import { WebSocket } from 'ws'
import type { ServerFrame } from '#schemas'

export type Received<N extends ServerFrame['frame']> = Extract<ServerFrame, { frame: N }>
type EventFrame = Received<'event'>

const WAIT_MS = 10_000

export class TestSocket {
  readonly frames: ServerFrame[] = []
  readonly closed: Promise<{ code: number; reason: string }>
  readonly #socket: WebSocket
  readonly #waiters = new Set<() => void>()
  #seen = 0

  constructor(url: string, options: { headers?: Record<string, string>; protocol?: string } = {}) {
    this.#socket = new WebSocket(url, options.protocol ?? 'confab.v1', { headers: options.headers ?? {}, perMessageDeflate: false })
    this.#socket.on('message', (data) => {
      this.frames.push(JSON.parse((data as Buffer).toString()) as ServerFrame)
      for (const wake of this.#waiters) wake()
    })
    this.closed = new Promise((resolve) => {
      this.#socket.on('error', () => undefined)
      this.#socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
  }

  send(frame: object): void {
    if (this.#socket.readyState === WebSocket.CONNECTING) this.#socket.once('open', () => this.#socket.send(JSON.stringify(frame)))
    else this.#socket.send(JSON.stringify(frame))
  }

  sendRaw(text: string | Buffer): void {
    this.#socket.send(text)
  }

  /** The first frame not yet waited for that fits; frames before it stay in `frames`. */
  async next<N extends ServerFrame['frame']>(name: N, fits: (frame: Received<N>) => boolean = () => true): Promise<Received<N>> {
    const deadline = performance.now() + WAIT_MS
    for (;;) {
      while (this.#seen < this.frames.length) {
        const frame = this.frames[this.#seen++] as ServerFrame
        if (frame.frame === name && fits(frame as Received<N>)) return frame as Received<N>
      }
      if (performance.now() > deadline)
        throw new Error(`no ${name} within ${WAIT_MS} ms; got ${this.frames.map(({ frame }) => frame).join(' ')}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, 200)
        const waiters = this.#waiters
        function done(): void {
          clearTimeout(timer)
          waiters.delete(done)
          resolve()
        }
        waiters.add(done)
      })
    }
  }

  get events(): EventFrame[] {
    return this.frames.filter((frame): frame is EventFrame => frame.frame === 'event')
  }

  /** What a resume needs: the last checkpoint and the newest cursor of each slot since. */
  get resume(): { checkpoint: string; slots: Record<string, string> } {
    let checkpoint = ''
    let slots: Record<string, string> = {}
    for (const frame of this.frames) {
      if (frame.frame === 'welcome' || frame.frame === 'checkpoint') {
        checkpoint = frame.cursor
        slots = {}
      } else if (frame.frame === 'event' || frame.frame === 'state') slots[String(frame.slot)] = frame.cursor
    }
    return { checkpoint, slots }
  }

  /** Without a word, as a lost line. */
  cut(): void {
    this.#socket.terminate()
  }

  close(): void {
    this.#socket.close()
  }
}
