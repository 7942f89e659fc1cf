// What an agent prefers on this machine: whether single keys act. Kept by the browser, nobody else's business.
// Between the sheet of keys and the keyboard; where storage is forbidden a preference lasts as long as the page.

import { useSyncExternalStore } from 'react'

const KEY = 'confab.single-keys'
const listeners = new Set<() => void>()

const stored = (): string | null => {
  try {
    return localStorage.getItem(KEY)
  } catch {
    return null
  }
}

let hasSingleKeys = typeof localStorage === 'undefined' || stored() !== 'off'

/** WCAG 2.1.4: who speaks to their machine, or types blindly, can switch single keys off. */
export const setSingleKeys = (isOn: boolean): void => {
  hasSingleKeys = isOn
  try {
    localStorage.setItem(KEY, isOn ? 'on' : 'off')
  } catch {
    // Nothing to keep it in.
  }
  for (const listener of listeners) listener()
}

const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export const useSingleKeys = (): boolean => useSyncExternalStore(subscribe, () => hasSingleKeys)
