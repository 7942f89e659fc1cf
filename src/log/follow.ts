// A tail that outlives read errors: what stopped is read on from where it stood, after a bounded, jittered wait.
// Between `Log.read`, which ends with its first error, and everyone who follows the log for as long as the node lives.

import { ConfabError, hasCode } from '#errors'
import type { Chunk, Log, Position, ReadOptions } from './index.ts'

export interface FollowOptions extends ReadOptions {
  /** Once an outage, with its first error; the next chunk ends the outage. */
  readonly onOutage: (error: unknown) => void
  /** Each time the log is to be read anew. */
  readonly onRestart?: () => void
  /** The consumer has done with the chunk that ended there. */
  readonly onPassed?: (position: Position) => void
  /** In [0, 1): jitter. */
  readonly random?: () => number
  readonly wait?: (waitMs: number, signal: AbortSignal) => Promise<void>
}

/** The first wait and the longest; each lasts between half of it and all of it. */
export const FOLLOW_MS_MIN = 50
export const FOLLOW_MS_MAX = 5_000

/** Errors that no repeat heals: the position means nothing in this log any more, or the log is closed. */
const isFinal = (error: unknown): boolean => hasCode(error, 'offset_below_start', 'offset_beyond_end', 'log_closed')

const keyOf = ({ topic, partition }: Pick<Position, 'topic' | 'partition'>): string => `${topic}/${partition}`

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

/**
 * `log.read`, for ever: each chunk once and in order, however often the read fails. Ends without an error when `signal` aborts.
 * Throws `offset_below_start`, `offset_beyond_end` and `log_closed`, which no repeat heals.
 */
export async function* follow(
  log: Pick<Log, 'read'>,
  from: readonly Position[],
  options: FollowOptions,
): AsyncGenerator<Chunk, void, undefined> {
  const { signal, onOutage, onRestart, onPassed, random = Math.random, wait = pause } = options
  const read: ReadOptions = { signal, ...(options.chunkRecordsMax === undefined ? {} : { chunkRecordsMax: options.chunkRecordsMax }) }
  const positions = new Map(from.map((position) => [keyOf(position), position]))
  let failures = 0
  while (!signal.aborted) {
    try {
      for await (const chunk of log.read([...positions.values()], read)) {
        failures = 0
        yield chunk
        const position: Position = { topic: chunk.topic, partition: chunk.partition, offset: chunk.next }
        positions.set(keyOf(chunk), position)
        onPassed?.(position)
      }
      // The port promises to end with the signal alone: a form that breaks this must not leave a tail that is silently dead.
      if (!signal.aborted) throw new ConfabError('log_stale', { detail: 'The read ended by itself.' })
    } catch (error) {
      if (signal.aborted) return
      if (isFinal(error)) throw error
      if (failures++ === 0) onOutage(error)
      onRestart?.()
      const longest = Math.min(FOLLOW_MS_MAX, FOLLOW_MS_MIN * 2 ** Math.min(failures - 1, 16))
      await wait(longest * (0.5 + random() / 2), signal)
    }
  }
}

/** How one tail of a node is. */
export interface TailFacts {
  readonly name: string
  /** The next offset of each partition it follows; it may follow several topics. */
  readonly positions: readonly Position[]
  /** Chunks it has passed so far. */
  readonly passed: number
  /** `ended`: though its signal did not say so; its position means nothing in this log any more, or who read it failed. */
  readonly state: 'reading' | 'failing' | 'ended'
  /** Monotonic milliseconds since when it fails; undefined = it does not. */
  readonly failingSince: number | undefined
}

export interface Tails {
  /** Follows under a name. Ends with `tail_lost` where no repeat would heal, unless the log was closed. */
  follow(name: string, from: readonly Position[], options: ReadOptions & { readonly onOutage?: () => void }): AsyncIterable<Chunk>
  /** A stretch of the past, for whoever stops when they have it: no tail of the node, and errors keep their codes. */
  past(name: string, from: readonly Position[], options: ReadOptions): AsyncIterable<Chunk>
  /** All tails but those whose signal ended them. */
  facts(): readonly TailFacts[]
  /** How long the log has not been readable, in milliseconds; null = it is. */
  staleMs(): number | null
}

export interface TailsOptions {
  readonly log: Pick<Log, 'read'>
  readonly onOutage: (error: unknown, name: string) => void
  readonly onRestart?: (name: string) => void
  readonly random?: () => number
  readonly wait?: FollowOptions['wait']
  /** Monotonic milliseconds. */
  readonly now?: () => number
}

class NodeTails implements Tails {
  readonly #options: TailsOptions
  readonly #facts = new Set<{ -readonly [K in keyof TailFacts]: TailFacts[K] }>()

  constructor(options: TailsOptions) {
    this.#options = options
  }

  facts(): readonly TailFacts[] {
    return [...this.#facts]
  }

  staleMs(): number | null {
    const since = this.facts().flatMap(({ failingSince }) => failingSince ?? [])
    return since.length === 0 ? null : this.#now() - Math.min(...since)
  }

  #now(): number {
    return (this.#options.now ?? (() => performance.now()))()
  }

  async *follow(
    name: string,
    from: readonly Position[],
    { signal, onOutage, ...options }: ReadOptions & { readonly onOutage?: () => void },
  ): AsyncGenerator<Chunk, void, undefined> {
    if (from.length === 0) return
    const positions = new Map(from.map((position) => [keyOf(position), position]))
    const facts: { -readonly [K in keyof TailFacts]: TailFacts[K] } = {
      name,
      get positions() {
        return [...positions.values()]
      },
      passed: 0,
      state: 'reading',
      failingSince: undefined,
    }
    // Begun anew by whoever knows what to do about an end.
    for (const other of this.#facts) if (other.name === name && other.state === 'ended') this.#facts.delete(other)
    this.#facts.add(facts)
    try {
      yield* this.#read(name, from, {
        ...options,
        signal,
        onOutage: () => {
          facts.state = 'failing'
          facts.failingSince ??= this.#now()
          onOutage?.()
        },
        onPassed: (position) => {
          positions.set(keyOf(position), position)
          facts.passed++
          facts.state = 'reading'
          facts.failingSince = undefined
        },
      })
    } catch (cause) {
      if (hasCode(cause, 'log_closed')) throw cause
      throw new ConfabError('tail_lost', { detail: `It is ${name}.`, cause })
    } finally {
      facts.state = 'ended'
      if (signal.aborted) this.#facts.delete(facts)
    }
  }

  past(name: string, from: readonly Position[], options: ReadOptions): AsyncIterable<Chunk> {
    return this.#read(name, from, { ...options, onOutage: () => undefined })
  }

  #read(name: string, from: readonly Position[], options: FollowOptions): AsyncGenerator<Chunk, void, undefined> {
    const { log, onOutage, onRestart, random, wait } = this.#options
    return follow(log, from, {
      ...options,
      onOutage: (error) => {
        options.onOutage(error)
        onOutage(error, name)
      },
      onRestart: () => onRestart?.(name),
      ...(random === undefined ? {} : { random }),
      ...(wait === undefined ? {} : { wait }),
    })
  }
}

/** The tails of a node, so that readiness can ask how each of them is. */
export const openTails = (options: TailsOptions): Tails => new NodeTails(options)
