// Settings as they stand in `config`: one Avro record a kind, key `<kind>/<id>`, and `unique/<derived id>` rows that hold a name.
// Credentials lie sealed, passwords and tokens hashed; nothing here is secret in clear, and none of it is an API answer.

import { array, boolean, bytes, enumeration, id, later, long, map, optional, record, text, time, int, type Infer } from './avro.ts'
import type { SettingKind } from './events.ts'
import { channel } from './words.ts'

/** `uniqueKeys`: the derived ids it holds in `unique/...` rows, released when it changes or goes. */
const base = { id, organizationId: id, rev: long, createdAt: time, updatedAt: time, uniqueKeys: array(id) }

export const organizationSetting = record('Organization', {
  ...base,
  name: text,
  /** The id key (32 bytes), sealed under the site's secret; never rotated. */
  sealedIdKey: bytes,
  /** How long a reopened conversation goes back to the agent who had it. */
  reopenToAgentHours: int,
})
export type Organization = Infer<typeof organizationSetting>

export const accountSetting = record('Account', {
  ...base,
  name: text,
  channel,
  /** The number, page or site at the provider; "" for web. */
  externalId: text,
  /** Names who signs in /v1/ingest/{channel}/{key}. */
  ingestKey: text,
  /** Sealed JSON of the credentials. */
  sealedCredentials: optional(bytes),
  /** guarded: the first reply claims, another's conversation refuses (inbox.md §1); free: no guard. */
  replyGuard: enumeration('ReplyGuard', ['guarded', 'free']),
  sendsReadReceipts: boolean,
  isActive: boolean,
  /** What the channel keeps for itself: web chat's origins, greeting, colour; Twilio's messaging service. */
  options: map(text),
  /** Web chat: where the widget may stand; empty = anywhere. */
  origins: array(text),
  /** Who answers first, in this order; none = people. Ids of bots' tokens. */
  bots: array(id),
  /** What its provider says is wrong, in words without personal data: set by sends and news, cleared by new credentials or a sound check. */
  trouble: later(text),
  troubleAt: later(time),
  /** Messages do not pass. */
  isBroken: later(boolean),
})
export type Account = Infer<typeof accountSetting>

export const agentSetting = record('Agent', {
  ...base,
  name: text,
  email: text,
  role: enumeration('AgentRole', ['agent', 'owner', 'admin', 'supervisor', 'observer']),
  /** scrypt, as `scrypt$N$r$p$salt$hash` in base64; null = signs in by link only. */
  passwordHash: optional(text),
  isActive: boolean,
  isAvailable: boolean,
})
export type Agent = Infer<typeof agentSetting>

export const labelSetting = record('Label', { ...base, name: text, color: text, description: text })
export type Label = Infer<typeof labelSetting>

export const tokenSetting = record('Token', {
  ...base,
  name: text,
  /** owner and admin act as the agent named; bot and integration as themselves. */
  role: enumeration('TokenRole', ['integration', 'bot', 'owner', 'admin', 'supervisor', 'agent', 'observer']),
  agentId: optional(id),
  /** SHA-256 of the token's text, hex. */
  hash: text,
  /** Accounts it may see; empty = all that its role may. */
  accountIds: array(id),
  expiresAt: optional(time),
})
export type Token = Infer<typeof tokenSetting>

/** A signed-in browser, or a one-time sign-in link that has not been used. */
export const sessionSetting = record('Session', {
  ...base,
  kind: enumeration('SessionKind', ['browser', 'link']),
  agentId: id,
  /** SHA-256 of the cookie's or link's secret, hex. */
  hash: text,
  expiresAt: time,
})
export type Session = Infer<typeof sessionSetting>

export const uniqueSetting = record('Unique', { entityId: id })
export type Unique = Infer<typeof uniqueSetting>

export const settingRecords = {
  organization: organizationSetting,
  account: accountSetting,
  agent: agentSetting,
  label: labelSetting,
  token: tokenSetting,
  session: sessionSetting,
} as const satisfies Record<SettingKind, unknown>

export type SettingValue = { [K in SettingKind]: Infer<(typeof settingRecords)[K]> }
