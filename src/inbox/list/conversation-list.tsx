// The list of a view: a grid of rows, virtualised, in the view's order, that follows events without moving under the pointer.
// Between the rows in memory, which events change, and the few that are on screen.

import { useVirtualizer, type VirtualItem } from '@tanstack/react-virtual'
import { useCallback, useEffect, useMemo, useRef, useState, type ReactElement } from 'react'
import type { Conversation } from '#schemas'
import { Icon } from '../parts/icons.tsx'
import { useInbox, useNow, useSlice } from '../state/hooks.ts'
import type { ListState } from '../state/model.ts'
import { contactNameOf } from '../words/names.ts'
import { listViews, rowsOf, type ViewName } from '../state/views.ts'
import { ConversationRow } from './conversation-row.tsx'
import { useSteadyOrder } from './steady-order.ts'
import { useCursor, type ListVirtualizer } from './use-cursor.ts'

/** Pixels: the same for all rows, so that scrolling needs no measuring. */
const ROW_PX = 84
/** Rows from the end at which the next page is fetched. */
const PAGE_AHEAD = 8

/** The rows of a view, in order. */
export const useRows = (view: ViewName): readonly Conversation[] => {
  const rows = useSlice((state) => state.rows)
  const me = useSlice((state) => state.me.id)
  return useMemo(() => rowsOf(listViews[view], rows.values(), me), [rows, view, me])
}

const Skeleton = (): ReactElement => (
  <div className="list__skeleton" aria-hidden="true">
    {[72, 54, 64, 48, 60].map((width) => (
      <div key={width} className="skeleton-row">
        <span className="skeleton skeleton--round" />
        <span className="skeleton" style={{ width: `${width}%` }} />
        <span className="skeleton" style={{ width: `${width + 18}%` }} />
      </div>
    ))}
  </div>
)

const ListNotice = ({ view, list }: { readonly view: ViewName; readonly list: ListState | undefined }): ReactElement => {
  const inbox = useInbox()
  if (list !== undefined && list.problem !== null) {
    return (
      <div className="empty" role="alert">
        <Icon name="alert" />
        <p className="empty__title">This list could not be loaded.</p>
        <p>{list.problem.title}</p>
        <button type="button" className="button" onClick={() => inbox.retryList(view)}>
          Try again
        </button>
      </div>
    )
  }
  if (list === undefined || !list.isLoaded) return <Skeleton />
  return (
    <div className="empty">
      <Icon name="check" />
      <p className="empty__title">{listViews[view].empty}</p>
    </div>
  )
}

interface SlotProps {
  readonly item: VirtualItem
  readonly row: Conversation
  readonly now: number
  readonly isSelected: boolean
  /** Where Tab enters the list. */
  readonly isStop: boolean
  readonly onFocus: (id: string) => void
  readonly onOpen: (id: string) => void
}

const Slot = ({ item, row, now, isSelected, isStop, onFocus, onOpen }: SlotProps): ReactElement => (
  <div
    role="row"
    aria-rowindex={item.index + 1}
    aria-selected={isSelected}
    className="list__slot"
    style={{ transform: `translateY(${item.start}px)`, height: item.size }}
  >
    <div role="gridcell" className="list__cell">
      <button
        type="button"
        className="list__button"
        data-id={row.id}
        tabIndex={isStop ? 0 : -1}
        onFocus={() => onFocus(row.id)}
        aria-label={`${contactNameOf(row)}${row.unread > 0 ? `, ${row.unread} unread` : ''}`}
        onClick={() => onOpen(row.id)}
      />
      <ConversationRow row={row} now={now} isSelected={isSelected} />
    </div>
  </div>
)

interface RowsProps {
  readonly view: ViewName
  readonly rows: readonly Conversation[]
  readonly selectedId: string | null
  readonly onOpen: (id: string) => void
  readonly hasMore: boolean
  readonly scroller: HTMLDivElement | null
}

