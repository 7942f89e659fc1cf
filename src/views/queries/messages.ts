// Threads: pages of one conversation's messages in thread order, and single messages.
// Between a MessageQuery and the rows of one page.

import { may, type Conversation, type Message } from '#schemas'
import { directions } from '../layout.ts'
import { numberOf } from '../numbers.ts'
import type { MessageQuery, Viewer } from '../index.ts'
import { clampLimit, type PageOf } from './conversations.ts'
import type { Reader } from './reader.ts'
import { findConversation, seesConversation, showMessage, showMessageToContact } from './rows.ts'

const LIMIT_DEFAULT = 50

interface Place {
  readonly orderAt: number
  readonly seq: number
}

/** `upToSeq`: messages born later are left out. */
export type ThreadQuery = MessageQuery & { readonly upToSeq?: number }

interface Thread {
  readonly n: number
  readonly row: Conversation
  /** As numbers of `directions`. */
  readonly shown: readonly number[]
  readonly upToSeq: number | undefined
}

const findMessage = (reader: Reader, n: number, id: string): { readonly place: Place; readonly message: Message } | undefined => {
  for (const found of reader.all('SELECT orderAt, seq, body FROM messages WHERE key = ? AND conversation = ?', numberOf(id), n)) {
    const message = JSON.parse(found['body'] as string) as Message
    if (message.id === id) return { place: { orderAt: found['orderAt'] as number, seq: found['seq'] as number }, message }
  }
  return undefined
}

/** Messages on one side of a place, nearest first. */
const readSide = (
  reader: Reader,
  thread: Thread,
  { from, side, limit }: { readonly from: Place | null; readonly side: 'older' | 'newer'; readonly limit: number },
): Message[] => {
  const isOlder = side === 'older'
  const direction = isOlder ? 'DESC' : 'ASC'
  const keyset = from === null ? '' : `AND (orderAt, seq) ${isOlder ? '<' : '>'} (?, ?)`
  const shown = thread.shown.length === directions.length ? '' : `AND direction IN (${thread.shown.join(', ')})`
  const born = thread.upToSeq === undefined ? '' : `AND seq <= ${Math.trunc(thread.upToSeq)}`
  const sql = `SELECT body FROM messages WHERE conversation = ? ${keyset} ${shown} ${born} ORDER BY orderAt ${direction}, seq ${direction} LIMIT ?`
  const values = from === null ? [thread.n, limit] : [thread.n, from.orderAt, from.seq, limit]
  return reader.all(sql, ...values).map((found) => JSON.parse(found['body'] as string) as Message)
}

const isForContact = ({ grants }: Viewer, asContact: boolean | undefined): boolean => grants.kind === 'contact' || asContact === true

const openThread = (reader: Reader, viewer: Viewer, id: string, query: ThreadQuery): Thread | undefined => {
  const found = findConversation(reader, id)
  if (found === undefined || !seesConversation(viewer.grants, found.row)) return undefined
  const mayNotes = !isForContact(viewer, query.asContact) && may(viewer.grants, 'note.read')
  const shown = directions.flatMap((direction, number) =>
    (direction !== 'note' || mayNotes) && (query.direction ?? direction) === direction ? [number] : [],
  )
  return { ...found, shown, upToSeq: query.upToSeq }
}

const nothing: PageOf<Message> = { items: [], next: null }

const readPage = (reader: Reader, thread: Thread, query: MessageQuery): PageOf<Message> => {
  const limit = clampLimit(query.limit, LIMIT_DEFAULT)
  const pivotId = query.around ?? query.before ?? query.after
  const pivot = pivotId === undefined ? undefined : findMessage(reader, thread.n, pivotId)
  if (pivotId !== undefined && (pivot === undefined || pivot.place.seq > (thread.upToSeq ?? pivot.place.seq))) return nothing
  const from = pivot?.place ?? null
  if (query.around !== undefined) {
    const older = readSide(reader, thread, { from, side: 'older', limit: Math.floor(limit / 2) + 1 })
    const hasMore = older.length > Math.floor(limit / 2)
    if (hasMore) older.pop()
    const isShown = pivot !== undefined && thread.shown.includes(directions.indexOf(pivot.message.direction))
    const newer = readSide(reader, thread, { from, side: 'newer', limit: limit - older.length - 1 })
    const items = [...older.reverse(), ...(isShown ? [pivot.message] : []), ...newer]
    return { items, next: hasMore && items[0] !== undefined ? [items[0].id] : null }
  }
  const side = query.after === undefined ? 'older' : 'newer'
  const items = readSide(reader, thread, { from, side, limit: limit + 1 })
  const hasMore = items.length > limit
  if (hasMore) items.pop()
  const next = hasMore ? [items.at(-1)?.id ?? ''] : null
  return { items: side === 'older' ? items.reverse() : items, next }
}

/** A page of a thread, oldest first. `next` continues in the direction asked for: older by default, newer after `after`. */
export const listMessages = (reader: Reader, viewer: Viewer, conversationId: string, query: ThreadQuery): PageOf<Message> => {
  const thread = openThread(reader, viewer, conversationId, query)
  if (thread === undefined || thread.shown.length === 0) return nothing
  const { items, next } = readPage(reader, thread, query)
  if (!isForContact(viewer, query.asContact))
    return { items: items.map((message) => showMessage(message, thread.row.receipts, viewer)), next }
  return { items: items.flatMap((message) => showMessageToContact(message) ?? []), next }
}

export const getMessage = (reader: Reader, viewer: Viewer, conversationId: string, messageId: string): Message | null => {
  const thread = openThread(reader, viewer, conversationId, {})
  if (thread === undefined) return null
  const found = findMessage(reader, thread.n, messageId)
  if (found === undefined || !thread.shown.includes(directions.indexOf(found.message.direction))) return null
  return viewer.grants.kind === 'contact' ? showMessageToContact(found.message) : showMessage(found.message, thread.row.receipts, viewer)
}
