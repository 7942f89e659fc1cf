// What each event does to a conversation's snapshot besides its state: one pure patch an event type.
// Between the events of the log and the machine, whose only assignment calls `foldEvent`.

import { CONVERSATION_VERSION, SITE_ID, type ConversationSnapshot, type Event, type EventType, type Timer } from '#schemas/log'
import { aliased, withInbound, withoutOpen, withOut } from './provided.ts'

export type ConversationEventType = Exclude<EventType, `contact.${string}` | 'setting.changed'>
export type ConversationEvent = Event<ConversationEventType>

/** Mutable, because a patch is made anew for each event and handed over. */
type Patch = Partial<ConversationSnapshot>
type Fold<T extends ConversationEventType> = (before: ConversationSnapshot, event: Event<T>) => Patch

type Scheduled = ConversationSnapshot['scheduled'][number]

/** How long before its end a window is said to close. */
export const CLOSING_MS = 3_600_000
/** Unsent messages of a bot that a take-over can call off: the newest. */
const BOT_SENDS_MAX = 32

const NOTHING: Patch = {}
const unchanged = (): Patch => NOTHING

/** The snapshot before the first event; never stored. */
export const unborn: ConversationSnapshot = {
  version: CONVERSATION_VERSION,
  id: SITE_ID,
  organizationId: SITE_ID,
  accountId: SITE_ID,
  channel: 'custom',
  contactId: SITE_ID,
  state: 'open',
  seq: 0,
  contactSeq: 0,
  at: 0,
  cycle: 1,
  snoozedUntil: null,
  assignee: null,
  assignedAt: null,
  assignedSeq: 0,
  teamId: null,
  priority: 'none',
  labels: [],
  startedBy: { kind: 'system', id: null },
  createdAt: 0,
  lastActivityAt: 0,
  lastInboundAt: null,
  lastReplyAt: null,
  waitingSince: null,
  firstReplyAt: null,
  lastAgentAt: null,
  lastAgentId: null,
  lastAnswerSeq: 0,
  lastAnswerBy: null,
  orderFloor: 0,
  shownSeq: 0,
  receipts: { delivered: 0, read: 0 },
  window: null,
  isBlocked: false,
  isOptedOut: false,
  timers: [],
  attributes: null,
  erasedUpTo: 0,
  parkedAt: null,
  offer: null,
  participants: [],
  scheduled: [],
  botSends: [],
  aliasOf: null,
  aliases: null,
  outs: null,
  lastInboundId: null,
  profileAt: null,
  isElsewhere: null,
}

const without = (timers: Timer[], unwanted: Timer['kind']): Timer[] =>
  timers.some(({ kind }) => kind === unwanted) ? timers.filter(({ kind }) => kind !== unwanted) : timers
const withoutWake = (timers: Timer[]): Timer[] => without(timers, 'wake')

/** Whatever gives it to somebody, or lets the time pass, ends a standing offer. */
const withoutOffer = ({ offer, timers }: ConversationSnapshot): Patch =>
  offer === null ? NOTHING : { offer: null, timers: without(timers, 'offer') }

const created: Fold<'conversation.created'> = (_before, { data, at, seq, organizationId, by }) => ({
  id: data.row.id,
  organizationId,
  accountId: data.accountId,
  channel: data.channel,
  contactId: data.contactId,
  cycle: data.row.cycle,
  assignee: data.row.assignee,
  assignedAt: data.row.assignee === null ? null : at,
  assignedSeq: data.row.assignee === null ? 0 : seq,
  startedBy: by,
  createdAt: at,
  lastActivityAt: at,
})

const opened: Fold<'conversation.opened'> = (before, { data }) => ({
  cycle: data.cycle,
  snoozedUntil: null,
  timers: withoutWake(before.timers),
  // What brought it back may have been said while nobody waited for an answer, as after a STOP word.
  ...(data.because === 'inbound' && before.waitingSince === null ? { waitingSince: before.lastInboundAt } : NOTHING),
})

const snoozed: Fold<'conversation.snoozed'> = (before, { data, seq }) => {
  const timers = withoutWake(before.timers)
  if (data.until === null) return { snoozedUntil: null, timers }
  return { snoozedUntil: data.until, timers: [...timers, { kind: 'wake', dueAt: data.until, setBySeq: seq }] }
}

const resolved: Fold<'conversation.resolved'> = (before, { at, by }) => ({
  snoozedUntil: null,
  waitingSince: null,
  timers: withoutWake(before.timers),
  ...(by.kind === 'agent' ? { lastAgentAt: at, lastAgentId: by.id } : NOTHING),
})

