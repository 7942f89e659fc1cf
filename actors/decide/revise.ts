// The contact's own changes of what they wrote: edits in the order of the provider's clock, and words taken back for good.
// Between message.revise, which may come before its message, and the events message.edited and message.deleted.

import { keys, type Command, type EarlyRow, type MessageRow } from '#schemas/log'
import { endFetch, type LivingDraft } from '../conversation/index.ts'
import { earlyAt, EARLY_KEPT_MS, EARLY_REPORTS_MAX } from './early.ts'

type Revision = NonNullable<EarlyRow['revisions']>[number]

const latest = ({ contents, seq }: MessageRow): { seq: number; n: number } => contents.at(-1) ?? { seq, n: 0 }

/** The words leave record and search; with `isErasing` the log too. */
const takeBack = (draft: LivingDraft, row: MessageRow, isErasing: boolean): void => {
  for (const [index, { state }] of (row.content?.attachments ?? []).entries())
    if (state === 'fetching') endFetch(draft, row.messageId, index)
  draft.apply('message.deleted', { messageId: row.messageId, isRevoked: true })
  if (isErasing) for (const { seq, n } of row.contents) draft.drops.push(keys.content(draft.subjectId, seq, n))
}

export const applyRevision = (draft: LivingDraft, row: MessageRow, { text, at, isErasing }: Revision): void => {
  if (row.isDeleted || row.isErased || row.seq <= draft.snapshot.erasedUpTo) return
  if (text === null) return takeBack(draft, row, isErasing)
  const known = row.revisedAt ?? null
  if (row.content === null || row.content.text === text || (known !== null && known >= at)) return
  draft.apply('message.edited', { messageId: row.messageId, supersedes: latest(row), revisedAt: at }, [
    { kind: 'message', body: { ...row.content, text } },
  ])
}

const keepEarly = (draft: LivingDraft, messageId: string, revision: Revision): void => {
  const known = earlyAt(draft, messageId)
  const isFresh = known !== null && draft.now - known.at <= EARLY_KEPT_MS
  const revisions = isFresh ? (known.revisions ?? []) : []
  if (revisions.length >= EARLY_REPORTS_MAX) return
  const value: EarlyRow = {
    aliasId: messageId,
    at: isFresh ? known.at : draft.now,
    reports: isFresh ? known.reports : [],
    reactions: isFresh ? known.reactions : [],
    revisions: [...revisions, revision],
  }
  draft.putRow({ key: keys.message(draft.subjectId, messageId), shape: 'early', value })
}

export const revise = (draft: LivingDraft, { data }: Command<'message.revise'>): void => {
  const { messageId, text, isErasing } = data
  const revision = { text, at: Math.min(data.at, draft.now), isErasing }
  const row = draft.message(messageId)
  draft.accept(messageId)
  if (row === null) return keepEarly(draft, messageId, revision)
  // Of our own messages the provider's app alone can change the text, and it says so by no such news.
  applyRevision(draft, row, revision)
}
