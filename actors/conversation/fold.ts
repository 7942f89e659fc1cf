// What each event does to a conversation's snapshot besides its state: one pure patch an event type.
// Between the events of the log and the machine, whose only assignment calls `foldEvent`.

import { CONVERSATION_VERSION, SITE_ID, type ConversationSnapshot, type Event, type EventType, type Timer } from '#schemas/log'

export type ConversationEventType = Exclude<EventType, `contact.${string}` | 'setting.changed'>
export type ConversationEvent = Event<ConversationEventType>

/** Mutable, because a patch is made anew for each event and handed over. */
type Patch = Partial<ConversationSnapshot>
type Fold<T extends ConversationEventType> = (before: ConversationSnapshot, event: Event<T>) => Patch

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
}

const withoutWake = (timers: Timer[]): Timer[] => (timers.length === 0 ? timers : timers.filter(({ kind }) => kind !== 'wake'))

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
        teamId: data.teamAfter,
        assignee: data.after,
        assignedAt: data.after === null ? null : at,
        assignedSeq: data.after === null ? 0 : seq,
      }

const received: Fold<'message.received'> = (before, { data, at }) => {
  const isQuiet = before.isBlocked || before.isOptedOut
  return {
    lastInboundAt: at,
    ...(before.isBlocked ? NOTHING : { lastActivityAt: at }),
    ...(isQuiet || before.waitingSince !== null ? NOTHING : { waitingSince: at }),
    ...(data.window === null ? NOTHING : { window: data.window }),
  }
}

const queued: Fold<'message.queued'> = (before, { data, at, by, seq }) => {
  if (data.attempt > 1) return NOTHING
  const patch: Patch = { lastActivityAt: at, orderFloor: Math.max(before.orderFloor, data.orderAt) }
  if (by.kind !== 'agent' && by.kind !== 'bot') return patch
  patch.lastReplyAt = at
  patch.waitingSince = null
  if (by.kind === 'bot') return patch
  patch.firstReplyAt = before.firstReplyAt ?? at
  patch.lastAgentAt = at
  patch.lastAgentId = by.id
  patch.lastAnswerSeq = seq
  patch.lastAnswerBy = by.id
  return patch
}

const delivered: Fold<'message.delivered'> = ({ receipts }, { data }) =>
  data.upToSeq === null ? NOTHING : { receipts: { delivered: Math.max(receipts.delivered, data.upToSeq), read: receipts.read } }

const read: Fold<'message.read'> = ({ receipts }, { data }) =>
  data.upToSeq === null
    ? NOTHING
    : { receipts: { delivered: Math.max(receipts.delivered, data.upToSeq), read: Math.max(receipts.read, data.upToSeq) } }

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
  'conversation.blocked': (_before, { data }) => ({ isBlocked: data.isBlocked }),
  'conversation.opted': (_before, { data }) => ({ isOptedOut: data.isOptedOut }),
  'conversation.parked': (_before, { data }) => ({ parkedAt: data.offset < 0 ? null : data.offset }),
  'conversation.erased': (_before, { data }) => ({ erasedUpTo: data.upToSeq, attributes: null, lastInboundAt: null, waitingSince: null }),
  'note.added': (_before, { at }) => ({ lastActivityAt: at }),
  'note.edited': unchanged,
  'note.deleted': unchanged,
  'message.received': received,
  'message.queued': queued,
  'message.sent': unchanged,
  'message.delivered': delivered,
  'message.read': read,
  'message.failed': unchanged,
  'message.unknown': unchanged,
  'message.settled': unchanged,
  'message.edited': unchanged,
  'message.deleted': unchanged,
  'message.attached': unchanged,
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
