// Commands on their way: kept under their id until the outcome is known, sent again under the same id after a resume.
// Between callers, who get a promise a command, and the line, which may be cut at any moment. Never a second id for one click.

import type { Problem } from '#schemas'
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

/** After this a command is shown as failed; its id may be sent again by hand. */
const TIMEOUT_MS = 60_000
const COMMANDS_MAX = 500

const problem = (code: string, status: number, title: string): Problem => ({ type: `urn:confab:problem:${code}`, title, status, code })

export class Outbox {
  readonly #platform: Pick<Platform, 'later'>
  readonly #waiting = new Map<string, Waiting>()

  constructor(platform: Pick<Platform, 'later'>) {
    this.#platform = platform
  }

  /** Those without an outcome, oldest first. */
  get pending(): readonly Command[] {
    return [...this.#waiting.values()].map(({ id, type, fields }) => ({ id, type, fields }))
  }

  add(command: Command): Promise<Result> {
    if (this.#waiting.size >= COMMANDS_MAX)
      return Promise.resolve({ problem: problem('overloaded', 503, 'Too many commands wait for the line.') })
    return new Promise((resolve) => {
      const settle = (result: Result): void => {
        this.#waiting.get(command.id)?.undoTimeout()
        this.#waiting.delete(command.id)
        resolve(result)
      }
      const timedOut = problem('outcome_pending', 504, 'No answer came. It may have been done: repeat it under the same id.')
      const undoTimeout = this.#platform.later(() => settle({ problem: timedOut }), TIMEOUT_MS)
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
    this.#waiting.get(id)?.settle(result)
  }

  close(reason: string): void {
    for (const { settle } of this.#waiting.values()) settle({ problem: problem('offline', 0, `The line has ended: ${reason}.`) })
  }
}
