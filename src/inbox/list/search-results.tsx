// What a search found: people, then messages with their hits marked, newest first; each opens where it stands.
// Between the hits of the server, whose rows may not be loaded yet, and the few that are on screen.

import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useMemo, useState, type KeyboardEvent, type MouseEvent, type ReactElement } from 'react'
import { Avatar } from '../parts/avatar.tsx'
import { ChannelMark, Icon } from '../parts/icons.tsx'
import { useNow, useRoute, useSlice } from '../state/hooks.ts'
import { changedRoute, routeSearch } from '../state/route.ts'
import { contactNameOf } from '../words/names.ts'
import { markedText } from '../words/text.ts'
import { fullTime, shortTime } from '../words/times.ts'
import type { Hit, Search } from './use-search.ts'

type Item = { readonly kind: 'title'; readonly text: string } | { readonly kind: 'hit'; readonly hit: Hit }

const SIZES: Readonly<Record<Item['kind'], number>> = { title: 32, hit: 72 }
/** Hits from the end at which the next page is fetched. */
const PAGE_AHEAD = 6

/** A conversation, from its newest message or from the one named. */
export interface Place {
  readonly conversationId: string
  readonly messageId: string | null
}

/** Where a hit leads. */
export const placeOf = ({ conversationId, messageId }: Hit): Place => ({
  conversationId,
  messageId: messageId ?? null,
})

const itemsOf = ({ people, messages }: Search): readonly Item[] => [
  ...(people.length === 0 ? [] : [{ kind: 'title', text: 'People' } as const]),
  ...people.map((hit) => ({ kind: 'hit', hit }) as const),
  ...(messages.length === 0 ? [] : [{ kind: 'title', text: 'Messages' } as const]),
  ...messages.map((hit) => ({ kind: 'hit', hit }) as const),
]

const stateWords: Readonly<Record<string, string>> = { pending: 'with a bot', snoozed: 'snoozed', resolved: 'resolved' }

const HitView = ({ hit, now, isSelected }: { readonly hit: Hit; readonly now: number; readonly isSelected: boolean }): ReactElement => {
  const [route, navigate] = useRoute()
  const row = useSlice((state) => state.rows.get(hit.conversationId))
  const name = row === undefined ? '…' : contactNameOf(row)
  const place = { ...placeOf(hit), settings: null }
  const open = (event: MouseEvent): void => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return
    event.preventDefault()
    navigate(place)
  }
  const state = row === undefined ? undefined : stateWords[row.state]
  return (
    <a
      className={`hit${isSelected ? ' hit--selected' : ''}`}
      href={routeSearch(changedRoute(route, place))}
      aria-current={isSelected ? 'true' : undefined}
      onClick={open}
    >
      <span className="row__avatar">
        <Avatar id={row?.contactId ?? hit.conversationId} name={name} />
        {row === undefined ? null : <ChannelMark channel={row.channel} />}
      </span>
      <span className="row__head">
        <span className="row__name">{name}</span>
        {row === undefined || state === undefined ? null : <span className={`state state--${row.state}`}>{state}</span>}
        <time className="row__time" dateTime={hit.at} title={fullTime(hit.at)}>
          {shortTime(hit.at, now)}
        </time>
      </span>
      <span className="hit__snippet">
        {markedText(hit.snippet).map((part, index) =>
          // The parts of a snippet never change places.
          part.isHit ? <mark key={index}>{part.text}</mark> : <span key={index}>{part.text}</span>,
        )}
      </span>
    </a>
  )
}

/** Up and down among the results; up from the first goes back to the field. */
const moveAmong = (event: KeyboardEvent<HTMLElement>, onLeave: () => void): void => {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>('a.hit')]
  const at = links.indexOf(document.activeElement as HTMLElement)
  const next = links[at + (event.key === 'ArrowDown' ? 1 : -1)]
  event.preventDefault()
  if (next !== undefined) next.focus()
  else if (event.key === 'ArrowUp') onLeave()
}

interface SearchResultsProps {
  readonly search: Search
  /** Back to the field. */
  readonly onLeave: () => void
}

const Nothing = ({ search }: { readonly search: Search }): ReactElement => {
  if (search.problem !== null) {
    return (
      <div className="empty" role="alert">
        <Icon name="alert" />
        <p className="empty__title">The search did not work.</p>
        <p>{search.problem.title}</p>
      </div>
    )
  }
  return (
    <div className="empty">
      {search.isBusy ? <span className="spinner" aria-hidden="true" /> : <Icon name="search" />}
      <p className="empty__title">{search.isBusy ? 'Searching…' : `Nothing found for “${search.words}”.`}</p>
    </div>
  )
}

export const SearchResults = ({ search, onLeave }: SearchResultsProps): ReactElement => {
  const [route] = useRoute()
  const now = useNow()
  const [scroller, setScroller] = useState<HTMLDivElement | null>(null)
  const items = useMemo(() => itemsOf(search), [search])
  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller,
    estimateSize: (index) => SIZES[items[index]?.kind ?? 'hit'],
    overscan: 6,
  })
  const shown = virtual.getVirtualItems()
  const last = shown.at(-1)?.index ?? 0
  const { next, more, words, problem, isBusy, people, messages } = search
  useEffect(() => {
    if (next !== null && problem === null && last >= items.length - PAGE_AHEAD) more()
  }, [next, problem, last, items.length, more])
  useEffect(() => {
    scroller?.scrollTo({ top: 0 })
  }, [scroller, words])

  const count = people.length + messages.length
  const selected = items.findIndex(
    (item) => item.kind === 'hit' && item.hit.conversationId === route.conversationId && (item.hit.messageId ?? null) === route.messageId,
  )
  return (
    <div className="list__scroller" ref={setScroller} onKeyDown={(event) => moveAmong(event, onLeave)} role="presentation">
      <p className="hidden-text" role="status">
        {isBusy ? '' : `${next === null ? count : `More than ${count}`} found`}
      </p>
      {items.length === 0 ? (
        <Nothing search={search} />
      ) : (
        <div role="list" aria-label="Search results" className="hits" style={{ height: virtual.getTotalSize() }}>
          {shown.map(({ key, index, start, size }) => {
            const item = items[index]
            if (item === undefined) return null
            return (
              <div key={key} role="listitem" className="list__slot" style={{ transform: `translateY(${start}px)`, height: size }}>
                {item.kind === 'title' ? (
                  <h2 className="hits__title">{item.text}</h2>
                ) : (
                  <HitView hit={item.hit} now={now} isSelected={index === selected} />
                )}
              </div>
            )
          })}
        </div>
      )}
    </div>
  )
}
