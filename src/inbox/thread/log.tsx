// The thread's log: virtualised lines that stay at the newest unless the reader has scrolled away, older pages keeping their place.
// Between the lines of a thread and the few that are on screen.

import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual'
import { useCallback, useEffect, useMemo, useRef, useState, type ReactElement } from 'react'
import { Icon } from '../parts/icons.tsx'
import { useInbox, useNow, useSlice } from '../state/hooks.ts'
import type { Pending, Thread } from '../state/model.ts'
import { lastReadMessage, threadItems, type ThreadItem } from '../state/thread-items.ts'
import { clockTime, dayLabel, fullTime } from '../words/times.ts'
import type { Names } from '../words/words.ts'
import { Bubble, PendingBubble } from './bubble.tsx'
import { Speaker } from './speaker.tsx'

/** Pixels a line is taken to have before it is measured. */
const ESTIMATES: Readonly<Record<ThreadItem['kind'], number>> = { day: 44, unread: 36, activity: 32, message: 60, pending: 60 }
/** Pixels from the top at which older messages are fetched, and from the end that still count as the end. */
const OLDER_AHEAD_PX = 600
const AT_END_PX = 80

interface LogProps {
  readonly conversationId: string
  readonly thread: Thread
  /** A message to bring on screen and to mark; null = the newest. */
  readonly targetId: string | null
  readonly names: Names
  readonly contactId: string
  readonly onEdit: (pending: Pending) => void
}

const Line = ({
  item,
  props,
  lastReadId,
  now,
}: {
  readonly item: ThreadItem
  readonly props: LogProps
  readonly lastReadId: string | null
  readonly now: number
}): ReactElement => {
  switch (item.kind) {
    case 'day':
      return (
        <div className="day">
          <span title={fullTime(item.at)}>{dayLabel(item.at, now)}</span>
        </div>
      )
    case 'unread':
      return (
        <div className="unread-line">
          <span>New</span>
        </div>
      )
    case 'activity':
      return (
        <div className="activity">
          <span>{item.text}</span>
          <time dateTime={item.at} title={fullTime(item.at)}>
            {clockTime(item.at)}
          </time>
        </div>
      )
    case 'message': {
      const { message, isFirst, isLast } = item
      return (
        <Bubble
          message={message}
          names={props.names}
          contactId={props.contactId}
          isFirst={isFirst}
          isLast={isLast}
          isLastRead={message.id === lastReadId}
          isFound={message.id === props.targetId}
        />
      )
    }
    case 'pending':
      return (
        <PendingBubble
          conversationId={props.conversationId}
          pending={item.pending}
          isFirst={item.isFirst}
          names={props.names}
          onEdit={props.onEdit}
        />
      )
  }
}

type LogVirtualizer = Virtualizer<HTMLDivElement, HTMLDivElement>

/** Whether the newest line is on screen, and what to do as the reader scrolls. */
const useScrollWatch = (
  conversationId: string,
  { hasOlder, hasNewer }: Pick<Thread, 'hasOlder' | 'hasNewer'>,
  virtual: LogVirtualizer,
): readonly [boolean, () => void] => {
  const inbox = useInbox()
  const [isAtEnd, setAtEnd] = useState(true)
  const scrolled = useCallback(() => {
    const element = virtual.scrollElement
    if (element === null) return
    const left = element.scrollHeight - element.scrollTop - element.clientHeight
    setAtEnd(left < AT_END_PX)
    if (hasOlder && element.scrollTop < OLDER_AHEAD_PX) inbox.loadOlder(conversationId)
    if (hasNewer && left < OLDER_AHEAD_PX) inbox.loadNewer(conversationId)
  }, [inbox, conversationId, hasOlder, hasNewer, virtual])
  return [isAtEnd && !hasNewer, scrolled]
}

/** Brings the message on screen as soon as it is among the lines, once each time it is asked for. */
const useTarget = (targetId: string | null, items: readonly ThreadItem[], virtual: LogVirtualizer): void => {
  const shown = useRef<string | null>(null)
  const index = targetId === null ? -1 : items.findIndex((item) => item.kind === 'message' && item.message.id === targetId)
  useEffect(() => {
    if (targetId === null) shown.current = null
    if (index < 0 || shown.current === targetId) return
    shown.current = targetId
    virtual.scrollToIndex(index, { align: 'center' })
  }, [targetId, index, virtual])
}

