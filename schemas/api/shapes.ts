// What crosses HTTP and sockets, as TypeBox: one definition for validator, TypeScript type, OpenAPI and AsyncAPI.
// JSON in camelCase, times ISO 8601 UTC, ids strings.

import { Type, type Static, type TSchema } from 'typebox'

export const Id = Type.String({ format: 'uuid', description: 'A derived id (UUID version 8).' })
export const Time = Type.String({ format: 'date-time', description: 'ISO 8601, UTC.' })
export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const literals = <const T extends string[]>(values: readonly [...T]) => Type.Enum(values)

export const ChannelName = literals(['web', 'twilio', 'messenger', 'instagram', 'whatsapp', 'smpp', 'viber', 'telegram', 'custom'] as const)
export const State = literals(['open', 'pending', 'snoozed', 'resolved'] as const)
export const PriorityName = literals(['none', 'low', 'medium', 'high', 'urgent'] as const)
export const SendStateName = literals(['queued', 'sent', 'delivered', 'read', 'failed', 'unknown'] as const)
export const PrincipalShape = Type.Object({
  kind: literals(['system', 'contact', 'agent', 'bot', 'token', 'rule', 'provider'] as const),
  id: Nullable(Id),
  name: Type.Optional(Type.String({ description: 'Filled in on reading.' })),
})
export const HandoverTarget = Type.Object({ kind: literals(['agent', 'bot', 'team'] as const), id: Id })
export const Assignee = Type.Object({ kind: literals(['agent', 'bot'] as const), id: Id })

export const Attachment = Type.Object({
  kind: literals(['file', 'image', 'audio', 'video', 'sticker'] as const),
  fileId: Nullable(Id),
  state: literals(['fetching', 'ready', 'failed', 'blocked'] as const),
  name: Nullable(Type.String()),
  contentType: Type.String(),
  sizeBytes: Nullable(Type.Integer()),
  url: Type.Optional(Type.String({ description: 'Signed, valid for 10 minutes.' })),
})

export const Location = Type.Object({
  latitude: Type.Number(),
  longitude: Type.Number(),
  name: Nullable(Type.String()),
  address: Nullable(Type.String()),
})

const Text = Type.String()
const MaybeText = Nullable(Type.String())

const Option = Type.Object({ title: Text, payload: MaybeText, description: MaybeText, url: MaybeText })
const Choice = Type.Object(
  {
    style: literals(['buttons', 'quick-replies', 'list'] as const),
    header: MaybeText,
    footer: MaybeText,
    opener: MaybeText,
    options: Type.Array(Option),
  },
  { description: 'Something to tap, below the question in `text`. `opener`: the word on the button that opens a list.' },
)
const Card = Type.Object({
  title: Text,
  text: MaybeText,
  image: Nullable(Type.Integer({ description: 'Index of its picture among the attachments.' })),
  url: MaybeText,
  options: Type.Array(Option),
})
const ContactCard = Type.Object({ name: Text, phones: Type.Array(Text), emails: Type.Array(Text), organization: MaybeText })
const OrderItem = Type.Object({ productId: Text, quantity: Type.Number(), price: Nullable(Type.Number()), currency: MaybeText })
const Referral = Type.Object(
  { source: MaybeText, type: MaybeText, ref: MaybeText, url: MaybeText, adId: MaybeText, title: MaybeText, text: MaybeText },
  { description: 'What brought the person here: an ad, a link, a product.' },
)

/** A message's content as it is shown. */
export const Content = Type.Object({
  kind: literals([
    'text',
    'media',
    'location',
    'answer',
    'template',
    'native',
    'unsupported',
    'choice',
    'cards',
    'vcards',
    'order',
    'story',
  ] as const),
  choice: Type.Optional(Choice),
  cards: Type.Optional(Type.Array(Card)),
  vcards: Type.Optional(Type.Array(ContactCard)),
  order: Type.Optional(Type.Object({ catalogId: MaybeText, items: Type.Array(OrderItem) })),
  story: Type.Optional(Type.Object({ relation: literals(['reply', 'mention'] as const), storyId: MaybeText })),
  referral: Type.Optional(Referral),
  text: Type.Optional(Type.String()),
  attachments: Type.Optional(Type.Array(Attachment)),
  location: Type.Optional(Location),
  answer: Type.Optional(Type.Object({ text: Type.String(), payload: Nullable(Type.String()) })),
  template: Type.Optional(
    Type.Object({ name: Type.String(), language: Nullable(Type.String()), parameters: Type.Record(Type.String(), Type.String()) }),
  ),
  native: Type.Optional(Type.Unknown({ description: "The provider's own part, with ?include=native." })),
})

