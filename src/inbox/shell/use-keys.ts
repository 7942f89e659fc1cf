// The keys that work anywhere outside fields and menus, by position where the layout has other letters.
// Between the keyboard and the actions that buttons also carry out.

import { useEffect, useRef } from 'react'
import { useInbox, useNames, useRoute, useSlice } from '../state/hooks.ts'
import { contactNameOf } from '../words/names.ts'
import type { Signals } from '../state/signals.ts'
import { viewNames } from '../state/views.ts'
import { actionsOn } from '../thread/use-actions.ts'

interface KeysOptions {
  readonly signals: Signals
  /** What the list shows, in order: conversations, or what a search found. */
  readonly places: readonly { readonly conversationId: string; readonly messageId: string | null }[]
  readonly toggleDetails: () => void
  readonly openHelp: () => void
}

const isField = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || target.matches('input, textarea, select, dialog *, [popover] *'))

/** The key as named in the sheet: `j`, `Shift+o`, `?`. Letters of other alphabets go by their place on the keyboard. */
const nameOf = (event: KeyboardEvent): string => {
  const letter = /^Key([A-Z])$/.exec(event.code)?.[1]?.toLowerCase()
  const key = letter !== undefined && !/^[a-z]$/i.test(event.key) ? letter : event.key
  if (!/^[a-z]$/i.test(key)) return key
  return event.shiftKey ? `Shift+${key.toLowerCase()}` : key.toLowerCase()
}

/** What each key does now. */
const useBindings = ({ signals, places, toggleDetails, openHelp }: KeysOptions): Readonly<Record<string, () => void>> => {
  const inbox = useInbox()
  const [route, navigate] = useRoute()
  const row = useSlice((state) => state.rows.get(route.conversationId ?? ''))
  const names = useNames(row === undefined ? '' : contactNameOf(row))
  const step = (by: number): void => {
    const { conversationId, messageId } = route
    const at = places.findIndex((place) => place.conversationId === conversationId && place.messageId === messageId)
    const next = places[at < 0 ? 0 : Math.min(places.length - 1, Math.max(0, at + by))]
    if (next !== undefined) navigate({ ...next, settings: null })
  }
  const turnTo = (by: number): void => {
    const next = viewNames[(viewNames.indexOf(route.view) + by + viewNames.length) % viewNames.length]
    if (next !== undefined) navigate({ view: next, conversationId: null, settings: null })
  }
  const general = {
    j: () => step(1),
    k: () => step(-1),
    '[': () => turnTo(-1),
    ']': () => turnTo(1),
    '/': () => signals.emit('search'),
    '?': openHelp,
    Escape: () => navigate(route.settings === null ? { conversationId: null } : { settings: null }),
  }
  if (row === undefined || route.settings !== null) return general
  const actions = actionsOn(inbox, row, names)
  return {
    ...general,
    r: () => signals.emit('reply'),
    n: () => signals.emit('note'),
    a: () => signals.emit('assign'),
    z: () => signals.emit('snooze'),
    l: () => signals.emit('label'),
    p: () => signals.emit('priority'),
    c: actions.claim,
    e: actions.resolve,
    'Shift+o': actions.reopen,
    u: () => {
      actions.unread()
      navigate({ conversationId: null })
    },
    d: toggleDetails,
  }
}

export const useKeys = (options: KeysOptions): void => {
  const bindings = useRef<Readonly<Record<string, () => void>>>({})
  const current = useBindings(options)
  useEffect(() => {
    bindings.current = current
  })
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented || isField(event.target)) return
      const bound = bindings.current[nameOf(event)]
      if (bound === undefined) return
      event.preventDefault()
      bound()
    }
    document.addEventListener('keydown', pressed)
    return () => document.removeEventListener('keydown', pressed)
  }, [])
}
