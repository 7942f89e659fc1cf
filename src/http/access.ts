// The check before every route: nobody passes without credentials unless the route says it is public.
// Between the wire (Authorization header or session cookie) and the routes, which find `request.who`.

import '@fastify/cookie'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { may, type Permission } from '#schemas'
import { ConfabError } from '#errors'
import type { Authenticated, Authentication } from './authentication.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** No credentials asked; such routes check what they must themselves. */
    isPublic?: boolean
    /** Visitors of web chats have paths of their own; without a word a path is for agents, bots and tools. */
    isFor?: 'visitors' | 'both'
    /** What agents, bots and tools need. */
    permission?: Permission
  }
  interface FastifyRequest {
    who: Authenticated | null
  }
}

export const SESSION_COOKIE = 'confab_session'
const CSRF_HEADER = 'x-confab-csrf'
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Whether a browser says that a page of this very server asks. No Origin header = no browser, or no cross-site request. */
export const isOwnOrigin = (request: FastifyRequest, publicUrl: string): boolean => {
  const { origin, host } = request.headers
  if (origin === undefined) return request.headers['sec-fetch-site'] !== 'cross-site'
  const parsed = URL.parse(origin)
  return parsed !== null && (parsed.host === host || parsed.origin === URL.parse(publicUrl)?.origin)
}

const prove = async (request: FastifyRequest, authentication: Authentication, publicUrl: string): Promise<Authenticated> => {
  const { authorization } = request.headers
  if (authorization !== undefined) {
    const [scheme, token, ...rest] = authorization.split(' ')
    if (scheme?.toLowerCase() !== 'bearer' || token === undefined || rest.length > 0) throw new ConfabError('unauthenticated')
    return authentication.authenticate(token)
  }
  const cookie = request.cookies[SESSION_COOKIE]
  if (cookie === undefined) throw new ConfabError('unauthenticated')
  const who = authentication.session(cookie)
  if (SAFE.has(request.method)) return who
  const given = request.headers[CSRF_HEADER]
  if (!isOwnOrigin(request, publicUrl) || typeof given !== 'string' || !authentication.checkCsrf(who.source?.id ?? '', given)) {
    throw new ConfabError('csrf_refused')
  }
  return who
}

/** Who asks, on a route that is not public. */
export const whoOf = (request: FastifyRequest): Authenticated => {
  if (request.who === null) throw new ConfabError('unauthenticated')
  return request.who
}

export const installAccess = (app: FastifyInstance, authentication: Authentication, publicUrl: () => string): void => {
  app.decorateRequest('who', null)
  app.addHook('onRequest', async (request) => {
    const { isPublic, isFor, permission } = request.routeOptions.config
    if (isPublic === true || request.is404) return
    const who = await prove(request, authentication, publicUrl())
    if (who.grants.kind === 'contact') {
      if (isFor === undefined) throw new ConfabError('forbidden')
      // A visitor's token is good on the page it was made for, and in our own panel there.
      if (request.headers.origin !== who.origin && !isOwnOrigin(request, publicUrl())) throw new ConfabError('origin_refused')
    } else {
      if (isFor === 'visitors') throw new ConfabError('forbidden')
      if (permission !== undefined && !may(who.grants, permission))
        throw new ConfabError('forbidden', { detail: `It needs the permission ${permission}.` })
    }
    request.who = who
  })
}
