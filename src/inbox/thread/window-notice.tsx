// The reply window over the composer: how long it stays open, and what is left to do once it has closed.
// Between a conversation's window, which the provider sets, and an agent about to write.

import { useEffect, useRef, useState, type ReactElement } from 'react'
import type { Conversation } from '#schemas'
import { Icon } from '../parts/icons.tsx'
import { useNow } from '../state/hooks.ts'
import { countdown, fullTime, plainTime } from '../words/times.ts'

/** Before that a window is no news: every message of theirs opens a day. */
const SHOWN_MS = 4 * 3_600_000
const URGENT_MS = 3_600_000
/** In the last minute the provider decides; here the seconds are shown. */
const TICK_MS = 1_000
const SLOW_TICK_MS = 15_000
const SECONDS_SHOWN_MS = 2 * 60_000

type WindowStand = 'none' | 'open' | 'closing' | 'closed'

/** How the window stands: none where the channel has none. */
export const windowStand = (window: Conversation['window'], now: number): WindowStand => {
  if (window === null) return 'none'
  const left = Date.parse(window.expiresAt) - now
  if (left <= 0) return 'closed'
  return left <= SHOWN_MS ? 'closing' : 'open'
}

/** The present, every second once seconds count. */
export const useWindowClock = (window: Conversation['window']): number => {
  const expiresAt = window === null ? null : Date.parse(window.expiresAt)
  const [isClose, setClose] = useState(() => expiresAt !== null && Math.abs(expiresAt - Date.now()) < SECONDS_SHOWN_MS)
  const now = useNow(isClose ? TICK_MS : SLOW_TICK_MS)
  const next = expiresAt !== null && Math.abs(expiresAt - now) < SECONDS_SHOWN_MS
  if (next !== isClose) setClose(next)
  return now
}

interface WindowNoticeProps {
  readonly expiresAt: string
  readonly now: number
  readonly onNote: () => void
}

/** Said once it closes under someone's hands, not at every tick. */
const useJustClosed = (isClosed: boolean): boolean => {
  const wasOpen = useRef(!isClosed)
  const [isNews, setNews] = useState(false)
  useEffect(() => {
    if (isClosed && wasOpen.current) setNews(true)
    wasOpen.current = !isClosed
  }, [isClosed])
  return isNews
}

export const WindowNotice = ({ expiresAt, now, onNote }: WindowNoticeProps): ReactElement => {
  const left = Date.parse(expiresAt) - now
  const isClosed = left <= 0
  const isNews = useJustClosed(isClosed)
  if (!isClosed) {
    return (
      <p className={`window-notice${left < URGENT_MS ? ' window-notice--urgent' : ''}`} title={fullTime(expiresAt)}>
        <Icon name="clock" size={13} />
        <span>
          The reply window closes in <strong>{countdown(left)}</strong>.
        </span>
      </p>
    )
  }
  return (
    <div className="window-notice window-notice--closed" role={isNews ? 'alert' : undefined}>
      <Icon name="lock" size={16} />
      <p>
        <strong>The reply window closed on {plainTime(expiresAt)}.</strong> Only an approved template can be sent until they write again.
      </p>
      <button type="button" className="button button--small" onClick={onNote}>
        Leave a note
      </button>
    </div>
  )
}
