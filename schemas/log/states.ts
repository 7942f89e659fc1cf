// What the compacted topics hold: actor snapshots, message rows, marks, effects, sends, outcomes, leases.
// Snapshots carry no content and no set of messages; a row names its contents and keeps them inline while they exist.

import {
  array,
  boolean,
  bytes,
  double,
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
} from './avro.ts'
import {
  address,
  assignee,
  channel,
  contentReference,
  conversationState,
  direction,
  messageContent,
  messageKind,
  offer,
  outMark,
  principal,
  priority,
  profile,
  reaction,
  replyWindow,
  scheduledSend,
  sendReason,
  sendState,
  subjectKind,
  timer,
  watermarks,
} from './words.ts'

/** Version of the conversation machine; an older snapshot is upcast or folded anew from events. */
export const CONVERSATION_VERSION = 2
export const CONTACT_VERSION = 1
export const ORGANIZATION_VERSION = 1

export const conversationSnapshot = record('ConversationSnapshot', {
  version: int,
  id,
  organizationId: id,
  accountId: id,
  channel,
  contactId: id,
  /** The machine's state value. */
  state: conversationState,
  seq: long,
  contactSeq: long,
  at: time,
  cycle: int,
  snoozedUntil: optional(time),
  assignee: optional(assignee),
  /** When and by which event the assignee got it: what a refused claimer is told. */
  assignedAt: optional(time),
  assignedSeq: long,
  teamId: optional(id),
  priority,
  labels: array(id),
  startedBy: principal,
  createdAt: time,
  lastActivityAt: time,
  lastInboundAt: optional(time),
  lastReplyAt: optional(time),
  waitingSince: optional(time),
  firstReplyAt: optional(time),
  /** When an agent last wrote in public or resolved, and who: where a reopened conversation goes. */
  lastAgentAt: optional(time),
  lastAgentId: optional(id),
  /** The newest public message of an agent: what `seenSeq` is compared with. */
  lastAnswerSeq: long,
  lastAnswerBy: optional(id),
  /** orderAt of the newest public message from us: late inbound never slips above it. */
  orderFloor: time,
  /** seq of the newest event the contact is shown: maps a read mark to contactSeq. */
  shownSeq: long,
  /** What the contact's side has delivered and read of ours, in contactSeq. */
  receipts: watermarks,
  window: optional(replyWindow),
  isBlocked: boolean,
  isOptedOut: boolean,
  timers: array(timer),
  attributes: optional(contentReference),
  erasedUpTo: long,
  /** Where poison parked the key; later commands of it wait in dead-letters in order. */
  parkedAt: optional(long),
  offer: optional(offer),
  participants: array(id),
  scheduled: array(scheduledSend),
  /** Messages of a bot that nothing is known of but that they are queued: what a take-over calls off. */
  botSends: array(id),
  /** Set where this id is another conversation's, which everything is forwarded to. */
  aliasOf: later(id),
  /** Conversations that are aliases of this one. */
  aliases: later(array(id)),
  /** The newest public messages of ours, where the provider reports; `isOpen`: no word of the sender yet. */
  outs: later(array(outMark)),
  /** The newest message of the contact, where the provider can be told that it was read. */
  lastInboundId: later(id),
  /** When the person's profile was last asked for. */
  profileAt: later(time),
  /** Another app answers at the provider. */
  isElsewhere: later(boolean),
})
export type ConversationSnapshot = Infer<typeof conversationSnapshot>

export const contactSnapshot = record('ContactSnapshot', {
  version: int,
  id,
  organizationId: id,
  state: enumeration('ContactState', ['active', 'blocked', 'erased']),
  seq: long,
  at: time,
  createdAt: time,
  generation: int,
  identities: array(record('Identity', { accountId: id, channel, conversationId: id, isOptedOut: boolean })),
  profile: optional(contentReference),
  /** Fields an agent edited; a fetched profile does not overwrite them. */
  isProfileEdited: boolean,
  attributes: optional(contentReference),
  labels: array(id),
  erasedUpTo: long,
  parkedAt: optional(long),
})
export type ContactSnapshot = Infer<typeof contactSnapshot>

/** The settings actor of an organization: settings themselves are rows of `config`. */
export const organizationSnapshot = record('OrganizationSnapshot', {
  version: int,
  id,
  seq: long,
  at: time,
  /** Active agents with the role owner: the last one can be neither removed nor demoted. */
  owners: array(id),
})
export type OrganizationSnapshot = Infer<typeof organizationSnapshot>

