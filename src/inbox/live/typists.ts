// In which conversations the contact types now: each for as long as the frame says, since an end may never come.
// Between ephemeral frames and the state.

import type { Holder } from './holder.ts'

/** As the gateway keeps it. */
const TTL_MS = 6_000

export class Typists {
  readonly #holder: Holder
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>()

  constructor(holder: Holder) {
    this.#holder = holder
  }

  set(conversationId: string, isTyping: boolean, ttlMs = TTL_MS): void {
    clearTimeout(this.#timers.get(conversationId))
    this.#timers.delete(conversationId)
    if (isTyping)
      this.#timers.set(
        conversationId,
        setTimeout(() => this.set(conversationId, false), ttlMs),
      )
    this.#holder.set((state) => {
      if (state.typing.has(conversationId) === isTyping) return state
      const typing = new Set(state.typing)
      if (isTyping) typing.add(conversationId)
      else typing.delete(conversationId)
      return { ...state, typing }
    })
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
  }
}
