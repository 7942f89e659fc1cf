// Whether the process lives, whether it may be given work, and its figures.
// Between orchestrators and Prometheus, who ask without credentials, and the parts that know.

import type { FastifyRequest } from 'fastify'
import { createHash, timingSafeEqual } from 'node:crypto'
import { Type } from 'typebox'
import { ConfabError } from '#errors'
import type { FastifyTypebox } from '../app.ts'
import type { HttpOptions } from '../options.ts'

const LOOPBACK = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1'])
const Ready = Type.Object({
  status: Type.Enum(['ready', 'unready']),
  checks: Type.Record(Type.String(), Type.Boolean()),
  reasons: Type.Array(Type.String(), { description: 'What is not ready, in words.' }),
})

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** With a token: who has it. Without: this machine alone, and not on behalf of someone behind a proxy. */
const mayRead = (request: FastifyRequest, token: string): boolean => {
  if (token === '')
    return LOOPBACK.has(request.ip) && request.headers['x-forwarded-for'] === undefined && request.headers.forwarded === undefined
  return timingSafeEqual(digest(request.headers.authorization ?? ''), digest(`Bearer ${token}`))
}

export const healthRoutes = (
  app: FastifyTypebox,
  { readiness, metrics, config }: Pick<HttpOptions, 'readiness' | 'metrics' | 'config'>,
): void => {
  const isPublic = { isPublic: true }
  const tags = ['itself']
  app.get(
    '/healthz',
    {
      config: isPublic,
      schema: { tags, summary: 'The process lives', security: [], response: { 200: Type.Object({ status: Type.Literal('ok') }) } },
    },
    () => ({
      status: 'ok' as const,
    }),
  )
  app.get(
    '/readyz',
    { config: isPublic, schema: { tags, summary: 'It may be given work', security: [], response: { 200: Ready, 503: Ready } } },
    async (_request, reply) => {
      const { isReady, checks, reasons } = await readiness()
      reply.code(isReady ? 200 : 503)
      return { status: isReady ? ('ready' as const) : ('unready' as const), checks: { ...checks }, reasons: [...reasons] }
    },
  )
  app.get(
    '/metrics',
    { config: isPublic, schema: { tags, summary: 'Figures for Prometheus', security: [], response: { 200: Type.String() } } },
    async (request, reply) => {
      if (!mayRead(request, config.metricsToken))
        throw new ConfabError('forbidden', { detail: 'Set CONFAB_METRICS_TOKEN and send it as a bearer token.' })
      const text = await metrics.text()
      return reply.header('content-type', metrics.contentType).send(text)
    },
  )
}
