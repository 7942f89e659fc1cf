// What a conversation remembers for its provider's sake: our newest messages, the contact's newest, when their profile was asked for.
// Between the folds and what watermarks, read marks and profiles need; nothing of it for web chat and Twilio, which need none.

import type { Channel, ConversationSnapshot, Event } from '#schemas/log'

type Patch = Partial<ConversationSnapshot>
type OutMark = NonNullable<ConversationSnapshot['outs']>[number]

/** Messages of ours that a watermark is compared with: the newest. */
const OUTS_MAX = 16
const ALIASES_MAX = 16
/** Profiles are asked for again after this long. */
const PROFILE_AGE_MS = 7 * 86_400_000

const NOTHING: Patch = {}

/** Channels that give us watermarks, or echoes without our ids, and can be told what we have read. */
const isProvided = (channel: Channel): boolean => channel !== 'web' && channel !== 'twilio'
/** Channels whose webhooks name no person. */
const hasProfiles = (channel: Channel): boolean => channel === 'messenger' || channel === 'instagram'

const NO_OUTS: readonly OutMark[] = []
export const outsOf = ({ outs }: ConversationSnapshot): readonly OutMark[] => outs ?? NO_OUTS
export const aliasesOf = ({ aliases }: ConversationSnapshot): readonly string[] => aliases ?? []

export const withInbound = (before: ConversationSnapshot, { data, at }: Event<'message.received'>): Patch => {
  if (!isProvided(before.channel)) return NOTHING
  const asked = before.profileAt ?? null
  const isDue = hasProfiles(before.channel) && (asked === null || at - asked > PROFILE_AGE_MS)
  return isDue ? { lastInboundId: data.messageId, profileAt: at } : { lastInboundId: data.messageId }
}

export const withOut = (before: ConversationSnapshot, { data, contactSeq, at }: Event<'message.queued'>): Patch => {
  if (!isProvided(before.channel)) return NOTHING
  const { messageId } = data
  const known = outsOf(before)
  const old = known.find((mark) => mark.messageId === messageId)
  // A retry keeps its place.
  if (old !== undefined) return { outs: known.map((mark) => (mark === old ? { ...mark, at, isOpen: true } : mark)) }
  return contactSeq === null ? NOTHING : { outs: [...known, { messageId, contactSeq, at, isOpen: true }].slice(-OUTS_MAX) }
}

/** There is a word of the sender about it, or a proof of the provider. */
export const withoutOpen = (before: ConversationSnapshot, messageId: string): Patch => {
  const known = outsOf(before)
  return known.some((mark) => mark.messageId === messageId && mark.isOpen)
    ? { outs: known.map((mark) => (mark.messageId === messageId ? { ...mark, isOpen: false } : mark)) }
    : NOTHING
}

export const aliased = (
  before: ConversationSnapshot,
  { data, organizationId, subjectId, at, by }: Event<'conversation.aliased'>,
): Patch => {
  if (data.to === null) return { aliases: [...new Set([...aliasesOf(before), ...data.aliases])].slice(0, ALIASES_MAX) }
  const { accountId, channel, contactId } = data
  const born = { id: subjectId, organizationId, accountId, channel, contactId, startedBy: by, createdAt: at, lastActivityAt: at }
  return { ...born, aliasOf: data.to }
}

/** Whether the list of aliases has room. */
export const hasRoomForAliases = (snapshot: ConversationSnapshot): boolean => aliasesOf(snapshot).length < ALIASES_MAX
