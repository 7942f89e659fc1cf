// Commands: wishes in the log, each addressed to one actor. Unlike events they may carry text; `commands` is private and kept 7 days.
// Between the edges that append them (HTTP, socket, ingest, effects) and the actors that decide.

import {
  array,
  boolean,
  enumeration,
  id,
  int,
  later,
  long,
  map,
  optional,
  record,
  text,
  time,
  withDefault,
  type Infer,
  type RecordShape,
  type Values,
} from './avro.ts'
import type { SettingKind } from './events.ts'
import {
  address,
  attachment,
  assignee,
  channel,
  conversationState,
  handoverTarget,
  messageContent,
  principal,
  priority,
  profile,
  referral,
  sendReason,
  sendState,
  subjectKind,
  timerKinds,
} from './words.ts'

const message = { messageId: id }

/** How a command names the conversation it may have to create. */
const place = { accountId: id, channel, contactId: id, address, profile: optional(profile) }

/** Conversations under other ids of the same person, best first: one that exists is theirs. */
const fromProvider = {
  aliases: later(array(id)),
  /** Who found none under its own id and asks the aliases: it is to forward to the one that takes this. */
  seeker: later(id),
}

export const conversationCommandData = {
  /** From a provider or the web chat. `messageId` is derived from the provider's id: the dedupe. */
  'message.receive': {
    ...message,
    ...place,
    content: messageContent,
    providerAt: optional(time),
    receivedAt: time,
    ...fromProvider,
    /** Of the message that it quotes or answers. */
    replyTo: later(id),
    /** Opens the reply window for this long; null = as the channel always does. */
    opensWindowMs: later(long),
    /** Another app answers at the provider: stored, and nobody's turn. */
    isStandby: later(boolean),
  },
  /** Said on our side and shown to us by the provider: by a person in its own app, or by another program. */
  'message.echo': {
    ...message,
    ...place,
    content: messageContent,
    providerAt: optional(time),
    receivedAt: time,
    ...fromProvider,
    replyTo: later(id),
    /** An app of ours sent it, and its answer will tell what it is. */
    isOwnApp: boolean,
  },
  /** Everything of ours up to a time, by the provider's clock, has reached the contact. */
  'message.acknowledge': { state: enumeration('AcknowledgedState', ['delivered', 'read']), upTo: time, ...fromProvider },
  /** The contact changed their words, or took them back (`text` null). */
  'message.revise': {
    ...message,
    text: optional(text),
    at: time,
    /** What was taken back is removed from the log too. */
    isErasing: boolean,
    ...fromProvider,
  },
  /** A public message or, with `isInternal`, a note. */
  'message.send': {
    ...message,
    content: messageContent,
    isInternal: boolean,
    seenSeq: optional(long),
    isOverride: boolean,
    mayReplyAny: boolean,
    replyTo: optional(id),
    /** Of a note: agents to be told, who join. */
    mentions: array(id),
    /** Wait until then; null = at once. */
    sendAt: optional(time),
    /** Of a scheduled message: not if the contact writes first. */
    isUnlessReply: withDefault(boolean, false),
  },
  /** POST /v1/conversations: as message.send, creating the conversation first where it does not exist. */
  'conversation.start': { ...message, ...place, content: optional(messageContent), state: optional(conversationState) },
  /** What became of a send: by the sender, a status webhook, a lookup. */
  'send.report': {
    ...message,
    attempt: optional(int),
    state: sendState,
    reason: optional(sendReason),
    providerCode: optional(int),
    providerMessageId: optional(text),
    /** Derived from the provider's id: the alias under which receipts find the message. */
    aliasId: optional(id),
    /** Retry later instead of failing: not before this time. */
    at: time,
    /** Further ids under which receipts come: of a message that was sent in parts. */
    partAliases: later(array(id)),
    /** The recipient as the provider calls them. */
    ...fromProvider,
  },
  /** A receipt that knows only the provider's id. */
  'receipt.report': {
    aliasId: id,
    messageId: optional(id),
    state: sendState,
    reason: optional(sendReason),
    providerCode: optional(int),
    at: time,
    ...fromProvider,
  },
  /** The contact's watermarks (web chat): everything of ours up to these contactSeqs. */
  'contact.acknowledge': { deliveredUpTo: optional(long), readUpTo: optional(long) },
  /** Holder and team as they shall be, both. */
  'conversation.assign': { to: optional(assignee), teamId: optional(id), expect: optional(id), hasExpect: boolean },
  'conversation.claim': {},
  'conversation.release': {},
  /** `until` null = until the next inbound message. */
  'conversation.snooze': { until: optional(time) },
  /** A timer fired; `setBySeq` tells which one. */
  'timer.fire': { kind: enumeration('FiredTimer', timerKinds), setBySeq: long },
  'conversation.resolve': {},
  'conversation.reopen': {},
  'conversation.label': { add: array(id), remove: array(id) },
  'conversation.prioritize': { priority },
  /** The keys given replace, an empty value removes its key. `participants`: as they shall be; null = as they are. */
  'conversation.change': { attributes: map(text), participants: optional(array(id)) },
  /** `to` null = people, or who was offered. `mayAssign`: also what another has. */
  'conversation.handover': {
    action: enumeration('HandoverAction', ['offer', 'accept', 'pass', 'release']),
    to: optional(handoverTarget),
    /** Of `pass`: to the account's next bot, else to people. */
    isNext: withDefault(boolean, false),
    reason: optional(text),
    context: optional(text),
    mayAssign: boolean,
  },
  /** Marks of the asking agent: `readUpTo` only grows, `unreadFrom` sets it back. */
  'conversation.read': { readUpTo: optional(long), unreadFrom: optional(long) },
  'conversation.draft': { text: optional(text), isNote: boolean, rev: long },
  'message.retry': { ...message, acceptsDuplicate: boolean },
  'message.settle': { ...message, as: enumeration('SettleAs', ['sent', 'failed']) },
  'message.edit': { ...message, text },
  'message.delete': message,
  /** `messageId`: ours, or derived from the provider's id. `emoji` null takes it back. */
  'message.react': { ...message, emoji: optional(text), at: time, opensWindowMs: later(long), ...fromProvider },
  /** An attachment's bytes were fetched, refused or lost. */
  'attachment.report': { ...message, index: int, attachment },
  /** From the contact's actor. */
  'conversation.block': { isBlocked: boolean },
  'conversation.opt': { isOptedOut: boolean },
  'conversation.erase': { reason: optional(text) },
  /** The person has further ids; `address`: where they are reached from now on. `profile`: what the provider tells of them. */
  'conversation.identify': { address: later(address), profile: later(profile), ...fromProvider },
  /** From the conversation that a person under this id has already. */
  'conversation.alias': { to: id, accountId: id, channel, contactId: id },
  /** The thread was passed to another app at the provider, or came back. */
  'conversation.thread': { isElsewhere: boolean, at: time, ...fromProvider },
  /** The contact came by an ad or link into a thread that exists, or took up something else that opens the window. */
  'conversation.refer': { referral, at: time, opensWindowMs: later(long), ...fromProvider },
  /** A carrier did what a `tell`, `drop` or `fetch` effect asked; only the actor ends it. */
  'effect.end': { effectId: id },
  /** The owner writes tombstones for these contents of erased messages and rewrites their rows, 500 of each at most. */
  'contents.drop': { references: array(record('DroppedContent', { seq: long, n: int })), messageIds: array(id) },
} as const

