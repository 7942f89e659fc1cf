// One-time links that sign an agent in, for those without a password and for the first sign-in on a new machine.
// Between owners and admins, who hand them out, and the session settings; only the hash of a link's code goes into the log.

import { agentRoles, IdParams, SignInLink, type AgentRole } from '#schemas'
import { derivePlain } from '#schemas/log'
import { ConfabError } from '#errors'
import { hashToken } from '#secrets'
import { whoOf } from '../access.ts'
import type { FastifyTypebox, RouteTools } from '../app.ts'

const LINK_MS = 24 * 3_600_000

const rankOf = (role: string): number => agentRoles.indexOf(role as AgentRole)

export const signInLinkRoutes = (app: FastifyTypebox, { options }: RouteTools): void => {
  app.post(
    '/v1/agents/:id/sign-in-link',
    {
      config: { permission: 'agent.write' },
      schema: { tags: ['sign-in'], summary: 'A one-time sign-in link, for 24 hours', params: IdParams, response: { 201: SignInLink } },
    },
    async (request, reply) => {
      const { grants } = whoOf(request)
      const agent = options.settings.agent(request.params.id)
      if (agent === undefined || agent.organizationId !== grants.organizationId || !agent.isActive) throw new ConfabError('not_found')
      // A link is as good as its agent: nobody makes one that may more than they, or sees more.
      if (grants.accountIds !== null || rankOf(agent.role) < rankOf(grants.role))
        throw new ConfabError('forbidden', { detail: `The role ${agent.role} is above your own.` })
      const code = options.random(24).toString('base64url')
      const hash = hashToken(code)
      const expiresAt = options.clock() + LINK_MS
      const write = { kind: 'session', action: 'create', id: derivePlain('setting', ['link', hash]), expectedRev: null } as const
      const fields = { kind: 'link', agentId: agent.id, hash, expiresAt }
      await options.settingWishes.put({ kind: grants.kind, id: grants.id }, grants.organizationId, write, fields)
      options.logger.info({ name: 'sign-in-link.made', agentId: agent.id, byId: grants.id })
      reply.code(201)
      return { url: `${options.publicUrl()}/inbox/#code=${code}`, expiresAt: new Date(expiresAt).toISOString() }
    },
  )
}
