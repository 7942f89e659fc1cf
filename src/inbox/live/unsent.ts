// Messages without an outcome, kept by the browser for one agent: a reload, a crash or a train's tunnel loses no word.
// Between sends on their way and the browser's storage; where that is forbidden or full they last as long as the page.

import type { Pending } from '../state/model.ts'

/** What of the browser's storage is used. */
export type Keeper = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

export interface Unsent {
  readonly conversationId: string
  readonly pending: Pending
}

/** More than this wait for a line only where something else is wrong: the oldest give way. */
const UNSENT_MAX = 50

const isUnsent = (value: unknown): value is Unsent => {
  const { conversationId, pending } = (value ?? {}) as Partial<Unsent>
  return typeof conversationId === 'string' && typeof pending?.clientId === 'string' && typeof pending.text === 'string'
}

export class UnsentMessages {
  readonly #keeper: Keeper | null
  readonly #key: string

  constructor(keeper: Keeper | null, agentId: string) {
    this.#keeper = keeper
    this.#key = `confab.unsent.${agentId}`
  }

  /** Oldest first. */
  all(): readonly Unsent[] {
    try {
      const kept = JSON.parse(this.#keeper?.getItem(this.#key) ?? '[]') as unknown
      return Array.isArray(kept) ? kept.filter(isUnsent) : []
    } catch {
      return []
    }
  }

  keep(conversationId: string, pending: Pending): void {
    this.#write([...this.all().filter((each) => each.pending.clientId !== pending.clientId), { conversationId, pending }])
  }

  drop(clientId: string): void {
    const kept = this.all()
    if (kept.some(({ pending }) => pending.clientId === clientId)) this.#write(kept.filter(({ pending }) => pending.clientId !== clientId))
  }

  clear(): void {
    this.#write([])
  }

  #write(unsent: readonly Unsent[]): void {
    try {
      if (unsent.length === 0) this.#keeper?.removeItem(this.#key)
      else this.#keeper?.setItem(this.#key, JSON.stringify(unsent.slice(-UNSENT_MAX)))
    } catch {
      // Forbidden or full: what is on screen stays there.
    }
  }
}
