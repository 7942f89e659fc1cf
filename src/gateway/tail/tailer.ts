// The tailer: reads every partition of what gateways push, once a node, into rings; no consumer group, explicit offsets.
// Between the log and everything live: each entry is handed on in the turn it is read, after its ring holds it.

import { ConfabError, hasCode } from '#errors'
import type { Chunk, Log, Position, Tails } from '#log'
import { PARTITIONS } from '#topics'
import { STREAMS, streamOf, topicOf, type TailedTopic } from '../cursor.ts'
import { Assembler, type Entry, type Route } from './entry.ts'
import { Ring } from './ring.ts'

export interface TailerConfig {
  /** Bytes a ring holds at most, and all rings of the node. */
  readonly ringBytesMax: number
  readonly nodeBytesMax: number
  /** Milliseconds an entry stays in its ring. */
  readonly ringAgeMs: number
  /** Records before the end that each ring is filled with at open. */
  readonly recentRecords: number
}

export const tailerDefaults: TailerConfig = {
  ringBytesMax: 8 * 1_048_576,
  nodeBytesMax: 256 * 1_048_576,
  ringAgeMs: 600_000,
  recentRecords: 128,
}

export interface TailerOptions {
  readonly log: Pick<Log, 'bounds'>
  readonly tails: Pick<Tails, 'follow'>
  readonly clock: () => number
  readonly route: Route
  readonly onEntry: (entry: Entry) => void
  /** The log refuses to be read; the tail goes on by itself. */
  readonly onStale: () => void
  /** What the log holds now has been read again. */
  readonly onFresh: () => void
  /** The tail has ended where it stood, and begins anew. */
  readonly onLost: (error: unknown) => void
  /** The tail begins anew elsewhere: what sessions hold no longer connects. */
  readonly onJump: () => void
  readonly config: TailerConfig
}

/** Between the end of a tail and the next. */
const RETRY_MS = 1_000

interface Waiter {
  readonly stream: number
  readonly offset: number
  readonly settle: (isReached: boolean) => void
}

export class Tailer {
  readonly rings: readonly Ring[]
  readonly #options: TailerOptions
  #assemblers: Assembler[]
  readonly #abort = new AbortController()
  readonly #waiters = new Set<Waiter>()
  readonly #times = new WeakMap<Entry, number>()
  #bytes = 0
  #isStale = false
  #loop: Promise<void> = Promise.resolve()

  constructor(options: TailerOptions, from: readonly number[]) {
    this.#options = options
    this.rings = from.map((offset) => new Ring(offset))
    this.#assemblers = from.map((offset, stream) => new Assembler(stream, offset, options.route))
  }

  /** Fills the rings up to the ends that the log has now. */
  async start(ends: readonly number[]): Promise<void> {
    this.#loop = this.#run()
    await Promise.all(ends.map((end, stream) => this.waitFor(stream, end, Number.POSITIVE_INFINITY)))
  }

