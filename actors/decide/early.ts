// News that came before its message, and the alias under which a provider's id finds ours: rows that share the key of a message.
// Between reports and reactions, in whatever order they come, and the rows of `messages`.

import type { AliasRow, EarlyRow } from '#schemas/log'
import type { ConversationDraft } from '../conversation/index.ts'

/** News kept for a message that is not known yet, of receipts and of reactions each. */
export const EARLY_REPORTS_MAX = 50
export const EARLY_KEPT_MS = 86_400_000

/** One key holds either row; which one it is shows by its fields. */
export const aliasAt = ({ context, rows }: ConversationDraft, aliasId: string): AliasRow | null => {
  for (const change of rows) if (change.shape === 'alias' && change.value?.aliasId === aliasId) return change.value
  const row = context.rows.alias(aliasId)
  return row !== null && 'messageId' in row && !('content' in row) ? row : null
}
export const earlyAt = ({ context }: ConversationDraft, aliasId: string): EarlyRow | null => {
  const row = context.rows.early(aliasId)
  return row !== null && 'reports' in row ? row : null
}
