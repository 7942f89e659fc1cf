// What is told a provider beside messages: that we have read, what we tapped, that our own words have changed or are gone.
// Between the rules that allow it and the effect `signal`; web chat shows our log itself and needs none.

import type { EffectSignal, MessageRow } from '#schemas/log'
import { putSignal, type LivingDraft } from '../conversation/index.ts'
import { knownAddress } from './reach.ts'

/** Options of a connector that say what it can show. */
const declared = ({ snapshot, context }: LivingDraft, option: 'edits' | 'deletes' | 'reads'): boolean =>
  snapshot.channel === 'custom' && context.settings.account?.options[option] === 'on'

/** Whether the contact sees a change of our text, besides web chat. */
export const canEdit = (draft: LivingDraft): boolean => draft.snapshot.channel === 'web' || declared(draft, 'edits')
export const canDelete = (draft: LivingDraft): boolean => draft.snapshot.channel === 'web' || declared(draft, 'deletes')

const marksRead: ReadonlySet<string> = new Set(['messenger', 'instagram', 'whatsapp'])

export const signal = (
  draft: LivingDraft,
  { messageId, content, send }: MessageRow,
  { kind, text }: Pick<EffectSignal, 'kind' | 'text'>,
): void => {
  const address = knownAddress(draft)
  if (address === null || draft.snapshot.channel === 'web') return
  putSignal(draft, { kind, text, messageId, attempt: send?.attempt ?? 0, providerMessageId: content?.providerMessageId ?? null, address })
}

/** The assignee has read: the provider shows it where the account wants that. */
export const signalRead = (draft: LivingDraft): void => {
  const { snapshot, command, context } = draft
  const isHolder = snapshot.assignee?.kind === 'agent' && snapshot.assignee.id === command.by.id
  const isWanted = context.settings.account?.sendsReadReceipts === true
  const isShown = marksRead.has(snapshot.channel) || declared(draft, 'reads')
  const messageId = snapshot.lastInboundId ?? null
  if (!isHolder || !isWanted || !isShown || messageId === null) return
  const row = draft.message(messageId)
  if (row !== null && row.content !== null) signal(draft, row, { kind: 'read', text: null })
}
