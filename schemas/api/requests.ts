// What may be asked: the bodies of commands, one schema each, alike over HTTP and sockets.
// Between the doors, which check and document by them, and the table of wishes, which turns them into commands.

import { Type, type Static } from 'typebox'
import { HandoverTarget, Id, Location, Nullable, PriorityName, Time } from './shapes.ts'

/** Characters of one text: beyond any channel's own limit. */
const TEXT_MAX = 16_384
/** Characters a visitor of a web chat may send at once. */
const VISITOR_TEXT_MAX = 4_000
const ATTACHMENTS_MAX = 15
const LABELS_MAX = 64
const ATTRIBUTES_MAX = 64
/** As the actor has it: actors/decide/participants.ts. */
const PARTICIPANTS_MAX = 32

const closed = { additionalProperties: false } as const
const Seq = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Text = Type.String({ minLength: 1, maxLength: TEXT_MAX })
const Empty = Type.Object({}, closed)
const Ids = Type.Array(Id, { maxItems: LABELS_MAX })
const Attributes = Type.Record(Type.String({ minLength: 1, maxLength: 64 }), Nullable(Type.String({ maxLength: 2_048 })), {
  maxProperties: ATTRIBUTES_MAX,
  description: 'Merged into what there is; null removes a key.',
})
/** One emoji may be many characters: families, flags, skin tones. */
const Emoji = Nullable(Type.String({ minLength: 1, maxLength: 32, description: 'null takes it back.' }))
const Uploads = Type.Array(Type.Object({ fileId: Id }, closed), {
  minItems: 1,
  maxItems: ATTACHMENTS_MAX,
  description: 'Uploaded before, by POST /v1/attachments.',
})

const Words = (max: number) => Type.String({ minLength: 1, maxLength: max })
const OPTIONS_MAX = 20
const ChoiceOption = Type.Object(
  {
    title: Words(256),
    payload: Type.Optional(
      Nullable(Type.String({ maxLength: 1_000, description: 'Comes back in the answer; the title where none is given.' })),
    ),
    description: Type.Optional(Nullable(Type.String({ maxLength: 256 }))),
    url: Type.Optional(Nullable(Type.String({ maxLength: 2_048, pattern: '^https?://', description: 'Opens a page.' }))),
  },
  closed,
)
const Options = Type.Array(ChoiceOption, { minItems: 1, maxItems: OPTIONS_MAX })
const Choice = Type.Object(
  {
    style: Type.Optional(Type.Enum(['buttons', 'quick-replies', 'list'])),
    header: Type.Optional(Nullable(Words(256))),
    footer: Type.Optional(Nullable(Words(256))),
    opener: Type.Optional(Nullable(Words(64))),
    options: Options,
  },
  { ...closed, description: 'Something to tap; the question stands in `text`. Channels without it show it as text.' },
)
const Cards = Type.Array(
  Type.Object(
    {
      title: Words(256),
      text: Type.Optional(Nullable(Words(1_024))),
      image: Type.Optional(
        Nullable(Type.Integer({ minimum: 0, maximum: ATTACHMENTS_MAX - 1, description: 'Index among the attachments.' })),
      ),
      url: Type.Optional(Nullable(Type.String({ maxLength: 2_048, pattern: '^https?://' }))),
      options: Type.Optional(Type.Array(ChoiceOption, { maxItems: OPTIONS_MAX })),
    },
    closed,
  ),
  { minItems: 1, maxItems: 10 },
)
const ContactCards = Type.Array(
  Type.Object(
    {
      name: Words(256),
      phones: Type.Optional(Type.Array(Words(64), { maxItems: 8 })),
      emails: Type.Optional(Type.Array(Words(254), { maxItems: 8 })),
      organization: Type.Optional(Nullable(Words(256))),
    },
    closed,
  ),
  { minItems: 1, maxItems: 5 },
)

