// Who has a conversation: claim, assign, release, and the guard that every public reply passes.
// One writer decides, so of N claims exactly one wins.

import type { Assignee, Command, ConversationSnapshot, Principal } from '#schemas/log'
import { callOffSend, type LivingDraft } from '../conversation/index.ts'
import { mayBeGiven } from './targets.ts'

type Because = 'assign' | 'claim' | 'release' | 'reply' | 'started' | 'handover' | 'reopen'

/** Who has it and since when: what a refused claimer is told. */
export const holderOf = ({ assignee, assignedAt, assignedSeq }: ConversationSnapshot): Readonly<Record<string, unknown>> => ({
  holder: assignee === null ? null : { kind: assignee.kind, id: assignee.id },
  since: assignedAt,
  seq: assignedSeq,
})

export const isHeldBy = (assignee: Assignee | null, by: Principal): boolean =>
  assignee !== null && assignee.kind === by.kind && assignee.id === by.id

/** Sets holder or team and keeps `pending` ⇔ a bot has it; giving it to people never wakes `snoozed` or `resolved`. */
export const hand = (draft: LivingDraft, to: { assignee: Assignee | null; teamId?: string | null; because: Because }): void => {
  const { assignee: before, teamId: teamBefore, state, cycle } = draft.snapshot
  const after = to.assignee
  const teamAfter = to.teamId === undefined ? teamBefore : to.teamId
  const isSameHolder = before?.id === after?.id && before?.kind === after?.kind
  if (isSameHolder && teamBefore === teamAfter) return
  draft.apply('conversation.assigned', { because: to.because, before, after, teamBefore, teamAfter })
  if (after?.kind === 'bot' && state !== 'pending') draft.apply('conversation.held', { botId: after.id, before: state })
  if (after?.kind !== 'bot' && state === 'pending') {
    draft.apply('conversation.opened', { because: after === null ? 'release' : 'taken', before: state, cycle })
  }
}

/** People outrank bots: what the bot has not sent yet is called off. One on the wire is the limit of it. */
export const takeOver = (draft: LivingDraft, agentId: string, because: 'claim' | 'reply' | 'started'): void => {
  const { assignee, botSends } = draft.snapshot
  if (assignee?.kind === 'bot') draft.apply('handover.taken', { before: assignee })
  hand(draft, { assignee: { kind: 'agent', id: agentId }, because })
  if (assignee?.kind !== 'bot') return
  for (const messageId of botSends) {
    const row = draft.message(messageId)
    if (row !== null) callOffSend(draft, row)
  }
}

export const claim = (draft: LivingDraft): void => {
  const { by } = draft.command
  const { assignee } = draft.snapshot
  if (by.kind !== 'agent' || by.id === null) return void draft.refuse('not_an_agent')
  if (isHeldBy(assignee, by)) return void draft.accept()
  if (assignee?.kind === 'agent') return void draft.refuse('conversation_taken', holderOf(draft.snapshot))
  takeOver(draft, by.id, 'claim')
  draft.accept()
}

export const release = (draft: LivingDraft): void => {
  const { assignee } = draft.snapshot
  if (assignee === null) return void draft.accept()
  if (!isHeldBy(assignee, draft.command.by)) return void draft.refuse('not_holder', holderOf(draft.snapshot))
  hand(draft, { assignee: null, because: 'release' })
  draft.accept()
}

/** Holder and team as they shall be; whoever wishes one alone names the other as it is. */
export const assign = (draft: LivingDraft, { data }: Command<'conversation.assign'>): void => {
  const { to, teamId, expect, hasExpect } = data
  const { assignee, state } = draft.snapshot
  if (hasExpect && (assignee?.id ?? null) !== expect) return void draft.refuse('conversation_moved', holderOf(draft.snapshot))
  const isNewHolder = to !== null && !isHeldBy(assignee, to)
  if (isNewHolder && !mayBeGiven(draft, to)) return
  if (teamId !== null && teamId !== draft.snapshot.teamId && !mayBeGiven(draft, { kind: 'team', id: teamId })) return
  if (to?.kind === 'bot' && (state === 'snoozed' || state === 'resolved')) return void draft.refuse('not_in_this_state', { state })
  if (isNewHolder && to.kind === 'bot') draft.apply('handover.passed', { to, before: assignee, context: null })
  hand(draft, { assignee: to, teamId, because: 'assign' })
  draft.accept()
}

export interface Reply {
  readonly seenSeq: number | null
  readonly isOverride: boolean
  readonly mayReplyAny: boolean
}

const guardAgent = (draft: LivingDraft, agentId: string | null, { seenSeq, isOverride, mayReplyAny }: Reply): boolean => {
  const { assignee, lastAnswerSeq, lastAnswerBy } = draft.snapshot
  // Before the holder: that a colleague has answered says more than that they hold it.
  const isAnswered = seenSeq !== null && lastAnswerSeq > seenSeq && lastAnswerBy !== agentId
  if (isAnswered && !isOverride) return refused(draft, 'answered_meanwhile', { seq: lastAnswerSeq })
  const isOthers = assignee?.kind === 'agent' && assignee.id !== agentId
  if (isOthers && !(isOverride && mayReplyAny)) return refused(draft, 'conversation_taken', holderOf(draft.snapshot))
  return true
}

const refused = (draft: LivingDraft, code: string, fields: Readonly<Record<string, unknown>>): false => {
  draft.refuse(code, fields)
  return false
}

/** Whether the author may reply now; refuses where not. Talking over an agent is impossible for a bot in any setting. */
export const mayReply = (draft: LivingDraft, reply: Reply): boolean => {
  const { by } = draft.command
  const isGuarded = draft.context.settings.account?.replyGuard !== 'free'
  switch (by.kind) {
    case 'bot':
      return isHeldBy(draft.snapshot.assignee, by) ? true : refused(draft, 'not_holder', holderOf(draft.snapshot))
    case 'agent':
      return isGuarded ? guardAgent(draft, by.id, reply) : true
    case 'token':
      return reply.mayReplyAny ? true : refused(draft, 'reply_any_required', {})
    default:
      return true
  }
}

/** The first public reply of an agent claims what nobody or a bot has; without the guard only a bot's is taken. */
export const claimByReply = (draft: LivingDraft): void => {
  const { by } = draft.command
  const { assignee } = draft.snapshot
  if (by.kind !== 'agent' || by.id === null) return
  const isGuarded = draft.context.settings.account?.replyGuard !== 'free'
  if (assignee?.kind === 'bot' || (assignee === null && isGuarded)) takeOver(draft, by.id, 'reply')
}
