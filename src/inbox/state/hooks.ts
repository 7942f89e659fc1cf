// React's view of the inbox: the context that holds it, slices of its state, the route and the passing minute.
// Between the state, which changes by events, and components, which draw again only when their slice did.

import { createContext, useCallback, useContext, useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import type { Inbox } from './inbox.ts'
import type { InboxState } from './model.ts'
import { changedRoute, parseRoute, routeSearch, type Route } from './route.ts'
import type { Names } from '../words/words.ts'

export const InboxContext = createContext<Inbox | null>(null)

export const useInbox = (): Inbox => {
  const inbox = useContext(InboxContext)
  if (inbox === null) throw new Error('no InboxContext above this component')
  return inbox
}

/** `select` gives a slice that is the same object while nothing in it changed. */
export const useSlice = <T>(select: (state: InboxState) => T): T => {
  const inbox = useInbox()
  return useSyncExternalStore(inbox.subscribe, () => select(inbox.getState()))
}

const subscribeToHistory = (listener: () => void): (() => void) => {
  window.addEventListener('popstate', listener)
  return () => window.removeEventListener('popstate', listener)
}

const readSearch = (): string => window.location.search

export type Navigate = (change: Partial<Route>, options?: { readonly isSameStep?: boolean }) => void

/** The route, and a way to change part of it. Opening a conversation is a step that "back" undoes, a letter of a search is none. */
export const useRoute = (): readonly [Route, Navigate] => {
  const search = useSyncExternalStore(subscribeToHistory, readSearch)
  const route = useMemo(() => parseRoute(search), [search])
  const navigate = useCallback<Navigate>((change, { isSameStep = false } = {}) => {
    const next = routeSearch(changedRoute(parseRoute(readSearch()), change))
    if (next === readSearch()) return
    if (isSameStep) window.history.replaceState(null, '', next)
    else window.history.pushState(null, '', next)
    window.dispatchEvent(new PopStateEvent('popstate'))
  }, [])
  return [route, navigate]
}

/** The present, renewed every `everyMs`, for words such as "4 min". */
export const useNow = (everyMs = 20_000): number => {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now
}

/** Whether a media query holds. */
export const useMedia = (query: string): boolean => {
  const list = useMemo(() => window.matchMedia(query), [query])
  return useSyncExternalStore(
    useCallback(
      (listener: () => void) => {
        list.addEventListener('change', listener)
        return () => list.removeEventListener('change', listener)
      },
      [list],
    ),
    () => list.matches,
  )
}

/** How ids of this organization are said; `contact` names the thread's other side. */
export const useNames = (contact: string): Names => {
  const me = useSlice((state) => state.me.id)
  const agents = useSlice((state) => state.agents)
  const labels = useSlice((state) => state.labels)
  return useMemo(
    () => ({ me, contact, agent: (id) => agents.get(id)?.name, label: (id) => labels.get(id)?.name }),
    [me, contact, agents, labels],
  )
}