  /** Resolves true once the ring's head has reached the offset, false after timeoutMs. */
  waitFor(stream: number, offset: number, timeoutMs: number): Promise<boolean> {
    if (this.#reader(stream) >= offset) return Promise.resolve(true)
    return new Promise((resolve) => {
      const timer = Number.isFinite(timeoutMs) ? setTimeout(() => waiter.settle(false), timeoutMs) : undefined
      const waiter: Waiter = {
        stream,
        offset,
        settle: (isReached) => {
          clearTimeout(timer)
          this.#waiters.delete(waiter)
          resolve(isReached)
        },
      }
      this.#waiters.add(waiter)
    })
  }

  /** Whether the log may hold more than has been read, because it refuses to be read. */
  get isStale(): boolean {
    return this.#isStale
  }

  /** While stale: looks whether there is nothing more to read; a quiet log brings no chunk that would say so. */
  async look(): Promise<void> {
    if (!this.#isStale) return
    const { ends } = await edges(this.#options.log)
    if (ends.every((end, stream) => this.#reader(stream) >= end)) this.#fresh()
  }

  /** Drops what has grown too old. */
  expire(): void {
    const oldest = this.#options.clock() - this.#options.config.ringAgeMs
    for (const ring of this.rings) {
      for (let entry = ring.oldest(); entry !== undefined && (this.#times.get(entry) ?? 0) < oldest; entry = ring.oldest())
        this.#evict(ring)
    }
  }

  async close(): Promise<void> {
    this.#abort.abort()
    for (const waiter of this.#waiters) waiter.settle(false)
    await this.#loop
  }

  #reader(stream: number): number {
    return this.#passed[stream] ?? this.rings[stream]?.head ?? 0
  }
  /** What the reader has passed, a started event's contents included. */
  readonly #passed: number[] = []

  async #run(): Promise<void> {
    const { signal } = this.#abort
    while (!signal.aborted) {
      try {
        // Records before a head may be contents of the event after it: they are read again, by assemblers that have not had them.
        this.#assemblers = this.#assemblers.map(({ next }, stream) => new Assembler(stream, next, this.#options.route))
        const from = this.#assemblers.map((assembler, stream): Position => ({
          topic: topicOf(stream),
          partition: stream % PARTITIONS,
          offset: assembler.next,
        }))
        const onOutage = (): void => this.#stale()
        for await (const chunk of this.#options.tails.follow('gateway', from, { signal, onOutage })) this.#take(chunk)
        return
      } catch (error) {
        if (signal.aborted || hasCode(error, 'log_closed')) return
        this.#options.onLost(error)
        await this.#jump().catch(this.#options.onLost)
        await pause(RETRY_MS, signal)
      }
    }
  }

  #stale(): void {
    this.#isStale = true
    this.#options.onStale()
  }

  #fresh(): void {
    this.#isStale = false
    this.#options.onFresh()
  }

  #take(chunk: Chunk): void {
    const stream = streamOf(chunk.topic as TailedTopic, chunk.partition)
    const ring = this.rings[stream]
    const assembler = this.#assemblers[stream]
    if (ring === undefined || assembler === undefined) throw new ConfabError('internal')
    const now = this.#options.clock()
    for (const entry of assembler.read(chunk)) {
      ring.append(entry)
      this.#times.set(entry, now)
      this.#bytes += entry.bytes
      this.#options.onEntry(entry)
    }
    ring.advance(assembler.next)
    this.#passed[stream] = chunk.next
    this.#makeRoom(ring)
    for (const waiter of this.#waiters) if (waiter.stream === stream && chunk.next >= waiter.offset) waiter.settle(true)
    if (this.#isStale && chunk.next >= chunk.end) void this.look().catch(() => undefined)
  }

  #makeRoom(ring: Ring): void {
    const { ringBytesMax, nodeBytesMax } = this.#options.config
    while (ring.bytes > ringBytesMax) this.#evict(ring)
    while (this.#bytes > nodeBytesMax) this.#evict(this.rings.reduce((one, other) => (other.bytes > one.bytes ? other : one)))
  }

  #evict(ring: Ring): void {
    this.#bytes -= ring.oldest()?.bytes ?? 0
    ring.evictOldest()
  }

  /** The log no longer connects to where the tail stood: begin at its ends. */
  async #jump(): Promise<void> {
    const { ends } = await edges(this.#options.log)
    for (const [stream, end] of ends.entries()) {
      const ring = this.rings[stream]
      while (ring !== undefined && ring.length > 0) this.#evict(ring)
      if (ring !== undefined) ring.from = ring.head = end
      this.#assemblers[stream] = new Assembler(stream, end, this.#options.route)
      this.#passed[stream] = end
    }
    this.#options.onJump()
  }
}

const pause = (waitMs: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, waitMs)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })

/** Start and end of every stream. */
const edges = async (log: Pick<Log, 'bounds'>): Promise<{ readonly starts: readonly number[]; readonly ends: readonly number[] }> => {
  const bounds = await Promise.all(Array.from({ length: STREAMS }, (_, stream) => log.bounds(topicOf(stream), stream % PARTITIONS)))
  return { starts: bounds.map(({ start }) => start), ends: bounds.map(({ end }) => end) }
}

/** Opens the tail with the newest records of every stream in its ring. */
export const openTailer = async (options: TailerOptions): Promise<Tailer> => {
  const { starts, ends } = await edges(options.log)
  const tailer = new Tailer(
    options,
    ends.map((end, stream) => Math.max(starts[stream] ?? 0, end - options.config.recentRecords)),
  )
  await tailer.start(ends)
  return tailer
}