export const contactCommandData = {
  /** A conversation tells its contact about itself and what it learnt of the person. */
  'contact.introduce': { conversationId: id, accountId: id, channel, profile: optional(profile) },
  /** `profile` whole, `attributes` as in conversation.change. */
  'contact.change': { profile: optional(profile), attributes: optional(map(text)) },
  'contact.label': { add: array(id), remove: array(id) },
  'contact.block': {},
  'contact.unblock': {},
  'contact.opt': { accountId: id, isOptedOut: boolean },
  'contact.erase': { reason: text },
  'contact.effect-end': { effectId: id },
  'contact.drop': { references: array(record('DroppedProfile', { seq: long, n: int })) },
} as const

const settingKind = enumeration('CommandSettingKind', [
  'organization',
  'account',
  'agent',
  'label',
  'token',
  'session',
] satisfies SettingKind[])

export const settingsCommandData = {
  /** `json`: for create and change the fields given, secrets sealed or hashed at the edge; validated there by the setting's schema. */
  'setting.write': {
    kind: settingKind,
    action: enumeration('WriteAction', ['create', 'change', 'remove']),
    entityId: id,
    /** If-Match; null = whatever it is. */
    expectedRev: optional(long),
    json: text,
    /** Derived ids of what must be unique (an e-mail, a number on a channel), after the write. */
    uniqueKeys: array(id),
  },
} as const

/** For the runtime itself, whichever actor they name; no machine ever sees them. */
export const operatorCommandData = {
  /**
   * Ends the parking of an actor, if it has no more dead letters than the operator has seen. The commands that follow in the same append
   * are the parked ones again. `drops`: keys of dead letters that are discarded with it.
   */
  'actor.unpark': { letters: int, drops: array(text) },
} as const

export const commandData = { ...conversationCommandData, ...contactCommandData, ...settingsCommandData, ...operatorCommandData } as const

export type ConversationCommandType = keyof typeof conversationCommandData
export type ContactCommandType = keyof typeof contactCommandData
export type SettingsCommandType = keyof typeof settingsCommandData
export type CommandType = keyof typeof commandData
export const commandTypes = Object.keys(commandData) as CommandType[]

export type CommandData = { [T in CommandType]: Values<(typeof commandData)[T]> }

const envelope = {
  commandId: id,
  organizationId: id,
  actor: record('ActorReference', { kind: subjectKind, id }),
  by: principal,
  /** Whether an outcome is waited for and written. */
  asksOutcome: boolean,
  /** Keyed hash of the body, hex; the same key with another body is refused. Empty where no client key came. */
  bodyHash: text,
  /** When the edge took it in. */
  at: time,
}
type Envelope = { [K in keyof typeof envelope]: Infer<(typeof envelope)[K]> }

export type Command<T extends CommandType = CommandType> = { [K in T]: Envelope & { type: K; data: CommandData[K] } }[T]
export type ConversationCommand = Command<ConversationCommandType>
export type ContactCommand = Command<ContactCommandType>
export type SettingsCommand = Command<SettingsCommandType>

const pascal = (type: string): string => type.replaceAll(/(?:^|[.-])([a-z])/g, (_, letter: string) => letter.toUpperCase())

export const commandRecords = Object.fromEntries(
  commandTypes.map((type) => [
    type,
    record(`Command${pascal(type)}`, { ...envelope, data: record(`Command${pascal(type)}Data`, commandData[type]) }),
  ]),
) as unknown as { [T in CommandType]: RecordShape<Envelope & { data: CommandData[T] }> }
