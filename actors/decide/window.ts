// The reply window of a channel: said once when it opens, once when an hour is left and someone waits.
// Between message.received, which moves the window's end, the window's one timer, and the events window.*.

import type { ConversationSnapshot } from '#schemas/log'
import { CLOSING_MS, putTimer, type LivingDraft } from '../conversation/index.ts'

type ReplyWindow = NonNullable<ConversationSnapshot['window']>

/**
 * After an inbound message that moved the window's end. The timer is set when the window opens and looks at the end of then when it
 * fires: a conversation in full flow writes no timer at all. `wasOpen`: before the message.
 */
export const openWindow = (draft: LivingDraft, wasOpen: boolean): void => {
  const { window, timers } = draft.snapshot
  if (window === null || (wasOpen && timers.some(({ kind }) => kind === 'window'))) return
  draft.apply('window.opened', { window })
}

/** The window after something that opens it for `ms` from `at`; one that lasts longer already stays. */
export const windowAfter = (draft: LivingDraft, ms: number, at: number): ReplyWindow => {
  const { window } = draft.snapshot
  const openedAt = Math.min(at, draft.now)
  const expiresAt = openedAt + ms
  return window !== null && window.expiresAt >= expiresAt ? window : { expiresAt, openedAt }
}

/** By what is no message: a reaction, an ad that was tapped. */
export const extendWindow = (draft: LivingDraft, ms: number | null, at: number): void => {
  if (ms === null) return
  const window = windowAfter(draft, ms, at)
  if (window !== draft.snapshot.window && window.expiresAt > draft.now) draft.apply('window.opened', { window })
}

/** The timer of the snapshot stays as it was set; only its effect moves along with the window, or ends with it. */
export const fireWindow = (draft: LivingDraft): void => {
  const { window, waitingSince, timers } = draft.snapshot
  const timer = timers.find(({ kind }) => kind === 'window')
  if (timer === undefined || window === null) return
  const { now } = draft
  const { expiresAt } = window
  if (now >= expiresAt) return putTimer(draft, timer, null)
  if (now < expiresAt - CLOSING_MS) return putTimer(draft, timer, expiresAt - CLOSING_MS)
  const isSaid = timer.dueAt === expiresAt
  if (waitingSince === null || isSaid) return putTimer(draft, timer, expiresAt)
  draft.apply('window.closing', { expiresAt })
}
