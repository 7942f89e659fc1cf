// Whom a conversation can be given to, as the settings of now know them.
// Between commands that name an agent, a bot or a team, and the events that would follow.

import type { Assignee, ConversationSnapshot, HandoverTarget } from '#schemas/log'
import type { LivingDraft } from '../conversation/index.ts'
import type { DecideContext } from '../decision.ts'

const refused = (draft: LivingDraft, code: string, fields: Readonly<Record<string, unknown>>): false => {
  draft.refuse(code, fields)
  return false
}

/** The account's bot after this one, the first for who is none; null = people. One that is gone, or not listed here, is passed over. */
export const nextBot = (
  { context, snapshot }: { context: DecideContext; snapshot: Pick<ConversationSnapshot, 'accountId'> },
  after: string | null,
): Assignee | null => {
  const { settings } = context
  const { account } = settings
  if (account === undefined || account.bots.length === 0) return null
  const isThere = (id: string): boolean => {
    const found = settings.bot?.(id)
    return found !== undefined && (found.accountIds.length === 0 || found.accountIds.includes(snapshot.accountId))
  }
  const id = account.bots.slice(after === null ? 0 : account.bots.indexOf(after) + 1).find(isThere)
  return id === undefined ? null : { kind: 'bot', id }
}

/** Whether the agent is there to be given or told something here. A slice without agents knows nothing and refuses nothing. */
export const isActiveAgent = ({ context }: LivingDraft, id: string): boolean =>
  context.settings.agent === undefined || context.settings.agent(id)?.isActive === true

/** Refuses `assignee_unknown`, `team_unknown`, or `assignee_no_access` for a bot that is not listed for the account. */
export const mayBeGiven = (draft: LivingDraft, { kind, id }: HandoverTarget): boolean => {
  const { settings } = draft.context
  switch (kind) {
    case 'agent':
      return isActiveAgent(draft, id) || refused(draft, 'assignee_unknown', { assigneeId: id })
    case 'team':
      return settings.team?.(id) !== false || refused(draft, 'team_unknown', { teamId: id })
    case 'bot': {
      if (settings.bot === undefined) return true
      const bot = settings.bot(id)
      if (bot === undefined) return refused(draft, 'assignee_unknown', { assigneeId: id })
      const isListed = bot.accountIds.length === 0 || bot.accountIds.includes(draft.snapshot.accountId)
      return isListed || refused(draft, 'assignee_no_access', { assigneeId: id })
    }
  }
}
