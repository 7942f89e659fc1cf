// The keys that work anywhere outside fields and menus, by position where the layout has other letters.
// Between the keyboard and the actions that buttons also carry out.

import { useEffect, useRef } from 'react'
import type { Place } from '../list/search-results.tsx'
import { useInbox, useNames, useRoute, useSlice } from '../state/hooks.ts'
import { contactNameOf } from '../words/names.ts'
import type { Signals } from '../state/signals.ts'
import { useSingleKeys } from '../state/preferences.ts'
import { viewNames, type ViewName } from '../state/views.ts'
import { actionsOn } from '../thread/use-actions.ts'

interface KeysOptions {
  readonly signals: Signals
  /** What the list shows, in order: conversations, or what a search found. */
  readonly places: readonly Place[]
  readonly toggleDetails: () => void
  readonly openHelp: () => void
  /** One step back: a drawer, settings, the conversation. */
  readonly onEscape: () => void
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

type Bindings = Readonly<Record<string, () => void>>

/** After `g`, where to: one key, soon. */
const GO_MS = 1_500

/** What each key does now. */
const useBindings = ({ signals, places, toggleDetails, openHelp, onEscape }: KeysOptions): Bindings => {
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
  const show = (view: ViewName): void => navigate({ view, search: '', conversationId: null, settings: null })
  const turnTo = (by: number): void => {
    const next = viewNames[(viewNames.indexOf(route.view) + by + viewNames.length) % viewNames.length]
    if (next !== undefined) show(next)
  }
  const general = {
    j: () => step(1),
    k: () => step(-1),
    '[': () => turnTo(-1),
    ']': () => turnTo(1),
    'g m': () => show('mine'),
    'g u': () => show('unassigned'),
    'g a': () => show('all'),
    'g s': () => navigate({ settings: 'accounts' }),
    '/': () => signals.emit('search'),
    '?': openHelp,
    Escape: onEscape,
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
    'Shift+e': () => {
      actions.resolve()
      step(1)
    },
    'Shift+o': actions.reopen,
    u: () => {
      actions.unread()
      navigate({ conversationId: null })
    },
    d: toggleDetails,
  }
}

/** Whether the event is no key of ours: part of a shortcut of the browser, of a word, of a menu. */
const isForeign = (event: KeyboardEvent): boolean =>
  event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented || isField(event.target)

export const useKeys = (options: KeysOptions): void => {
  const bindings = useRef<Bindings>({})
  const current = useBindings(options)
  const isOn = useSingleKeys()
  useEffect(() => {
    bindings.current = isOn ? current : { Escape: options.onEscape }
  })
  useEffect(() => {
    let goUntil = 0
    const pressed = (event: KeyboardEvent): void => {
      if (isForeign(event) || event.key === 'Shift') return
      const name = nameOf(event)
      const isSecond = event.timeStamp < goUntil
      goUntil = 0
      const bound = bindings.current[isSecond ? `g ${name}` : name]
      if (bound !== undefined) {
        event.preventDefault()
        bound()
      } else if (name === 'g') goUntil = event.timeStamp + GO_MS
    }
    document.addEventListener('keydown', pressed)
    return () => document.removeEventListener('keydown', pressed)
  }, [])
}
