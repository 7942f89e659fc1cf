// Whether a node may be given work: the log answers, its tails keep up with it, its parts are open. In words where not.
// Between what a node consists of and /readyz; liveness is another question, which a process that answers has settled.

import { hasCode } from '#errors'
import type { Log, TailFacts, Tails } from '#log'

export interface Readiness {
  readonly isReady: boolean
  /** Of each part, whether it is as it should be. */
  readonly checks: Readonly<Record<string, boolean>>
  /** What is not ready, each in a sentence. */
  readonly reasons: readonly string[]
}

export interface ReadinessOptions {
  readonly log: Pick<Log, 'bounds' | 'offsetAt'>
  readonly tails: Pick<Tails, 'facts'>
  /** Parts that know for themselves. */
  readonly parts: () => Readonly<Record<string, boolean>>
  readonly now?: () => number
  readonly wait?: (ms: number) => Promise<void>
}

/** How long the log may take to answer, and a tail that is behind to move. */
const DEADLINE_MS = 1_000
const LOOK_MS = 50
/** An answer is good for so long, so that asking often costs no more than asking now and then; a start is seen soon. */
const READY_MS = 1_000
const UNREADY_MS = 100

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref())

class Probe {
  readonly #options: ReadinessOptions
  readonly #wait: (ms: number) => Promise<void>

  constructor(options: ReadinessOptions) {
    this.#options = options
    this.#wait = options.wait ?? delay
  }

  async look(): Promise<Readiness> {
    const { parts, tails } = this.#options
    const reasons: string[] = []
    const checks: Record<string, boolean> = {}
    const say = (name: string, reason: string | undefined): void => {
      checks[name] = (checks[name] ?? true) && reason === undefined
      if (reason !== undefined) reasons.push(reason)
    }
    say('log', await this.#within(this.#log(), 'The log'))
    for (const [tail, reason] of await Promise.all(tails.facts().map(async (tail) => [tail, await this.#tail(tail)] as const)))
      say(tail.name, reason)
    for (const [name, isReady] of Object.entries(parts())) say(name, isReady ? undefined : `The part ${name} is not ready.`)
    return { isReady: reasons.length === 0, checks, reasons }
  }

  /** One look into its memory and one that must reach its storage. */
  async #log(): Promise<undefined> {
    const { log } = this.#options
    await log.bounds('config', 0)
    await log.offsetAt('config', 0, 0)
  }

  async #tail(tail: TailFacts): Promise<string | undefined> {
    if (tail.state === 'ended') return `The tail of ${tail.name} has ended.`
    const { log } = this.#options
    const before = tail.passed
    let behind = 0
    const level = async (): Promise<undefined> => {
      const wanted = await Promise.all(tail.positions.map(({ topic, partition }) => log.bounds(topic, partition)))
      const count = (): number =>
        tail.positions.reduce((sum, { offset }, index) => sum + Math.max(0, (wanted[index]?.end ?? 0) - offset), 0)
      // Behind for a moment is every tail of a busy log; one that does not move is another matter.
      for (let waitedMs = 0; (behind = count()) > 0 && tail.passed === before && waitedMs < DEADLINE_MS; waitedMs += LOOK_MS)
        await this.#wait(LOOK_MS)
    }
    const reason = await this.#within(level(), `The log, asked how far ${tail.name} has to go,`, 2 * DEADLINE_MS)
    if (reason !== undefined || behind === 0 || tail.passed > before) return reason
    return `The tail of ${tail.name} stands still, ${behind} records behind the log's end.`
  }

  async #within(work: Promise<undefined>, what: string, deadlineMs = DEADLINE_MS): Promise<string | undefined> {
    const late = this.#wait(deadlineMs).then(() => `${what} does not answer.`)
    const failed = (error: unknown): string => `${what} ${hasCode(error, 'log_closed') ? 'is closed' : 'cannot be read'}.`
    return Promise.race([work.catch(failed), late])
  }
}

/** Asks at most once a second, however many ask. */
export const openReadiness = (options: ReadinessOptions): (() => Promise<Readiness>) => {
  const probe = new Probe(options)
  const now = options.now ?? (() => performance.now())
  let current: Promise<Readiness> | undefined
  let freshUntil = 0
  return () => {
    if (current === undefined || now() >= freshUntil) {
      freshUntil = Number.POSITIVE_INFINITY
      current = probe.look().then((answer) => {
        freshUntil = now() + (answer.isReady ? READY_MS : UNREADY_MS)
        return answer
      })
    }
    return current
  }
}
