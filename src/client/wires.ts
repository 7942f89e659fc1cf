// The sockets of a line: the one in use, and while it moves the next, which takes over once the server has welcomed it.
// Between the connection, which knows what frames mean, and the sockets, which come and go.

import type { ServerFrame } from '#schemas'
import { Wire, type WireOptions } from './wire.ts'
import type { TokenAnswer } from './line.ts'

/** How long a new socket may take to be welcome while the old one still serves. */
const MOVE_MS = 10_000

type Answer = Exclude<TokenAnswer, string>

export interface WiresOptions extends Pick<WireOptions, 'platform' | 'url' | 'token'> {
  readonly hello: (token: string) => object
  readonly onFrame: (frame: ServerFrame) => void
  /** The socket in use is another one, or none: what was sent on the old may not have come. */
  readonly onChanged: () => void
  /** The socket in use has ended, and no next one is opening. */
  readonly onLost: (code: number, reason: string) => void
  /** The next one has not yet been welcomed, and the old one has ended. */
  readonly onConnecting: () => void
  /** No token: `Refused`, or the server cannot be asked. */
  readonly onNoToken: (isRefused: boolean) => void
}

export class Wires {
  readonly #options: WiresOptions
  #current: Wire | undefined
  #next: Wire | undefined
  #attempt = 0
  #undoMove: () => void = () => undefined

  constructor(options: WiresOptions) {
    this.#options = options
  }

  send(frame: object): void {
    this.#current?.send(frame)
  }
  probe(): void {
    this.#current?.probe()
  }

  open(): void {
    this.#withToken(
      (answer) => (this.#current = this.#wire(answer)),
      () => this.#options.onNoToken(false),
    )
  }

  /** Told to come back: the old socket serves until the new one is welcome, or until it ends by itself. */
  move(afterMs: number): void {
    const { platform } = this.#options
    this.#undoMove()
    this.#undoMove = platform.later(() => {
      const opened = (answer: Answer): void => {
        const next = (this.#next = this.#wire(answer))
        this.#undoMove = platform.later(() => this.#dropNext(next), MOVE_MS)
      }
      this.#withToken(opened, () => undefined)
    }, afterMs)
  }

  /** Leaves all. A token that is still being fetched comes too late. */
  leave(): void {
    this.#attempt++
    this.#dropNext()
    this.#leaveCurrent()
  }

  #withToken(call: (answer: Answer) => void, failed: () => void): void {
    const attempt = ++this.#attempt
    this.#options
      .token()
      .then((answer) => {
        if (attempt === this.#attempt) call(typeof answer === 'string' ? { token: answer } : answer)
      })
      .catch((error: unknown) => {
        if (attempt !== this.#attempt) return
        if (error instanceof Error && error.name === 'Refused') this.#options.onNoToken(true)
        else failed()
      })
  }

  #wire({ token, expiresAt }: Answer): Wire {
    const { hello, onFrame: _onFrame, ...options } = this.#options
    return new Wire({
      ...options,
      expiresAt,
      hello: () => hello(token),
      onFrame: (frame, wire) => this.#hear(frame, wire),
      onClosed: (code, reason, wire) => this.#closed(code, reason, wire),
    })
  }

  #hear(frame: ServerFrame, wire: Wire): void {
    if (wire === this.#next && frame.frame === 'welcome') {
      this.#next = undefined
      this.#leaveCurrent()
      this.#current = wire
    }
    if (wire === this.#current) this.#options.onFrame(frame)
  }

  #closed(code: number, reason: string, wire: Wire): void {
    if (wire === this.#next) {
      // The old one still serves; its own end decides.
      this.#next = undefined
      return
    }
    const next = this.#next
    this.#next = undefined
    this.#attempt++
    this.#leaveCurrent()
    // Below 4500 there is something to come back for: the next is on its way there.
    if (next === undefined || (code >= 4500 && code < 5000)) {
      next?.leave()
      return this.#options.onLost(code, reason)
    }
    this.#current = next
    this.#options.onConnecting()
  }

  #dropNext(wire = this.#next): void {
    if (this.#next !== wire) return
    this.#next = undefined
    wire?.leave()
  }

  #leaveCurrent(): void {
    this.#undoMove()
    this.#current?.leave()
    this.#current = undefined
    this.#options.onChanged()
  }
}
