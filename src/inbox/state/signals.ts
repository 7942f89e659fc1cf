// Wishes of the keyboard that some pane carries out: focus the composer, open a menu.
// Between the keys, which know no pane, and the panes, which know no keys.

import { createContext, useContext, useEffect, useState } from 'react'

export type Signal = 'reply' | 'note' | 'assign' | 'snooze' | 'label' | 'priority' | 'search' | 'list' | 'attach' | 'resolve'

export interface Signals {
  emit(signal: Signal): void
  on(signal: Signal, listener: () => void): () => void
}

export const createSignals = (): Signals => {
  const target = new EventTarget()
  return {
    emit: (signal) => {
      target.dispatchEvent(new Event(signal))
    },
    on: (signal, listener) => {
      target.addEventListener(signal, listener)
      return () => target.removeEventListener(signal, listener)
    },
  }
}

export const SignalsContext = createContext<Signals>(createSignals())

export const useSignal = (signal: Signal, listener: () => void): void => {
  const signals = useContext(SignalsContext)
  useEffect(() => signals.on(signal, listener), [signals, signal, listener])
}

/** How often the signal came, for what opens each time it grows. */
export const useSignalCount = (signal: Signal): number => {
  const signals = useContext(SignalsContext)
  const [count, setCount] = useState(0)
  useEffect(() => signals.on(signal, () => setCount((before) => before + 1)), [signals, signal])
  return count
}
