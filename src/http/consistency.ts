// Read your own writes: Confab-Position says where an answer stands, Confab-Min-Position where a read must at least stand.
// Between clients, who carry sealed places about, and the views, which may be a moment behind the log.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ConfabError } from '#errors'
import type { AsOf } from '#views'
import { whoOf } from './access.ts'
import type { HttpOptions } from './options.ts'

/** How long a read waits for the place it names; then it answers with `Confab-Stale: true`. */
const WAIT_MS = 2_000
const POSITION_MAX = 4_096

/** The headers of a read that stands at `asOf`. */
export type Stand = (request: FastifyRequest, reply: FastifyReply, asOf: AsOf) => void

/** Installs the wait before every read and answers how to say where one stands. */
export const installConsistency = (app: FastifyInstance, { positions, views }: Pick<HttpOptions, 'positions' | 'views'>): Stand => {
  app.addHook('preHandler', async (request, reply) => {
    const wanted = request.headers['confab-min-position']
    if (wanted === undefined || request.method !== 'GET' || request.who === null) return
    if (typeof wanted !== 'string' || wanted.length > POSITION_MAX) throw new ConfabError('position_invalid')
    const places = positions.open(wanted, request.who.grants)
    if (!(await views.waitFor(places, WAIT_MS))) reply.header('confab-stale', 'true')
  })
  return (request, reply, asOf) => void reply.header('confab-position', positions.seal(asOf, whoOf(request).grants))
}
