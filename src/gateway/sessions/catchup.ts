// Catching up: each stream from the log until it meets its ring, from the ring to its head, then live, at the pace of the socket.
// Between a session that is behind and the moment it is not: the last look at the rings and turning live share one turn.

import { setImmediate } from 'node:timers/promises'
import { hasCode } from '#errors'
import type { CursorRefusal } from '../cursor.ts'
import type { Entry } from '../tail/entry.ts'
import type { Part } from '../tail/replay.ts'
import type { Ring } from '../tail/ring.ts'
import { takeUp } from './joining.ts'
import type { Session } from './session.ts'

/** Work without a break after which the event loop gets its turn. */
const TURN_MS = 8

/** Resolves when the session is live or closed. Throws `log_closed` and what the log throws. */
export const catchUp = async (session: Session): Promise<void> => {
  const { hub, progress } = session
  const { bufferedBytesHigh, replayFramesMax } = hub.config
  let turnEndsAt = performance.now() + TURN_MS
  while (session.isOpen) {
    if (session.buffered >= bufferedBytesHigh) {
      await session.drained()
      continue
    }
    if (performance.now() > turnEndsAt) {
      await setImmediate()
      turnEndsAt = performance.now() + TURN_MS
    }
    if (session.replayed > replayFramesMax && isPerson(session) && startAnew(session, 'behind')) continue
    const stream = progress.lagging()
    if (stream === undefined) {
      // No await from here to live: nothing can be appended in between.
      progress.settle()
      return session.onLive()
    }
    const position = progress.positionOf(stream)
    const ring = hub.tailer.rings[stream] as Ring
    if (position >= ring.from) {
      serve(session, ring.since(position), stream, ring.head)
      continue
    }
    const part = await readPast(session, stream, position)
    // A join may have moved the stream back meanwhile: then this part is not what comes next.
    if (part === undefined || progress.positionOf(stream) !== position) continue
    serve(session, part.entries, stream, part.next)
  }
}

/** Serves entries up to the high mark of the socket; where all went out, everything before `next` is done. */
const serve = (session: Session, entries: Iterable<Entry>, stream: number, next: number): void => {
  for (const entry of entries) {
    if (session.buffered >= session.hub.config.bufferedBytesHigh) return
    session.serve(entry)
  }
  session.progress.skip(stream, next)
}

/** undefined where the log has no more what was asked: the subscriptions that wanted it begin anew. */
const readPast = async (session: Session, stream: number, position: number): Promise<Part | undefined> => {
  try {
    return await session.hub.replay.read(stream, position)
  } catch (error) {
    if (!hasCode(error, 'offset_below_start', 'offset_beyond_end')) throw error
    startAnew(session, hasCode(error, 'offset_below_start') ? 'expired' : 'truncated')
    return undefined
  }
}

const isPerson = ({ grants }: Session): boolean => grants.kind === 'agent' || grants.kind === 'contact'

/** Takes up from a snapshot whatever is behind. False where nothing is. */
const startAnew = (session: Session, reason: CursorRefusal): boolean => {
  session.replayed = 0
  const behind = [...session.progress.subscriptions.values()]
  for (const subscription of behind) {
    session.leave(subscription.id)
    session.sendResync(subscription, reason)
    takeUp(session, subscription)
  }
  return behind.length > 0
}
