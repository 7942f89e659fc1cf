// What each frame does to the inbox's state: rows, threads, contacts, counts, marks, settings. Pure; nothing is fetched again.
// Between frames, in the order of `seq`, and the panes, which draw what changed.

import { foldContact, foldConversation, foldMessage, messageIdOf, sendStateOf } from '#client'
import type { Conversation, EventShape, Message } from '#schemas'
import type { Account, Agent, Counts, InboxState, Label, Thread } from '../state/model.ts'
import { listViews, viewNames } from '../state/views.ts'
import { isKept } from '../words/activity.ts'

/** A map with one entry replaced; undefined takes it out. */
export const withEntry = <K, V>(map: ReadonlyMap<K, V>, key: K, value: V | undefined): ReadonlyMap<K, V> => {
  const copy = new Map(map)
  if (value === undefined) copy.delete(key)
  else copy.set(key, value)
  return copy
}

const countsAfter = (
  counts: Counts | null,
  before: Conversation | undefined,
  after: Conversation | undefined,
  me: string,
): Counts | null => {
  if (counts === null) return null
  const changed = { ...counts }
  for (const name of viewNames) {
    const { has } = listViews[name]
    const by = Number(after !== undefined && has(after, me)) - Number(before !== undefined && has(before, me))
    changed[name] = Math.max(0, changed[name] + by)
  }
  return changed
}

/** The state with a row set or taken out; `isNews` = by an event, so that the counts follow. */
export const withRow = (state: InboxState, id: string, row: Conversation | undefined, isNews: boolean): InboxState => {
  const before = state.rows.get(id)
  if (before === row) return state
  const counts = isNews ? countsAfter(state.counts, before, row, state.me.id) : state.counts
  return { ...state, rows: withEntry(state.rows, id, row), counts }
}

/** Rows as read from the server: one that is older than what is known changes nothing. */
export const withRows = (state: InboxState, fetched: readonly Conversation[]): InboxState => {
  const rows = new Map(state.rows)
  let isChanged = false
  for (const row of fetched) {
    const known = rows.get(row.id)
    if (known !== undefined && known.seq > row.seq) continue
    rows.set(row.id, row)
    isChanged = true
  }
  return isChanged ? { ...state, rows } : state
}

const comesBefore = (a: Message, b: Message): boolean => (a.orderAt === b.orderAt ? a.seq < b.seq : a.orderAt < b.orderAt)

/** In thread order; a message that is there already is replaced. */
const withMessage = (messages: readonly Message[], message: Message): readonly Message[] => {
  const rest = messages.filter(({ id }) => id !== message.id)
  const at = rest.findLastIndex((each) => comesBefore(each, message)) + 1
  return [...rest.slice(0, at), message, ...rest.slice(at)]
}

const bornWithKey = (message: Message, event: EventShape): Message => {
  const { clientId } = event.data
  return typeof clientId === 'string' ? { ...message, clientId } : message
}

/** What is shown of a send: its own state or the contact's watermark, whichever is further; receipts may come before "sent". */
const withReceipts = (message: Message, receipts: Conversation['receipts'] | undefined): Message => {
  if (message.send === null || receipts === undefined) return message
  const state = sendStateOf(message.send.state, message.contactSeq, receipts)
  return state === message.send.state ? message : { ...message, send: { ...message.send, state } }
}

const messagesAfter = (thread: Thread, event: EventShape, row: Conversation | undefined): readonly Message[] => {
  const id = messageIdOf(event)
  if (id === null) {
    if (event.type === 'conversation.erased') return thread.messages.map((message) => foldMessage(message, event) ?? message)
    const isReceipt = event.type === 'message.delivered' || event.type === 'message.read'
    return isReceipt ? thread.messages.map((message) => withReceipts(message, row?.receipts)) : thread.messages
  }
  const known = thread.messages.find((message) => message.id === id)
  const after = foldMessage(known ?? null, event)
  if (after === null || after === known) return thread.messages
  const last = thread.messages.at(-1)
  // Turned to an older page: what is new comes when the reader goes back to it.
  if (known === undefined && thread.hasNewer && last !== undefined && comesBefore(last, after)) return thread.messages
  return withMessage(thread.messages, withReceipts(known === undefined ? bornWithKey(after, event) : after, row?.receipts))
}

/** Lines of activity kept of a thread, the newest. */
const EVENTS_MAX = 500

/** The thread after an event; it has a seq of its own, as its snapshot may be older than the row. */
const threadAfter = (thread: Thread, event: EventShape, row: Conversation | undefined): Thread => {
  if (!thread.isLoaded || event.seq <= thread.seq) return thread
  const { clientId } = event.data
  return {
    ...thread,
    seq: event.seq,
    messages: messagesAfter(thread, event, row),
    events: messageIdOf(event) === null || isKept(event) ? [...thread.events, event].slice(-EVENTS_MAX) : thread.events,
    pending: typeof clientId === 'string' ? thread.pending.filter((pending) => pending.clientId !== clientId) : thread.pending,
  }
}

