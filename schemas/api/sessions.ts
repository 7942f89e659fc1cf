// Signing in, who one is, and what a web chat starts with.
// Between browsers and the doors; secrets appear in requests and in the one answer that makes them.

import { Type } from 'typebox'
import { Id, Nullable, Time } from './shapes.ts'

const closed = { additionalProperties: false } as const

export const SignInBody = Type.Object(
  {
    email: Type.Optional(Type.String({ minLength: 3, maxLength: 254 })),
    password: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    code: Type.Optional(Type.String({ minLength: 16, maxLength: 200, description: 'Of a one-time sign-in link.' })),
  },
  { ...closed, description: 'E-mail and password, or the code of a one-time link.' },
)
const Csrf = Type.String({ description: 'Send it back as X-Confab-Csrf with every change made by cookie.' })
export const SignedIn = Type.Object({ agentId: Id, organizationId: Id, role: Type.String(), expiresAt: Time, csrf: Csrf })

export const ShortToken = Type.Object({ token: Type.String({ description: 'A JWT for the socket’s hello and refresh.' }), expiresAt: Time })

export const Me = Type.Object({
  principal: Type.Object({ kind: Type.String(), id: Id, role: Type.String(), organizationId: Id }),
  name: Type.String(),
  email: Type.Optional(Type.String()),
  isAvailable: Type.Optional(Type.Boolean()),
  organization: Type.Object({ id: Id, name: Type.String() }),
  permissions: Type.Array(Type.String()),
  accountIds: Nullable(Type.Array(Id)),
  csrf: Type.Optional(Csrf),
})

export const ChatSessionBody = Type.Object(
  {
    origin: Type.Optional(
      Type.String({
        maxLength: 300,
        description: 'Of the page around the panel; heard from a page of this server alone, else the Origin header counts.',
      }),
    ),
    resumeSecret: Type.Optional(
      Type.String({ maxLength: 200, description: 'Of an earlier answer: the same visitor and conversation again.' }),
    ),
  },
  closed,
)
export const ChatSession = Type.Object({
  token: Type.String({ description: 'A JWT for the socket and /v1/chat/..., 15 minutes.' }),
  expiresAt: Time,
  contactId: Id,
  conversationId: Id,
  resumeSecret: Type.String({ description: 'Keep it in this browser: it is the visitor’s identity.' }),
  account: Type.Object({ id: Id, name: Type.String(), options: Type.Record(Type.String(), Type.String()) }),
})
