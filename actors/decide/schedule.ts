// Messages that wait for their time: queued and hidden until then, checked again when it has come, called off if the contact writes first.
// Between message.send with `sendAt`, the timer of the earliest, and the second message.queued that sends.

import type { Command, MessageRow, SendReason } from '#schemas/log'
import { endSend, putTimer, quotedBy, type LivingDraft } from '../conversation/index.ts'
import { isHeldBy } from './holding.ts'
import { knownAddress, whyUnreachable } from './reach.ts'

const DAY_MS = 86_400_000
const AHEAD_MAX_MS = 90 * DAY_MS
/** Waiting in one conversation at once. */
const SCHEDULED_MAX = 20
/** Sent by one firing; the timer of the next is due at once. */
const DUE_MAX = 8

/** Refuses a time that is no time ahead, or one too many. */
export const maySchedule = (draft: LivingDraft, sendAt: number): boolean => {
  if (sendAt <= draft.now || sendAt > draft.now + AHEAD_MAX_MS) draft.refuse('schedule_out_of_range', { daysMax: AHEAD_MAX_MS / DAY_MS })
  else if (draft.snapshot.scheduled.length >= SCHEDULED_MAX) draft.refuse('scheduled_too_many', { scheduledMax: SCHEDULED_MAX })
  else return true
  return false
}

/** In the thread it stands where its time is; nobody has been answered by it yet. */
export const schedule = (draft: LivingDraft, { data }: Command<'message.send'>, sendAt: number): void => {
  const { messageId, content, seenSeq, isOverride, replyTo, isUnlessReply } = data
  const { kind, attachments } = content
  const facts = { messageId, kind, orderAt: sendAt, attachments: attachments.length, attempt: 1, seenSeq, isOverride, replyTo }
  draft.apply('message.queued', { ...facts, sendAt, isUnlessReply, isDue: false }, [{ kind: 'message', body: content }])
}

const callOff = (draft: LivingDraft, messageId: string, reason: SendReason): void => {
  const attempt = draft.message(messageId)?.send?.attempt ?? 1
  draft.apply('message.failed', { messageId, attempt, reason, providerCode: null })
}

/** The contact wrote first: what was to be said otherwise is not said. */
export const callOffUnlessReply = (draft: LivingDraft): void => {
  const { scheduled } = draft.snapshot
  if (scheduled.length === 0) return
  for (const { messageId, isUnlessReply } of scheduled) if (isUnlessReply) callOff(draft, messageId, 'contact_replied')
}

export const isWaiting = ({ snapshot }: LivingDraft, messageId: string): boolean =>
  snapshot.scheduled.some((send) => send.messageId === messageId)

/** Sends what has never reached a sender, as its author: a scheduled one when due, or again after it was called off. */
export const sendFirst = (draft: LivingDraft, row: MessageRow): void => {
  const { messageId, kind, replyTo, content, author, send } = row
  const address = knownAddress(draft)
  if (content === null || address === null || send === null) return callOff(draft, messageId, 'other')
  const attempt = send.attempt + 1
  draft.sending = { address, content, replyTo: quotedBy(draft, replyTo) }
  const orderAt = Math.max(draft.now, draft.snapshot.orderFloor)
  const facts = { messageId, kind, orderAt, attachments: content.attachments.length, attempt, seenSeq: null, isOverride: false, replyTo }
  draft.apply('message.queued', { ...facts, sendAt: null, isUnlessReply: false, isDue: true }, [{ kind: 'message', body: content }], author)
  if (draft.snapshot.channel === 'web') draft.apply('message.sent', { messageId, attempt, isEcho: false })
}

/** What has changed while it waited: window, block, opt-out, and who a bot's conversation is with. */
const reasonAgainst = (draft: LivingDraft, row: MessageRow | null): SendReason | null => {
  if (row === null || row.content === null || row.isDeleted || row.isErased || row.seq <= draft.snapshot.erasedUpTo) return 'superseded'
  if (row.author.kind === 'bot' && !isHeldBy(draft.snapshot.assignee, row.author)) return 'superseded'
  return whyUnreachable(draft, row.content, row.author.kind)
}

export const sendDue = (draft: LivingDraft): void => {
  const due = draft.snapshot.scheduled.filter(({ dueAt }) => dueAt <= draft.now).slice(0, DUE_MAX)
  for (const { messageId } of due) {
    const row = draft.message(messageId)
    const reason = reasonAgainst(draft, row)
    if (row === null || reason !== null) callOff(draft, messageId, reason ?? 'superseded')
    else sendFirst(draft, row)
  }
  const next = draft.snapshot.timers.find(({ kind }) => kind === 'schedule')
  // As many as one firing sends were due at one time: the effect is put anew, and fires at once.
  if (next !== undefined && next.dueAt <= draft.now) putTimer(draft, next)
}

/** Takes a waiting message back: no sender has seen it. */
export const unschedule = (draft: LivingDraft, { messageId, send }: MessageRow): void => {
  if (send === null) return
  callOff(draft, messageId, 'superseded')
  endSend(draft, messageId, send.attempt)
}
