// Writes of settings: what a person typed becomes a setting.write, with secrets sealed or hashed before they leave this process.
// Between the API's bodies and the organization's settings actor; answers once this node's own `config` has applied the write.

import {
  agentRoles,
  may,
  type EditableSetting,
  type Grants,
  type Permission,
  type Role,
  type SettingCreate,
  type SettingPatch,
} from '#schemas'
import { checkOf, describeFaults } from '#schemas/check'
import { deriveKeyed, type SettingKind, type SettingValue } from '#schemas/log'
import { ConfabError } from '#errors'
import { partitionOf, type Log } from '#log'
import type { ChannelAdapter } from '#channels'
import { canonical } from './canonical.ts'
import type { Commands, Submission } from './commands.ts'
import type { Settings } from './settings.ts'
import { positionOf, type Passed } from './wishes.ts'

export interface SettingWrite {
  readonly kind: SettingKind
  readonly action: 'create' | 'change' | 'remove'
  /** The setting's id; "" on creation: derived from the key. */
  readonly id: string
  readonly expectedRev: number | null
  readonly key?: string
}

export interface Written {
  readonly id: string
  readonly position: string
  /** Text of a token that this write made. */
  readonly tokenText?: string
  /** The secret that was drawn for an account of one's own connector. */
  readonly secret?: string
}

export interface SettingWishes {
  /** Throws `forbidden`, `not_found`, `request_invalid`, what the settings actor refuses, and the door's codes. */
  write<K extends EditableSetting>(
    grants: Grants,
    write: SettingWrite & { kind: K },
    body: SettingCreate[K] | SettingPatch[K] | null,
  ): Promise<Written>
  /** As the system or a signed-in agent itself: sessions, and what first run makes. Fields as the record has them, bytes in base64. */
  put(by: Submission['by'], organizationId: string, write: SettingWrite, fields: Readonly<Record<string, unknown>>): Promise<Written>
}

export interface SettingWishesOptions {
  readonly commands: Pick<Commands, 'submit' | 'commandIdOf'>
  readonly settings: Pick<Settings, 'get' | 'idKey' | 'waitFor'>
  readonly log: Pick<Log, 'bounds'>
  readonly channels: { channelOf(name: string): ChannelAdapter | undefined }
  readonly secrets: {
    seal(purpose: 'credentials', bytes: Uint8Array, bound: string): Buffer
    open(purpose: 'credentials', sealed: Uint8Array, bound: string): Buffer
    tokenText(prefix: string, commandId: string): string
  }
  /** scrypt of a password, and SHA-256 of a token. */
  readonly hashPassword: (password: string) => Promise<string>
  readonly hashToken: (text: string) => string
  readonly positions: Passed
  readonly drawKey: () => string
}

/** How long an answer waits for this node's own projection. */
const APPLY_WAIT_MS = 5_000

const permissionOf: { readonly [K in EditableSetting]: Permission } = {
  account: 'account.write',
  agent: 'agent.write',
  label: 'label.write',
  token: 'token.write',
}

type Fields = Record<string, unknown>
interface Prepared {
  readonly fields: Fields
  readonly uniques: readonly string[][]
  readonly tokenText?: string
  readonly secret?: string
}

const rankOf = (role: Role): number => {
  const rank = (agentRoles as readonly Role[]).indexOf(role)
  // Tokens' own roles do less than an agent's.
  return rank === -1 ? agentRoles.indexOf('agent') : rank
}

/** Nobody hands out, changes or removes more than they have themselves. */
const checkRank = (grants: Grants, ...roles: readonly (Role | undefined)[]): void => {
  for (const role of roles)
    if (role !== undefined && rankOf(role) < rankOf(grants.role))
      throw new ConfabError('forbidden', { detail: `The role ${role} is above your own.` })
}

/** Throws `request_invalid` naming each field that does not fit the channel's own schema. */
const checkFields = (
  schema: ChannelAdapter['optionsSchema'] | ChannelAdapter['credentialsSchema'],
  name: 'credentials' | 'options',
  value: object,
): void => {
  const faults = schema === undefined ? null : checkOf(schema)(value)
  if (faults === null) return
  const errors = faults.map(({ field, message }) => ({ field: field === '' ? name : `${name}.${field}`, message }))
  throw new ConfabError('request_invalid', { detail: describeFaults(errors), fields: { errors } })
}

/** A connector's secret is ours to draw, where none is given; the same for a repeat of the request. */
const drawnSecret = ({ name }: ChannelAdapter, credentials: object | undefined, drawn: string): string | undefined => {
  if (name !== 'custom' || (credentials !== undefined && 'secret' in credentials)) return undefined
  return `whsec_${drawn.slice('whsec_'.length).replaceAll('-', '+').replaceAll('_', '/')}=`
}

class SettingDoor implements SettingWishes {
  readonly #options: SettingWishesOptions

