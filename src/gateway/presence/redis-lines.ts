// Two connections to Redis, one that speaks and one that listens: up only while both are and our own pulse comes back.
// Between the board and ioredis; nothing queues here, and what fails begins anew.

import { Redis } from 'ioredis'

export interface LinesOptions {
  readonly url: string
  /** A channel of this process alone. */
  readonly pulse: string
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly onUp: () => void
  readonly onDown: (error: unknown) => void
  readonly onMessage: (channel: string, text: string) => void
}

/** Our own pulse comes back at once where Redis lives; without it for so long, it does not. */
const SILENT_MS = 5_000
const COMMAND_TIMEOUT_MS = 2_000
const RETRY_MS_MAX = 2_000

/** Names in Redis: two sites in one do not meet. */
export const keysOf = (site: string) => {
  const key = (...parts: readonly string[]): string => ['confab', site, ...parts].join(':')
  return {
    news: (organizationId: string) => key('news', organizationId),
    nodes: (organizationId: string) => key('nodes', organizationId),
    facts: (organizationId: string, node: string) => key('facts', organizationId, node),
    pulse: (node: string) => key('pulse', node),
  }
}

export class Lines {
  readonly commands: Redis
  readonly ears: Redis
  readonly #options: LinesOptions
  #isUp = false
  #isClosed = false
  #heardAt = 0

  constructor(options: LinesOptions) {
    this.#options = options
    this.commands = this.#connect()
    this.ears = this.#connect()
    this.ears.on('message', (channel, text) => {
      this.#heardAt = options.now()
      if (channel !== options.pulse) options.onMessage(channel, text)
    })
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** Once a second: a line that is open and mute is none. */
  tick(): void {
    if (!this.#isUp) return
    if (this.#options.now() - this.#heardAt > SILENT_MS) return this.#reset(new Error('Redis is silent.'))
    this.guard(this.commands.publish(this.#options.pulse, ''))
  }

  /** Work that fails shows that what Redis holds of us is not what we said. */
  guard(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#reset(error))
  }

  close(): void {
    this.#isClosed = true
    this.commands.disconnect()
    this.ears.disconnect()
  }

  #connect(): Redis {
    const redis = new Redis(this.#options.url, {
      // Nothing waits for Redis: what cannot be said now is said whole when it is back.
      enableOfflineQueue: false,
      autoResubscribe: false,
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_TIMEOUT_MS,
      connectTimeout: COMMAND_TIMEOUT_MS,
      retryStrategy: (times) => Math.min(100 * 2 ** Math.min(times, 10), RETRY_MS_MAX),
    })
    redis.on('error', (error) => this.#lose(error))
    redis.on('close', () => this.#lose(new Error('The connection was closed.')))
    redis.on('ready', () => this.#rise())
    return redis
  }

  #rise(): void {
    if (this.#isUp || this.#isClosed || this.commands.status !== 'ready' || this.ears.status !== 'ready') return
    this.#isUp = true
    this.#heardAt = this.#options.now()
    this.guard(this.ears.subscribe(this.#options.pulse))
    this.#options.onUp()
  }

  #reset(error: unknown): void {
    if (!this.#isUp || this.#isClosed) return
    this.#lose(error)
    for (const redis of [this.commands, this.ears]) if (redis.status === 'ready') redis.disconnect(true)
  }

  #lose(error: unknown): void {
    if (!this.#isUp || this.#isClosed) return
    this.#isUp = false
    this.#options.onDown(error)
  }
}
