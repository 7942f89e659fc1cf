// Headers that every answer carries, and what is measured of it.
// Between the routes and browsers, which must be told what not to do, and Prometheus.

import type { FastifyInstance } from 'fastify'
import type { HttpOptions } from './options.ts'

const YEAR_SECONDS = 31_536_000

/** An API's answers are no pages: nothing in them may run or be framed. Pages set their own policy. */
const API_POLICY = "default-src 'none'; frame-ancestors 'none'"

export const secure = (app: FastifyInstance, { publicUrl }: Pick<HttpOptions, 'publicUrl'>): void => {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    reply.header('x-content-type-options', 'nosniff')
    reply.header('referrer-policy', 'no-referrer')
    reply.header('content-security-policy', API_POLICY)
    if (request.url.startsWith('/v1/')) reply.header('cache-control', 'no-store')
    if (publicUrl().startsWith('https:')) reply.header('strict-transport-security', `max-age=${YEAR_SECONDS}`)
    done()
  })
}

export const observe = (
  app: FastifyInstance,
  { metrics, logger, clock, onAnswered }: Pick<HttpOptions, 'metrics' | 'logger' | 'clock' | 'onAnswered'>,
): void => {
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none'
    metrics.httpSeconds.labels(request.method, route, String(reply.statusCode)).observe(reply.elapsedTime / 1000)
    // The route, never the URL: a query may hold what someone searched for.
    const by = request.who === null ? {} : { principal: request.who.grants.id }
    logger.debug({
      name: 'http.answered',
      requestId: request.id,
      method: request.method,
      route,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      ...by,
    })
    onAnswered?.({
      requestId: request.id,
      at: clock(),
      method: request.method,
      route,
      status: reply.statusCode,
      durationMs: reply.elapsedTime,
      organizationId: request.who?.grants.organizationId ?? null,
      principalId: request.who?.grants.id ?? null,
    })
    done()
  })
}
