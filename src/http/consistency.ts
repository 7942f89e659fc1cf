// Read your own writes: Confab-Position says where an answer stands, Confab-Min-Position where a read must at least stand.
// Between clients, who carry sealed places about, and the views, which may be a moment behind the log.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ConfabError } from '#errors'
import { PARTITIONS } from '#topics'
import type { AsOf, Label } from '#views'
import { whoOf } from './access.ts'
import type { HttpOptions } from './options.ts'

/** How long a read waits for the place it names; then it answers with `Confab-Stale: true`. */
const WAIT_MS = 2_000
const POSITION_MAX = 4_096

/** The headers of a read that stands at `asOf`. */
export type Stand = (request: FastifyRequest, reply: FastifyReply, read: { readonly asOf: AsOf } & Label) => void

/** Installs the wait before every read and answers how to say where one stands. */
export const installConsistency = (
  app: FastifyInstance,
  { positions, views, staleMs }: Pick<HttpOptions, 'positions' | 'views' | 'staleMs'>,
): Stand => {
  app.addHook('preHandler', async (request, reply) => {
    if (request.method !== 'GET' || request.who === null) return
    const age = staleMs()
    // The log is away: what the views hold is served, and how old it may be is said.
    if (age !== null) reply.header('confab-stale', 'true').header('confab-stale-seconds', String(Math.ceil(age / 1000)))
    const wanted = request.headers['confab-min-position']
    if (wanted === undefined) return
    if (typeof wanted !== 'string' || wanted.length > POSITION_MAX) throw new ConfabError('position_invalid')
    const places = positions.open(wanted, request.who.grants)
    // Nothing comes while the log is away.
    if (!(await views.waitFor(places, age === null ? WAIT_MS : 0))) reply.header('confab-stale', 'true')
  })
  return (request, reply, { asOf, missing, isStale }) => {
    reply.header('confab-position', positions.seal(asOf, whoOf(request).grants))
    if (missing !== undefined) reply.header('confab-partial', `${missing} of ${PARTITIONS} partitions missing`)
    if (isStale === true) reply.header('confab-stale', 'true')
  }
}
