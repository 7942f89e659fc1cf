// An outbound message, a note, a conversation begun by us: who may, whether it can reach the contact, then queued.
// Between message.send, conversation.start, message.retry and the effect `send`.

import type { Address, Command, ConversationState, MessageContent, MessageRow } from '#schemas/log'
import { allowedAfter, quotedBy, windowMsOf, type ConversationDraft, type LivingDraft } from '../conversation/index.ts'
import { claimByReply, mayReply, takeOver } from './holding.ts'
import { clearDraft } from './marks.ts'
import { join, mayMention } from './participants.ts'
import { knownAddress, reachable } from './reach.ts'
import { begin } from './receive.ts'
import { maySchedule, schedule, sendFirst } from './schedule.ts'

/** A repeat of the same send gets its first answer as long as the message exists. */
const isRepeat = (draft: ConversationDraft, messageId: string): boolean => {
  const existing = draft.message(messageId)
  if (existing === null) return false
  // A row folded anew from events has no hash: its id, derived from the author's key, is all there is to compare.
  const isSame = existing.bodyHash === '' || existing.bodyHash === draft.command.bodyHash
  if (isSame) draft.accept(messageId, existing.seq)
  else draft.refuse('idempotency_mismatch', { messageId })
  return true
}

const atOnce = { sendAt: null, isUnlessReply: false, isDue: false } as const

interface Outbound {
  readonly messageId: string
  readonly content: MessageContent
  readonly seenSeq: number | null
  readonly isOverride: boolean
  readonly replyTo: string | null
}

const queue = (draft: LivingDraft, { messageId, content, seenSeq, isOverride, replyTo }: Outbound, address: Address): void => {
  claimByReply(draft)
  draft.sending = { address, content, replyTo: quotedBy(draft, replyTo) }
  const orderAt = Math.max(draft.now, draft.snapshot.orderFloor)
  const attachments = content.attachments.length
  const facts = { messageId, kind: content.kind, orderAt, attachments, attempt: 1, seenSeq, isOverride, replyTo }
  draft.apply('message.queued', { ...facts, ...atOnce }, [{ kind: 'message', body: content }])
  if (draft.snapshot.channel === 'web') draft.apply('message.sent', { messageId, attempt: 1, isEcho: false })
}

const addNote = (draft: LivingDraft, { messageId, content, mentions }: Command<'message.send'>['data']): void => {
  if (!mayMention(draft, mentions)) return
  draft.apply('note.added', { messageId, kind: content.kind, attachments: content.attachments.length, mentions }, [
    { kind: 'message', body: content },
  ])
  join(draft, mentions, 'mention')
  clearDraft(draft, true)
  draft.accept(messageId)
}

export const sendMessage = (draft: LivingDraft, command: Command<'message.send'>): void => {
  const { data } = command
  if (isRepeat(draft, data.messageId)) return
  if (data.isInternal) return addNote(draft, data)
  if (!mayReply(draft, data)) return
  if (data.sendAt !== null && !maySchedule(draft, data.sendAt)) return
  const address = reachable(draft, data.content)
  if (address === null) return
  if (data.sendAt === null) queue(draft, data, address)
  else schedule(draft, command, data.sendAt)
  clearDraft(draft, false)
  draft.accept(data.messageId)
}

/** What an agent begins is theirs and so open; others say whether people shall see it at once. */
const stateAtStart = (wanted: ConversationState | null, isAgent: boolean): ConversationState =>
  isAgent || wanted === 'open' ? 'open' : 'resolved'

/** By an agent: open and theirs; by a token: out of the lists until the contact writes. An existing conversation is gone on with. */
export const startConversation = (draft: ConversationDraft, { data, by }: Command<'conversation.start'>): void => {
  const { messageId, content } = data
  if (content !== null && isRepeat(draft, messageId)) return
  const isAgent = by.kind === 'agent' && by.id !== null
  const holder = isAgent && by.id !== null ? ({ kind: 'agent', id: by.id } as const) : null
  const isNew = draft.snapshot === null
  const isClosed = isNew && windowMsOf(data, data.address, draft.context.settings.account) !== null
  if (isClosed && content !== null && (content.kind !== 'template' || !allowedAfter(data).includes('template'))) {
    return void draft.refuse('window_closed', { allowed: allowedAfter(data), closedAt: null })
  }
  if (isNew) begin(draft, data, { state: stateAtStart(data.state, isAgent), assignee: holder })
  const living = draft as LivingDraft
  const outbound = { messageId, seenSeq: null, isOverride: false, replyTo: null, mayReplyAny: by.kind === 'token' }
  if (!isNew) {
    if (!mayReply(living, outbound)) return
    if (content !== null && reachable(living, content) === null) return
    resume(living)
  }
  if (content !== null) queue(living, { ...outbound, content }, knownAddress(living) ?? data.address)
  draft.accept(content === null ? null : messageId)
}

const resume = (draft: LivingDraft): void => {
  const { by } = draft.command
  if (by.kind !== 'agent' || by.id === null) return
  const { assignee, state, cycle } = draft.snapshot
  if (assignee?.kind !== 'agent') takeOver(draft, by.id, 'started')
  if (state === 'snoozed' || state === 'resolved') {
    draft.apply('conversation.opened', { because: 'started', before: state, cycle: state === 'resolved' ? cycle + 1 : cycle })
  }
}

const refuseRetry = (draft: LivingDraft, { send }: MessageRow, acceptsDuplicate: boolean): boolean => {
  if (send?.state === 'unknown' && !acceptsDuplicate) draft.refuse('fate_unknown')
  else if (send?.state === 'failed' || send?.state === 'unknown') return false
  else draft.refuse('send_not_retryable', { state: send?.state ?? null })
  return true
}

/** Same id, next attempt. What may have arrived is sent again only by one who accepts that it arrives twice. */
export const retryMessage = (draft: LivingDraft, { data }: Command<'message.retry'>): void => {
  const row = draft.message(data.messageId)
  if (row === null || row.direction !== 'out' || row.send === null) return void draft.refuse('message_not_found')
  if (refuseRetry(draft, row, data.acceptsDuplicate)) return
  if (row.content === null || row.seq <= draft.snapshot.erasedUpTo) return void draft.refuse('message_erased')
  const address = reachable(draft, row.content)
  if (address === null) return
  if (row.contactSeq === null) {
    sendFirst(draft, row)
    return void draft.accept(row.messageId)
  }
  draft.sending = { address, content: row.content, replyTo: quotedBy(draft, row.replyTo) }
  const { messageId, kind, orderAt, replyTo, content } = row
  const attempt = row.send.attempt + 1
  draft.apply('message.queued', {
    messageId,
    kind,
    orderAt,
    attachments: content.attachments.length,
    attempt,
    seenSeq: null,
    isOverride: false,
    replyTo,
    ...atOnce,
  })
  draft.accept(messageId)
}
