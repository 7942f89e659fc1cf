// Who follows a conversation besides who has it: named in a note, or by hand.
// Between conversation.change, the mentions of notes, and the events conversation.{joined,left}.

import type { LivingDraft } from '../conversation/index.ts'
import { isActiveAgent } from './targets.ts'

/** A snapshot stays under 4 KB. */
const PARTICIPANTS_MAX = 32

const refuseTooMany = (draft: LivingDraft): void => {
  draft.refuse('participants_too_many', { participantsMax: PARTICIPANTS_MAX })
}

/** As they shall be; false with a refusal. Those who have gone since may stay named. */
export const mayFollow = (draft: LivingDraft, wanted: readonly string[]): boolean => {
  const { participants } = draft.snapshot
  const unknown = wanted.find((id) => !participants.includes(id) && !isActiveAgent(draft, id))
  if (unknown !== undefined) draft.refuse('participant_unknown', { agentId: unknown })
  else if (new Set(wanted).size > PARTICIPANTS_MAX) refuseTooMany(draft)
  else return true
  return false
}

export const setParticipants = (draft: LivingDraft, wanted: readonly string[]): void => {
  const { participants } = draft.snapshot
  const left = participants.filter((id) => !wanted.includes(id))
  if (left.length > 0) draft.apply('conversation.left', { participants: left })
  join(draft, wanted, 'added')
}

/** Agents of now only: a mention never widens who may read. */
export const mayMention = (draft: LivingDraft, mentions: readonly string[]): boolean => {
  if (mentions.length === 0) return true
  const stranger = mentions.find((id) => !isActiveAgent(draft, id))
  if (stranger !== undefined) draft.refuse('mention_no_access', { agentId: stranger })
  else if (new Set([...draft.snapshot.participants, ...mentions]).size > PARTICIPANTS_MAX) refuseTooMany(draft)
  else return true
  return false
}

export const join = (draft: LivingDraft, agents: readonly string[], because: 'added' | 'mention'): void => {
  if (agents.length === 0) return
  const participants = [...new Set(agents)].filter((id) => !draft.snapshot.participants.includes(id))
  if (participants.length > 0) draft.apply('conversation.joined', { participants, because })
}
