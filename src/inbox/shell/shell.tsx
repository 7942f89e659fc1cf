// The frame of the app: three panes and the details panel, drawers where there is no room for them, one pane on a phone.
// Between the route, the width of the window and the panes.

import { useCallback, useMemo, useState, type ReactElement } from 'react'
import { Banner } from './banner.tsx'
import { Help } from './help.tsx'
import { useRows } from '../list/conversation-list.tsx'
import { ListPane } from '../list/list-pane.tsx'
import { placeOf, type Place } from '../list/search-results.tsx'
import { useSearch, type Search } from '../list/use-search.ts'
import { ViewsColumn } from '../list/views-column.tsx'
import { SettingsPane } from '../settings/settings-pane.tsx'
import { useMedia, useRoute, useSlice } from '../state/hooks.ts'
import type { Route } from '../state/route.ts'
import { createSignals, SignalsContext, type Signals } from '../state/signals.ts'
import { Details } from '../thread/details.tsx'
import { NoThread, ThreadPane } from '../thread/thread-pane.tsx'
import { Toasts } from './toasts.tsx'
import { useKeys } from './use-keys.ts'
import { useTitle } from './use-title.ts'

const DetailsOf = ({ conversationId, onClose }: { readonly conversationId: string; readonly onClose: () => void }): ReactElement | null => {
  const row = useSlice((state) => state.rows.get(conversationId))
  return row === undefined ? null : <Details row={row} onClose={onClose} />
}

interface BackOptions {
  readonly signals: Signals
  /** Null where it is closed. */
  readonly closeMenu: (() => void) | null
  readonly closeDetails: (() => void) | null
}

/** One step back: what lies on top closes first. */
const useBack = ({ signals, closeMenu, closeDetails }: BackOptions): (() => void) => {
  const [route, navigate] = useRoute()
  const isDrawer = useMedia('(max-width: 1199px)')
  return () => {
    if (closeMenu !== null) closeMenu()
    else if (isDrawer && closeDetails !== null) closeDetails()
    else if (route.settings !== null) navigate({ settings: null })
    else if (route.conversationId !== null) {
      navigate({ conversationId: null })
      // What had the focus is gone: it goes where it came from.
      signals.emit('list')
    } else if (route.search !== '') navigate({ search: '' })
  }
}

/** What the list shows, in order, as places that can be gone to. */
const usePlaces = (route: Route, search: Search): readonly Place[] => {
  const rows = useRows(route.view)
  return useMemo(
    () =>
      route.search.trim() === ''
        ? rows.map(({ id }) => ({ conversationId: id, messageId: null }))
        : [...search.people, ...search.messages].map(placeOf),
    [route.search, rows, search],
  )
}

export const Shell = (): ReactElement => {
  const [route] = useRoute()
  const [isMenuOpen, setMenuOpen] = useState(false)
  const [isHelpOpen, setHelpOpen] = useState(false)
  const isRoomy = useMedia('(min-width: 1440px)')
  const [detailsWish, setDetailsWish] = useState<boolean | null>(null)
  const isDetailsOpen = (detailsWish ?? isRoomy) && route.conversationId !== null && route.settings === null
  const signals = useMemo(createSignals, [])
  const search = useSearch(route.search)
  const places = usePlaces(route, search)
  const toggleDetails = useCallback(() => setDetailsWish(!isDetailsOpen), [isDetailsOpen])
  const close = useCallback(() => setMenuOpen(false), [])
  const closeDetails = useCallback(() => setDetailsWish(false), [])
  const back = useBack({ signals, closeMenu: isMenuOpen ? close : null, closeDetails: isDetailsOpen ? closeDetails : null })
  useKeys({ signals, places, toggleDetails, openHelp: () => setHelpOpen(true), onEscape: back })
  useTitle()

  return (
    <SignalsContext value={signals}>
      <Banner />
      <div
        className="shell"
        data-pane={route.settings === null ? (route.conversationId === null ? 'list' : 'thread') : 'settings'}
        data-menu={isMenuOpen ? 'open' : 'closed'}
        data-details={isDetailsOpen ? 'open' : 'closed'}
      >
        <ViewsColumn onChosen={close} onHelp={() => setHelpOpen(true)} />
        {isMenuOpen ? <button type="button" className="shell__veil" aria-label="Close the views" onClick={close} /> : null}
        {route.settings === null ? (
          <>
            <ListPane search={search} onMenu={() => setMenuOpen(true)} />
            {route.conversationId === null ? (
              <NoThread />
            ) : (
              <ThreadPane
                conversationId={route.conversationId}
                messageId={route.messageId}
                onBack={back}
                onDetails={toggleDetails}
                isDetailsOpen={isDetailsOpen}
              />
            )}
            {isDetailsOpen && route.conversationId !== null ? (
              <DetailsOf conversationId={route.conversationId} onClose={closeDetails} />
            ) : null}
          </>
        ) : (
          <SettingsPane section={route.settings} onMenu={() => setMenuOpen(true)} />
        )}
      </div>
      <Toasts />
      {isHelpOpen ? <Help onClose={() => setHelpOpen(false)} /> : null}
    </SignalsContext>
  )
}