const withThreadEvent = (state: InboxState, event: EventShape): InboxState => {
  const thread = state.threads.get(event.subject.id)
  if (thread === undefined) return state
  const after = threadAfter(thread, event, state.rows.get(event.subject.id))
  return after === thread ? state : { ...state, threads: withEntry(state.threads, event.subject.id, after) }
}

const withContactEvent = (state: InboxState, event: EventShape): InboxState => {
  const contact = foldContact(state.contacts.get(event.subject.id) ?? null, event)
  let after = contact === null ? state : { ...state, contacts: withEntry(state.contacts, contact.id, contact) }
  for (const row of state.rows.values()) {
    if (row.contactId === event.subject.id) after = withRow(after, row.id, foldConversation(row, event) ?? row, true)
  }
  return after
}

export interface Applied {
  readonly state: InboxState
  /** A row that must be read from the server: it is not known, or events of it are missing. */
  readonly wanted: string | null
}

/** An event, in the order the line brings them. One that is known already changes nothing. */
export const applyEvent = (state: InboxState, event: EventShape): Applied => {
  if (event.subject.kind === 'contact') return { state: withContactEvent(state, event), wanted: null }
  if (event.subject.kind !== 'conversation') return { state, wanted: null }
  const { id } = event.subject
  const known = state.rows.get(id)
  if (event.type === 'conversation.withdrawn') {
    const after = withRow(state, id, undefined, true)
    return { state: { ...after, threads: withEntry(after.threads, id, undefined) }, wanted: null }
  }
  if (known !== undefined && event.seq <= known.seq) return { state: withThreadEvent(state, event), wanted: null }
  const hasGap = known !== undefined && event.seq > known.seq + 1
  const row = foldConversation(known ?? null, event) ?? undefined
  const after = withThreadEvent(withRow(state, id, row, true), event)
  const isQuiet = event.type !== 'message.received' || !after.typing.has(id)
  const typing = isQuiet ? after.typing : new Set([...after.typing].filter((other) => other !== id))
  return { state: { ...after, typing }, wanted: row === undefined || hasGap ? id : null }
}

/** Fresh links into the attachments of messages that are shown; nothing else of them changes. */
export const withLinks = (messages: readonly Message[], fresh: readonly Message[]): readonly Message[] => {
  const links = new Map(
    fresh
      .flatMap(({ content }) => content?.attachments ?? [])
      .flatMap(({ fileId, url }) => (fileId === null || url === undefined ? [] : [[fileId, url] as const])),
  )
  return messages.map((message) => {
    const { content } = message
    if (!content?.attachments?.some(({ fileId }) => fileId !== null && links.has(fileId))) return message
    const attachments = content.attachments.map((attachment) => {
      const url = attachment.fileId === null ? undefined : links.get(attachment.fileId)
      return url === undefined ? attachment : { ...attachment, url }
    })
    return { ...message, content: { ...content, attachments } }
  })
}

interface MarkValue {
  readonly conversationId: string
  readonly agentId: string
  readonly readUpTo: number
  readonly draft?: string | null
  readonly isNoteDraft?: boolean
}

export const isMark = (value: unknown): value is MarkValue =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as MarkValue).conversationId === 'string' &&
  typeof (value as MarkValue).readUpTo === 'number'

/** My own mark: reading here or in another tab empties the unread number. */
const withMark = (state: InboxState, mark: MarkValue): InboxState => {
  const row = state.rows.get(mark.conversationId)
  if (mark.agentId !== state.me.id || row === undefined) return state
  const thread = state.threads.get(row.id)
  const messages = thread?.hasNewer === true ? undefined : thread?.messages
  const newest = row.lastMessage?.seq ?? row.seq
  // The thread knows exactly; without it the newest message decides.
  const unread =
    messages === undefined || messages.length === 0
      ? mark.readUpTo >= newest
        ? 0
        : row.unread
      : messages.filter((message) => message.direction === 'in' && message.seq > mark.readUpTo).length
  return unread === row.unread ? state : { ...state, rows: withEntry(state.rows, row.id, { ...row, unread }) }
}

/** A setting or a mark as a `state` frame carries it; null = removed. */
export const applyState = (state: InboxState, kind: string, id: string, value: unknown): InboxState => {
  switch (kind) {
    case 'mark':
      return isMark(value) ? withMark(state, value) : state
    case 'agent':
      return value === null ? state : { ...state, agents: withEntry(state.agents, id, value as Agent) }
    case 'label':
      return { ...state, labels: withEntry(state.labels, id, value === null ? undefined : (value as Label)) }
    case 'account':
      return { ...state, accounts: withEntry(state.accounts, id, value === null ? undefined : (value as Account)) }
    default:
      return state
  }
}
