// What a send needs beside address and content: who speaks, whether the window is closed, which of the provider's messages it quotes.
// Between a message that is queued and the effect that carries it whole.

import type { EffectSend, Principal } from '#schemas/log'
import type { ConversationDraft, LivingDraft } from './draft.ts'
import { windowMsOf } from './windowed.ts'

/** The provider's id of the message behind `replyTo`, where it is the contact's; null = none to quote. */
export const quotedBy = (draft: ConversationDraft, replyTo: string | null): string | null =>
  replyTo === null ? null : (draft.message(replyTo)?.content?.providerMessageId ?? null)

/** Nothing of it where the channel needs nothing. */
export const sendFacts = (
  draft: LivingDraft,
  { address, author, replyTo }: { address: EffectSend['address']; author: Principal['kind']; replyTo: string | null },
): Pick<EffectSend, 'author' | 'windowExpiresAt' | 'replyTo'> => {
  const { snapshot, context } = draft
  const isWindowed = windowMsOf(snapshot, address, context.settings.account) !== null
  return {
    author: author === 'agent' || author === 'bot' ? author : 'other',
    windowExpiresAt: isWindowed ? (snapshot.window?.expiresAt ?? 0) : null,
    replyTo,
  }
}
