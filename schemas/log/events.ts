// Events: the facts that actors decide. One Avro record a type, ids, enums, numbers and times only;
// what was said lies in contents (contents.ts), which the event names by position.

import {
  array,
  boolean,
  enumeration,
  holdsText,
  id,
  int,
  later,
  long,
  optional,
  record,
  time,
  withDefault,
  type Infer,
  type RecordShape,
  type Values,
} from './avro.ts'
import type { subjectKind } from './words.ts'
import {
  assignee,
  attachmentState,
  channel,
  contentReference,
  conversationState,
  handoverTarget,
  messageKind,
  principal,
  priority,
  replyWindow,
  sendReason,
  sendState,
} from './words.ts'

/** The structure of a conversation's list row after the event, carried by events that create one or change its audience. */
export const conversationRow = record('ConversationRow', {
  id,
  accountId: id,
  channel,
  contactId: id,
  state: conversationState,
  snoozedUntil: optional(time),
  cycle: int,
  assignee: optional(assignee),
  teamId: optional(id),
  priority,
  labels: array(id),
  createdAt: time,
  lastActivityAt: time,
  lastInboundAt: optional(time),
  lastReplyAt: optional(time),
  waitingSince: optional(time),
  firstReplyAt: optional(time),
  seq: long,
  contactSeq: long,
  startedBy: principal,
})
export type ConversationRow = Infer<typeof conversationRow>

const message = { messageId: id }
const row = { row: conversationRow }
const settingKind = enumeration('SettingKind', ['organization', 'account', 'agent', 'label', 'token', 'session'])
export type SettingKind = Infer<typeof settingKind>
const erasedUpTo = { upToSeq: long }

/** What each event says beyond its envelope. Contents it introduces lie directly before it, n = 0, 1, ... */
export const eventData = {
  'conversation.created': { accountId: id, channel, contactId: id, ...row },
  'conversation.opened': {
    because: enumeration('OpenedBecause', ['inbound', 'wake', 'reopen', 'release', 'started', 'taken']),
    before: conversationState,
    cycle: int,
    ...row,
  },
  'conversation.held': { botId: id, before: conversationState, ...row },
  'conversation.snoozed': { until: optional(time), before: conversationState, ...row },
  'conversation.resolved': { before: conversationState, ...row },
  'conversation.assigned': {
    because: enumeration('AssignedBecause', ['assign', 'claim', 'release', 'reply', 'started', 'reopen', 'handover']),
    before: optional(assignee),
    after: optional(assignee),
    teamBefore: optional(id),
    teamAfter: optional(id),
    ...row,
  },
  'conversation.labeled': { added: array(id), removed: array(id) },
  'conversation.prioritized': { before: priority, after: priority },
  'conversation.changed': { attributes: contentReference },
  'conversation.joined': { participants: array(id), because: enumeration('JoinedBecause', ['added', 'mention']) },
  'conversation.left': { participants: array(id) },
  'conversation.blocked': { isBlocked: boolean },
  'conversation.opted': { isOptedOut: boolean },
  'conversation.parked': { offset: long },
  /** The person has these further ids; `to`: this id is one of another conversation's, to which all is forwarded. */
  'conversation.aliased': { to: optional(id), accountId: id, channel, contactId: id, aliases: array(id) },
  /** Who answers at the provider: another app, or we again. */
  'conversation.passed': { isElsewhere: boolean },
  /** The contact came by an ad or link; the window where that opened one. */
  'conversation.referred': { window: optional(replyWindow) },
  'conversation.erased': erasedUpTo,
  'note.added': { ...message, kind: messageKind, attachments: int, mentions: array(id) },
  'note.edited': { ...message, supersedes: contentReference },
  'note.deleted': message,
  'message.received': {
    ...message,
    kind: messageKind,
    orderAt: time,
    receivedAt: time,
    providerAt: optional(time),
    attachments: int,
    /** The reply window after it; null where the channel has none. */
    window: optional(replyWindow),
    /** The message it quotes or answers. */
    replyTo: later(id),
    /** Another app answers at the provider. */
    isStandby: later(boolean),
  },
  'message.queued': {
    ...message,
    kind: messageKind,
    orderAt: time,
    attachments: int,
    attempt: int,
    /** The last seq its author saw (G: answered_meanwhile). */
    seenSeq: optional(long),
    isOverride: boolean,
    replyTo: optional(id),
    /** Waits until then: the contact sees nothing of it. Its time brings a second such event, with `isDue`. */
    sendAt: optional(time),
    isUnlessReply: withDefault(boolean, false),
    isDue: withDefault(boolean, false),
  },
  'message.sent': { ...message, attempt: int, isEcho: withDefault(boolean, false) },
  /** A watermark where messageId is null: everything of ours up to `upToSeq` (contactSeq). */
  'message.delivered': { messageId: optional(id), upToSeq: optional(long) },
  'message.read': { messageId: optional(id), upToSeq: optional(long) },
  'message.failed': { ...message, attempt: int, reason: sendReason, providerCode: optional(int) },
  'message.unknown': { ...message, attempt: int, reason: sendReason },
  'message.settled': { ...message, before: sendState, after: sendState },
  /** `revisedAt`: of the contact's edits, when by the provider's clock. */
  'message.edited': { ...message, supersedes: contentReference, revisedAt: later(time) },
  'message.deleted': { ...message, isRevoked: boolean },
  'message.reacted': { ...message, reactedAt: time, isRemoved: boolean },
  'message.attached': { ...message, index: int, state: attachmentState, supersedes: contentReference },
  'handover.offered': { to: handoverTarget, expiresAt: time, before: optional(assignee) },
  /** `context`: where what was said with the offer stands. */
  'handover.accepted': { to: handoverTarget, before: optional(assignee), context: optional(contentReference) },
  /** `to` null = people. */
  'handover.passed': { to: optional(handoverTarget), before: optional(assignee), context: optional(contentReference) },
  'handover.released': { before: optional(assignee) },
  'handover.expired': { to: handoverTarget },
  /** An agent claimed or answered what a bot had: what the bot has not sent yet is called off. */
  'handover.taken': { before: assignee },
  'window.opened': { window: replyWindow },
  /** An hour is left and someone waits. */
  'window.closing': { expiresAt: time },
  'contact.created': { accountId: id, channel, conversationId: id },
  'contact.changed': { supersedes: optional(contentReference) },
  'contact.joined': { conversationId: id, accountId: id, channel },
  'contact.attributed': { supersedes: optional(contentReference) },
  'contact.labeled': { added: array(id), removed: array(id) },
  'contact.blocked': {},
  'contact.unblocked': {},
  'contact.opted-out': { accountId: id },
  'contact.opted-in': { accountId: id },
  'contact.erased': { ...erasedUpTo, generation: int },
  /** Any setting; its type in JSON is `<kind>.<action>`, such as account.created. */
  'setting.changed': {
    kind: settingKind,
    action: enumeration('SettingAction', ['created', 'changed', 'removed']),
    entityId: id,
    rev: long,
  },
} as const

