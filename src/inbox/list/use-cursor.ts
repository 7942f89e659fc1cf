// Where the keyboard is in a list of which few rows are drawn: one stop of Tab, arrows within.
// Between keys and rows that may have to be scrolled to before they can take the focus.

import type { Virtualizer } from '@tanstack/react-virtual'
import { useEffect, useRef, useState, type KeyboardEvent, type RefObject } from 'react'
import type { Conversation } from '#schemas'

export type ListVirtualizer = Virtualizer<HTMLDivElement, Element>

/** Which row the keyboard is at, and the keys that move it: one stop of Tab, arrows within. */
export const useCursor = (
  rows: readonly Conversation[],
  selectedId: string | null,
  virtual: ListVirtualizer,
): {
  readonly cursorId: string | undefined
  readonly setCursor: (id: string) => void
  readonly grid: RefObject<HTMLDivElement | null>
  readonly keyed: (event: KeyboardEvent) => void
} => {
  const [wished, setCursor] = useState<string | null>(selectedId)
  const [lastSelected, setLastSelected] = useState(selectedId)
  if (selectedId !== null && selectedId !== lastSelected) {
    setLastSelected(selectedId)
    setCursor(selectedId)
  }
  const grid = useRef<HTMLDivElement>(null)
  const toFocus = useRef<string | null>(null)
  const at = Math.max(
    0,
    rows.findIndex(({ id }) => id === wished),
  )
  // The row may have to be scrolled to and drawn first.
  useEffect(() => {
    if (toFocus.current === null) return
    const button = grid.current?.querySelector<HTMLElement>(`[data-id="${toFocus.current}"]`)
    if (button == null) return
    toFocus.current = null
    button.focus({ preventScroll: true })
  })
  const keyed = (event: KeyboardEvent): void => {
    const last = rows.length - 1
    const moves: Readonly<Record<string, number>> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: last }
    const to = moves[event.key]
    if (to === undefined) return
    event.preventDefault()
    const next = rows[Math.min(last, Math.max(0, to))]
    if (next === undefined) return
    toFocus.current = next.id
    setCursor(next.id)
    virtual.scrollToIndex(rows.indexOf(next), { align: 'auto' })
  }
  return { cursorId: rows[at]?.id, setCursor, grid, keyed }
}
