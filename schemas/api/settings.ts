// Settings as the API takes and shows them: accounts, agents, labels, tokens. Credentials and passwords go in and never come out.
// Between HTTP's validators and OpenAPI, and the settings actor's records.

import { Type, type Static } from 'typebox'
import { agentRoles, tokenRoles } from '../permissions.ts'
import { ChannelName, Id, Nullable, Time } from './shapes.ts'

const closed = { additionalProperties: false } as const
const Name = Type.String({ minLength: 1, maxLength: 200 })
const Rev = Type.Integer({ description: 'Also the ETag; If-Match with it refuses to overwrite what another has changed.' })
const base = { id: Id, rev: Rev, createdAt: Time, updatedAt: Time }
const agentRole = Type.Enum([...agentRoles])
const anyRole = Type.Enum([...tokenRoles, ...agentRoles])

const Origin = Type.String({ pattern: '^https?://[^/\\s]+$', maxLength: 300, description: 'Such as https://shop.example, without a path.' })
const Credentials = Type.Record(Type.String({ minLength: 1, maxLength: 64 }), Type.String({ maxLength: 8_192 }), {
  maxProperties: 16,
  description: "The channel's own fields, such as accountSid and authToken; sealed at once, never shown again.",
})

const accountFields = {
  name: Name,
  externalId: Type.String({ maxLength: 256, description: 'The number, page or site at the provider.' }),
  credentials: Credentials,
  replyGuard: Type.Enum(['guarded', 'free']),
  sendsReadReceipts: Type.Boolean(),
  isActive: Type.Boolean(),
  options: Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 2_048 }), { maxProperties: 32 }),
  origins: Type.Array(Origin, { maxItems: 50, description: 'Web chat: where the widget may stand; empty = anywhere.' }),
  bots: Type.Array(Id, {
    maxItems: 10,
    description: 'Bots who answer first, in this order, by the ids of their tokens; empty = people do.',
  }),
}
const agentFields = {
  name: Name,
  email: Type.String({ format: 'email', maxLength: 254 }),
  role: agentRole,
  password: Type.String({ minLength: 10, maxLength: 200 }),
  isActive: Type.Boolean(),
  isAvailable: Type.Boolean(),
}
const labelFields = { name: Name, color: Type.String({ pattern: '^#[0-9a-fA-F]{6}$' }), description: Type.String({ maxLength: 500 }) }
const tokenFields = {
  name: Name,
  role: anyRole,
  agentId: Nullable(Id),
  accountIds: Type.Array(Id, { maxItems: 500, description: 'Accounts it may see; empty = all that its role may.' }),
  expiresAt: Nullable(Time),
}

/** A change: some of the fields, at least one. */
const some = { ...closed, minProperties: 1 } as const
const AccountSome = Type.Partial(Type.Object(accountFields))
const AgentSome = Type.Partial(Type.Object(agentFields))
const LabelSome = Type.Partial(Type.Object(labelFields))
const TokenSome = Type.Partial(Type.Object(tokenFields))

export const AccountCreate = Type.Object({ ...AccountSome.properties, name: Name, channel: ChannelName }, closed)
export const AccountPatch = Type.Object(AccountSome.properties, some)
export const AccountView = Type.Object({
  ...base,
  name: Name,
  channel: ChannelName,
  externalId: Type.String(),
  ingestUrl: Nullable(Type.String({ description: 'Enter it at the provider, what follows # included; null where no provider calls.' })),
  hasCredentials: Type.Boolean(),
  replyGuard: accountFields.replyGuard,
  sendsReadReceipts: Type.Boolean(),
  isActive: Type.Boolean(),
  options: accountFields.options,
  origins: accountFields.origins,
  bots: accountFields.bots,
  trouble: Type.Optional(
    Nullable(
      Type.Object(
        { what: Type.String(), at: Time, isBroken: Type.Boolean() },
        { description: 'What its provider says is wrong; `isBroken` = messages do not pass.' },
      ),
    ),
  ),
  secret: Type.Optional(Type.String({ description: 'Of a custom channel: in the answer that makes the account, and never again.' })),
})

export const AgentCreate = Type.Object({ ...AgentSome.properties, name: Name, email: agentFields.email, role: agentRole }, closed)
export const AgentPatch = Type.Object(AgentSome.properties, some)
export const AgentView = Type.Object({
  ...base,
  name: Name,
  email: Type.String(),
  role: agentRole,
  hasPassword: Type.Boolean(),
  isActive: Type.Boolean(),
  isAvailable: Type.Boolean(),
})

export const LabelCreate = Type.Object({ ...LabelSome.properties, name: Name }, closed)
export const LabelPatch = Type.Object(LabelSome.properties, some)
export const LabelView = Type.Object({ ...base, ...labelFields })

export const TokenCreate = Type.Object({ ...TokenSome.properties, name: Name, role: anyRole }, closed)
export const TokenPatch = Type.Object(
  { name: TokenSome.properties.name, accountIds: TokenSome.properties.accountIds, expiresAt: TokenSome.properties.expiresAt },
  some,
)
export const TokenView = Type.Object({
  ...base,
  ...tokenFields,
  token: Type.Optional(Type.String({ description: 'Its text: in the answer that makes it, and never again.' })),
})

export const settingBodies = {
  account: { create: AccountCreate, patch: AccountPatch, view: AccountView },
  agent: { create: AgentCreate, patch: AgentPatch, view: AgentView },
  label: { create: LabelCreate, patch: LabelPatch, view: LabelView },
  token: { create: TokenCreate, patch: TokenPatch, view: TokenView },
} as const

export type EditableSetting = keyof typeof settingBodies
export type SettingCreate = { [K in EditableSetting]: Static<(typeof settingBodies)[K]['create']> }
export type SettingPatch = { [K in EditableSetting]: Static<(typeof settingBodies)[K]['patch']> }
export type SettingView = { [K in EditableSetting]: Static<(typeof settingBodies)[K]['view']> }
