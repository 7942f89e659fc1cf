// The middle pane: what it shows, the search box over it, and below the view's list or what the search found.
// Between the route and the lists.

import { useCallback, useRef, type KeyboardEvent, type ReactElement } from 'react'
import { Icon } from '../parts/icons.tsx'
import { useRoute } from '../state/hooks.ts'
import { useSignal } from '../state/signals.ts'
import { listViews } from '../state/views.ts'
import { ConversationList } from './conversation-list.tsx'
import { placeOf, SearchResults } from './search-results.tsx'
import type { Search } from './use-search.ts'

interface ListPaneProps {
  readonly search: Search
  readonly onMenu: () => void
}

export const ListPane = ({ search, onMenu }: ListPaneProps): ReactElement => {
  const [route, navigate] = useRoute()
  const field = useRef<HTMLInputElement>(null)
  const pane = useRef<HTMLElement>(null)
  const { title } = listViews[route.view]
  const isSearching = route.search.trim() !== ''
  const setWords = (words: string): void => navigate({ search: words }, { isSameStep: true })
  const focusField = useCallback(() => field.current?.focus(), [])
  const enterList = useCallback(() => pane.current?.querySelector<HTMLElement>('a.hit, .list__button[tabindex="0"]')?.focus(), [])
  // After the pane is drawn: on a phone it was not there.
  const focusList = useCallback(() => void requestAnimationFrame(enterList), [enterList])
  useSignal('search', focusField)
  useSignal('list', focusList)

  const keyed = (event: KeyboardEvent<HTMLInputElement>): void => {
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Escape') {
      event.currentTarget.blur()
      setWords('')
    } else if (event.key === 'ArrowDown') {
      event.preventDefault()
      enterList()
    } else if (event.key === 'Enter' && !search.isBusy) {
      const first = search.people[0] ?? search.messages[0]
      if (first !== undefined) navigate(placeOf(first))
    }
  }

  return (
    <section ref={pane} className="list" aria-label={isSearching ? 'Search' : title}>
      <div className="list__bar">
        <button type="button" className="button button--quiet button--icon list__menu" aria-label="Views" title="Views" onClick={onMenu}>
          <Icon name="menu" />
        </button>
        <h1>{isSearching ? 'Search' : title}</h1>
      </div>
      <div className="list__search" role="search">
        <Icon name="search" />
        <input
          ref={field}
          className="input"
          type="search"
          value={route.search}
          maxLength={200}
          placeholder="Search all conversations"
          aria-label="Search all conversations"
          onChange={(event) => setWords(event.currentTarget.value)}
          onKeyDown={keyed}
        />
        <span className="kbd" aria-hidden="true">
          /
        </span>
      </div>
      {isSearching ? (
        <SearchResults search={search} onLeave={focusField} />
      ) : (
        <ConversationList view={route.view} selectedId={route.conversationId} onOpen={(conversationId) => navigate({ conversationId })} />
      )}
    </section>
  )
}