export const Message = Type.Object({
  id: Id,
  conversationId: Id,
  seq: Type.Integer(),
  orderAt: Time,
  direction: literals(['in', 'out', 'note'] as const),
  author: PrincipalShape,
  content: Nullable(Content),
  at: Time,
  receivedAt: Nullable(Time),
  providerMessageId: Type.Optional(Nullable(Type.String())),
  replyTo: Nullable(Id),
  send: Nullable(
    Type.Object({ state: SendStateName, reason: Nullable(Type.String()), providerCode: Nullable(Type.Integer()), attempt: Type.Integer() }),
  ),
  edits: Type.Integer(),
  isDeleted: Type.Boolean(),
  isErased: Type.Boolean(),
  contactSeq: Type.Optional(
    Type.Union([Type.Integer(), Type.Null()], { description: "The contact's number of it: what watermarks are compared with." }),
  ),
  reactions: Type.Optional(Type.Array(Type.Object({ by: PrincipalShape, emoji: Nullable(Type.String()), at: Time }))),
  mentions: Type.Optional(Type.Array(Id, { description: 'Agents whom a note names.' })),
  sendAt: Type.Optional(Type.Union([Time], { description: 'When a scheduled message is or was due.' })),
  clientId: Type.Optional(Type.String({ description: "The author's own key, shown to the author alone." })),
})

export const Conversation = Type.Object({
  id: Id,
  ref: Type.String(),
  organizationId: Id,
  accountId: Id,
  channel: ChannelName,
  contactId: Id,
  contact: Type.Object({ id: Id, name: Nullable(Type.String()), address: Nullable(Type.String()) }),
  state: State,
  snoozedUntil: Nullable(Time),
  cycle: Type.Integer(),
  assignee: Nullable(Assignee),
  teamId: Nullable(Id),
  priority: PriorityName,
  labels: Type.Array(Id),
  attributes: Type.Record(Type.String(), Type.String()),
  window: Nullable(Type.Object({ expiresAt: Time })),
  isBlocked: Type.Boolean(),
  isOptedOut: Type.Optional(Type.Boolean()),
  startedBy: PrincipalShape,
  createdAt: Time,
  lastActivityAt: Time,
  lastInboundAt: Nullable(Time),
  lastReplyAt: Nullable(Time),
  waitingSince: Nullable(Time),
  firstReplyAt: Nullable(Time),
  seq: Type.Integer(),
  contactSeq: Type.Integer(),
  receipts: Type.Object({ delivered: Type.Integer(), read: Type.Integer() }, { description: "The contact's watermarks, in contactSeq." }),
  lastMessage: Nullable(
    Type.Object({
      id: Id,
      direction: literals(['in', 'out', 'note'] as const),
      author: PrincipalShape,
      preview: Type.String(),
      at: Time,
      sendState: Nullable(SendStateName),
      isDeleted: Type.Optional(Type.Literal(true)),
      seq: Type.Optional(Type.Integer()),
      contactSeq: Type.Optional(Nullable(Type.Integer())),
    }),
  ),
  offer: Type.Optional(
    Nullable(Type.Object({ to: HandoverTarget, expiresAt: Time }, { description: 'A standing offer: who may accept it until when.' })),
  ),
  participants: Type.Optional(Type.Array(Id, { description: 'Agents who follow it besides who has it.' })),
  unread: Type.Integer({ description: 'For the caller: inbound messages beyond their read mark.' }),
})

export const Contact = Type.Object({
  id: Id,
  organizationId: Id,
  name: Nullable(Type.String()),
  avatar: Nullable(Type.String()),
  emails: Type.Array(Type.String()),
  phones: Type.Array(Type.String()),
  identities: Type.Array(
    Type.Object({ accountId: Id, channel: ChannelName, userId: Nullable(Type.String()), conversationId: Id, optedOut: Type.Boolean() }),
  ),
  attributes: Type.Record(Type.String(), Type.String()),
  labels: Type.Array(Id),
  locale: Nullable(Type.String()),
  timezone: Nullable(Type.String()),
  company: Nullable(Type.String()),
  isBlocked: Type.Boolean(),
  isErased: Type.Boolean(),
  createdAt: Time,
  seq: Type.Integer(),
})

/** One event, alike on sockets, in webhooks and in exports; `data` has its contents filled in. */
export const EventShape = Type.Object({
  id: Id,
  type: Type.String(),
  organizationId: Id,
  subject: Type.Object({ kind: literals(['conversation', 'contact', 'organization', 'endpoint'] as const), id: Id }),
  conversationId: Type.Optional(Id),
  seq: Type.Integer(),
  /** The contact's own numbering; what the contact is shown as `seq`. */
  contactSeq: Type.Optional(Nullable(Type.Integer())),
  at: Time,
  by: PrincipalShape,
  cause: Type.Object({ commandId: Id, ruleId: Type.Optional(Id), providerEventId: Type.Optional(Type.String()) }),
  data: Type.Record(Type.String(), Type.Unknown()),
  erased: Type.Optional(Type.Literal(true)),
})

/** RFC 9457. */
export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String(),
    detail: Type.Optional(Type.String()),
    instance: Type.Optional(Type.String()),
  },
  { additionalProperties: true },
)

export type Content = Static<typeof Content>
export type Attachment = Static<typeof Attachment>
export type Message = Static<typeof Message>
export type Conversation = Static<typeof Conversation>
export type Contact = Static<typeof Contact>
export type EventShape = Static<typeof EventShape>
export type Problem = Static<typeof Problem>
export type SendStateName = Static<typeof SendStateName>
export type PrincipalShape = Static<typeof PrincipalShape>
