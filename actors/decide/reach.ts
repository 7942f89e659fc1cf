// Whether a message can reach its contact now: the address, the block, the opt-out, the channel's reply window.
// Between every rule that sends and the refusals that come before a provider sees anything.

import type { Address, ConversationSnapshot, MessageContent, Principal } from '#schemas/log'
import { allowedAfter, mayFollowWindow, windowMsOf, type LivingDraft } from '../conversation/index.ts'

/** In the first and last 60 s the provider's clock decides, not ours. */
const WINDOW_GRACE_MS = 60_000

const isWindowOpen = ({ window }: ConversationSnapshot, now: number): boolean => window !== null && now < window.expiresAt + WINDOW_GRACE_MS

export const knownAddress = (draft: LivingDraft): Address | null => {
  for (const change of draft.rows) if (change.shape === 'address') return change.value?.address ?? null
  return draft.context.rows.address()
}

/** Why not, in the words of a failed send; null = it can. */
export const whyUnreachable = (
  draft: LivingDraft,
  content: MessageContent,
  author: Principal['kind'] = draft.command.by.kind,
): 'blocked' | 'recipient_opted_out' | 'window_closed' | 'other' | null => {
  const { snapshot, now } = draft
  if (snapshot.isBlocked) return 'blocked'
  if (snapshot.isOptedOut) return 'recipient_opted_out'
  const address = knownAddress(draft)
  if (address === null) return 'other'
  const { account } = draft.context.settings
  if (windowMsOf(snapshot, address, account) === null || isWindowOpen(snapshot, now)) return null
  return mayFollowWindow(snapshot, account, { kind: content.kind, author, now }) ? null : 'window_closed'
}

const refused = (draft: LivingDraft, code: string, fields: Readonly<Record<string, unknown>> = {}): null => {
  draft.refuse(code, fields)
  return null
}

/** Where it goes, or null with a refusal: refused before the provider sees it. */
export const reachable = (draft: LivingDraft, content: MessageContent): Address | null => {
  switch (whyUnreachable(draft, content)) {
    case 'blocked':
      return refused(draft, 'contact_blocked')
    case 'recipient_opted_out':
      return refused(draft, 'recipient_opted_out')
    case 'window_closed':
      return refused(draft, 'window_closed', { allowed: allowedAfter(draft.snapshot), closedAt: draft.snapshot.window?.expiresAt ?? null })
    case 'other':
      return refused(draft, 'message_erased')
    case null:
      return knownAddress(draft)
  }
}
