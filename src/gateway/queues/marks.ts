// What of a queue is done: per stream everything before an offset, and single ones after it. Joins of it only grow. Pure.
// Between acknowledgements and the queue's record in the log.

import type { QueueRecord } from '#schemas/log'
import { PARTITIONS } from '#topics'
import { streamOf, topicOf, type TailedTopic } from '../cursor.ts'

/** Streams that hold events: of conversations, and of contacts. */
export const QUEUE_STREAMS = 2 * PARTITIONS

export interface Mark {
  next: number
  /** Offsets after `next`. */
  acknowledged: Set<number>
  /** Offsets that have gone out and were not acknowledged: they come again. */
  sent: Set<number>
}

/** By stream; a stream without one has not begun. */
export type Marks = Map<number, Mark>

export const marksIn = ({ marks }: Pick<QueueRecord, 'marks'>): Marks =>
  new Map(
    marks.map(({ topic, partition, next, acknowledged, sent }) => [
      streamOf(topic as TailedTopic, partition),
      { next, acknowledged: new Set(acknowledged), sent: new Set(sent) },
    ]),
  )

const sorted = (offsets: ReadonlySet<number>): number[] => [...offsets].toSorted((one, other) => one - other)

export const recordOf = (marks: Marks): QueueRecord['marks'] =>
  [...marks].map(([stream, { next, acknowledged, sent }]) => ({
    topic: topicOf(stream),
    partition: stream % PARTITIONS,
    next,
    acknowledged: sorted(acknowledged),
    sent: sorted(sent),
  }))

/** What either says is done is done. */
export const joinMarks = (one: Marks, other: Marks): Marks => {
  const joined: Marks = new Map()
  for (const stream of new Set([...one.keys(), ...other.keys()])) {
    const [left, right] = [one.get(stream), other.get(stream)]
    const next = Math.max(left?.next ?? 0, right?.next ?? 0)
    const acknowledged = new Set([...(left?.acknowledged ?? []), ...(right?.acknowledged ?? [])].filter((offset) => offset >= next))
    const sent = [...(left?.sent ?? []), ...(right?.sent ?? [])].filter((offset) => offset >= next && !acknowledged.has(offset))
    joined.set(stream, { next, acknowledged, sent: new Set(sent) })
  }
  return joined
}

/** Whether `one` says all that `other` does. */
export const holds = (one: Marks, other: Marks): boolean =>
  [...other].every(([stream, { next, acknowledged }]) => {
    const mark = one.get(stream)
    if (mark === undefined) return false
    return mark.next >= next && [...acknowledged].every((offset) => offset < mark.next || mark.acknowledged.has(offset))
  })
