// A bare client of the socket for tests: it keeps every frame and waits for those a test names.

import { WebSocket } from 'ws'
import type { ServerFrame } from '#schemas'
import { Recorder } from './recorder.ts'

export type { Received } from './recorder.ts'

export class TestSocket extends Recorder {
  readonly closed: Promise<{ code: number; reason: string }>
  readonly #socket: WebSocket

  constructor(url: string, options: { headers?: Record<string, string>; protocol?: string } = {}) {
    super()
    this.#socket = new WebSocket(url, options.protocol ?? 'confab.v1', { headers: options.headers ?? {}, perMessageDeflate: false })
    this.#socket.on('message', (data) => this.note(JSON.parse((data as Buffer).toString()) as ServerFrame))
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

  /** Without a word, as a lost line. */
  cut(): void {
    this.#socket.terminate()
  }

  close(): void {
    this.#socket.close()
  }
}
