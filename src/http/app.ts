// What routes are made with: the typed instance, and the tools that every route file is handed.
// Between the assembly in index.ts and the route files beside it.

import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest, RawServerDefault } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Accepted, WishBody, WishName, WishTarget } from '#schemas'
import { ConfabError } from '#errors'
import { whoOf } from './access.ts'
import type { Authentication } from './authentication.ts'
import type { Stand } from './consistency.ts'
import type { Cursors } from './cursors.ts'
import type { HttpOptions } from './options.ts'

export type FastifyTypebox = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>

export interface RouteTools {
  readonly options: HttpOptions
  readonly authentication: Authentication
  readonly cursors: Cursors
  readonly stand: Stand
  /** Carries out a wish whose body the route has checked, and says in the headers where it stands. */
  readonly wish: (
    request: FastifyRequest,
    reply: FastifyReply,
    what: { readonly type: WishName; readonly target: WishTarget },
  ) => Promise<Accepted>
}

/** The client's own key of a write; undefined where none came. */
export const keyOf = (request: FastifyRequest): { key: string } | Record<string, never> => {
  const key = request.headers['idempotency-key']
  if (key === undefined) return {}
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,64}$/.test(key)) throw new ConfabError('idempotency_key_invalid')
  return { key }
}

export const wishWith =
  ({ wishes }: Pick<HttpOptions, 'wishes'>): RouteTools['wish'] =>
  async (request, reply, { type, target }) => {
    const { accepted, position } = await wishes.execute(whoOf(request).grants, {
      type,
      target,
      body: request.body as WishBody,
      ...keyOf(request),
    })
    reply.header('confab-position', position)
    return accepted
  }