const isSame = (a: ConversationSnapshot['assignee'], b: ConversationSnapshot['assignee']): boolean => a?.id === b?.id && a?.kind === b?.kind

const assigned: Fold<'conversation.assigned'> = (before, { data, at, seq }) =>
  isSame(before.assignee, data.after)
    ? { teamId: data.teamAfter }
    : {
        ...withoutOffer(before),
        teamId: data.teamAfter,
        assignee: data.after,
        assignedAt: data.after === null ? null : at,
        assignedSeq: data.after === null ? 0 : seq,
      }

const received: Fold<'message.received'> = (before, event) => {
  const { data, at } = event
  const isQuiet = before.isBlocked || before.isOptedOut || data.isStandby === true
  return {
    ...withInbound(before, event),
    lastInboundAt: at,
    ...(before.isBlocked ? NOTHING : { lastActivityAt: at }),
    ...(isQuiet || before.waitingSince !== null ? NOTHING : { waitingSince: at }),
    ...(data.window === null ? NOTHING : { window: data.window }),
  }
}

/** One timer for all scheduled messages: the earliest's. */
const rescheduled = ({ timers }: ConversationSnapshot, scheduled: Scheduled[], setBySeq: number): Patch => {
  const dueAt = scheduled.reduce((earliest, send) => Math.min(earliest, send.dueAt), Number.POSITIVE_INFINITY)
  const timer = timers.find(({ kind }) => kind === 'schedule')
  if (timer?.dueAt === dueAt) return { scheduled }
  const others = without(timers, 'schedule')
  return { scheduled, timers: scheduled.length === 0 ? others : [...others, { kind: 'schedule', dueAt, setBySeq }] }
}

const isScheduled = ({ scheduled }: ConversationSnapshot, messageId: string): boolean =>
  scheduled.some((send) => send.messageId === messageId)

/** The message waits for nothing any more: neither for its time nor for a word of the sender. */
const unqueued = (before: ConversationSnapshot, messageId: string | null, seq: number): Patch => {
  const { scheduled, botSends, outs } = before
  if (messageId === null || (scheduled.length === 0 && botSends.length === 0 && outs === null)) return NOTHING
  const patch: Patch = { ...withoutOpen(before, messageId) }
  if (botSends.includes(messageId)) patch.botSends = botSends.filter((id) => id !== messageId)
  if (!isScheduled(before, messageId)) return patch
  return Object.assign(
    patch,
    rescheduled(
      before,
      scheduled.filter((send) => send.messageId !== messageId),
      seq,
    ),
  )
}

const withBotSend = (botSends: string[], messageId: string): string[] =>
  botSends.includes(messageId) ? botSends : [...botSends, messageId].slice(-BOT_SENDS_MAX)

/** A retry says nothing new; nor does what waits for its time, of which no one but us knows. */
const requeued = (before: ConversationSnapshot, event: Event<'message.queued'>): Patch => {
  const { data, by, seq } = event
  const { messageId, sendAt, isUnlessReply } = data
  const patch: Patch =
    sendAt === null
      ? { ...withOut(before, event) }
      : rescheduled(before, [...before.scheduled, { messageId, dueAt: sendAt, isUnlessReply }], seq)
  if (by.kind === 'bot') patch.botSends = withBotSend(before.botSends, messageId)
  return patch
}

const queued: Fold<'message.queued'> = (before, event) => {
  const { data, at, by, seq } = event
  if (data.sendAt !== null || (data.attempt > 1 && !data.isDue)) return requeued(before, event)
  const patch: Patch = data.isDue ? { ...unqueued(before, data.messageId, seq), ...withOut(before, event) } : { ...withOut(before, event) }
  patch.lastActivityAt = at
  patch.orderFloor = Math.max(before.orderFloor, data.orderAt)
  if (by.kind === 'bot') patch.botSends = withBotSend(before.botSends, data.messageId)
  // `provider`: somebody has answered elsewhere.
  if (by.kind !== 'agent' && by.kind !== 'bot' && by.kind !== 'provider') return patch
  patch.lastReplyAt = at
  patch.waitingSince = null
  if (by.kind !== 'agent') return patch
  patch.firstReplyAt = before.firstReplyAt ?? at
  patch.lastAgentAt = at
  patch.lastAgentId = by.id
  patch.lastAnswerSeq = seq
  patch.lastAnswerBy = by.id
  return patch
}

const delivered: Fold<'message.delivered'> = (before, { data, seq }) => {
  const { receipts } = before
  return data.upToSeq === null
    ? unqueued(before, data.messageId, seq)
    : { receipts: { delivered: Math.max(receipts.delivered, data.upToSeq), read: receipts.read } }
}

