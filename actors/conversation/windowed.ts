// Which conversations have a reply window, and what may be said after it.
// Between the channels' rules of inbox.md §1 and every rule that sends.

import type { Account, Address, ConversationSnapshot, MessageKind, Principal } from '#schemas/log'

type Place = Pick<ConversationSnapshot, 'channel'>

const DAY_MS = 86_400_000
/** How long after the contact's last word people may still answer by hand. */
const AGENT_WINDOW_MS = 7 * DAY_MS

/** Channels on which we may write only for 24 h from the contact's last message. */
const windowedChannels: ReadonlySet<ConversationSnapshot['channel']> = new Set(['messenger', 'instagram', 'whatsapp'])

const isPage = (channel: ConversationSnapshot['channel']): boolean => channel === 'messenger' || channel === 'instagram'

/** A connector declares its own window in the account's options. */
const declaredMs = (account: Account | undefined): number | null => {
  const hours = Number(account?.options['windowHours'])
  return account?.channel === 'custom' && hours > 0 ? hours * 3_600_000 : null
}

/** How long an inbound message opens the window where the event itself does not say; null = there is none. */
export const windowMsOf = ({ channel }: Place, address: Address | null, account: Account | undefined): number | null => {
  const isOpenedByAll =
    windowedChannels.has(channel) || (channel === 'twilio' && address !== null && address.userId.startsWith('whatsapp:'))
  return isOpenedByAll ? DAY_MS : declaredMs(account)
}

/** Whether words may be sent after the window: an approved template, or by a person, or under a tag that the account names. */
export const mayFollowWindow = (
  { channel, lastInboundAt }: Pick<ConversationSnapshot, 'channel' | 'lastInboundAt'>,
  account: Account | undefined,
  said: { readonly kind: MessageKind; readonly author: Principal['kind']; readonly now: number },
): boolean => {
  if (!isPage(channel)) return said.kind === 'template'
  const isPerson = said.author === 'agent' && account?.options['agentTag'] !== ''
  if (isPerson) return lastInboundAt !== null && said.now < lastInboundAt + AGENT_WINDOW_MS
  return said.author !== 'agent' && (account?.options['tag'] ?? '') !== ''
}

/** What is allowed outside, for the refusal. */
export const allowedAfter = ({ channel }: Place): readonly string[] => (isPage(channel) ? ['agent'] : ['template'])
