// Is the line still one? Silence, a probe after waking, and a fresh token in time. Its timers end with the socket they watch.
// Between an open socket and the connection, which acts on what this finds.

import type { Platform, TokenAnswer } from './line.ts'

/** Without a frame for so long the line is dead, whatever the socket says. */
const SILENCE_MS = 45_000
const PROBE_MS = 3_000
const CHECK_EVERY_MS = 5_000
const REFRESH_AT = 0.8
const REFRESH_MS_MIN = 1_000

export interface VigilOptions {
  readonly platform: Pick<Platform, 'now' | 'later'>
  /** When the token that opened the socket ends. */
  readonly expiresAt: number | undefined
  readonly token: () => Promise<TokenAnswer>
  readonly onDead: () => void
  readonly send: (frame: object) => void
}

export class Vigil {
  readonly #options: VigilOptions
  readonly #undo = new Map<'check' | 'probe' | 'refresh', () => void>()
  #heardAt: number
  #isStopped = false

  constructor(options: VigilOptions) {
    this.#options = options
    this.#heardAt = options.platform.now()
    this.#check()
    this.#refreshBefore(options.expiresAt)
  }

  heard(): void {
    this.#heardAt = this.#options.platform.now()
  }

  /** Back on the net, awake, shown: whoever does not answer is not there. */
  probe(): void {
    const askedAt = this.#options.platform.now()
    this.#options.send({ frame: 'ping' })
    const answer = (): void => {
      if (this.#heardAt < askedAt) this.#options.onDead()
    }
    this.#later('probe', answer, PROBE_MS)
  }

  stop(): void {
    this.#isStopped = true
    for (const undo of this.#undo.values()) undo()
    this.#undo.clear()
  }

  /** Timers lie in background tabs: what counts is the time of the last frame. */
  #check(): void {
    const look = (): void => {
      if (this.#options.platform.now() - this.#heardAt >= SILENCE_MS) this.#options.onDead()
      else this.#check()
    }
    this.#later('check', look, CHECK_EVERY_MS)
  }

  /** A fresh token when four fifths of the time to the old one's end have passed. */
  #refreshBefore(expiresAt: number | undefined): void {
    if (expiresAt === undefined) return
    const refresh = (): void => {
      this.#options
        .token()
        .then((answer) => {
          if (this.#isStopped || typeof answer === 'string') return
          this.#options.send({ frame: 'refresh', token: answer.token })
          this.#refreshBefore(answer.expiresAt)
        })
        // The server closes when the old one ends; the next opening asks again.
        .catch(() => undefined)
    }
    this.#later('refresh', refresh, Math.max(REFRESH_MS_MIN, (expiresAt - this.#options.platform.now()) * REFRESH_AT))
  }

  #later(name: 'check' | 'probe' | 'refresh', call: () => void, ms: number): void {
    this.#undo.get(name)?.()
    this.#undo.set(name, this.#options.platform.later(call, ms))
  }
}
