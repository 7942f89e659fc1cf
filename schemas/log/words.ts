// The enumerations and small records that events, commands, rows and settings share.
// Order of symbols is free to grow at the end; the first is what an old reader sees in place of a new one.

import {
  boolean,
  double,
  enumeration,
  id,
  int,
  later,
  long,
  map,
  optional,
  record,
  array,
  text,
  time,
  type Infer,
  type Shape,
} from './avro.ts'

export const channel = enumeration('Channel', [
  'custom',
  'web',
  'twilio',
  'messenger',
  'instagram',
  'whatsapp',
  'smpp',
  'viber',
  'telegram',
])
export type Channel = Infer<typeof channel>

/** Who did it. `system` is Confab itself: a timer, a receipt, an effect's result. */
export const principal = record('Principal', {
  kind: enumeration('PrincipalKind', ['system', 'contact', 'agent', 'bot', 'token', 'rule', 'provider']),
  id: optional(id),
})
export type Principal = Infer<typeof principal>

export const subjectKind = enumeration('SubjectKind', ['conversation', 'contact', 'organization', 'endpoint'])
export type SubjectKind = Infer<typeof subjectKind>

export const conversationState = enumeration('ConversationState', ['open', 'pending', 'snoozed', 'resolved'])
export type ConversationState = Infer<typeof conversationState>

export const priority = enumeration('Priority', ['none', 'low', 'medium', 'high', 'urgent'])
export type Priority = Infer<typeof priority>

export const direction = enumeration('Direction', ['in', 'out', 'note'])
export type Direction = Infer<typeof direction>

export const messageKind = enumeration('MessageKind', [
  'unsupported',
  'text',
  'media',
  'location',
  'answer',
  'template',
  'native',
  'choice',
  'cards',
  'vcards',
  'order',
  'story',
])
export type MessageKind = Infer<typeof messageKind>

/** The fate of one outbound message at the provider (inbox.md §2). */
export const sendState = enumeration('SendState', ['queued', 'sent', 'delivered', 'read', 'failed', 'unknown'])
export type SendState = Infer<typeof sendState>

/** Why a send failed or is in doubt; the catalogue of docs/sends.md. */
export const sendReason = enumeration('SendReason', [
  'other',
  'rejected',
  'recipient_invalid',
  'recipient_opted_out',
  'credentials_refused',
  'account_suspended',
  'content_refused',
  'window_closed',
  'retries_spent',
  'undelivered',
  'blocked',
  'superseded',
  'crashed',
  'timed_out',
  'connection_lost',
  'provider_error',
  'settled_by_agent',
  /** Of a scheduled message: the contact wrote first. */
  'contact_replied',
])
export type SendReason = Infer<typeof sendReason>

export const attachmentState = enumeration('AttachmentState', ['fetching', 'ready', 'failed', 'blocked'])

/** What was said, or a file's reference: content, so it never stands in an event. */
export const attachment = record('Attachment', {
  kind: enumeration('AttachmentKind', ['file', 'image', 'audio', 'video', 'sticker']),
  /** Our id of the stored bytes; null while only the provider has them. */
  fileId: optional(id),
  state: attachmentState,
  /** Where the provider keeps it; never shown to clients. */
  sourceUrl: optional(text),
  name: optional(text),
  /** As sniffed from the bytes, or as the provider claims while fetching. */
  contentType: text,
  sizeBytes: optional(long),
  sha256: optional(text),
})
export type Attachment = Infer<typeof attachment>

export const location = record('Location', {
  latitude: double,
  longitude: double,
  name: optional(text),
  address: optional(text),
})

/** A tapped option or postback: what it says, its payload, and the provider's id of the message it answers. */
export const answer = record('Answer', { text, payload: optional(text), answersProviderId: optional(text) })

export const template = record('Template', {
  /** The provider's name or id of it: Twilio's ContentSid. */
  name: text,
  language: optional(text),
  /** Name of each variable to its value. */
  parameters: array(record('TemplateParameter', { name: text, value: text })),
})

/** One thing to tap: `url` opens a page, `payload` comes back in the answer. */
const option = record('ChoiceOption', { title: text, payload: optional(text), description: optional(text), url: optional(text) })

/** The question stands in the message's text. `opener`: the word on the button that opens a list. */
const choice = record('Choice', {
  // A text, since Avro's symbols know no hyphen.
  style: text as Shape<'buttons' | 'quick-replies' | 'list'>,
  header: optional(text),
  footer: optional(text),
  opener: optional(text),
  options: array(option),
})

