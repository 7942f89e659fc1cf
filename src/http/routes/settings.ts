// Settings: accounts, agents, labels, tokens, one set of paths each, with ETag and If-Match.
// Between clients and the settings projection (reads) and wishes (writes); secrets never come out.

import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  IdParams,
  mayAccount,
  PageOf,
  settingBodies,
  WriteHeaders,
  type EditableSetting,
  type Permission,
  type SettingPatch,
  type SettingView,
} from '#schemas'
import type { SettingValue } from '#schemas/log'
import { ConfabError } from '#errors'
import { Type } from 'typebox'
import { whoOf } from '../access.ts'
import { keyOf, type FastifyTypebox, type RouteTools } from '../app.ts'
import type { HttpOptions } from '../options.ts'
import { endSessionsOf } from '../session-ends.ts'

type Views = { readonly [K in EditableSetting]: (value: SettingValue[K], options: HttpOptions) => SettingView[K] }

const time = (at: number): string => new Date(at).toISOString()
const base = ({ id, rev, createdAt, updatedAt }: { id: string; rev: number; createdAt: number; updatedAt: number }) => ({
  id,
  rev,
  createdAt: time(createdAt),
  updatedAt: time(updatedAt),
})

const troubleOf = ({ trouble, troubleAt, isBroken }: SettingValue['account']): NonNullable<SettingView['account']['trouble']> | null =>
  typeof trouble === 'string' ? { what: trouble, at: time(troubleAt ?? 0), isBroken: isBroken === true } : null

/** What of a setting may be shown, field by field: a new field of the record is hidden until it is named here. */
const views: Views = {
  account: (account, { channels, publicUrl }) => ({
    ...base(account),
    name: account.name,
    channel: account.channel,
    externalId: account.externalId,
    ingestUrl: channels.channelOf(account.channel)?.webhook?.ingestUrl(publicUrl(), account.ingestKey) ?? null,
    hasCredentials: account.sealedCredentials !== null,
    replyGuard: account.replyGuard,
    sendsReadReceipts: account.sendsReadReceipts,
    isActive: account.isActive,
    options: { ...account.options },
    origins: account.origins,
    bots: account.bots,
    trouble: troubleOf(account),
  }),
  agent: (agent) => ({
    ...base(agent),
    name: agent.name,
    email: agent.email,
    role: agent.role,
    hasPassword: agent.passwordHash !== null,
    isActive: agent.isActive,
    isAvailable: agent.isAvailable,
  }),
  label: (label) => ({ ...base(label), name: label.name, color: label.color, description: label.description }),
  token: (token) => ({
    ...base(token),
    name: token.name,
    role: token.role,
    agentId: token.agentId,
    accountIds: token.accountIds,
    expiresAt: token.expiresAt === null ? null : time(token.expiresAt),
  }),
}

const paths: Readonly<Record<EditableSetting, string>> = { account: 'accounts', agent: 'agents', label: 'labels', token: 'tokens' }

const IF_MATCH = /^(?:W\/)?"(\d{1,15})"$/

/** null = whatever it is. Throws `request_invalid`. */
const expectedRevOf = (request: FastifyRequest): number | null => {
  const given = request.headers['if-match']
  if (given === undefined || given === '*') return null
  const rev = IF_MATCH.exec(given)?.[1]
  if (rev === undefined) throw new ConfabError('request_invalid', { detail: 'If-Match is the ETag of the setting, in quotes.' })
  return Number(rev)
}

const withMatch = Type.Object({
  ...WriteHeaders.properties,
  'if-match': Type.Optional(Type.String({ description: 'The ETag; 412 when it has changed since.' })),
})

class SettingRoutes<K extends EditableSetting> {
  readonly #kind: K
  readonly #tools: RouteTools

  constructor(kind: K, tools: RouteTools) {
    this.#kind = kind
    this.#tools = tools
  }

