// The frames of the socket (subprotocol confab.v1): JSON text, each {"frame": NAME, ...}, the first from the client is `hello`.
// Between gateway and clients; AsyncAPI is made from these.

import { Type, type Static } from 'typebox'
import { EventShape, Id, Problem, Time } from './shapes.ts'

/** Opaque, sealed, a position and never an authority. */
export const Cursor = Type.String({ minLength: 1, maxLength: 4096 })
const SubscriptionId = Type.String({ minLength: 1, maxLength: 64 })

const Viewer = Type.Object({ agentId: Id, state: Type.String() })

export const Scope = Type.Union([
  Type.Object({ all: Type.Literal(true) }),
  Type.Object({ account: Id }),
  Type.Object({ team: Id }),
  Type.Object({ assignee: Type.Union([Id, Type.Literal('me'), Type.Literal('none')]) }),
  Type.Object({ conversation: Id }),
  Type.Object({ contact: Id }),
])

const subscription = {
  id: SubscriptionId,
  scope: Scope,
  types: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64 })),
  /** A cursor, "latest", "earliest" or a time; without it a snapshot comes first, then the tail from its asOf. */
  from: Type.Optional(Type.Union([Cursor, Type.Literal('latest'), Type.Literal('earliest'), Time])),
  queue: Type.Optional(
    Type.Union([Type.Literal(true), Type.String({ pattern: '^[A-Za-z0-9_.-]{1,32}$' })], {
      description:
        "Of bots: a work queue, true or its name. Each event goes to one of the bot's connections that share it, and waits for `ack`.",
    }),
  ),
}

export const ClientFrame = Type.Union([
  Type.Object({
    frame: Type.Literal('hello'),
    token: Type.String({ maxLength: 4096 }),
    resume: Type.Optional(Type.Object({ checkpoint: Cursor, slots: Type.Record(Type.String({ maxLength: 4 }), Cursor) })),
    subscriptions: Type.Optional(Type.Array(Type.Object(subscription), { maxItems: 64 })),
  }),
  Type.Object({ frame: Type.Literal('subscribe'), ...subscription }),
  Type.Object({ frame: Type.Literal('unsubscribe'), id: SubscriptionId }),
  /** `id` is the client's own key: the command's idempotency key. `type` and fields as the HTTP paths' bodies. */
  Type.Object(
    { frame: Type.Literal('command'), id: Type.String({ minLength: 1, maxLength: 64 }), type: Type.String({ maxLength: 64 }) },
    { additionalProperties: true },
  ),
  Type.Object({
    frame: Type.Literal('typing'),
    conversationId: Id,
    isTyping: Type.Boolean(),
    isNote: Type.Optional(Type.Boolean({ description: 'Of a note: never shown to the contact.' })),
  }),
  Type.Object({
    frame: Type.Literal('presence'),
    conversationId: Type.Optional(Id),
    state: Type.String({
      maxLength: 16,
      description: '`online` or `away`; with a conversation `viewing` or `replying`, said again within 15 s, and `gone`.',
    }),
  }),
  Type.Object({ frame: Type.Literal('ack'), cursor: Cursor, id: Type.Optional(SubscriptionId) }),
  /** Is the line alive? Browsers hide ping frames from scripts. */
  Type.Object({ frame: Type.Literal('ping') }),
  Type.Object({ frame: Type.Literal('refresh'), token: Type.String({ maxLength: 4096 }) }),
])