/** What an agent, bot or token says. One of text, attachments, location, template, choice, cards, vcards, native. */
const said = {
  text: Type.Optional(Text),
  attachments: Type.Optional(Uploads),
  location: Type.Optional(Location),
  template: Type.Optional(
    Type.Object(
      {
        name: Type.String({ minLength: 1, maxLength: 512 }),
        language: Type.Optional(Nullable(Type.String({ maxLength: 16 }))),
        parameters: Type.Optional(Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 2_048 }), { maxProperties: 64 })),
      },
      closed,
    ),
  ),
  native: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: "The provider's own message object." })),
  choice: Type.Optional(Choice),
  cards: Type.Optional(Cards),
  vcards: Type.Optional(ContactCards),
  overrides: Type.Optional(
    Type.Record(Type.String({ maxLength: 32 }), Type.Record(Type.String(), Type.Unknown()), {
      maxProperties: 10,
      description: "By channel: the provider's own message object in place of the rest, there alone.",
    }),
  ),
  strict: Type.Optional(Type.Boolean({ description: 'Refused rather than degraded.' })),
}

/** The same as a message shows it: `{kind, text, ...}`. What is beside `kind` decides; a media's `caption` is its text. */
const Said = Type.Object(
  {
    kind: Type.Optional(Type.Enum(['text', 'media', 'location', 'template', 'choice', 'cards', 'vcards', 'native'])),
    caption: Type.Optional(Text),
    ...said,
  },
  { ...closed, description: 'The message. Its fields may also stand in the body itself.' },
)

const labels = Type.Object({ add: Type.Optional(Ids), remove: Type.Optional(Ids) }, closed)