  constructor(options: SettingWishesOptions) {
    this.#options = options
  }

  async write<K extends EditableSetting>(
    grants: Grants,
    write: SettingWrite & { kind: K },
    body: SettingCreate[K] | SettingPatch[K] | null,
  ): Promise<Written> {
    // Who sees some accounts only could otherwise make a token that sees all.
    if (!may(grants, permissionOf[write.kind]) || grants.accountIds !== null) throw new ConfabError('forbidden')
    const before = write.action === 'create' ? undefined : this.#options.settings.get(write.kind, write.id)
    if (write.action !== 'create' && (before === undefined || before.organizationId !== grants.organizationId))
      throw new ConfabError('not_found')
    const key = write.key ?? this.#options.drawKey()
    const id = write.action === 'create' ? this.#newId(grants, write.kind, key) : write.id
    const by = { kind: grants.kind, id: grants.id }
    const named = { ...write, id, key }
    const submission = this.#submission(by, grants.organizationId, named)
    const commandId = this.#options.commands.commandIdOf({ ...submission, key })
    const prepared = await this.#prepare(grants, { kind: write.kind, id, commandId, before, body })
    const written = await this.#submit(submission, prepared, { key, body: canonical({ id: write.id, body }) })
    const { tokenText, secret } = prepared
    return { ...written, ...(tokenText === undefined ? {} : { tokenText }), ...(secret === undefined ? {} : { secret }) }
  }

  put(by: Submission['by'], organizationId: string, write: SettingWrite, fields: Fields): Promise<Written> {
    const key = write.key ?? this.#options.drawKey()
    return this.#submit(this.#submission(by, organizationId, write), { fields, uniques: [] }, { key, body: canonical(fields) })
  }

  #newId(grants: Grants, kind: SettingKind, key: string): string {
    return deriveKeyed(this.#options.settings.idKey(grants.organizationId), 'setting', [kind, grants.kind, grants.id, key])
  }