export type EventType = keyof typeof eventData
export const eventTypes = Object.keys(eventData) as EventType[]

export type EventData = { [T in EventType]: Values<(typeof eventData)[T]> }

/** In which stream an event type lives. */
export const subjectKindOf = (type: EventType): Infer<typeof subjectKind> =>
  type === 'setting.changed' ? 'organization' : type.startsWith('contact.') ? 'contact' : 'conversation'

const envelope = {
  organizationId: id,
  subjectId: id,
  /** Dense from 1 per subject. */
  seq: long,
  /** The contact's own dense numbering; null = not shown to them. */
  contactSeq: optional(long),
  at: time,
  by: principal,
  commandId: id,
  ruleId: optional(id),
  /** Offset in `config` of the settings slice it was decided by; -1 = none. */
  settingsOffset: long,
  /** How many contents lie directly before it. */
  contents: int,
}
type Envelope = { [K in keyof typeof envelope]: Infer<(typeof envelope)[K]> }

/** One event as it stands in the log. `type` travels in the record's header and in the schema id. */
export type Event<T extends EventType = EventType> = { [K in T]: Envelope & { type: K; data: EventData[K] } }[T]

const pascal = (type: string): string => type.replaceAll(/(?:^|[.-])([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** The Avro record of each event type. Throws at load when one could hold free text. */
export const eventRecords = Object.fromEntries(
  eventTypes.map((type) => {
    const shape = record(pascal(type), { ...envelope, data: record(`${pascal(type)}Data`, eventData[type]) })
    if (holdsText(shape)) throw new Error(`schema of ${type}: events hold no free text, put it into a content`)
    return [type, shape]
  }),
) as unknown as { [T in EventType]: RecordShape<Envelope & { data: EventData[T] }> }