const Rows = ({ view, rows, selectedId, onOpen, hasMore, scroller }: RowsProps): ReactElement => {
  const inbox = useInbox()
  const now = useNow()
  const virtual: ListVirtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller,
    estimateSize: () => ROW_PX,
    getItemKey: useCallback((index: number) => rows[index]?.id ?? index, [rows]),
    overscan: 6,
  })
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0

  useEffect(() => {
    if (hasMore && last >= rows.length - PAGE_AHEAD) inbox.loadMore(view)
  }, [inbox, view, hasMore, last, rows.length])

  const { cursorId, setCursor, grid, keyed } = useCursor(rows, selectedId, virtual)
  // The row the keyboard is at may be scrolled away: Tab still finds one.
  const isCursorDrawn = items.some(({ index }) => rows[index]?.id === cursorId)
  const stopId = isCursorDrawn ? cursorId : rows[items[0]?.index ?? 0]?.id
  const selectedIndex = rows.findIndex(({ id }) => id === selectedId)
  useEffect(() => {
    if (selectedIndex >= 0) virtual.scrollToIndex(selectedIndex, { align: 'auto' })
    // oxlint-disable-next-line react/exhaustive-deps -- only a new selection scrolls; a row moved by an event must not drag the list along
  }, [selectedId])

  return (
    <div
      ref={grid}
      role="grid"
      tabIndex={-1}
      onKeyDown={keyed}
      aria-label={listViews[view].title}
      aria-rowcount={hasMore ? -1 : rows.length}
      style={{ height: virtual.getTotalSize(), position: 'relative' }}
    >
      {items.map((item) => {
        const row = rows[item.index]
        return row === undefined ? null : (
          <Slot
            key={item.key}
            item={item}
            row={row}
            now={now}
            isSelected={row.id === selectedId}
            isStop={row.id === stopId}
            onFocus={setCursor}
            onOpen={onOpen}
          />
        )
      })}
    </div>
  )
}

/** A hand that moved over the list this lately may be about to click. */
const POINTED_MS = 1_500

/** True while the pointer has moved here of late; a mouse left lying over the list holds nothing. */
const useRecentMove = (): readonly [boolean, () => void] => {
  const [isRecent, setRecent] = useState(false)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const moved = useCallback(() => {
    clearTimeout(timer.current)
    setRecent(true)
    timer.current = setTimeout(() => setRecent(false), POINTED_MS)
  }, [])
  return [isRecent, moved]
}

interface ConversationListProps {
  readonly view: ViewName
  readonly selectedId: string | null
  readonly onOpen: (id: string) => void
}

export const ConversationList = ({ view, selectedId, onOpen }: ConversationListProps): ReactElement => {
  const inbox = useInbox()
  const list = useSlice((state) => state.lists[view])
  // Held as state: a ref would be empty still when the rows inside are first measured.
  const [scroller, setScroller] = useState<HTMLDivElement | null>(null)
  const [isScrolled, setScrolled] = useState(false)
  const [isPointed, pointed] = useRecentMove()
  const [isKeyed, setKeyed] = useState(false)
  const isHeld = isScrolled || isPointed || isKeyed
  const sorted = useRows(view)
  const { rows, newCount, release } = useSteadyOrder(sorted, { isHeld, key: view })

  useEffect(() => inbox.openList(view), [inbox, view])

  return (
    <div
      className="list__scroller"
      ref={setScroller}
      onPointerMove={pointed}
      // A row that was clicked keeps the focus, and holds nothing by it.
      onFocus={(event) => setKeyed(event.target.matches(':focus-visible'))}
      onBlur={() => setKeyed(false)}
      onScroll={(event) => setScrolled(event.currentTarget.scrollTop > ROW_PX)}
    >
      {newCount > 0 ? (
        <button
          type="button"
          className="list__new"
          onClick={() => {
            release()
            scroller?.scrollTo({ top: 0 })
          }}
        >
          {newCount} new
        </button>
      ) : null}
      {rows.length === 0 ? (
        <ListNotice view={view} list={list} />
      ) : (
        <Rows view={view} rows={rows} selectedId={selectedId} onOpen={onOpen} hasMore={list?.hasMore ?? false} scroller={scroller} />
      )}
    </div>
  )
}
