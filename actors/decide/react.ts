// A reaction: the newest word of one person about one message, ours where the channel can carry it.
// Between message.react, which may come before its message, and the event message.reacted.

import { keys, type Command, type MessageRow, type Principal } from '#schemas/log'
import type { LivingDraft } from '../conversation/index.ts'
import { signal } from './signal.ts'
import { extendWindow } from './window.ts'
import { aliasAt, earlyAt, EARLY_KEPT_MS, EARLY_REPORTS_MAX } from './early.ts'

interface Word {
  readonly by: Principal
  readonly emoji: string | null
  readonly at: number
}

/** Where the contact sees what we tap. Others send theirs and can be sent none. */
const reactsOn = ({ snapshot, context }: LivingDraft): boolean =>
  carriesReactions.has(snapshot.channel) || (snapshot.channel === 'custom' && context.settings.account?.options['reactions'] === 'on')
const carriesReactions: ReadonlySet<string> = new Set(['web', 'messenger', 'instagram', 'whatsapp'])

const isSame = (a: Principal, b: Principal): boolean => a.kind === b.kind && a.id === b.id

/** By provider time the newest wins; what changes nothing is no event. */
export const applyReaction = (draft: LivingDraft, row: MessageRow, { by, emoji, at }: Word): void => {
  const before = row.reactions.find((known) => isSame(known.by, by))
  if (row.isDeleted || row.isErased || row.seq <= draft.snapshot.erasedUpTo) return
  if (before === undefined ? emoji === null : before.at > at || before.emoji === emoji) return
  draft.apply(
    'message.reacted',
    { messageId: row.messageId, reactedAt: at, isRemoved: emoji === null },
    emoji === null ? [] : [{ kind: 'reaction', body: { emoji } }],
    by,
  )
}

const keepEarly = (draft: LivingDraft, aliasId: string, word: Word): void => {
  const known = earlyAt(draft, aliasId)
  const isFresh = known !== null && draft.now - known.at <= EARLY_KEPT_MS
  const reactions = isFresh ? known.reactions.filter(({ by }) => !isSame(by, word.by)) : []
  const older = isFresh ? known.reactions.find(({ by }) => isSame(by, word.by)) : undefined
  if (reactions.length >= EARLY_REPORTS_MAX || (older !== undefined && older.at > word.at)) return
  const value = {
    aliasId,
    at: isFresh ? known.at : draft.now,
    reports: isFresh ? known.reports : [],
    reactions: [...reactions, word],
    ...(isFresh ? { revisions: known.revisions ?? null } : {}),
  }
  draft.putRow({ key: keys.message(draft.subjectId, aliasId), shape: 'early', value })
}

/** The contact's own time counts where a provider told it; nobody's is later than now. */
export const react = (draft: LivingDraft, { data, by }: Command<'message.react'>): void => {
  const { snapshot } = draft
  const word = { by, emoji: data.emoji === '' ? null : data.emoji, at: Math.min(data.at, draft.now) }
  const isContacts = by.kind === 'contact' || by.kind === 'provider'
  const row = draft.message(data.messageId) ?? behindAlias(draft, data.messageId)
  // A visitor of ours has seen what they react to; a provider's news may come before their message.
  if (row === null && isContacts && snapshot.channel !== 'web') {
    keepEarly(draft, data.messageId, word)
    extendWindow(draft, data.opensWindowMs ?? null, word.at)
    return void draft.accept()
  }
  // A note, and what waits for its time, is nothing that the contact has seen.
  if (row === null || row.contactSeq === null) return void draft.refuse('message_not_found')
  if (!isContacts && !reactsOn(draft)) return void draft.refuse('not_on_this_channel', { channel: snapshot.channel })
  if (row.isDeleted || row.isErased || row.seq <= snapshot.erasedUpTo) return void draft.refuse('message_erased')
  const { seq } = draft.snapshot
  applyReaction(draft, row, word)
  if (isContacts) extendWindow(draft, data.opensWindowMs ?? null, word.at)
  else if (draft.snapshot.seq > seq) signal(draft, row, { kind: 'react', text: word.emoji })
  draft.accept(row.messageId)
}

const behindAlias = (draft: LivingDraft, aliasId: string): MessageRow | null => {
  const alias = aliasAt(draft, aliasId)
  return alias === null ? null : draft.message(alias.messageId)
}
