// What operators ask of a running server beyond settings: dead letters, and links to sign in with.
// Between HTTP's validators and OpenAPI, and the routes.

import { Type } from 'typebox'
import { Nullable, Time } from './shapes.ts'

const closed = { additionalProperties: false } as const

export const KeyParams = Type.Object({
  key: Type.String({ minLength: 1, maxLength: 64, description: 'The parked actor, or the letter of a webhook.' }),
})

const DeadLetter = Type.Object({
  topic: Type.String(),
  partition: Type.Integer(),
  offset: Nullable(Type.Integer()),
  code: Type.String({
    description: 'poison, conversation_parked (waits behind poison), undecodable, webhook_unreadable, unknown_account, ...',
  }),
  error: Type.String(),
  at: Time,
  isPoison: Type.Boolean(),
  type: Nullable(Type.String({ description: "The command's type." })),
})
const deadLetterKey = {
  key: Type.String(),
  actor: Nullable(Type.Object({ kind: Type.String(), id: Type.String() })),
  isParked: Type.Boolean({ description: 'Its commands wait until the letters are replayed or discarded.' }),
  count: Type.Integer(),
  since: Time,
  letters: Type.Array(DeadLetter, { description: 'In the order in which they are sent again.' }),
}
const DeadLetterKey = Type.Object(deadLetterKey)
export const DeadLetterPage = Type.Object({
  items: Type.Array(DeadLetterKey),
  next: Nullable(Type.String()),
  total: Type.Integer({ description: 'Keys there are; a page shows 1,000.' }),
})
export const DeadLetterDetail = Type.Object({
  ...deadLetterKey,
  contents: Type.Array(Type.Unknown(), { description: 'What each holds, secrets masked; 500 at most.' }),
})
export const ReplayBody = Type.Object(
  { skipPoison: Type.Optional(Type.Boolean({ description: 'Discard what was poison, send the rest.' })) },
  closed,
)
export const Replayed = Type.Object({
  replayed: Type.Integer(),
  discarded: Type.Integer(),
  parked: Type.Integer({ description: 'Letters after it, where the replay met poison again; 0 = at work.' }),
})

export const SignInLink = Type.Object({ url: Type.String({ description: 'Works once.' }), expiresAt: Time })
