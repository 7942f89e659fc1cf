// What a provider tells of a conversation beside messages: watermarks in its own time, who answers there, what brought the contact, ids.
// Between those commands and the events that a conversation makes of them.

import type { Command } from '#schemas/log'
import { introduce, outsOf, type LivingDraft } from '../conversation/index.ts'
import { learnAliases } from './alias.ts'
import { extendWindow } from './window.ts'

/** Everything of ours said before `upTo` and not still on its way; one event, as for a visitor's watermark. */
export const acknowledgeTime = (draft: LivingDraft, { data }: Command<'message.acknowledge'>): void => {
  draft.accept()
  const { receipts } = draft.snapshot
  let upToSeq = 0
  for (const { contactSeq, at, isOpen } of outsOf(draft.snapshot)) if (!isOpen && at <= data.upTo) upToSeq = Math.max(upToSeq, contactSeq)
  if (data.state === 'read' && upToSeq > receipts.read) draft.apply('message.read', { messageId: null, upToSeq })
  if (data.state === 'delivered' && upToSeq > receipts.delivered) draft.apply('message.delivered', { messageId: null, upToSeq })
}

export const passThread = (draft: LivingDraft, { data }: Command<'conversation.thread'>): void => {
  draft.accept()
  const { isElsewhere } = data
  if ((draft.snapshot.isElsewhere ?? false) !== isElsewhere) draft.apply('conversation.passed', { isElsewhere })
}

export const refer = (draft: LivingDraft, { data }: Command<'conversation.refer'>): void => {
  draft.accept()
  draft.apply('conversation.referred', { window: null }, [{ kind: 'referral', body: data.referral }])
  extendWindow(draft, data.opensWindowMs ?? null, data.at)
}

export const identify = (draft: LivingDraft, { data }: Command<'conversation.identify'>): void => {
  draft.accept()
  if (data.address !== null && data.address !== undefined) draft.putAddress(data.address)
  if (data.profile !== null && data.profile !== undefined) introduce(draft, data.profile)
  learnAliases(draft, [data.seeker, ...(data.aliases ?? [])])
}