/** Marks what is on screen as read, while the page is seen and its end shown. */
const useReading = (conversationId: string, thread: Thread, isAtEnd: boolean): void => {
  const inbox = useInbox()
  const newest = thread.messages.reduce((seq, message) => Math.max(seq, message.seq), 0)
  const unread = useSlice((state) => state.rows.get(conversationId)?.unread ?? 0)
  useEffect(() => {
    const read = (): void => {
      if (document.visibilityState === 'visible' && isAtEnd && newest > 0 && unread > 0) inbox.markRead(conversationId, newest)
    }
    read()
    document.addEventListener('visibilitychange', read)
    return () => document.removeEventListener('visibilitychange', read)
  }, [inbox, conversationId, newest, isAtEnd, unread])
}

interface LinesProps {
  readonly virtual: LogVirtualizer
  readonly items: readonly ThreadItem[]
  readonly props: LogProps
  readonly now: number
}

const Lines = ({ virtual, items, props, now }: LinesProps): ReactElement => {
  const lastReadId = lastReadMessage(props.thread.messages)
  return (
    <div className="log__lines" style={{ height: virtual.getTotalSize() }}>
      {virtual.getVirtualItems().map((line) => {
        const item = items[line.index]
        const style = { transform: `translateY(${line.start}px)` }
        return item === undefined ? null : (
          <div key={line.key} data-index={line.index} ref={virtual.measureElement} className="log__line" style={style}>
            <Line item={item} props={props} lastReadId={lastReadId} now={now} />
          </div>
        )
      })}
    </div>
  )
}

export const Log = (props: LogProps): ReactElement => {
  const { conversationId, thread, names } = props
  const now = useNow(60_000)
  const items = useMemo(() => threadItems(thread, names, now), [thread, names, now])
  const scroller = useRef<HTMLDivElement>(null)
  const isTyping = useSlice((state) => state.typing.has(conversationId))
  const virtual: LogVirtualizer = useVirtualizer<HTMLDivElement, HTMLDivElement>({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => ESTIMATES[items[index]?.kind ?? 'message'],
    getItemKey: useCallback((index: number) => items[index]?.key ?? index, [items]),
    overscan: 12,
    anchorTo: 'end',
    // Turned to an older page, what is appended is only the next page.
    followOnAppend: !thread.hasNewer,
    scrollEndThreshold: AT_END_PX,
    initialOffset: () => Number.MAX_SAFE_INTEGER,
    paddingStart: 16,
    paddingEnd: 34,
  })
  const inbox = useInbox()
  const [isAtEnd, scrolled] = useScrollWatch(conversationId, thread, virtual)
  useTarget(props.targetId, items, virtual)
  useReading(conversationId, thread, isAtEnd)

  return (
    <div className="log__frame">
      <div
        className="log"
        ref={scroller}
        onScroll={scrolled}
        role="log"
        // Lines come and go with scrolling: the speaker below says what is new.
        aria-live="off"
        aria-label={`Conversation with ${names.contact}`}
        tabIndex={0}
      >
        <Lines virtual={virtual} items={items} props={props} now={now} />
      </div>
      <Speaker messages={thread.messages} names={names} />
      {isTyping ? <Typing name={names.contact} /> : null}
      {isAtEnd ? null : (
        <button
          type="button"
          className="log__to-end"
          title="To the newest"
          aria-label="To the newest message"
          onClick={() => {
            if (thread.hasNewer) inbox.showNewest(conversationId)
            virtual.scrollToIndex(items.length - 1, { align: 'end' })
          }}
        >
          <Icon name="arrowDown" />
        </button>
      )}
    </div>
  )
}

const Typing = ({ name }: { readonly name: string }): ReactElement => (
  <div className="typing" role="status">
    <span className="typing__dots" aria-hidden="true">
      <i />
      <i />
      <i />
    </span>
    {name} is typing
  </div>
)
