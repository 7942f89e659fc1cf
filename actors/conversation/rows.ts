// Message rows as folds: the current form of a message after an event and its contents.
// Between the events of a conversation and the topic `messages`; a content that is gone leaves the row without it.

import type { ContentReference, Event, MessageRow, Reaction, SendState, StoredContent } from '#schemas/log'

type Send = NonNullable<MessageRow['send']>

const messageBody = (contents: readonly StoredContent[]): MessageRow['content'] => {
  for (const content of contents) if (content.kind === 'message') return content.body
  return null
}

const born = (event: Event<'message.received' | 'message.queued' | 'note.added'>, contents: readonly StoredContent[]): MessageRow => {
  const isIn = event.type === 'message.received'
  const isOut = event.type === 'message.queued'
  return {
    messageId: event.data.messageId,
    conversationId: event.subjectId,
    organizationId: event.organizationId,
    seq: event.seq,
    contactSeq: event.contactSeq,
    direction: isIn ? 'in' : isOut ? 'out' : 'note',
    kind: event.data.kind,
    author: event.by,
    orderAt: isIn || isOut ? event.data.orderAt : event.at,
    at: event.at,
    receivedAt: isIn ? event.data.receivedAt : null,
    send: isOut ? { state: 'queued', reason: null, providerCode: null, attempt: event.data.attempt } : null,
    replyTo: isOut ? event.data.replyTo : isIn ? (event.data.replyTo ?? null) : null,
    edits: 0,
    isDeleted: false,
    isErased: false,
    contents: event.contents === 0 ? [] : [{ seq: event.seq, n: 0 }],
    content: messageBody(contents),
    commandId: event.commandId,
    // A hash of what was said: not a fact, so no event has it; the decision adds it to the row.
    bodyHash: '',
    reactions: [],
    mentions: event.type === 'note.added' ? event.data.mentions : [],
    sendAt: isOut ? event.data.sendAt : null,
    revisedAt: null,
  }
}

const withSend = (row: MessageRow, change: Partial<Send>): MessageRow =>
  row.send === null ? row : { ...row, send: { ...row.send, ...change } }

const edited = (row: MessageRow, event: Event, contents: readonly StoredContent[]): MessageRow => {
  const references: ContentReference[] = [...row.contents, { seq: event.seq, n: 0 }]
  // A deletion is final: a later content brings nothing back.
  return { ...row, contents: references, content: row.isDeleted || row.isErased ? null : messageBody(contents) }
}

/** The row without its content; ids, times and counts stay, and its id goes on refusing repeats. */
export const eraseRow = (row: MessageRow): MessageRow => ({ ...row, isErased: true, content: null, reactions: [] })

/** Its time has come, or it is tried again; a scheduled one gets its number of the contact now. */
const requeued = (row: MessageRow, event: Event<'message.queued'>): MessageRow => {
  const after = withSend(row, { ...sent('queued'), attempt: event.data.attempt })
  return event.data.isDue ? { ...after, contactSeq: event.contactSeq, contents: [...row.contents, { seq: event.seq, n: 0 }] } : after
}

/** One a principal, in the order of their first; what was taken back stays as a word without an emoji, against older news. */
const withReaction = (
  reactions: readonly Reaction[],
  event: Event<'message.reacted'>,
  contents: readonly StoredContent[],
): MessageRow['reactions'] => {
  const content = contents.find(({ kind }) => kind === 'reaction') as StoredContent<'reaction'> | undefined
  const next: Reaction = { by: event.by, emoji: content?.body.emoji ?? null, at: event.data.reactedAt }
  const index = reactions.findIndex(({ by }) => by.kind === next.by.kind && by.id === next.by.id)
  return index < 0 ? [...reactions, next] : reactions.with(index, next)
}

const sent = (state: SendState): Partial<Send> => ({ state, reason: null, providerCode: null })

/** The row of one message after an event; the same reference for events that say nothing of it, null where it does not exist. */
export const evolveRow = (row: MessageRow | null, event: Event, contents: readonly StoredContent[]): MessageRow | null => {
  if (row === null) {
    const isBirth =
      event.type === 'message.received' || event.type === 'note.added' || (event.type === 'message.queued' && event.data.attempt === 1)
    return isBirth ? born(event, contents) : null
  }
  if (event.type === 'conversation.erased') return row.seq <= event.data.upToSeq && !row.isErased ? eraseRow(row) : row
  if (!('messageId' in event.data) || event.data.messageId !== row.messageId) return row
  switch (event.type) {
    case 'message.queued':
      return requeued(row, event)
    case 'message.sent':
      return withSend(row, { ...sent('sent'), attempt: event.data.attempt })
    case 'message.delivered':
      return withSend(row, sent('delivered'))
    case 'message.read':
      return withSend(row, sent('read'))
    case 'message.failed':
      return withSend(row, {
        state: 'failed',
        reason: event.data.reason,
        providerCode: event.data.providerCode,
        attempt: event.data.attempt,
      })
    case 'message.unknown':
      return withSend(row, { state: 'unknown', reason: event.data.reason, providerCode: null, attempt: event.data.attempt })
    case 'message.settled':
      return withSend(row, {
        state: event.data.after,
        reason: event.data.after === 'failed' ? 'settled_by_agent' : null,
        providerCode: null,
      })
    case 'message.edited':
    case 'note.edited': {
      const after = edited(row, event, contents)
      const revisedAt = event.type === 'message.edited' ? (event.data.revisedAt ?? null) : null
      return { ...after, edits: after.edits + 1, ...(revisedAt === null ? {} : { revisedAt }) }
    }
    case 'message.attached':
      return edited(row, event, contents)
    case 'message.reacted':
      return row.isDeleted || row.isErased ? row : { ...row, reactions: withReaction(row.reactions, event, contents) }
    case 'message.deleted':
    case 'note.deleted':
      return { ...row, isDeleted: true, content: null, reactions: [] }
    default:
      return row
  }
}
