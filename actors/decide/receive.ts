// An inbound message: received once, in its place, waking what it should wake.
// Between message.receive and the events message.received, conversation.{created,assigned,opened,opted}.

import type {
  Address,
  Assignee,
  Command,
  Content,
  ConversationSnapshot,
  ConversationState,
  EarlyRow,
  MessageContent,
  Profile,
} from '#schemas/log'
import type { ConversationDraft, LivingDraft } from '../conversation/index.ts'
import { introduce, putProfile, putTell, rowOf, unborn, windowMsOf } from '../conversation/index.ts'
import { learnAliases } from './alias.ts'
import { aliasAt, earlyAt, EARLY_KEPT_MS } from './early.ts'
import { hand } from './holding.ts'
import { applyReaction } from './react.ts'
import { applyRevision } from './revise.ts'
import { callOffUnlessReply } from './schedule.ts'
import { nextBot } from './targets.ts'
import { openWindow, windowAfter } from './window.ts'

const HOUR_MS = 3_600_000
/** Where the organization's setting is not known. */
const REOPEN_TO_AGENT_HOURS = 24

/** Twilio's own words: what a carrier's or Twilio's opt-out handling acts on, whole messages only. */
const stopWords: ReadonlySet<string> = new Set([
  'STOP',
  'STOPALL',
  'STOP ALL',
  'UNSUBSCRIBE',
  'CANCEL',
  'END',
  'QUIT',
  'REVOKE',
  'OPTOUT',
  'OPT OUT',
])
const startWords: ReadonlySet<string> = new Set(['START', 'UNSTOP', 'YES'])

interface Where {
  readonly accountId: string
  readonly channel: ConversationSnapshot['channel']
  readonly contactId: string
  readonly address: Address
  readonly profile: Profile | null
}

/** The first event; the address lies beside it and as a row, the contact is told. */
export const begin = (draft: ConversationDraft, where: Where, first: { state: ConversationState; assignee: Assignee | null }): void => {
  const { accountId, channel, contactId, address, profile } = where
  draft.profile = profile
  const now = draft.now
  const row = {
    ...rowOf(unborn),
    ...first,
    id: draft.subjectId,
    accountId,
    channel,
    contactId,
    createdAt: now,
    lastActivityAt: now,
    startedBy: draft.command.by,
  }
  const data: { accountId: string; channel: typeof channel; contactId: string } = { accountId, channel, contactId }
  // The row is what the machine is born from; the draft completes it after the fold.
  draft.apply('conversation.created', Object.assign(data, { row }), [{ kind: 'address', body: address }])
  draft.putAddress(address)
}

const keyword = (content: MessageContent): string => {
  const { text } = content
  // Longer texts are not a bare word; upper-casing them would cost for nothing.
  return text === null || text.length > 16 ? '' : text.trim().toUpperCase()
}

export const setOptOut = (draft: LivingDraft, isOptedOut: boolean): void => {
  if (draft.snapshot.isOptedOut === isOptedOut) return
  draft.apply('conversation.opted', { isOptedOut })
}

const tellOptOut = (draft: LivingDraft, isOptedOut: boolean): void => {
  const { contactId, accountId } = draft.snapshot
  putTell(draft, { to: { kind: 'contact', id: contactId }, type: 'contact.opt', data: { accountId, isOptedOut } })
}

/** Whose a resolved conversation is when it comes back: nobody waits for an absent agent. */
const holderAfterReopen = ({ snapshot, context, now }: LivingDraft): Assignee | null => {
  const { settings } = context
  const hours = settings.organization?.reopenToAgentHours ?? REOPEN_TO_AGENT_HOURS
  const { lastAgentId, lastAgentAt } = snapshot
  if (lastAgentId === null || lastAgentAt === null || now - lastAgentAt > hours * HOUR_MS) return null
  const agent = settings.agent?.(lastAgentId)
  return agent !== undefined && agent.isActive && agent.isAvailable ? { kind: 'agent', id: lastAgentId } : null
}

const wake = (draft: LivingDraft): void => {
  const { state, assignee, teamId, cycle } = draft.snapshot
  if (state === 'snoozed') return void draft.apply('conversation.opened', { because: 'inbound', before: state, cycle })
  if (state !== 'resolved') return
  const holder = holderAfterReopen(draft)
  const bot = holder === null ? nextBot(draft, null) : null
  if (bot === null && holder?.id !== assignee?.id) {
    draft.apply('conversation.assigned', { because: 'reopen', before: assignee, after: holder, teamBefore: teamId, teamAfter: teamId })
  }
  draft.apply('conversation.opened', { because: 'inbound', before: state, cycle: cycle + 1 })
  if (bot !== null) hand(draft, { assignee: bot, because: 'reopen' })
}