/** `image`: index of its picture among the attachments. */
const card = record('Card', { title: text, text: optional(text), image: optional(int), url: optional(text), options: array(option) })

const contactCard = record('ContactCard', { name: text, phones: array(text), emails: array(text), organization: optional(text) })

const order = record('Order', {
  catalogId: optional(text),
  items: array(record('OrderItem', { productId: text, quantity: double, price: optional(double), currency: optional(text) })),
})

/** A story of ours that was answered, or one of theirs that mentions us. */
const story = record('Story', { relation: enumeration('StoryRelation', ['reply', 'mention']), storyId: optional(text) })

/** What brought the person here: an ad, a link, a product. */
export const referral = record('Referral', {
  source: optional(text),
  type: optional(text),
  ref: optional(text),
  url: optional(text),
  adId: optional(text),
  title: optional(text),
  text: optional(text),
})

/** The content of one message. Which fields are filled follows from `kind`. */
export const messageContent = record('MessageContent', {
  kind: messageKind,
  text: optional(text),
  attachments: array(attachment),
  location: optional(location),
  answer: optional(answer),
  template: optional(template),
  /** The provider's own part as JSON, shown by ?include=native. */
  native: optional(text),
  providerMessageId: optional(text),
  providerEventId: optional(text),
  /** The author's own key of the message; filled in for the author alone. */
  clientKey: optional(text),
  choice: later(choice),
  cards: later(array(card)),
  vcards: later(array(contactCard)),
  order: later(order),
  story: later(story),
  referral: later(referral),
  /** Other content for one channel, by its name: the provider's own object as JSON. */
  overrides: later(map(text)),
  /** Refused rather than shown otherwise than it is. */
  isStrict: later(boolean),
})
export type MessageContent = Infer<typeof messageContent>

/** Where a conversation's messages go and come from, as the provider writes addresses. */
export const address = record('AddressContent', {
  /** The contact's: a phone number, a visitor id. */
  userId: text,
  /** The provider's thread where that differs from the user. */
  threadId: optional(text),
  /** Ours: the number or page written to. */
  accountAddress: optional(text),
})
export type Address = Infer<typeof address>

export const profile = record('ProfileContent', {
  name: optional(text),
  emails: array(text),
  phones: array(text),
  avatarUrl: optional(text),
  locale: optional(text),
  timezone: optional(text),
  company: optional(text),
  /** The provider's user id, as the identity shows it. */
  userId: optional(text),
})
export type Profile = Infer<typeof profile>

/** A reply window and what opened it. */
export const replyWindow = record('ReplyWindow', { expiresAt: time, openedAt: time })

export const assignee = record('Assignee', { kind: enumeration('AssigneeKind', ['agent', 'bot']), id })
export type Assignee = Infer<typeof assignee>

/** Whom a conversation can be handed to; a bot's id is its token's. */
export const handoverTarget = record('HandoverTarget', { kind: enumeration('HandoverTargetKind', ['agent', 'bot', 'team']), id })
export type HandoverTarget = Infer<typeof handoverTarget>

/** What a timer is for: a snooze's end, a reply window's, an offer's; the next scheduled send. */
export const timerKinds = ['wake', 'window', 'offer', 'schedule'] as const

/** A due time kept as data; the timer port only wakes, the actor decides. `setBySeq` makes a stale firing harmless. */
export const timer = record('Timer', {
  kind: enumeration('TimerKind', timerKinds),
  dueAt: time,
  setBySeq: long,
})
export type Timer = Infer<typeof timer>

/** Watermarks of one side: everything of the other side up to this contactSeq. */
export const watermarks = record('Watermarks', { delivered: long, read: long })

export const contentReference = record('ContentReference', { seq: long, n: int })
export type ContentReference = Infer<typeof contentReference>

/** A standing offer: who may accept it until when; `seq` of the event that made it, `context` what was said with it. */
export const offer = record('Offer', { to: handoverTarget, expiresAt: time, seq: long, context: optional(contentReference) })

/** A public message of ours, newest last: what a provider's watermark, which is a time, is compared with. */
export const outMark = record('OutMark', { messageId: id, contactSeq: long, at: time, isOpen: boolean })

/** A message that waits for its time. */
export const scheduledSend = record('ScheduledSend', { messageId: id, dueAt: time, isUnlessReply: boolean })

/** The newest word of one principal about a message; emoji null = taken back. The newest provider time wins. */
export const reaction = record('Reaction', { by: principal, emoji: optional(text), at: time })
export type Reaction = Infer<typeof reaction>
