// A thread as the lines on screen: days, the unread line, bubbles in groups, notes, activity, and what is still on its way.
// Pure, between messages and events as stored and the virtualised log that draws them.

import type { EventShape, Message } from '#schemas'
import type { Pending, Thread } from './model.ts'
import { isSameDay } from '../words/times.ts'
import { activityLine } from '../words/activity.ts'
import type { Names } from '../words/words.ts'

export type ThreadItem =
  | { readonly kind: 'day'; readonly key: string; readonly at: string }
  | { readonly kind: 'unread'; readonly key: string }
  | { readonly kind: 'message'; readonly key: string; readonly message: Message; readonly isFirst: boolean; readonly isLast: boolean }
  | { readonly kind: 'activity'; readonly key: string; readonly text: string; readonly at: string }
  | { readonly kind: 'pending'; readonly key: string; readonly pending: Pending; readonly isFirst: boolean }

/** Messages by one author closer than this stand as one group. */
const GROUP_MS = 5 * 60_000

type Placed = { readonly at: string; readonly seq: number } & (
  | { readonly message: Message }
  | { readonly event: EventShape; readonly text: string }
)

/** `(orderAt, seq)` is the order of messages; events fall in by the same two. */
const placedOf = (thread: Thread, names: Names, now: number): Placed[] => {
  const placed: Placed[] = thread.messages.map((message) => ({ at: message.orderAt, seq: message.seq, message }))
  const oldest = placed[0]
  for (const event of thread.events) {
    // Older than the page that is loaded: it comes with its page.
    if (thread.hasOlder && oldest !== undefined && event.at < oldest.at) continue
    const text = activityLine(event, names, now)
    if (text !== null) placed.push({ at: event.at, seq: event.seq, event, text })
  }
  return placed.sort((a, b) => (a.at === b.at ? a.seq - b.seq : a.at < b.at ? -1 : 1))
}

const isGrouped = (a: Placed | undefined, b: Placed | undefined): boolean => {
  if (a === undefined || b === undefined || !('message' in a) || !('message' in b)) return false
  const { message: one } = a
  const { message: two } = b
  return (
    one.direction === two.direction &&
    one.author.kind === two.author.kind &&
    one.author.id === two.author.id &&
    Date.parse(two.orderAt) - Date.parse(one.orderAt) < GROUP_MS &&
    isSameDay(one.orderAt, two.orderAt)
  )
}

/** A pending bubble steps aside as soon as its message is there, whichever of event and answer came first. */
const isStored = (pending: Pending, messages: readonly Message[]): boolean =>
  messages.some((message) => message.clientId === pending.clientId)

export const threadItems = (thread: Thread, names: Names, now: number): ThreadItem[] => {
  const placed = placedOf(thread, names, now)
  const items: ThreadItem[] = []
  let isUnreadShown = thread.readUpTo === null
  for (const [index, line] of placed.entries()) {
    const before = placed[index - 1]
    if (before === undefined || !isSameDay(before.at, line.at))
      items.push({ kind: 'day', key: `day-${line.at.slice(0, 10)}-${line.seq}`, at: line.at })
    if (!('message' in line)) {
      items.push({ kind: 'activity', key: line.event.id, text: line.text, at: line.at })
      continue
    }
    const { message } = line
    if (!isUnreadShown && message.direction === 'in' && message.seq > (thread.readUpTo ?? 0)) {
      items.push({ kind: 'unread', key: 'unread' })
      isUnreadShown = true
    }
    // By its client id while the author knows it, so that the bubble stays the same element when it is stored.
    const key = message.clientId ?? message.id
    items.push({ kind: 'message', key, message, isFirst: !isGrouped(before, line), isLast: !isGrouped(line, placed[index + 1]) })
  }
  const last = placed.at(-1)
  let before = last !== undefined && 'message' in last && last.message.author.id === names.me ? last.message.direction : null
  for (const pending of thread.pending) {
    if (isStored(pending, thread.messages)) continue
    const direction = pending.isNote ? 'note' : 'out'
    items.push({ kind: 'pending', key: pending.clientId, pending, isFirst: before !== direction })
    before = direction
  }
  return items
}

/** The last of ours that the contact has read: where the read mark stands. */
export const lastReadMessage = (messages: readonly Message[]): string | null =>
  messages.findLast((message) => message.direction === 'out' && message.send?.state === 'read')?.id ?? null
