// What lists and reads may be asked: the query parameters of the API, and the shape of its pages.
// Between HTTP's validator and OpenAPI, and the views, which answer.

import { Type, type TSchema } from 'typebox'
import { Id, SendStateName, State, Time } from './shapes.ts'

const LIMIT_MAX = 100

const closed = { additionalProperties: false } as const
const Limit = Type.Integer({ minimum: 1, maximum: LIMIT_MAX, default: 25 })
const PageCursor = Type.String({ minLength: 1, maxLength: 1_024, description: 'The `next` of the page before.' })

/** A list, with `next` null at its end. */
export const PageOf = <T extends TSchema>(item: T) =>
  Type.Object({ items: Type.Array(item), next: Type.Union([Type.String(), Type.Null()]) })

const STATES = 'open|pending|snoozed|resolved'
export const ConversationListQuery = Type.Object(
  {
    state: Type.Optional(
      Type.String({
        pattern: `^(${STATES})(,(${STATES}))*$`,
        description: 'One or several of open, pending, snoozed, resolved, with commas.',
      }),
    ),
    accountId: Type.Optional(Id),
    contactId: Type.Optional(Id),
    assignee: Type.Optional(Type.Union([Id, Type.Literal('me'), Type.Literal('none')])),
    label: Type.Optional(Id),
    sort: Type.Optional(Type.Enum(['-activity', '-created', 'created', 'waiting', '-priority', 'snoozed'])),
    limit: Type.Optional(Limit),
    cursor: Type.Optional(PageCursor),
  },
  closed,
)

const AsOf = Type.String({
  minLength: 1,
  maxLength: 4_096,
  description: "As it was then: an ISO 8601 time, a `Confab-Position`, or `seq:N`. Today's permissions; what is erased stays erased.",
})
export const AsOfQuery = Type.Object({ asOf: Type.Optional(AsOf) }, closed)

export const MessageListQuery = Type.Object(
  {
    before: Type.Optional(Id),
    after: Type.Optional(Id),
    around: Type.Optional(Id),
    direction: Type.Optional(Type.Enum(['in', 'out', 'note'])),
    limit: Type.Optional(Limit),
    include: Type.Optional(Type.Literal('native')),
    asOf: Type.Optional(AsOf),
  },
  closed,
)

export const EventListQuery = Type.Object({ after: Type.Optional(Type.Integer({ minimum: 0 })), limit: Type.Optional(Limit) }, closed)
export const AuditListQuery = Type.Object(
  {
    kind: Type.Optional(
      Type.Enum(['conversation', 'contact', 'organization'], { description: 'Of what; `organization` = settings, sign-ins.' }),
    ),
    type: Type.Optional(Type.String({ pattern: '^[a-z]+[.][a-z-]+$', maxLength: 64, description: 'Such as `account.changed`.' })),
    actor: Type.Optional(Type.String({ format: 'uuid', description: 'Who did it: an agent, bot or token.' })),
    from: Type.Optional(Time),
    to: Type.Optional(Type.String({ format: 'date-time', description: 'Not included.' })),
    limit: Type.Optional(Limit),
    cursor: Type.Optional(PageCursor),
  },
  closed,
)

export const ContactListQuery = Type.Object(
  { q: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })), limit: Type.Optional(Limit), cursor: Type.Optional(PageCursor) },
  closed,
)
export const SearchListQuery = Type.Object(
  {
    q: Type.String({ minLength: 1, maxLength: 200 }),
    type: Type.Optional(Type.Enum(['message', 'conversation', 'contact'])),
    limit: Type.Optional(Limit),
    cursor: Type.Optional(PageCursor),
  },
  closed,
)

export const SearchHit = Type.Object({
  conversationId: Type.Optional(Id),
  messageId: Type.Optional(Id),
  contactId: Type.Optional(Id),
  at: Type.String(),
  snippet: Type.String({ description: 'Hits stand between U+0002 and U+0003.' }),
})

export const CountsShape = Type.Object({
  byState: Type.Record(Type.String(), Type.Integer(), { description: `By ${State.enum.join(', ')}.` }),
  mine: Type.Integer(),
  unassigned: Type.Integer(),
  failedSends: Type.Integer({ description: `Messages whose send is ${SendStateName.enum[4]}.` }),
  unknownSends: Type.Integer(),
})

export const IdParams = Type.Object({ id: Id })
export const MessageParams = Type.Object({ id: Id, messageId: Id })
export const WriteHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({ description: '1 to 64 visible characters; the same key and body give the first answer again.' }),
  ),
})
