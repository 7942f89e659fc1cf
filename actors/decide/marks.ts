// Read marks and drafts of agents: rows of their own, never events, since browsing must not outwrite customers.
// Between conversation.read, conversation.draft and the topic `marks`.

import { keys, type Command, type ConversationSnapshot, type Mark } from '#schemas/log'
import type { LivingDraft } from '../conversation/index.ts'
import { signalRead } from './signal.ts'

const blank = ({ id, organizationId, accountId }: ConversationSnapshot, agentId: string): Mark => ({
  conversationId: id,
  organizationId,
  accountId,
  agentId,
  rev: 0,
  readUpTo: 0,
  readUpToContactSeq: 0,
  draft: null,
  isNoteDraft: false,
  draftRev: 0,
  at: 0,
})

const put = (draft: LivingDraft, mark: Mark, change: Partial<Mark>): void => {
  const value = { ...mark, ...change, rev: mark.rev + 1, at: draft.now }
  draft.marks.push({ key: keys.mark(mark.conversationId, mark.agentId), value })
}

/** How much of the contact's own numbering a read mark covers: exact at the newest shown event, never too much before it. */
const contactSeqAt = ({ contactSeq, shownSeq }: ConversationSnapshot, seq: number): number =>
  seq >= shownSeq ? contactSeq : Math.max(0, contactSeq - (shownSeq - seq))

/** `readUpTo` only grows; `unreadFrom` sets it back, but not what the contact has been told. */
export const markRead = (draft: LivingDraft, { data, by }: Command<'conversation.read'>): void => {
  draft.accept()
  if (by.id === null) return
  const mark = draft.context.rows.mark(by.id) ?? blank(draft.snapshot, by.id)
  const wanted = Math.min(data.readUpTo ?? 0, draft.snapshot.seq)
  const grown = Math.max(mark.readUpTo, wanted)
  const readUpTo = data.unreadFrom === null ? grown : Math.max(0, Math.min(grown, data.unreadFrom - 1))
  const readUpToContactSeq = Math.max(mark.readUpToContactSeq, contactSeqAt(draft.snapshot, wanted))
  if (readUpTo === mark.readUpTo && readUpToContactSeq === mark.readUpToContactSeq) return
  put(draft, mark, { readUpTo, readUpToContactSeq })
  if (readUpTo > mark.readUpTo) signalRead(draft)
}

/** The highest `rev` wins, whatever order two tabs are heard in. */
export const saveDraft = (draft: LivingDraft, { data, by }: Command<'conversation.draft'>): void => {
  draft.accept()
  if (by.id === null) return
  const mark = draft.context.rows.mark(by.id) ?? blank(draft.snapshot, by.id)
  if (data.rev <= mark.draftRev) return
  put(draft, mark, { draft: data.text === '' ? null : data.text, isNoteDraft: data.isNote, draftRev: data.rev })
}

/** The send takes the draft of its kind with it; `draftRev` stays, so a late save of the same words brings nothing back. */
export const clearDraft = (draft: LivingDraft, isNote: boolean): void => {
  const { by } = draft.command
  if (by.kind !== 'agent' || by.id === null) return
  const mark = draft.context.rows.mark(by.id)
  if (mark === null || mark.draft === null || mark.isNoteDraft !== isNote) return
  put(draft, mark, { draft: null })
}
