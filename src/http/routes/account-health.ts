// What an account's provider says: health in words, templates, and the wish to be called.
// Between the people who connect accounts and the outgoing guard; nothing of it is kept.

import { Type } from 'typebox'
import { IdParams, mayAccount, WriteHeaders } from '#schemas'
import type { Account } from '#schemas/log'
import { ConfabError } from '#errors'
import type { FastifyRequest } from 'fastify'
import { whoOf } from '../access.ts'
import type { FastifyTypebox, RouteTools } from '../app.ts'

const Health = Type.Object({
  isHealthy: Type.Boolean({ description: 'No finding says that messages do not pass.' }),
  isAsked: Type.Boolean({ description: 'Whether the provider was asked: some channels cannot be.' }),
  findings: Type.Array(Type.Object({ isBroken: Type.Boolean(), what: Type.String() })),
})

const Templates = Type.Object({
  items: Type.Array(
    Type.Object({
      name: Type.String(),
      language: Type.String(),
      category: Type.String(),
      isApproved: Type.Boolean(),
      text: Type.String(),
      parameters: Type.Array(Type.String(), { description: 'Names of its variables, in order.' }),
    }),
  ),
  next: Type.Null(),
})

const Connected = Type.Object({
  isConnected: Type.Boolean(),
  what: Type.Union([Type.String({ description: 'Why not, in words.' }), Type.Null()]),
})

export const accountHealthRoutes = (app: FastifyTypebox, { options }: RouteTools): void => {
  const tags = ['accounts']
  const accountOf = (request: FastifyRequest, id: string): Account => {
    const { grants } = whoOf(request)
    const account = options.settings.account(id)
    if (account === undefined || account.organizationId !== grants.organizationId || !mayAccount(grants, id))
      throw new ConfabError('not_found')
    return account
  }
  app.get(
    '/v1/accounts/:id/health',
    {
      config: { permission: 'account.write' },
      schema: { tags, summary: 'What is wrong with an account, in words', params: IdParams, response: { 200: Health } },
    },
    async (request) => {
      const { isAsked, findings } = await options.accountHealth.check(accountOf(request, request.params.id))
      return { isHealthy: !findings.some(({ isBroken }) => isBroken), isAsked, findings: findings.map((finding) => ({ ...finding })) }
    },
  )
  app.get(
    '/v1/accounts/:id/templates',
    {
      config: { permission: 'account.read' },
      schema: { tags, summary: 'Templates that the provider knows', params: IdParams, response: { 200: Templates } },
    },
    async (request) => {
      const found = await options.accountHealth.templates(accountOf(request, request.params.id))
      return { items: found.map((template) => ({ ...template, parameters: [...template.parameters] })), next: null }
    },
  )
  app.post(
    '/v1/accounts/:id/connect',
    {
      config: { permission: 'account.write' },
      schema: { tags, summary: 'Ask the provider to call us', params: IdParams, headers: WriteHeaders, response: { 200: Connected } },
    },
    async (request) => {
      const what = await options.accountHealth.connect(accountOf(request, request.params.id))
      return { isConnected: what === null, what }
    },
  )
}
