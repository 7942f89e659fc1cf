// What became of a send: reports of the sender, receipts of the provider in any order, the contact's watermarks, an agent's word.
// Between send.report, receipt.report, contact.acknowledge, message.settle and the send states of inbox.md §2.

import { keys, type AliasRow, type Command, type MessageRow, type SendReason, type SendState } from '#schemas/log'
import { endSend, type LivingDraft } from '../conversation/index.ts'
import { aliasAt, earlyAt, EARLY_KEPT_MS, EARLY_REPORTS_MAX } from './early.ts'
import { applyReaction } from './react.ts'

/** True of the message whichever attempt brought it there. */
const proofs: ReadonlySet<SendState> = new Set(['delivered', 'read'])

interface News {
  readonly state: SendState
  readonly reason: SendReason | null
  readonly providerCode: number | null
  /** Which attempt it speaks of; null = the only one so far. */
  readonly attempt: number | null
}

type Send = NonNullable<MessageRow['send']>

const advances: { readonly [S in SendState]: readonly SendState[] } = {
  queued: ['sent', 'delivered', 'read', 'failed', 'unknown'],
  sent: ['delivered', 'read', 'failed'],
  delivered: ['read'],
  read: [],
  // A late delivery proves a failure wrong; nothing else does.
  failed: ['delivered', 'read'],
  unknown: ['sent', 'delivered', 'read', 'failed'],
}

/** A send that was called off may have been on the wire: its report is believed. */
const isCalledOff = ({ state, reason }: Send): boolean => state === 'failed' && reason === 'superseded'

const mayFollow = (send: Send, next: SendState): boolean =>
  advances[send.state].includes(next) || (isCalledOff(send) && (next === 'sent' || next === 'unknown'))

/** A failure or doubt about an attempt that a retry has replaced says nothing of the new one. */
const isOutdated = ({ state, attempt }: News, send: Send): boolean => attempt !== null && attempt !== send.attempt && !proofs.has(state)

export const applyNews = (draft: LivingDraft, row: MessageRow, news: News): void => {
  const { messageId, send } = row
  if (send === null || !mayFollow(send, news.state) || isOutdated(news, send)) return
  const { attempt } = send
  const reason = news.reason ?? 'other'
  switch (news.state) {
    case 'sent':
      draft.apply('message.sent', { messageId, attempt, isEcho: false })
      break
    case 'delivered':
      draft.apply('message.delivered', { messageId, upToSeq: null })
      break
    case 'read':
      draft.apply('message.read', { messageId, upToSeq: null })
      break
    case 'failed':
      draft.apply('message.failed', { messageId, attempt, reason, providerCode: news.providerCode })
      break
    case 'unknown':
      draft.apply('message.unknown', { messageId, attempt, reason })
      break
    case 'queued':
      return
  }
  // Whoever proves that it left the queue ends the effect: no sender may begin it again.
  if (send.state === 'queued') endSend(draft, messageId, attempt)
}

/** Receipts find the message under the provider's id from now on; those that came before it are applied now. */
export const learnAlias = (draft: LivingDraft, { aliasId, messageId, attempt }: AliasRow): void => {
  // A message under the same key: somebody else's echo, as it seemed. It stays what it is.
  if (aliasAt(draft, aliasId) !== null || draft.message(aliasId) !== null) return
  const early = earlyAt(draft, aliasId)
  // Same key: the alias takes the early row's place.
  draft.putRow({ key: keys.message(draft.subjectId, aliasId), shape: 'alias', value: { aliasId, messageId, attempt } })
  if (early === null || draft.now - early.at > EARLY_KEPT_MS) return
  for (const { state, reason, providerCode } of early.reports) {
    const row = draft.message(messageId)
    if (row !== null) applyNews(draft, row, { state, reason, providerCode, attempt })
  }
  for (const word of early.reactions) {
    const row = draft.message(messageId)
    if (row !== null) applyReaction(draft, row, word)
  }
}

const keepEarly = (draft: LivingDraft, { data }: Command<'receipt.report'>): void => {
  const { aliasId, state, reason, providerCode, at } = data
  const known = earlyAt(draft, aliasId)
  const isFresh = known !== null && draft.now - known.at <= EARLY_KEPT_MS
  const reports = isFresh ? known.reports : []
  const isKnown = reports.some((report) => report.state === state)
  if (reports.length >= EARLY_REPORTS_MAX || isKnown) return
  const value = {
    aliasId,
    at: isFresh ? known.at : draft.now,
    reports: [...reports, { state, reason, providerCode, at }],
    reactions: isFresh ? known.reactions : [],
    ...(isFresh ? { revisions: known.revisions ?? null } : {}),
  }
  draft.putRow({ key: keys.message(draft.subjectId, aliasId), shape: 'early', value })
}

export const reportReceipt = (draft: LivingDraft, command: Command<'receipt.report'>): void => {
  const { data } = command
  const alias = aliasAt(draft, data.aliasId)
  // Somebody else's message has the id itself.
  const own = alias === null && data.messageId === null ? draft.message(data.aliasId) : null
  const messageId = data.messageId ?? alias?.messageId ?? own?.messageId ?? null
  const row = messageId === null ? null : draft.message(messageId)
  draft.accept(messageId)
  // Which attempt it speaks of shows once the sender has told under which id the provider has it.
  const isOfSomeAttempt = alias === null && (row?.send?.attempt ?? 1) > 1 && !proofs.has(data.state)
  if (row === null || isOfSomeAttempt) return keepEarly(draft, command)
  const { state, reason, providerCode } = data
  applyNews(draft, row, { state, reason, providerCode, attempt: alias?.attempt ?? null })
  // Its answer was lost: what comes under the provider's id alone finds it from now on.
  if (alias === null && data.messageId !== null && row.send?.attempt === 1)
    learnAlias(draft, { aliasId: data.aliasId, messageId: row.messageId, attempt: 1 })
}

/** One event for all that a watermark passes; reading implies delivery. */
export const acknowledge = (draft: LivingDraft, { data }: Command<'contact.acknowledge'>): void => {
  const { receipts, contactSeq } = draft.snapshot
  const readUpTo = Math.min(data.readUpTo ?? 0, contactSeq)
  const deliveredUpTo = Math.min(data.deliveredUpTo ?? 0, contactSeq)
  if (readUpTo > receipts.read) draft.apply('message.read', { messageId: null, upToSeq: readUpTo })
  if (deliveredUpTo > draft.snapshot.receipts.delivered) draft.apply('message.delivered', { messageId: null, upToSeq: deliveredUpTo })
  draft.accept()
}

/** An agent says what became of a send nobody knows the end of. */
export const settleMessage = (draft: LivingDraft, { data }: Command<'message.settle'>): void => {
  const row = draft.message(data.messageId)
  if (row === null || row.send === null) return void draft.refuse('message_not_found')
  if (row.send.state !== 'unknown') return void draft.refuse('fate_known', { state: row.send.state })
  draft.apply('message.settled', { messageId: data.messageId, before: 'unknown', after: data.as })
  draft.accept(data.messageId)
}
