// The fold of one message: its current form after an event, as threads show it.
// Between the events of a conversation (JSON, contents filled in) and message rows on server and client.

import type { Content, EventShape, Message, SendStateName } from '#schemas'

type Send = NonNullable<Message['send']>
interface Data {
  readonly messageId?: string | null
  readonly orderAt?: string
  readonly receivedAt?: string
  readonly attempt?: number
  readonly replyTo?: string | null
  readonly reason?: string | null
  readonly providerCode?: number | null
  readonly after?: SendStateName
  readonly content?: Content
  readonly providerMessageId?: string | null
  readonly upToSeq?: number
  readonly sendAt?: string | null
  readonly isDue?: boolean
  readonly mentions?: readonly string[]
  readonly emoji?: string
  readonly isRemoved?: boolean
  readonly reactedAt?: string
}

/** The message an event speaks of; null for a watermark and for events of none. */
export const messageIdOf = (event: EventShape): string | null => (event.data as Data).messageId ?? null

const isBirth = (event: EventShape, attempt: number | undefined): boolean =>
  event.type === 'message.received' || event.type === 'note.added' || (event.type === 'message.queued' && (attempt ?? 1) === 1)

const born = (event: EventShape, data: Data): Message => {
  const direction = event.type === 'message.received' ? 'in' : event.type === 'message.queued' ? 'out' : 'note'
  return {
    id: data.messageId ?? '',
    conversationId: event.subject.id,
    seq: event.seq,
    contactSeq: event.contactSeq ?? null,
    orderAt: data.orderAt ?? event.at,
    direction,
    author: event.by,
    content: data.content ?? null,
    at: event.at,
    receivedAt: data.receivedAt ?? null,
    providerMessageId: data.providerMessageId ?? null,
    replyTo: data.replyTo ?? null,
    send: direction === 'out' ? { state: 'queued', reason: null, providerCode: null, attempt: data.attempt ?? 1 } : null,
    edits: 0,
    isDeleted: false,
    isErased: event.erased === true,
    ...(data.sendAt === null || data.sendAt === undefined ? {} : { sendAt: data.sendAt }),
    ...(data.mentions === undefined || data.mentions.length === 0 ? {} : { mentions: [...data.mentions] }),
  }
}

/** Its time has come, or it is tried again; a scheduled one gets its number of the contact now. */
const requeued = (row: Message, event: EventShape, data: Data): Message => {
  const after = withSend(row, { state: 'queued', attempt: attemptOf(data, row) })
  if (data.isDue !== true) return after
  return { ...after, contactSeq: event.contactSeq ?? null, content: data.content ?? after.content }
}

/** One a principal, in the order in which they came; what was taken back is not shown. */
const withReaction = (row: Message, event: EventShape, data: Data): Message => {
  if (row.isDeleted || row.isErased) return row
  const before = row.reactions ?? []
  const index = before.findIndex(({ by }) => by.kind === event.by.kind && by.id === event.by.id)
  if (data.isRemoved === true || data.emoji === undefined) return { ...row, reactions: before.filter((_, at) => at !== index) }
  const mine = { by: event.by, emoji: data.emoji, at: data.reactedAt ?? event.at }
  return { ...row, reactions: index < 0 ? [...before, mine] : before.with(index, mine) }
}

/** A report that changes nothing leaves reason and codes as they are. */
const reported = (row: Message, said: Partial<Send> & Pick<Send, 'state'>): Message =>
  row.send === null || laterState(row.send.state, said.state) !== said.state ? row : withSend(row, said)

const withSend = (row: Message, change: Partial<Send>): Message =>
  row.send === null ? row : { ...row, send: { ...row.send, reason: null, providerCode: null, ...change } }

/** A deletion is final: a later content brings nothing back. Content that is gone leaves the message erased. */
const withContent = (row: Message, event: EventShape, data: Data): Message =>
  row.isDeleted ? row : { ...row, content: data.content ?? null, isErased: event.erased === true }

const failed = (data: Data): Pick<Send, 'state' | 'reason' | 'providerCode'> => ({
  state: 'failed',
  reason: data.reason ?? null,
  providerCode: data.providerCode ?? null,
})

const attemptOf = (data: Data, row: Message): number => data.attempt ?? row.send?.attempt ?? 1

const withoutReactions = ({ reactions: _gone, ...row }: Message): Message => row

const erased = (row: Message, upToSeq: number): Message =>
  row.seq > upToSeq || row.isErased ? row : withoutReactions({ ...row, content: null, providerMessageId: null, isErased: true })

/**
 * The message after an event of its conversation; the same reference where the event says nothing of it, null where there is none.
 * The caller applies each event once, in the order of `seq`.
 */
export const foldMessage = (row: Message | null, event: EventShape): Message | null => {
  const data = event.data as Data
  if (row === null) return isBirth(event, data.attempt) ? born(event, data) : null
  if (event.type === 'conversation.erased') return erased(row, data.upToSeq ?? 0)
  if (data.messageId !== row.id) return row
  switch (event.type) {
    case 'message.queued':
      return requeued(row, event, data)
    case 'message.sent': {
      const sent = reported(row, { state: 'sent', attempt: attemptOf(data, row) })
      return data.providerMessageId === undefined ? sent : { ...sent, providerMessageId: data.providerMessageId }
    }
    case 'message.delivered':
      return reported(row, { state: 'delivered' })
    case 'message.read':
      return reported(row, { state: 'read' })
    case 'message.failed':
      return reported(row, { ...failed(data), attempt: attemptOf(data, row) })
    case 'message.unknown':
      return reported(row, { state: 'unknown', reason: data.reason ?? null, attempt: attemptOf(data, row) })
    case 'message.settled':
      return withSend(row, { state: data.after ?? 'sent', reason: data.after === 'failed' ? 'settled_by_agent' : null })
    case 'message.edited':
    case 'note.edited':
      return { ...withContent(row, event, data), edits: row.edits + 1 }
    case 'message.attached':
      return withContent(row, event, data)
    case 'message.reacted':
      return withReaction(row, event, data)
    case 'message.deleted':
    case 'note.deleted':
      return withoutReactions({ ...row, content: null, isDeleted: true })
    default:
      return row
  }
}

const rank: Readonly<Record<SendStateName, number>> = { queued: 0, unknown: 0, failed: 0, sent: 1, delivered: 2, read: 3 }

/**
 * The state after a report, which may come late or twice: what is further wins, a failure is one only of what was not delivered,
 * and nobody knows less of what has left. A new attempt begins anew and does not come this way.
 */
export const laterState = (before: SendStateName, said: SendStateName): SendStateName => {
  if (said === 'failed') return rank[before] > rank.sent ? before : said
  if (said === 'unknown') return rank[before] > 0 ? before : said
  return rank[said] > rank[before] ? said : before
}

/**
 * The state a reader is shown: the row's own or the conversation's watermark, whichever is further.
 * `receipts` are in contactSeq; what failed or never left is reached by no watermark.
 */
export const sendStateOf = (
  state: SendStateName,
  contactSeq: number | null | undefined,
  receipts: { readonly delivered: number; readonly read: number },
): SendStateName => {
  if (contactSeq === null || contactSeq === undefined || state === 'failed' || state === 'unknown') return state
  const reached = contactSeq <= receipts.read ? 'read' : contactSeq <= receipts.delivered ? 'delivered' : state
  return rank[reached] > rank[state] ? reached : state
}
