// The switchboard: who has a conversation offers it, passes it on or lets go; who is offered it accepts.
// Between conversation.handover, the timer of an offer, and the events handover.*, each followed by what changes for the lists.

import type { Assignee, Command, Content, ContentReference, HandoverTarget, Principal } from '#schemas/log'
import type { LivingDraft } from '../conversation/index.ts'
import { hand, holderOf, isHeldBy } from './holding.ts'
import { mayBeGiven, nextBot } from './targets.ts'

/** How long an offer stands. */
const OFFER_MS = 60_000

type Handover = Command<'conversation.handover'>

const spoken = ({ reason, context }: Handover['data']): Content[] =>
  reason === null && context === null ? [] : [{ kind: 'handover', body: { reason, context } }]

/** Its holder, or who may give away what is another's. */
const mayGive = (draft: LivingDraft, { data, by }: Handover): boolean => {
  if (data.mayAssign || isHeldBy(draft.snapshot.assignee, by)) return true
  draft.refuse('not_holder', holderOf(draft.snapshot))
  return false
}

const isTheirs = (assignee: Assignee | null, to: HandoverTarget): boolean => assignee?.kind === to.kind && assignee.id === to.id

/** A bot cannot have what is out of sight or done. */
const mayTake = (draft: LivingDraft, to: { readonly kind: string }): boolean => {
  const { state } = draft.snapshot
  if (to.kind !== 'bot' || state === 'open' || state === 'pending') return true
  draft.refuse('not_in_this_state', { state })
  return false
}

const offer = (draft: LivingDraft, command: Handover, to: HandoverTarget): void => {
  const { data } = command
  if (!mayGive(draft, command) || !mayTake(draft, to) || !mayBeGiven(draft, to)) return
  const { assignee } = draft.snapshot
  if (!isTheirs(assignee, to)) {
    draft.apply('handover.offered', { to, expiresAt: draft.now + OFFER_MS, before: assignee }, spoken(data))
  }
  draft.accept()
}

/** What was offered to a team is for any agent: the first who accepts has it. */
const isOfferedTo = (to: HandoverTarget, by: Principal): boolean =>
  to.kind === 'team' ? by.kind === 'agent' : to.kind === by.kind && to.id === by.id

const accept = (draft: LivingDraft, { by }: Handover): void => {
  const { offer: standing, assignee: before } = draft.snapshot
  const isOffered = standing !== null && draft.now < standing.expiresAt && isOfferedTo(standing.to, by)
  if (!isOffered || by.id === null || (by.kind !== 'agent' && by.kind !== 'bot')) return void draft.refuse('not_offered')
  if (!mayTake(draft, by)) return
  const { to, context } = standing
  draft.apply('handover.accepted', { to, before, context })
  hand(draft, {
    assignee: { kind: by.kind, id: by.id },
    because: 'handover',
    ...(to.kind === 'team' ? { teamId: to.id } : {}),
  })
  draft.accept()
}

/** Gives it at once; to a team = to its people, to nobody = to all. */
const passOn = (draft: LivingDraft, to: HandoverTarget | null, contents: readonly Content[] = []): void => {
  const { assignee: before } = draft.snapshot
  const context: ContentReference | null = contents.length === 0 ? null : { seq: draft.nextSeq, n: 0 }
  draft.apply('handover.passed', { to, before, context }, contents)
  const isTeam = to?.kind === 'team'
  const assignee = to === null || to.kind === 'team' ? null : { kind: to.kind, id: to.id }
  hand(draft, { assignee, because: 'handover', ...(isTeam ? { teamId: to.id } : {}) })
}

const next = ({ context, snapshot }: LivingDraft): Assignee | null =>
  nextBot({ context, snapshot }, snapshot.assignee?.kind === 'bot' ? snapshot.assignee.id : null)

const pass = (draft: LivingDraft, command: Handover): void => {
  if (!mayGive(draft, command)) return
  const to = command.data.isNext ? next(draft) : command.data.to
  if (to !== null && (!mayTake(draft, to) || !mayBeGiven(draft, to))) return
  const { assignee, teamId } = draft.snapshot
  const isNothingNew = to === null ? assignee === null : to.kind === 'team' ? assignee === null && teamId === to.id : isTheirs(assignee, to)
  if (!isNothingNew) passOn(draft, to, spoken(command.data))
  draft.accept()
}

const letGo = (draft: LivingDraft, { data, by }: Handover): void => {
  const { assignee } = draft.snapshot
  if (assignee === null) return void draft.accept()
  if (!isHeldBy(assignee, by)) return void draft.refuse('not_holder', holderOf(draft.snapshot))
  draft.apply('handover.released', { before: assignee }, spoken(data))
  // A bot lets go to the account's next one, an agent to all.
  hand(draft, { assignee: assignee.kind === 'bot' ? next(draft) : null, because: 'release' })
  draft.accept()
}

export const handOver = (draft: LivingDraft, command: Handover): void => {
  const { action, to } = command.data
  switch (action) {
    case 'offer':
      return to === null ? void draft.refuse('handover_target_required') : offer(draft, command, to)
    case 'accept':
      return accept(draft, command)
    case 'pass':
      return pass(draft, command)
    case 'release':
      return letGo(draft, command)
  }
}

export const expireOffer = (draft: LivingDraft): void => {
  const { offer: standing } = draft.snapshot
  if (standing !== null) draft.apply('handover.expired', { to: standing.to })
}
