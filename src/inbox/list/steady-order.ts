// Keeps the order of a list still while it is under the pointer or scrolled: rows change in place, new ones wait in a pill.
// Between the true order, which events change at any moment, and a hand about to click.

import { useCallback, useState } from 'react'
import type { Conversation } from '#schemas'

/** The shown order after a change of the true one: held rows keep their places, gone rows leave, new rows wait. */
export const steadyOrder = (
  shown: readonly string[],
  sorted: readonly Conversation[],
  isHeld: boolean,
): { readonly order: readonly string[]; readonly newCount: number } => {
  if (!isHeld) return { order: sorted.map(({ id }) => id), newCount: 0 }
  const present = new Map(sorted.map((row, index) => [row.id, index]))
  const kept = shown.filter((id) => present.has(id))
  const known = new Set(kept)
  // Rows that a next page brings stand below the last one shown: they disturb nothing.
  const lowest = kept.length === 0 ? -1 : Math.max(...kept.map((id) => present.get(id) ?? -1))
  const below = sorted.filter(({ id }, index) => !known.has(id) && index > lowest).map(({ id }) => id)
  return { order: [...kept, ...below], newCount: sorted.length - kept.length - below.length }
}

interface SteadyOptions {
  readonly isHeld: boolean
  /** Another key is another list: nothing is held over. */
  readonly key: string
}

interface Steady {
  readonly rows: readonly Conversation[]
  readonly newCount: number
  /** Shows the true order now. */
  readonly release: () => void
}

interface Shown {
  readonly key: string
  readonly order: readonly string[]
}

const isEqual = (a: Shown, b: Shown): boolean =>
  a.key === b.key && a.order.length === b.order.length && a.order.every((id, index) => id === b.order[index])

export const useSteadyOrder = (sorted: readonly Conversation[], { isHeld, key }: SteadyOptions): Steady => {
  const [shown, setShown] = useState<Shown>({ key, order: [] })
  const isSame = shown.key === key && shown.order.length > 0
  const { order, newCount } = steadyOrder(shown.order, sorted, isHeld && isSame)
  const next = { key, order }
  // What is shown now is what is held next time: state that follows from the last drawing.
  if (!isEqual(shown, next)) setShown(next)
  const byId = new Map(sorted.map((row) => [row.id, row]))
  const release = useCallback(() => setShown({ key, order: [] }), [key])
  return { rows: order.flatMap((id) => byId.get(id) ?? []), newCount, release }
}