  #submission(by: Submission['by'], organizationId: string, { kind, action, id, expectedRev }: SettingWrite): Submission<'setting.write'> {
    const data = { kind, action, entityId: id, expectedRev, json: '{}', uniqueKeys: [] }
    return { type: 'setting.write', organizationId, actor: { kind: 'organization', id: organizationId }, by, data }
  }

  async #submit(submission: Submission<'setting.write'>, prepared: Prepared, request: { key: string; body: string }): Promise<Written> {
    const { commands, settings, log, positions } = this.#options
    const { organizationId } = submission
    const idKey = settings.idKey(organizationId)
    const uniqueKeys = prepared.uniques.map((parts) => deriveKeyed(idKey, 'unique', parts))
    const answer = await commands.submit({
      ...submission,
      ...request,
      data: { ...submission.data, json: JSON.stringify(prepared.fields), uniqueKeys },
    })
    // `config` is written in the transaction of the outcome, so its end of now holds the write.
    const { end } = await log.bounds('config', partitionOf(organizationId))
    if (!(await settings.waitFor(organizationId, end, APPLY_WAIT_MS))) throw new ConfabError('outcome_pending', { retryAfterSeconds: 1 })
    return { id: answer.createdId ?? submission.data.entityId, position: await positionOf(positions, answer, 0) }
  }

  async #prepare(
    grants: Grants,
    given: { kind: EditableSetting; id: string; commandId: string; before: unknown; body: unknown },
  ): Promise<Prepared> {
    const { kind, id, commandId, before, body } = given
    switch (kind) {
      case 'account':
        return this.#account(grants, {
          id,
          commandId,
          before: before as SettingValue['account'] | undefined,
          body: body as SettingPatch['account'] | null,
        })
      case 'agent':
        return this.#agent(grants, before as SettingValue['agent'] | undefined, body as SettingPatch['agent'] | null)
      case 'label': {
        const name = (body as SettingPatch['label'] | null)?.name ?? (before as SettingValue['label'] | undefined)?.name ?? ''
        return { fields: { ...(body as Fields | null) }, uniques: [['label', name.trim().toLowerCase()]] }
      }
      case 'token':
        return this.#token(grants, {
          commandId,
          before: before as SettingValue['token'] | undefined,
          body: body as SettingCreate['token'] | null,
        })
    }
  }

  #account(
    grants: Grants,
    given: { id: string; commandId: string; before: SettingValue['account'] | undefined; body: SettingPatch['account'] | null },
  ): Prepared {
    const { id, commandId, before, body } = given
    if (body === null) return { fields: {}, uniques: [] }
    const { credentials, ...fields } = body
    this.#checkBots(grants, body.bots ?? [])
    const channel = before?.channel ?? (body as SettingCreate['account']).channel
    const adapter = this.#options.channels.channelOf(channel)
    if (adapter === undefined) throw new ConfabError('request_invalid', { detail: `channel ${channel} is not spoken by this version.` })
    const externalId = body.externalId ?? before?.externalId ?? ''
    if (channel !== 'web' && externalId === '')
      throw new ConfabError('request_invalid', { detail: 'externalId is required: the number or page at the provider.' })
    if (body.options !== undefined) checkFields(adapter.optionsSchema, 'options', body.options)
    const secret = before === undefined ? drawnSecret(adapter, credentials, this.#options.secrets.tokenText('whsec', commandId)) : undefined
    const own = secret === undefined ? credentials : { ...credentials, secret }
    const sealed = this.#credentials(grants, { id, adapter, before, credentials: own })
    const uniques = externalId === '' ? [] : [['account', channel, externalId]]
    // New credentials: what the provider said of the old ones is past.
    const cleared = before === undefined || credentials === undefined ? {} : { trouble: null, troubleAt: null, isBroken: null }
    return { fields: { ...fields, ...sealed, ...cleared }, uniques, ...(secret === undefined ? {} : { secret }) }
  }

  #checkBots({ organizationId }: Grants, bots: readonly string[]): void {
    const stranger = bots.find((id) => {
      const token = this.#options.settings.get('token', id)
      return token?.organizationId !== organizationId || token.role !== 'bot'
    })
    if (stranger !== undefined) throw new ConfabError('assignee_unknown', { fields: { botId: stranger } })
  }

  /** Sealed credentials, and the key of the ingest path: of who signs, within the organization, so that no other's secrets count. */
  #credentials(
    grants: Grants,
    given: {
      id: string
      adapter: ChannelAdapter
      before: SettingValue['account'] | undefined
      credentials: Readonly<Record<string, string>> | undefined
    },
  ): Fields {
    const { id, adapter, before, credentials } = given
    const { secrets, settings } = this.#options
    if (credentials === undefined && before !== undefined) return {}
    // A change names what changes: rotating a token must not ask for the rest again.
    const known =
      before?.sealedCredentials === null || before === undefined
        ? {}
        : (JSON.parse(secrets.open('credentials', before.sealedCredentials, id).toString()) as object)
    const all = { ...known, ...credentials }
    checkFields(adapter.credentialsSchema, 'credentials', all)
    const signer = adapter.webhook?.signerOf(all) ?? id
    // An app of Meta has one webhook for all: its own id names it, and who signs for which account is told by the secrets.
    const isApp = adapter.webhook?.challenge !== undefined && adapter.webhook.signerOf(all) !== null
    const ingestKey = isApp ? signer : deriveKeyed(settings.idKey(grants.organizationId), 'unique', ['ingest', adapter.name, signer])
    const sealedCredentials =
      Object.keys(all).length === 0 ? null : secrets.seal('credentials', Buffer.from(JSON.stringify(all)), id).toString('base64')
    return { ingestKey, sealedCredentials }
  }

  async #agent(grants: Grants, before: SettingValue['agent'] | undefined, body: SettingPatch['agent'] | null): Promise<Prepared> {
    checkRank(grants, before?.role, body?.role)
    const { password, ...fields } = body ?? {}
    const email = (fields.email ?? before?.email ?? '').trim().toLowerCase()
    const secret = password === undefined ? {} : { passwordHash: await this.#options.hashPassword(password) }
    return { fields: { ...fields, ...(fields.email === undefined ? {} : { email }), ...secret }, uniques: [['agent-email', email]] }
  }

  #token(
    grants: Grants,
    given: { commandId: string; before: SettingValue['token'] | undefined; body: SettingCreate['token'] | null },
  ): Prepared {
    const { commandId, before, body } = given
    if (body === null) return { fields: {}, uniques: [] }
    checkRank(grants, before?.role, body.role)
    const expiry = body.expiresAt === undefined ? {} : { expiresAt: body.expiresAt === null ? null : Date.parse(body.expiresAt) }
    if (before !== undefined) return { fields: { ...body, ...expiry }, uniques: [] }
    const isAgents = body.role !== 'bot' && body.role !== 'integration'
    const agentId = isAgents ? (body.agentId ?? grants.id) : null
    if (isAgents && agentId !== grants.id && grants.role !== 'owner')
      throw new ConfabError('forbidden', { detail: 'Only an owner makes tokens for another agent.' })
    if (isAgents && this.#options.settings.get('agent', agentId ?? '')?.organizationId !== grants.organizationId) {
      throw new ConfabError('request_invalid', { detail: 'agentId names no agent.' })
    }
    const tokenText = this.#options.secrets.tokenText('confab', commandId)
    return { fields: { ...body, agentId, ...expiry, hash: this.#options.hashToken(tokenText) }, uniques: [], tokenText }
  }
}

export const openSettingWishes = (options: SettingWishesOptions): SettingWishes => new SettingDoor(options)
