// Says how the line is whenever it is not live: never "live" on a dead one.
// Between the connection's state and the top of the page.

import { useEffect, useState, type ReactElement } from 'react'
import { useInbox, useNow, useSlice } from '../state/hooks.ts'
import type { Connection } from '../state/model.ts'

/** A state that passes sooner than this is not worth a banner. */
const SHOW_AFTER_MS = 800

const wordsOf = (connection: Connection, now: number): string => {
  switch (connection.state) {
    case 'connecting':
      return 'Connecting…'
    case 'catching-up':
      return 'Catching up…'
    case 'reconnecting':
      return `The connection is lost. Trying again in ${Math.max(0, Math.ceil((connection.retryAt - now) / 1000))} s.`
    case 'offline':
      return 'You are offline. What you write is kept and sent when the line is back.'
    case 'stale':
      return 'The server cannot take changes at the moment. What you see may be old.'
    case 'ended':
      return `The connection has ended: ${connection.reason}`
    case 'live':
      return ''
  }
}

export const Banner = (): ReactElement | null => {
  const inbox = useInbox()
  const connection = useSlice((state) => state.connection)
  const now = useNow(1_000)
  const { state } = connection
  const [shown, setShown] = useState<string | null>(null)

  useEffect(() => {
    const timer = setTimeout(() => setShown(state === 'live' ? null : state), state === 'live' ? 0 : SHOW_AFTER_MS)
    return () => clearTimeout(timer)
  }, [state])

  // The live region stays, so that what appears in it is read out.
  if (shown === null || state === 'live') return <div role="status" className="hidden-text" />
  return (
    <div role="status" className={`banner banner--${state}`}>
      {state === 'connecting' || state === 'catching-up' ? <span className="spinner" aria-hidden="true" /> : null}
      <span>{wordsOf(connection, now)}</span>
      {state === 'reconnecting' ? (
        <button type="button" onClick={() => inbox.reconnect()}>
          Try now
        </button>
      ) : null}
      {state === 'ended' ? (
        <button type="button" onClick={() => window.location.reload()}>
          Sign in again
        </button>
      ) : null}
    </div>
  )
}
