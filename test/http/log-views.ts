// Views that read the log's own rows: slow, small, and enough to judge what HTTP does with an answer.
// Stands in for src/views at the border of src/http.

import type { Conversation, Message } from '#schemas'
import { partitionOf, type Log, type StoredRecord } from '#log'
import { decodeAny, refOf, type ConversationSnapshot, type MessageRow } from '#schemas/log'
import type { Topic } from '#topics'
import type { AsOf, Viewer, Views } from '#views'

const time = (at: number): string => new Date(at).toISOString()
const maybe = (at: number | null): string | null => (at === null ? null : time(at))

const conversationOf = (snapshot: ConversationSnapshot): Conversation => {
  const { version: _version, timers: _timers, window, at: _at, offer, scheduled: _scheduled, botSends: _botSends, ...rest } = snapshot
  return {
    ...rest,
    ref: refOf(snapshot.id),
    contact: { id: snapshot.contactId, name: null, address: null },
    snoozedUntil: maybe(snapshot.snoozedUntil),
    createdAt: time(snapshot.createdAt),
    lastActivityAt: time(snapshot.lastActivityAt),
    lastInboundAt: maybe(snapshot.lastInboundAt),
    lastReplyAt: maybe(snapshot.lastReplyAt),
    waitingSince: maybe(snapshot.waitingSince),
    firstReplyAt: maybe(snapshot.firstReplyAt),
    window: window === null ? null : { expiresAt: time(window.expiresAt) },
    attributes: {},
    offer: offer === null ? null : { to: offer.to, expiresAt: time(offer.expiresAt) },
    lastMessage: null,
    unread: 0,
  }
}

const messageOf = ({ sendAt, reactions, ...row }: MessageRow): Message => ({
  ...row,
  ...(sendAt === null ? {} : { sendAt: time(sendAt) }),
  reactions: reactions.map((reaction) => ({ ...reaction, at: time(reaction.at) })),
  id: row.messageId,
  orderAt: time(row.orderAt),
  at: time(row.at),
  receivedAt: maybe(row.receivedAt),
  content: row.content === null ? null : { kind: row.content.kind, text: row.content.text ?? '' },
})

const asOf: AsOf = [{ topic: 'events', partition: 0, offset: 1 }]

export const logViews = (log: Log, readAll: (log: Log, topic: Topic) => Promise<StoredRecord[]>): Views => {
  const row = async (id: string): Promise<Conversation | null> => {
    const [record] = await log.latest('conversations', partitionOf(id), [id])
    const value = record?.value ?? null
    return value === null ? null : conversationOf(decodeAny(value) as ConversationSnapshot)
  }
  const visible = (viewer: Viewer, one: Conversation | null): Conversation | null =>
    one !== null && one.organizationId === viewer.grants.organizationId && (viewer.grants.accountIds?.includes(one.accountId) ?? true)
      ? one
      : null
  const messages = async (conversationId: string): Promise<Message[]> => {
    const records = (await readAll(log, 'messages')).filter(
      (record) => record.headers['type'] === 'message' && record.key.startsWith(conversationId),
    )
    const latest = new Map(records.map((record) => [record.key, messageOf(decodeAny(record.value ?? new Uint8Array()) as MessageRow)]))
    return [...latest.values()].toSorted((a, b) => a.seq - b.seq)
  }
  const views: Partial<Views> = {
    rows: (ids) => Promise.all(ids.map(row)),
    conversation: async (viewer, id) => ({ item: visible(viewer, await row(id)), asOf }),
    conversations: async (viewer, { limit = 25, after, state }) => {
      const records = (await readAll(log, 'conversations')).filter(({ headers }) => headers['type'] === 'conversation')
      const keys = [...new Set(records.map(({ key }) => key))].toSorted()
      const rows = (await Promise.all(keys.map(row))).filter((one) => visible(viewer, one) !== null) as Conversation[]
      const wanted = rows.filter(
        (one) => (state === undefined || state.includes(one.state)) && (after === undefined || one.id > String(after[0])),
      )
      const items = wanted.slice(0, limit)
      return { items, next: wanted.length > limit ? [items.at(-1)?.id ?? ''] : null, asOf }
    },
    conversationBytes: async (viewer, query) => {
      const page = await views.conversations?.(viewer, query)
      return { next: page?.next ?? null, asOf, items: Buffer.from(JSON.stringify(page?.items)) }
    },
    messages: async (_viewer, id, { limit = 25 }) => ({ items: (await messages(id)).slice(0, limit), next: null, asOf }),
    message: async (_viewer, id, messageId) => (await messages(id)).find((message) => message.id === messageId) ?? null,
    contact: () => Promise.resolve({ item: null, asOf }),
    contacts: () => Promise.resolve({ items: [], next: null, asOf }),
    events: () => Promise.resolve({ items: [], next: null, asOf }),
    search: () => Promise.resolve({ items: [], next: null, asOf }),
    counts: () => Promise.resolve({ counts: { byState: { open: 1 }, mine: 0, unassigned: 1, failedSends: 0, unknownSends: 0 }, asOf }),
    waitFor: () => Promise.resolve(true),
  }
  return views as Views
}
