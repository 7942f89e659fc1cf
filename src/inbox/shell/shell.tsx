// The frame of the app: three panes and the details panel, drawers where there is no room for them, one pane on a phone.
// Between the route, the width of the window and the panes.

import { useCallback, useMemo, useRef, useState, type ReactElement } from 'react'
import { Banner } from './banner.tsx'
import { Help } from './help.tsx'
import { ConversationList, useRows } from '../list/conversation-list.tsx'
import { ViewsColumn } from '../list/views-column.tsx'
import { Icon } from '../parts/icons.tsx'
import { SettingsPane } from '../settings/settings-pane.tsx'
import { useMedia, useRoute, useSlice } from '../state/hooks.ts'
import { createSignals, SignalsContext, useSignal } from '../state/signals.ts'
import { listViews, type ViewName } from '../state/views.ts'
import { Details } from '../thread/details.tsx'
import { NoThread, ThreadPane } from '../thread/thread-pane.tsx'
import { Toasts } from './toasts.tsx'
import { useKeys } from './use-keys.ts'
import { useTitle } from './use-title.ts'

interface ListPaneProps {
  readonly view: ViewName
  readonly selectedId: string | null
  readonly words: string
  readonly onWords: (words: string) => void
  readonly onOpen: (id: string) => void
  readonly onMenu: () => void
}

const ListPane = ({ view, selectedId, words, onWords, onOpen, onMenu }: ListPaneProps): ReactElement => {
  const field = useRef<HTMLInputElement>(null)
  useSignal(
    'search',
    useCallback(() => field.current?.focus(), []),
  )
  const { title } = listViews[view]
  return (
    <section className="list" aria-label={title}>
      <div className="list__bar">
        <button type="button" className="button button--quiet button--icon list__menu" aria-label="Views" title="Views" onClick={onMenu}>
          <Icon name="menu" />
        </button>
        <h1>{title}</h1>
      </div>
      <div className="list__search" role="search">
        <Icon name="search" />
        <input
          ref={field}
          className="input"
          type="search"
          value={words}
          placeholder="Search this list"
          aria-label="Search this list"
          onChange={(event) => onWords(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Escape') return
            onWords('')
            event.currentTarget.blur()
          }}
        />
        <span className="kbd" aria-hidden="true">
          /
        </span>
      </div>
      <ConversationList view={view} words={words} selectedId={selectedId} onOpen={onOpen} />
    </section>
  )
}

const DetailsOf = ({ conversationId, onClose }: { readonly conversationId: string; readonly onClose: () => void }): ReactElement | null => {
  const row = useSlice((state) => state.rows.get(conversationId))
  return row === undefined ? null : <Details row={row} onClose={onClose} />
}

export const Shell = (): ReactElement => {
  const [route, navigate] = useRoute()
  const [words, setWords] = useState('')
  const [isMenuOpen, setMenuOpen] = useState(false)
  const [isHelpOpen, setHelpOpen] = useState(false)
  const isRoomy = useMedia('(min-width: 1440px)')
  const [detailsWish, setDetailsWish] = useState<boolean | null>(null)
  const isDetailsOpen = (detailsWish ?? isRoomy) && route.conversationId !== null && route.settings === null
  const signals = useMemo(createSignals, [])
  const rows = useRows(route.view, words)
  const toggleDetails = useCallback(() => setDetailsWish(!isDetailsOpen), [isDetailsOpen])
  const close = useCallback(() => setMenuOpen(false), [])
  useKeys({ signals, rows, toggleDetails, openHelp: () => setHelpOpen(true) })
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
            <ListPane
              view={route.view}
              selectedId={route.conversationId}
              words={words}
              onWords={setWords}
              onOpen={(conversationId) => navigate({ conversationId })}
              onMenu={() => setMenuOpen(true)}
            />
            {route.conversationId === null ? (
              <NoThread />
            ) : (
              <ThreadPane
                conversationId={route.conversationId}
                onBack={() => navigate({ conversationId: null })}
                onDetails={toggleDetails}
                isDetailsOpen={isDetailsOpen}
              />
            )}
            {isDetailsOpen && route.conversationId !== null ? (
              <DetailsOf conversationId={route.conversationId} onClose={() => setDetailsWish(false)} />
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
