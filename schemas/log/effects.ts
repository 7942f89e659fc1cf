// Effects as they stand in `outbox`: what an actor asks the outside for, whole, until the actor itself ends it by a tombstone.
// Between the actors, which decide them, and the carriers of src/effects.

import { bytes, enumeration, id, int, later, long, optional, record, text, time, type Infer } from './avro.ts'
import { address, channel, messageContent, subjectKind, timerKinds } from './words.ts'

/** An effect to carry out, whole: nothing else is needed to do it. Key: conversation/effect; ended by the actor's tombstone. */
export const effectSend = record('EffectSend', {
  effectId: id,
  organizationId: id,
  conversationId: id,
  messageId: id,
  accountId: id,
  channel,
  attempt: int,
  /** The event that queued it: sends of a conversation go out in this order. */
  seq: long,
  /** Not before this time. */
  notBefore: time,
  address,
  content: messageContent,
  author: later(enumeration('SendAuthor', ['other', 'agent', 'bot'])),
  /** The end of the reply window; null = there is none, 0 = none was ever opened. */
  windowExpiresAt: later(time),
  /** The provider's id of the message that it answers. */
  replyTo: later(text),
})
export const effectFetch = record('EffectFetch', {
  effectId: id,
  organizationId: id,
  conversationId: id,
  messageId: id,
  accountId: id,
  channel,
  index: int,
  seq: long,
  url: text,
})
/** What is no message of its own, repeatable without harm. */
export const effectSignal = record('EffectSignal', {
  effectId: id,
  organizationId: id,
  conversationId: id,
  accountId: id,
  channel,
  seq: long,
  kind: enumeration('SignalKind', ['read', 'react', 'edit', 'delete']),
  messageId: id,
  /** Of a message of ours: its attempt, whose ledger knows the provider's id. */
  attempt: int,
  providerMessageId: optional(text),
  /** The new text, or the emoji. */
  text: optional(text),
  address,
})
/** Who the contact is, asked of the provider. */
export const effectProfile = record('EffectProfile', {
  effectId: id,
  organizationId: id,
  conversationId: id,
  contactId: id,
  accountId: id,
  channel,
  seq: long,
  userId: text,
})
/** A wake-up: at `dueAt` append timer.fire. */
export const effectTimer = record('EffectTimer', {
  effectId: id,
  organizationId: id,
  conversationId: id,
  kind: enumeration('EffectTimerKind', timerKinds),
  setBySeq: long,
  dueAt: time,
})
/** Commands for other actors, as effects: appended, then ended by the carrier's report. */
export const effectTell = record('EffectTell', {
  effectId: id,
  organizationId: id,
  conversationId: id,
  seq: long,
  /** The command, encoded as in `commands`. */
  to: record('Recipient', { kind: subjectKind, id }),
  /** Whose effect it is; null = a conversation's for a contact, a contact's for a conversation. */
  from: later(subjectKind),
  /** The command's type, its header in the log. */
  type: text,
  command: bytes,
})
/** Contents to tombstone after an erasure. */
export const effectDrop = record('EffectDrop', {
  effectId: id,
  organizationId: id,
  subject: record('Dropped', { kind: subjectKind, id }),
  upToSeq: long,
})
export type EffectSend = Infer<typeof effectSend>
export type EffectFetch = Infer<typeof effectFetch>
export type EffectTimer = Infer<typeof effectTimer>
export type EffectTell = Infer<typeof effectTell>
export type EffectDrop = Infer<typeof effectDrop>
export type EffectSignal = Infer<typeof effectSignal>
export type EffectProfile = Infer<typeof effectProfile>
