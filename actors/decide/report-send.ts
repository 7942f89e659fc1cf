// The sender's own word about an attempt: sent, failed, open, or provably not sent and to be tried again.
// Between send.report and the fate of the message; what waited for that word, echoes and aliases, goes on behind it.

import type { Command, MessageRow } from '#schemas/log'
import { endSend, putSend, quotedBy, sendFacts, type LivingDraft } from '../conversation/index.ts'
import { learnAliases } from './alias.ts'
import { releaseEchoes } from './echo.ts'
import { applyNews, learnAlias } from './reports.ts'
import { isWaiting } from './schedule.ts'

/** `queued` = provably not sent and to be tried again, not before `at`: the same attempt, its effect rewritten. */
const requeue = (draft: LivingDraft, row: MessageRow, { attempt, at }: { attempt: number; at: number }): void => {
  const isTold = row.send?.state === 'queued' && row.send.attempt === attempt
  // What waits for its time has no sender yet.
  if (!isTold || isWaiting(draft, row.messageId)) return endSend(draft, row.messageId, attempt)
  const address = draft.context.rows.address()
  if (row.content === null || address === null) {
    return applyNews(draft, row, { state: 'failed', reason: 'other', providerCode: null, attempt })
  }
  const facts = sendFacts(draft, { address, author: row.author.kind, replyTo: quotedBy(draft, row.replyTo) })
  putSend(draft, { messageId: row.messageId, attempt, seq: row.seq, notBefore: at, address, content: row.content, ...facts })
}

export const reportSend = (draft: LivingDraft, { data }: Command<'send.report'>): void => {
  const row = draft.message(data.messageId)
  if (row === null || row.send === null) return void draft.refuse('message_not_found')
  const attempt = data.attempt ?? row.send.attempt
  if (data.state === 'queued') requeue(draft, row, { attempt, at: data.at })
  else {
    endSend(draft, row.messageId, attempt)
    const { state, reason, providerCode } = data
    applyNews(draft, row, { state, reason, providerCode, attempt })
    for (const aliasId of [data.aliasId, ...(data.partAliases ?? [])])
      if (aliasId !== null) learnAlias(draft, { aliasId, messageId: row.messageId, attempt })
    releaseEchoes(draft)
    if (data.aliases !== undefined && data.aliases !== null) learnAliases(draft, data.aliases)
  }
  draft.accept(data.messageId)
}