export const ServerFrame = Type.Union([
  Type.Object({
    frame: Type.Literal('welcome'),
    sessionId: Type.String(),
    principal: Type.Object({ kind: Type.String(), id: Id, role: Type.String(), organizationId: Id }),
    cursor: Cursor,
    serverTime: Time,
  }),
  Type.Object({ frame: Type.Literal('subscribed'), id: SubscriptionId, cursor: Cursor }),
  Type.Object({
    frame: Type.Literal('snapshot'),
    id: SubscriptionId,
    items: Type.Array(
      Type.Unknown({ description: 'Conversations of the scope, newest activity first; for a conversation scope its row.' }),
    ),
    /** Of a conversation scope alone: which (its row may not be there yet), its newest messages in thread order, and marks as in `state` frames. */
    conversationId: Type.Optional(Id),
    messages: Type.Optional(Type.Array(Type.Unknown())),
    states: Type.Optional(Type.Array(Type.Object({ kind: Type.String(), id: Type.String(), rev: Type.Integer(), value: Type.Unknown() }))),
    asOf: Cursor,
  }),
  Type.Object({
    frame: Type.Literal('result'),
    id: Type.String(),
    ok: Type.Optional(Type.Unknown()),
    problem: Type.Optional(Problem),
    position: Type.Optional(Cursor),
  }),
  Type.Object({
    frame: Type.Literal('event'),
    cursor: Cursor,
    slot: Type.Integer(),
    event: EventShape,
    queue: Type.Optional(Type.String({ description: 'The work queue that it comes by; it waits for `ack {cursor}`.' })),
    id: Type.Optional(SubscriptionId),
    attempt: Type.Optional(Type.Integer({ description: 'Of a work queue: how often this node has sent it.' })),
    redelivered: Type.Optional(Type.Boolean({ description: 'Of a work queue: it has gone out before, or may have.' })),
  }),
  Type.Object({
    frame: Type.Literal('state'),
    cursor: Cursor,
    slot: Type.Integer(),
    kind: Type.String(),
    id: Type.String(),
    rev: Type.Integer(),
    value: Type.Unknown(),
  }),
  /**
   * Never in the log: `typing`; `presence` of an agent; `viewers` of a conversation, all of them; `awareness`, how it stands as a whole;
   * `availability`, for contacts; and `catching-up`, the heartbeat while a checkpoint would promise too much.
   */
  Type.Object(
    {
      frame: Type.Literal('ephemeral'),
      kind: Type.String(),
      id: Type.Optional(SubscriptionId),
      conversationId: Type.Optional(Id),
      isTyping: Type.Optional(Type.Boolean()),
      isNote: Type.Optional(Type.Boolean()),
      ttlMs: Type.Optional(Type.Integer({ description: 'Gone by itself after this long.' })),
      by: Type.Optional(Type.Object({ kind: Type.String(), id: Type.Optional(Id), name: Type.Optional(Type.String()) })),
      agentId: Type.Optional(Id),
      state: Type.Optional(Type.String()),
      viewers: Type.Optional(Type.Array(Viewer, { description: 'Of `viewers`: who looks at the conversation now; nobody else does.' })),
      isKnown: Type.Optional(
        Type.Boolean({
          description: 'Of `awareness`: false = other nodes are out of sight, whoever is not named is unknown and not absent.',
        }),
      ),
      agents: Type.Optional(Type.Array(Viewer, { description: 'Of `awareness`: who is there.' })),
      viewing: Type.Optional(
        Type.Array(Type.Object({ conversationId: Id, viewers: Type.Array(Viewer) }), { description: 'Of `awareness`: who looks at what.' }),
      ),
    },
    { additionalProperties: true },
  ),
  Type.Object({ frame: Type.Literal('pong') }),
  Type.Object({ frame: Type.Literal('checkpoint'), cursor: Cursor }),
  Type.Object({ frame: Type.Literal('resync'), scope: Type.Optional(Scope), id: Type.Optional(SubscriptionId), reason: Type.String() }),
  Type.Object({ frame: Type.Literal('reconnect'), afterMs: Type.Integer() }),
  Type.Object({
    frame: Type.Literal('error'),
    code: Type.String(),
    id: Type.Optional(SubscriptionId),
    detail: Type.Optional(Type.String()),
    close: Type.Optional(
      Type.Integer({ description: 'The last word where a door has no close codes of its own: the code of the socket.' }),
    ),
    mayReturn: Type.Optional(Type.Boolean({ description: 'Beside close: whether coming back can help.' })),
  }),
])

export type Scope = Static<typeof Scope>
export type ClientFrame = Static<typeof ClientFrame>
export type ServerFrame = Static<typeof ServerFrame>