const read: Fold<'message.read'> = (before, { data, seq }) => {
  const { receipts } = before
  return data.upToSeq === null
    ? unqueued(before, data.messageId, seq)
    : { receipts: { delivered: Math.max(receipts.delivered, data.upToSeq), read: Math.max(receipts.read, data.upToSeq) } }
}

const offered: Fold<'handover.offered'> = ({ timers }, { data, seq, contents }) => ({
  offer: { to: data.to, expiresAt: data.expiresAt, seq, context: contents === 0 ? null : { seq, n: 0 } },
  timers: [...without(timers, 'offer'), { kind: 'offer', dueAt: data.expiresAt, setBySeq: seq }],
})

/** The timer of a window looks at what the window has become: see fireTimer. */
const withWindowTimer = (timers: Timer[], dueAt: number, setBySeq: number): Timer[] => [
  ...without(timers, 'window'),
  { kind: 'window', dueAt, setBySeq },
]

const folds: { readonly [T in ConversationEventType]: Fold<T> } = {
  'conversation.created': created,
  'conversation.opened': opened,
  'conversation.held': (before) => ({ snoozedUntil: null, timers: withoutWake(before.timers) }),
  'conversation.snoozed': snoozed,
  'conversation.resolved': resolved,
  'conversation.assigned': assigned,
  'conversation.labeled': ({ labels }, { data }) => ({
    labels: [...labels.filter((label) => !data.removed.includes(label)), ...data.added],
  }),
  'conversation.prioritized': (_before, { data }) => ({ priority: data.after }),
  'conversation.changed': (_before, { data }) => ({ attributes: data.attributes }),
  'conversation.joined': ({ participants }, { data }) => ({ participants: [...participants, ...data.participants] }),
  'conversation.left': ({ participants }, { data }) => ({ participants: participants.filter((id) => !data.participants.includes(id)) }),
  'conversation.blocked': (_before, { data }) => ({ isBlocked: data.isBlocked }),
  'conversation.opted': (_before, { data }) => ({ isOptedOut: data.isOptedOut }),
  'conversation.aliased': aliased,
  'conversation.passed': (_before, { data }) => ({ isElsewhere: data.isElsewhere }),
  'conversation.referred': unchanged,
  'conversation.parked': (_before, { data }) => ({ parkedAt: data.offset < 0 ? null : data.offset }),
  'conversation.erased': (_before, { data }) => ({ erasedUpTo: data.upToSeq, attributes: null, lastInboundAt: null, waitingSince: null }),
  'note.added': (_before, { at }) => ({ lastActivityAt: at }),
  'note.edited': unchanged,
  'note.deleted': unchanged,
  'message.received': received,
  'message.queued': queued,
  'message.sent': (before, { data, seq }) => unqueued(before, data.messageId, seq),
  'message.delivered': delivered,
  'message.read': read,
  'message.failed': (before, { data, seq }) => unqueued(before, data.messageId, seq),
  'message.unknown': (before, { data, seq }) => unqueued(before, data.messageId, seq),
  'message.settled': unchanged,
  'message.edited': unchanged,
  'message.deleted': unchanged,
  'message.reacted': unchanged,
  'message.attached': unchanged,
  'handover.offered': offered,
  'handover.accepted': withoutOffer,
  'handover.passed': withoutOffer,
  'handover.released': withoutOffer,
  'handover.expired': withoutOffer,
  'handover.taken': unchanged,
  'window.opened': ({ timers }, { data, seq }) => ({
    window: data.window,
    timers: withWindowTimer(timers, data.window.expiresAt - CLOSING_MS, seq),
  }),
  'window.closing': ({ timers }, { data, seq }) => ({ timers: withWindowTimer(timers, data.expiresAt, seq) }),
}

export const conversationEventTypes = Object.keys(folds) as ConversationEventType[]

/** The snapshot after an event, its state apart, which is the machine's. Never reads contents: erasing them must change no snapshot. */
export const foldEvent = (before: ConversationSnapshot, event: ConversationEvent): ConversationSnapshot => {
  const fold = folds[event.type] as Fold<ConversationEventType>
  // A spread copies the shape at once; Object.assign into an empty object builds it field by field and made a decision four times as dear.
  const after = { ...before }
  after.seq = event.seq
  after.at = event.at
  if (event.contactSeq !== null) {
    after.contactSeq = event.contactSeq
    after.shownSeq = event.seq
  }
  return Object.assign(after, fold(before, event))
}
