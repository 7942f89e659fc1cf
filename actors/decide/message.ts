// What happens to a message after it was said: edited, deleted, its files fetched.
// Between those commands and events that name a new content and the one it supersedes.

import type { Attachment, Command, MessageRow } from '#schemas/log'
import { callOffSend, endFetch, type LivingDraft } from '../conversation/index.ts'
import { isWaiting, unschedule } from './schedule.ts'
import { canDelete, canEdit, signal } from './signal.ts'

const isGone = (draft: LivingDraft, row: MessageRow): boolean => row.isErased || row.seq <= draft.snapshot.erasedUpTo

const latest = ({ contents, seq }: MessageRow): { seq: number; n: number } => contents.at(-1) ?? { seq, n: 0 }

/** Ours alone, by its author, where the channel can change what the contact sees: web chat; notes always. */
export const editMessage = (draft: LivingDraft, { data, by }: Command<'message.edit'>): void => {
  const { messageId, text } = data
  const row = draft.message(messageId)
  if (row === null || row.direction === 'in') return void draft.refuse('message_not_found')
  if (row.author.kind !== by.kind || row.author.id !== by.id) return void draft.refuse('not_author')
  const isNote = row.direction === 'note'
  if (!isNote && !canEdit(draft) && !isWaiting(draft, messageId))
    return void draft.refuse('not_on_this_channel', { channel: draft.snapshot.channel })
  if (row.content === null || row.isDeleted || isGone(draft, row)) return void draft.refuse('message_erased')
  if (row.content.text !== text) {
    draft.apply(isNote ? 'note.edited' : 'message.edited', { messageId, supersedes: latest(row) }, [
      { kind: 'message', body: { ...row.content, text } },
    ])
    if (!isNote && !isWaiting(draft, messageId)) signal(draft, row, { kind: 'edit', text })
  }
  draft.accept(messageId)
}

/** Works everywhere; where the channel cannot take it back the contact keeps a copy (`isRevoked` false). The texts stay beside the events. */
export const deleteMessage = (draft: LivingDraft, { data }: Command<'message.delete'>): void => {
  const { messageId } = data
  const row = draft.message(messageId)
  if (row === null) return void draft.refuse('message_not_found')
  // What the contact wrote is theirs: erasing is the way, and it is asked for by name.
  if (row.direction === 'in' && draft.command.by.kind !== 'contact') return void draft.refuse('not_author')
  if (!row.isDeleted) {
    if (row.direction === 'note') draft.apply('note.deleted', { messageId })
    else {
      // In this order the contact is told nothing of what they were never shown.
      const waits = isWaiting(draft, messageId)
      if (!waits) callOffSend(draft, row)
      draft.apply('message.deleted', { messageId, isRevoked: waits || canDelete(draft) })
      if (!waits && canDelete(draft)) signal(draft, row, { kind: 'delete', text: null })
      if (waits) unschedule(draft, row)
    }
  }
  draft.accept(messageId)
}

/** The bytes say what it is; its name, and that it is a sticker, only the provider did. */
const fetched = (old: Attachment, now: Attachment): Attachment => ({
  ...now,
  name: now.name ?? old.name,
  kind: old.kind === 'sticker' && now.kind === 'image' ? 'sticker' : now.state === 'ready' ? now.kind : old.kind,
})

/** Only an attachment still being fetched has news to wait for: a second report changes nothing. */
export const reportAttachment = (draft: LivingDraft, { data }: Command<'attachment.report'>): void => {
  const { messageId, index, attachment } = data
  endFetch(draft, messageId, index)
  draft.accept(messageId)
  const row = draft.message(messageId)
  if (row === null || row.content === null || isGone(draft, row) || attachment.state === 'fetching') return
  const { attachments } = row.content
  if (attachments[index]?.state !== 'fetching') return
  const body = { ...row.content, attachments: attachments.map((old, at) => (at === index ? fetched(old, attachment) : old)) }
  draft.apply('message.attached', { messageId, index, state: attachment.state, supersedes: latest(row) }, [{ kind: 'message', body }])
}