  /** The setting as shown; `not_found` for another organization's and for accounts out of sight. */
  show(request: FastifyRequest, reply: FastifyReply, id: string): SettingView[K] {
    const { options } = this.#tools
    const { grants } = whoOf(request)
    const value = options.settings.get(this.#kind, id)
    if (value === undefined || value.organizationId !== grants.organizationId) throw new ConfabError('not_found')
    if (this.#kind === 'account' && !mayAccount(grants, id)) throw new ConfabError('not_found')
    reply.header('etag', `"${value.rev}"`)
    return views[this.#kind](value, options)
  }

  list(request: FastifyRequest): { items: SettingView[K][]; next: null } {
    const { options } = this.#tools
    const { grants } = whoOf(request)
    const all = options.settings.list(this.#kind, grants.organizationId)
    const visible = this.#kind === 'account' ? all.filter(({ id }) => mayAccount(grants, id)) : all
    return { items: visible.map((value) => views[this.#kind](value, options)), next: null }
  }

  async create(request: FastifyRequest, reply: FastifyReply): Promise<SettingView[K]> {
    const write = { kind: this.#kind, action: 'create', id: '', expectedRev: null, ...keyOf(request) } as const
    const { id, position, tokenText, secret } = await this.#tools.options.settingWishes.write(
      whoOf(request).grants,
      write,
      request.body as never,
    )
    reply.code(201).header('confab-position', position).header('location', `/v1/${paths[this.#kind]}/${id}`)
    const view = this.show(request, reply, id)
    return { ...view, ...(tokenText === undefined ? {} : { token: tokenText }), ...(secret === undefined ? {} : { secret }) }
  }

  async change(request: FastifyRequest, reply: FastifyReply, id: string): Promise<SettingView[K]> {
    const write = { kind: this.#kind, action: 'change', id, expectedRev: expectedRevOf(request), ...keyOf(request) } as const
    const { position } = await this.#tools.options.settingWishes.write(whoOf(request).grants, write, request.body as never)
    if (this.#kind === 'agent' && (request.body as SettingPatch['agent']).password !== undefined) await this.#signOutOthers(request, id)
    reply.header('confab-position', position)
    return this.show(request, reply, id)
  }

  /** Whoever knew the old password is out; who changed it, in this browser, stays. */
  async #signOutOthers(request: FastifyRequest, id: string): Promise<void> {
    const { source } = whoOf(request)
    const agent = this.#tools.options.settings.agent(id)
    if (agent !== undefined) await endSessionsOf(this.#tools.options, agent, source?.kind === 'session' ? source.id : null)
  }

  /** Agents are deactivated, never deleted: what they wrote keeps its author. */
  async remove(request: FastifyRequest, reply: FastifyReply, id: string): Promise<void> {
    const isAgent = this.#kind === 'agent'
    const write = {
      kind: this.#kind,
      action: isAgent ? 'change' : 'remove',
      id,
      expectedRev: expectedRevOf(request),
      ...keyOf(request),
    } as const
    const body = isAgent ? { isActive: false } : null
    const { position } = await this.#tools.options.settingWishes.write(whoOf(request).grants, write, body)
    await reply.code(204).header('confab-position', position).send()
  }
}

const install = <K extends EditableSetting>(app: FastifyTypebox, tools: RouteTools, kind: K): void => {
  const routes = new SettingRoutes(kind, tools)
  const { create, patch, view } = settingBodies[kind]
  const url = `/v1/${paths[kind]}`
  const read = { permission: `${kind}.read` } as { permission: Permission }
  const write = { permission: `${kind}.write` } as { permission: Permission }
  const tags = [paths[kind]]
  app.get(url, { config: read, schema: { tags, summary: `All ${paths[kind]}`, response: { 200: PageOf(view) } } }, (request) =>
    routes.list(request),
  )
  app.get(
    `${url}/:id`,
    { config: read, schema: { tags, summary: `One ${kind}`, params: IdParams, response: { 200: view } } },
    async (request, reply) => routes.show(request, reply, request.params.id),
  )
  app.post(
    url,
    { config: write, schema: { tags, summary: `Create ${kind}`, headers: WriteHeaders, body: create, response: { 201: view } } },
    (request, reply) => routes.create(request, reply),
  )
  app.patch(
    `${url}/:id`,
    {
      config: write,
      schema: { tags, summary: `Change ${kind}`, params: IdParams, headers: withMatch, body: patch, response: { 200: view } },
    },
    (request, reply) => routes.change(request, reply, request.params.id),
  )
  app.delete(
    `${url}/:id`,
    {
      config: write,
      schema: {
        tags,
        summary: kind === 'agent' ? 'Deactivate agent' : `Remove ${kind}`,
        params: IdParams,
        headers: withMatch,
        response: { 204: Type.Null() },
      },
    },
    (request, reply) => routes.remove(request, reply, request.params.id),
  )
}

export const settingRoutes = (app: FastifyTypebox, tools: RouteTools): void => {
  for (const kind of Object.keys(paths) as EditableSetting[]) install(app, tools, kind)
}
