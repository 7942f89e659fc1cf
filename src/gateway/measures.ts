// What the gateway measures once a second: how its sessions and queues stand.
// Between sessions, queues, replays and the gauges that show them.

import type { Hub } from './hub.ts'
import type { Session } from './sessions/session.ts'

export const measure = ({ metrics, queues, replay }: Hub, sessions: Iterable<Session>): void => {
  let [live, catchingUp, buffered] = [0, 0, 0]
  for (const session of sessions) {
    if (session.progress.isLive) live++
    else catchingUp++
    buffered += session.buffered
  }
  metrics.sessions.labels('live').set(live)
  metrics.sessions.labels('catching_up').set(catchingUp)
  metrics.bufferedBytes.set(buffered)
  metrics.replayChunks.set(replay.reads)
  const { depth, oldestMs } = queues.facts()
  metrics.queueDepth.set(depth)
  metrics.queueOldestSeconds.set(oldestMs / 1_000)
}
