// Who is here: the sessions of a node, counted by principal, and how all of them are asked to leave.
// Between the gateway, which makes and ends sessions, and its limits and its close.

import type { Grants } from '#schemas'
import type { Session } from './session.ts'

type Principal = Pick<Grants, 'organizationId' | 'id'>

/** Parts of the sessions that a closing gateway asks to leave, one after the other, over half of the time it gives them. */
const BATCHES = 10
/** Over how long clients come back that were given no time to open another socket. */
const RETURN_MS = 2_000

const keyOf = ({ organizationId, id }: Principal): string => `${organizationId}/${id}`

export class Roster implements Iterable<Session> {
  readonly #sessions = new Set<Session>()
  readonly #counts = new Map<string, number>()
  #onEmpty: (() => void) | undefined

  get size(): number {
    return this.#sessions.size
  }

  [Symbol.iterator](): Iterator<Session> {
    return this.#sessions.values()
  }

  /** Sessions of the principal. */
  countOf(principal: Principal): number {
    return this.#counts.get(keyOf(principal)) ?? 0
  }

  add(session: Session): void {
    this.#sessions.add(session)
    this.#counts.set(keyOf(session.grants), this.countOf(session.grants) + 1)
  }

  /** False where it had gone. */
  remove(session: Session): boolean {
    if (!this.#sessions.delete(session)) return false
    const left = this.countOf(session.grants) - 1
    if (left > 0) this.#counts.set(keyOf(session.grants), left)
    else this.#counts.delete(keyOf(session.grants))
    if (this.#sessions.size === 0) this.#onEmpty?.()
    return true
  }

  /** Asks in batches, so that not all come back at once; events go on meanwhile. Ends who is left, early where nobody is. */
  async drain(drainMs: number, random: () => number): Promise<void> {
    const invited = [...this.#sessions]
    const size = Math.ceil(invited.length / BATCHES)
    const startedAt = performance.now()
    const untilMs = (ms: number): Promise<void> => this.#emptyOr(startedAt + ms - performance.now())
    const batchMs = drainMs / 2 / BATCHES
    const spreadMs = drainMs > 0 ? batchMs : RETURN_MS
    for (let batch = 0; batch < BATCHES && this.#sessions.size > 0; batch++) {
      for (const session of invited.slice(batch * size, (batch + 1) * size)) session.invite(Math.floor(random() * spreadMs))
      await untilMs((batch + 1) * batchMs)
    }
    await untilMs(drainMs)
    for (const session of this.#sessions) session.end('drain')
  }

  /** Waits until no session is left, or so long. */
  #emptyOr(waitMs: number): Promise<void> {
    if (this.#sessions.size === 0 || waitMs <= 0) return Promise.resolve()
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        this.#onEmpty = undefined
        resolve()
      }
      const timer = setTimeout(end, waitMs)
      this.#onEmpty = end
    })
  }
}
