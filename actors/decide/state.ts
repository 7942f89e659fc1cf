// Out of sight, done, back again: snooze with its durable timer, resolve, reopen, and the timers that fire.
// Between those commands and the states of the machine; an update that changes nothing is no event.

import type { Command } from '#schemas/log'
import { putTimer, type LivingDraft } from '../conversation/index.ts'
import { expireOffer } from './handover.ts'
import { sendDue } from './schedule.ts'
import { fireWindow } from './window.ts'

/** `snoozed` and `resolved` never have a bot. */
const takeFromBot = (draft: LivingDraft): void => {
  const { assignee, teamId } = draft.snapshot
  if (assignee?.kind !== 'bot') return
  draft.apply('conversation.assigned', { because: 'release', before: assignee, after: null, teamBefore: teamId, teamAfter: teamId })
}

export const snooze = (draft: LivingDraft, { data }: Command<'conversation.snooze'>): void => {
  const { state, snoozedUntil } = draft.snapshot
  if (state === 'resolved') return void draft.refuse('not_in_this_state', { state })
  if (data.until !== null && data.until <= draft.now) return void draft.refuse('snooze_in_past', { until: data.until })
  if (state !== 'snoozed' || snoozedUntil !== data.until) {
    takeFromBot(draft)
    draft.apply('conversation.snoozed', { until: data.until, before: state })
  }
  draft.accept()
}

export const resolve = (draft: LivingDraft): void => {
  const { state } = draft.snapshot
  if (state !== 'resolved') {
    takeFromBot(draft)
    draft.apply('conversation.resolved', { before: state })
  }
  draft.accept()
}

export const reopen = (draft: LivingDraft): void => {
  const { state, cycle } = draft.snapshot
  if (state === 'snoozed' || state === 'resolved') {
    draft.apply('conversation.opened', { because: 'reopen', before: state, cycle: state === 'resolved' ? cycle + 1 : cycle })
  }
  draft.accept()
}

/** A firing counts only for the timer that is still set; one that came too early is set again. */
export const fireTimer = (draft: LivingDraft, { data }: Command<'timer.fire'>): void => {
  draft.accept()
  const timer = draft.snapshot.timers.find(({ kind, setBySeq }) => kind === data.kind && setBySeq === data.setBySeq)
  if (timer === undefined) return
  if (draft.now < timer.dueAt) return putTimer(draft, timer)
  switch (timer.kind) {
    case 'wake':
      return wake(draft)
    case 'offer':
      return expireOffer(draft)
    case 'schedule':
      return sendDue(draft)
    case 'window':
      return fireWindow(draft)
  }
}

const wake = (draft: LivingDraft): void => {
  const { state, cycle } = draft.snapshot
  if (state === 'snoozed') draft.apply('conversation.opened', { because: 'wake', before: state, cycle })
}
