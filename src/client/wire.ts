// One socket of the line, from its opening to its end: hello first, frames as objects, silence once it has been left.
// Between the platform's socket and the connection, which may have two while it moves from one to the next.

import type { ServerFrame } from '#schemas'
import type { Platform, SocketLike } from './line.ts'
import { Vigil, type VigilOptions } from './vigil.ts'

const SUBPROTOCOL = 'confab.v1'
const OPEN = 1

export interface WireOptions extends Pick<VigilOptions, 'expiresAt' | 'token'> {
  readonly platform: Platform
  readonly url: string
  /** The first frame, made when the socket opens. */
  readonly hello: () => object
  readonly onFrame: (frame: ServerFrame, wire: Wire) => void
  /** Never called once it was left. */
  readonly onClosed: (code: number, reason: string, wire: Wire) => void
}

export class Wire {
  readonly #socket: SocketLike
  readonly #vigil: Vigil
  #isLeft = false

  constructor(options: WireOptions) {
    const { platform, url, expiresAt, token, hello, onFrame, onClosed } = options
    const socket = (this.#socket = platform.open(url, SUBPROTOCOL))
    const closed = (code: number, reason: string): void => {
      if (this.#isLeft) return
      this.leave()
      onClosed(code, reason, this)
    }
    socket.onopen = () => this.send(hello())
    socket.onmessage = ({ data }) => {
      if (this.#isLeft || typeof data !== 'string') return
      this.#vigil.heard()
      onFrame(JSON.parse(data) as ServerFrame, this)
    }
    socket.onclose = ({ code, reason }) => closed(code, reason)
    socket.onerror = () => undefined
    this.#vigil = new Vigil({ platform, expiresAt, token, onDead: () => closed(1006, ''), send: (frame) => this.send(frame) })
  }

  send(frame: object): void {
    if (!this.#isLeft && this.#socket.readyState === OPEN) this.#socket.send(JSON.stringify(frame))
  }

  probe(): void {
    this.#vigil.probe()
  }

  /** Closes it; whatever it still says is not heard. */
  leave(): void {
    if (this.#isLeft) return
    this.#isLeft = true
    this.#vigil.stop()
    if (this.#socket.readyState <= OPEN) this.#socket.close()
  }
}
