// Commands on their way: kept under their id until the outcome is known, sent again under the same id after a resume.
// Between callers, who get a promise a command, and the line, which may be cut at any moment. Never a second id for one click.

import type { Problem } from '#schemas'
import type { Kept } from './keeping.ts'
import type { Platform, Result } from './line.ts'

export interface Command {
  readonly id: string
  readonly type: string
  readonly fields: Readonly<Record<string, unknown>>
}

interface Waiting extends Command {
  readonly settle: (result: Result) => void
  readonly undoTimeout: () => void
}

export interface OutboxOptions {
  readonly platform: Pick<Platform, 'later' | 'now'>
  /** Where commands outlive the page; without it they end with it. */
  readonly kept?: Kept | undefined
  /** The outcome of a command that an earlier page made. */
  readonly onOutcome?: ((command: Command, result: Result) => void) | undefined
}

/** After this a command is shown as failed; its id may be sent again by hand. */
const TIMEOUT_MS = 60_000
/** Where it outlives the page: the server's answer to a repeat is the first one for seven days. */
const KEPT_MS = 86_400_000
const COMMANDS_MAX = 500

const problem = (code: string, status: number, title: string): Problem => ({ type: `urn:confab:problem:${code}`, title, status, code })

export class Outbox {
  readonly #options: OutboxOptions
  readonly #waiting = new Map<string, Waiting>()

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** Those without an outcome, oldest first. */
  get pending(): readonly Command[] {
    return [...this.#waiting.values()].map(({ id, type, fields }) => ({ id, type, fields }))
  }

  add(command: Command): Promise<Result> {
    const { kept, platform } = this.#options
    if (this.#waiting.size >= COMMANDS_MAX)
      return Promise.resolve({ problem: problem('overloaded', 503, 'Too many commands wait for the line.') })
    kept?.put({ ...command, at: platform.now() })
    return this.#wait(command, kept === undefined ? TIMEOUT_MS : KEPT_MS)
  }

  /** Takes up what earlier pages of the principal left; who is known here already keeps its place. */
  async restore(principal: string): Promise<void> {
    const { kept, platform } = this.#options
    if (kept === undefined) return
    for (const { at, ...command } of await kept.take(principal)) {
      const leftMs = at + KEPT_MS - platform.now()
      if (leftMs <= 0) kept.drop(command.id)
      else if (!this.#waiting.has(command.id) && this.#waiting.size < COMMANDS_MAX) this.#follow(command, leftMs)
    }
  }

  #follow(command: Command, leftMs: number): void {
    this.#wait(command, leftMs).then(
      (result) => this.#options.onOutcome?.(command, result),
      () => undefined,
    )
  }

  #wait(command: Command, timeoutMs: number): Promise<Result> {
    return new Promise((resolve) => {
      const settle = (result: Result): void => {
        this.#waiting.get(command.id)?.undoTimeout()
        this.#waiting.delete(command.id)
        resolve(result)
      }
      const timedOut = problem('outcome_pending', 504, 'No answer came. It may have been done: repeat it under the same id.')
      const undoTimeout = this.#options.platform.later(() => this.settle(command.id, { problem: timedOut }), timeoutMs)
      // The same id again, by a second click: both get the one outcome.
      const earlier = this.#waiting.get(command.id)
      const both = (result: Result): void => {
        earlier?.settle(result)
        settle(result)
      }
      earlier?.undoTimeout()
      this.#waiting.set(command.id, { ...command, settle: earlier === undefined ? settle : both, undoTimeout })
    })
  }

  settle(id: string, result: Result): void {
    this.#options.kept?.drop(id)
    this.#waiting.get(id)?.settle(result)
  }

  /** What is kept stays kept: a page that ends does not undo what was clicked on it. */
  close(reason: string): void {
    for (const { settle } of this.#waiting.values()) settle({ problem: problem('offline', 0, `The line has ended: ${reason}.`) })
  }
}