type Received = Command<'message.receive'>['data']

/** null where the channel has none, or nothing of it opens one. */
const windowOf = (draft: LivingDraft, { address, providerAt, opensWindowMs }: Received): ConversationSnapshot['window'] => {
  const { now, snapshot, context } = draft
  const usual = windowMsOf(snapshot, address, context.settings.account)
  if (usual === null && (opensWindowMs ?? null) === null) return null
  return windowAfter(draft, opensWindowMs ?? usual ?? 0, opensWindowMs === null || opensWindowMs === undefined ? now : (providerAt ?? now))
}

/** Who begins a new one: the account's first bot, people, or nobody while another app answers. */
const firstHolder = (draft: ConversationDraft, data: Received): { state: ConversationState; assignee: Assignee | null } => {
  if (data.isStandby === true) return { state: 'resolved', assignee: null }
  const bot = nextBot({ context: draft.context, snapshot: data }, null)
  return { state: bot === null ? 'open' : 'pending', assignee: bot }
}

/** Provider time, but not after arrival and not before the newest public message from us: none slips above an answer given without it. */
export const orderAtOf = (providerAt: number | null, receivedAt: number, floor: number): number =>
  Math.max(providerAt === null ? receivedAt : Math.min(providerAt, receivedAt), floor)

const applyEarly = (draft: LivingDraft, messageId: string, { at, reactions, revisions }: EarlyRow): void => {
  if (draft.now - at > EARLY_KEPT_MS) return
  for (const revision of revisions ?? []) {
    const row = draft.message(messageId)
    if (row !== null) applyRevision(draft, row, revision)
  }
  for (const word of reactions) {
    const row = draft.message(messageId)
    if (row !== null) applyReaction(draft, row, word)
  }
}

/** A message of ours is known under its alias. */
const quoted = (draft: ConversationDraft, replyTo: string): string => aliasAt(draft, replyTo)?.messageId ?? replyTo

export const receiveMessage = (draft: ConversationDraft, { data }: Command<'message.receive'>): void => {
  const { messageId, content, address } = data
  const existing = draft.message(messageId)
  if (existing !== null) return void draft.accept(messageId, existing.seq)
  // Without an inbound message so far, or since an erasure, the address is news.
  const isNews = draft.snapshot === null || draft.snapshot.lastInboundAt === null
  if (draft.snapshot === null) {
    begin(draft, data, firstHolder(draft, data))
  } else if (isNews) {
    draft.putAddress(address)
    introduce(draft, data.profile)
  }
  const living = draft as LivingDraft
  const before = living.snapshot
  // Carriers and Twilio act on such words in SMS alone: on WhatsApp "cancel" is an answer like any other.
  const isSms = before.channel === 'twilio' && !address.userId.includes(':')
  const word = isSms ? keyword(content) : ''
  const isStop = stopWords.has(word)
  if (isStop) setOptOut(living, true)
  const contents: Content[] = [{ kind: 'message', body: content }]
  if (isNews && before.seq > 1) contents.push({ kind: 'address', body: address })
  const early = earlyAt(draft, messageId)
  const orderAt = orderAtOf(data.providerAt, data.receivedAt, before.orderFloor)
  const now = draft.now
  draft.apply(
    'message.received',
    {
      messageId,
      kind: content.kind,
      orderAt,
      receivedAt: data.receivedAt,
      providerAt: data.providerAt,
      attachments: content.attachments.length,
      window: windowOf(living, data),
      ...(data.replyTo === null || data.replyTo === undefined ? {} : { replyTo: quoted(draft, data.replyTo) }),
      ...(data.isStandby === true ? { isStandby: true } : {}),
    },
    contents,
  )
  if (living.snapshot.profileAt !== before.profileAt) putProfile(living, address.userId)
  openWindow(living, before.window !== null && now < before.window.expiresAt)
  callOffUnlessReply(living)
  if (early !== null) applyEarly(living, messageId, early)
  const isStart = before.isOptedOut && startWords.has(word)
  if (isStart) setOptOut(living, false)
  if (isStop || isStart) tellOptOut(living, isStop)
  else if (!living.snapshot.isBlocked && data.isStandby !== true) wake(living)
  if (data.aliases !== undefined || data.seeker !== undefined) learnAliases(living, [data.seeker, ...(data.aliases ?? [])])
  draft.accept(messageId)
}
