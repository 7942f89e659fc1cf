// Erasing a conversation: the fact first, then its contents and rows, some at a time, until none remains.
// Between conversation.erase, contents.drop and the tombstones the owner writes; ids, times and counts stay.

import { keys, type Command, type MessageRow } from '#schemas/log'
import { callOffSend, endFetch, eraseRow, type LivingDraft } from '../conversation/index.ts'

/** Contents and rows a commit drops at most. */
export const DROPS_MAX = 500

export const eraseConversation = (draft: LivingDraft, { data }: Command<'conversation.erase'>): void => {
  const upToSeq = draft.snapshot.seq
  // Nothing since the last erasure: its event is the newest.
  if (draft.snapshot.erasedUpTo === upToSeq - 1 && upToSeq > 1) return void draft.accept()
  draft.apply('conversation.erased', { upToSeq }, data.reason === null ? [] : [{ kind: 'text', body: { text: data.reason } }])
  draft.putAddress(null)
  draft.putAttributes(null)
  draft.accept()
}

/** What was still to be sent or fetched for it is called off. */
const callOff = (draft: LivingDraft, row: MessageRow): void => {
  const { messageId } = row
  callOffSend(draft, row)
  for (const [index, { state }] of (row.content?.attachments ?? []).entries()) if (state === 'fetching') endFetch(draft, messageId, index)
}

/** Only what an erasure covers may be dropped, whatever the command names. */
export const dropContents = (draft: LivingDraft, { data }: Command<'contents.drop'>): void => {
  const { erasedUpTo } = draft.snapshot
  draft.accept()
  for (const { seq, n } of data.references.slice(0, DROPS_MAX))
    if (seq <= erasedUpTo) draft.drops.push(keys.content(draft.subjectId, seq, n))
  for (const messageId of data.messageIds.slice(0, DROPS_MAX)) {
    const row = draft.message(messageId)
    if (row === null || row.seq > erasedUpTo || row.isErased) continue
    callOff(draft, row)
    draft.putMessage(eraseRow(draft.message(messageId) ?? row))
  }
}