/** The current form of one message. Key: conversation/message. */
export const messageRow = record('MessageRow', {
  messageId: id,
  conversationId: id,
  organizationId: id,
  seq: long,
  contactSeq: optional(long),
  direction,
  kind: messageKind,
  author: principal,
  orderAt: time,
  at: time,
  receivedAt: optional(time),
  send: optional(record('SendStatus', { state: sendState, reason: optional(sendReason), providerCode: optional(int), attempt: int })),
  replyTo: optional(id),
  edits: int,
  isDeleted: boolean,
  isErased: boolean,
  /** Contents, oldest first; the last one is current. */
  contents: array(contentReference),
  content: optional(messageContent),
  /** The commandId of the send that led to it, and its body's hash: a repeat is recognised as long as the message exists. */
  commandId: id,
  bodyHash: text,
  reactions: array(reaction),
  mentions: array(id),
  sendAt: optional(time),
  /** Of the contact's newest edit, by the provider's clock. */
  revisedAt: later(time),
})
export type MessageRow = Infer<typeof messageRow>

/** Our message behind an id derived from the provider's. Key: conversation/alias. */
export const aliasRow = record('AliasRow', { aliasId: id, messageId: id, attempt: withDefault(int, 1) })
export type AliasRow = Infer<typeof aliasRow>

/** News that came before its message; applied on arrival. Key: conversation/alias or message. */
export const earlyRow = record('EarlyRow', {
  aliasId: id,
  at: time,
  reports: array(record('EarlyReport', { state: sendState, reason: optional(sendReason), providerCode: optional(int), at: time })),
  reactions: array(reaction),
  /** `text` null = taken back. */
  revisions: later(array(record('EarlyRevision', { text: optional(text), at: time, isErasing: boolean }))),
})
export type EarlyRow = Infer<typeof earlyRow>

/** Echoes that may be our own sends, until those have their answers: commands as they came. Key: conversation/echoes. */
export const echoesRow = record('EchoesRow', { conversationId: id, held: array(bytes) })
export type EchoesRow = Infer<typeof echoesRow>

/** Where the conversation's messages go. Key: conversation/address; erased by rewriting. */
export const addressRow = record('AddressRow', { conversationId: id, organizationId: id, address: optional(address) })
export type AddressRow = Infer<typeof addressRow>

/** The conversation's attributes as they stand. Key: conversation/attributes; erased by rewriting. */
export const attributesRow = record('AttributesRow', { conversationId: id, organizationId: id, attributes: optional(map(text)) })
export type AttributesRow = Infer<typeof attributesRow>

/** The current profile and attributes of a contact, beside its snapshot in `contacts`. Key: contact/profile. */
export const profileRow = record('ProfileRow', {
  contactId: id,
  organizationId: id,
  profile: optional(profile),
  attributes: optional(map(text)),
})
export type ProfileRow = Infer<typeof profileRow>

/** A draft and a read mark of one agent, or the contact-visible read mark of a side. Key: conversation/agent. */
export const mark = record('Mark', {
  conversationId: id,
  organizationId: id,
  accountId: id,
  agentId: id,
  rev: long,
  readUpTo: long,
  /** The same in contactSeq: what the contact may be told. */
  readUpToContactSeq: long,
  draft: optional(text),
  isNoteDraft: boolean,
  /** Of the draft alone: the highest wins, also over a send that cleared it. */
  draftRev: withDefault(long, 0),
  at: time,
})
export type Mark = Infer<typeof mark>

/** The ledger of sends: `started` is durable before the first byte leaves. Key: conversation/message/attempt. */
export const sendRecord = record('Send', {
  conversationId: id,
  messageId: id,
  organizationId: id,
  accountId: id,
  attempt: int,
  startedAt: time,
  endedAt: optional(time),
  outcome: optional(sendState),
  reason: optional(sendReason),
  providerCode: optional(int),
  providerMessageId: optional(text),
  durationMs: optional(double),
  /** Requests of this attempt that provably sent nothing. */
  tries: withDefault(int, 0),
  /** The provider's ids of the parts that it has accepted, of a message that is sent in several. */
  parts: later(array(text)),
  /** The recipient as the provider calls them. */
  userIds: later(array(text)),
})
export type SendRecord = Infer<typeof sendRecord>

/** The one answer to a command that asked. Key: commandId. */
export const outcome = record('Outcome', {
  commandId: id,
  organizationId: id,
  bodyHash: text,
  isAccepted: boolean,
  /** Accepted: the subject and its seq after the decision. */
  subject: record('OutcomeSubject', { kind: subjectKind, id }),
  seq: long,
  /** What was made, such as the message or setting. */
  createdId: optional(id),
  /** Refused: code of the error catalogue and the ids and numbers that explain it, as JSON. */
  code: optional(text),
  fields: withDefault(text, '{}'),
})
export type Outcome = Infer<typeof outcome>

/** Poison parked this actor: its later commands wait in dead-letters until an operator replays or discards them. Key: actor/parked. */
export const parkedMark = record('ParkedMark', {
  actor: record('ParkedActor', { kind: subjectKind, id }),
  offset: long,
  at: time,
  /** Dead letters since then, the poisonous one included; 0 = not counted. */
  letters: withDefault(int, 0),
  /** The unparking command whose replay led here, where one did. */
  replay: optional(id),
})
export type ParkedMark = Infer<typeof parkedMark>

/** A bare record that moves an owner's position where a batch decided nothing visible. */
export const positionRecord = record('PositionMark', { at: time })

export * from './kept.ts'