/** The body of every wish by its name. */
export const wishBodies = {
  'message.send': Type.Object(
    {
      content: Type.Optional(Said),
      ...said,
      internal: Type.Optional(Type.Boolean({ description: 'A private note: never shown to the contact.' })),
      seenSeq: Type.Optional(Nullable(Seq)),
      override: Type.Optional(
        Type.Boolean({ description: 'Send although another agent answered meanwhile or has the conversation; audited.' }),
      ),
      replyTo: Type.Optional(Nullable(Id)),
      mentions: Type.Optional(
        Type.Array(Id, { maxItems: PARTICIPANTS_MAX, description: 'Of a note: agents who are named, and follow from now on.' }),
      ),
      sendAt: Type.Optional(Type.Union([Time], { description: 'Not before this time, within 90 days; `queued` till then.' })),
      unless: Type.Optional(Type.Literal('reply', { description: 'With sendAt: not if the contact writes first.' })),
    },
    closed,
  ),
  'conversation.start': Type.Object(
    {
      accountId: Id,
      to: Type.String({ minLength: 1, maxLength: 256, description: "The contact's address on the channel, such as +15550100." }),
      name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
      content: Type.Optional(Said),
      state: Type.Optional(
        Type.Enum(['open', 'resolved'], {
          description: 'Of a new one begun by a token; resolved = out of sight until the contact writes.',
        }),
      ),
    },
    closed,
  ),
  'conversation.assign': Type.Object(
    {
      agentId: Type.Optional(Nullable(Id)),
      botId: Type.Optional(Id),
      teamId: Type.Optional(Nullable(Id)),
      expect: Type.Optional(Nullable(Id)),
    },
    { ...closed, description: 'agentId null = nobody. `expect`: who has it now, else 409.' },
  ),
  'conversation.claim': Empty,
  'conversation.release': Empty,
  'conversation.snooze': Type.Object({ until: Type.Union([Time, Type.Literal('reply')]) }, closed),
  'conversation.resolve': Empty,
  'conversation.reopen': Empty,
  'conversation.label': labels,
  'conversation.prioritize': Type.Object({ priority: PriorityName }, closed),
  'conversation.change': Type.Object(
    {
      attributes: Type.Optional(Attributes),
      participants: Type.Optional(
        Type.Array(Id, { maxItems: PARTICIPANTS_MAX, description: 'Agents who follow it, all of them: who is not named leaves.' }),
      ),
    },
    { ...closed, minProperties: 1 },
  ),
  'conversation.handover': Type.Object(
    {
      action: Type.Enum(['offer', 'accept', 'pass', 'release']),
      to: Type.Optional(
        Type.Union([HandoverTarget, Type.Literal('next')], {
          description: "Of offer and pass. `next`: the account's next bot, else people.",
        }),
      ),
      reason: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
      context: Type.Optional(Type.String({ minLength: 1, maxLength: 4_000, description: 'What who gets it should know.' })),
    },
    { ...closed, description: 'An offer stands for 60 s. Only who it is for accepts; any change of holder ends it.' },
  ),
  'conversation.read': Type.Object({ upToSeq: Type.Optional(Seq), unreadFrom: Type.Optional(Seq) }, { ...closed, minProperties: 1 }),
  'conversation.draft': Type.Object(
    { text: Nullable(Type.String({ maxLength: TEXT_MAX })), internal: Type.Optional(Type.Boolean()), rev: Seq },
    closed,
  ),
  'conversation.erase': Type.Object({ reason: Type.String({ minLength: 1, maxLength: 500 }) }, closed),
  'message.retry': Type.Object({ risk: Type.Optional(Type.Literal('duplicate')) }, closed),
  'message.settle': Type.Object({ as: Type.Enum(['sent', 'failed']) }, closed),
  'message.edit': Type.Object({ text: Text }, closed),
  'message.delete': Empty,
  'message.react': Type.Object({ emoji: Emoji }, closed),
  'contact.change': Type.Object(
    {
      name: Type.Optional(Nullable(Type.String({ minLength: 1, maxLength: 200 }))),
      emails: Type.Optional(Type.Array(Type.String({ minLength: 3, maxLength: 254 }), { maxItems: 16 })),
      phones: Type.Optional(Type.Array(Type.String({ minLength: 2, maxLength: 32 }), { maxItems: 16 })),
      locale: Type.Optional(Nullable(Type.String({ maxLength: 35 }))),
      timezone: Type.Optional(Nullable(Type.String({ maxLength: 64 }))),
      company: Type.Optional(Nullable(Type.String({ maxLength: 200 }))),
      attributes: Type.Optional(Attributes),
    },
    { ...closed, minProperties: 1 },
  ),
  'contact.label': labels,
  'contact.block': Empty,
  'contact.unblock': Empty,
  'contact.erase': Type.Object({ reason: Type.String({ minLength: 1, maxLength: 500 }) }, closed),
  'message.receive': Type.Object(
    {
      text: Type.Optional(Type.String({ minLength: 1, maxLength: VISITOR_TEXT_MAX })),
      attachments: Type.Optional(Uploads),
      location: Type.Optional(Location),
    },
    { ...closed, minProperties: 1, description: 'From the visitor of a web chat.' },
  ),
  'contact.react': Type.Object({ messageId: Id, emoji: Emoji }, { ...closed, description: 'From the visitor of a web chat.' }),
  'contact.acknowledge': Type.Object(
    { deliveredUpTo: Type.Optional(Seq), readUpTo: Type.Optional(Seq) },
    { ...closed, minProperties: 1, description: "The visitor's watermarks, in their own seq." },
  ),
} as const

export type WishName = keyof typeof wishBodies
export type WishBody<N extends WishName = WishName> = { [K in N]: Static<(typeof wishBodies)[K]> }[N]
export const wishNames = Object.keys(wishBodies) as WishName[]
export const isWish = (name: string): name is WishName => Object.hasOwn(wishBodies, name)

/** What a wish is about; names of ids in paths and in socket frames. */
export const WishTarget = Type.Object(
  { conversationId: Type.Optional(Id), messageId: Type.Optional(Id), contactId: Type.Optional(Id) },
  closed,
)
export type WishTarget = Static<typeof WishTarget>

/** The answer to an accepted wish: its subject, and that subject's seq after it. */
export const Accepted = Type.Object({
  commandId: Id,
  subject: Type.Object({ kind: Type.Enum(['conversation', 'contact', 'organization', 'endpoint']), id: Id }),
  seq: Type.Integer(),
  messageId: Type.Optional(Id),
  degraded: Type.Optional(Type.Array(Type.String(), { description: 'What the channel shows otherwise than it was said: `options→text`.' })),
})
export type Accepted = Static<typeof Accepted>
