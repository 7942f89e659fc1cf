// Holds the one immutable state and tells its listeners, at most once a turn.
// Between those that change the state and React.

import type { InboxState } from '../state/model.ts'

export interface Holder {
  readonly get: () => InboxState
  readonly set: (change: (state: InboxState) => InboxState) => void
  readonly subscribe: (listener: () => void) => () => void
}

export const createHolder = (initial: InboxState): Holder => {
  let state = initial
  let isTelling = false
  const listeners = new Set<() => void>()
  const tell = (): void => {
    isTelling = false
    for (const listener of listeners) listener()
  }
  return {
    get: () => state,
    set(change) {
      const after = change(state)
      if (after === state) return
      state = after
      // A burst of events is drawn once.
      if (isTelling) return
      isTelling = true
      queueMicrotask(tell)
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
