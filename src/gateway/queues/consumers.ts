// Connections that share a queue: which has most room, and what it is sent.
// Between a queue and the sessions of its bot.

import { payloadOf, textFrame } from '../doors/frames.ts'
import type { Subscription } from '../sessions/progress.ts'
import type { Session } from '../sessions/session.ts'

/** A connection that shares the queue. */
export interface Consumer {
  readonly session: Session
  readonly subscription: Subscription
  readonly from: string | undefined
}

interface Loads {
  loadOf(consumer: Consumer): number
}

/** Who has fewest events out and reads what it is sent; undefined = nobody has room. */
export const freestOf = (consumers: Iterable<Consumer>, dealer: Loads): Consumer | undefined => {
  let freest: Consumer | undefined
  for (const consumer of consumers) {
    const { session } = consumer
    if (!session.isOpen || session.buffered >= session.hub.config.bufferedBytesHigh) continue
    if (freest === undefined || dealer.loadOf(consumer) < dealer.loadOf(freest)) freest = consumer
  }
  return freest
}

/** The shared frame of an event with what this delivery of it says. */
export const dealtFrame = (
  shared: Buffer,
  { isRepeat, ...head }: { readonly queue: string; readonly id: string; readonly attempt: number; readonly isRepeat: boolean },
): Buffer => {
  const own = JSON.stringify({ ...head, ...(isRepeat ? { redelivered: true } : {}) })
  return textFrame(`${own.slice(0, -1)},${payloadOf(shared).toString().slice(1)}`)
}

/** `dealing`: events come from here; `waiting`: another node deals them out, or nobody does yet. */
export const showState = ({ session, subscription }: Consumer, state: 'dealing' | 'waiting'): void =>
  session.send({ frame: 'ephemeral', kind: 'queue', id: subscription.id, state })
