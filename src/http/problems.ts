// Errors as answers: RFC 9457 problem documents, made in this one place from the catalogue.
// Between whatever a route throws and the client; what is not ours becomes `internal` and is logged, never shown.

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Problem } from '#schemas'
import { ConfabError, errors, type ErrorCode } from '#errors'
import type { Metrics } from '#metrics'
import type { HttpOptions } from './options.ts'

/** Fastify's own refusals in our words. */
const translated: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media_type_unsupported',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'body_malformed',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'body_malformed',
  FST_ERR_BAD_URL: 'path_unknown',
  FST_REQ_FILE_TOO_LARGE: 'body_too_large',
  FST_FILES_LIMIT: 'request_invalid',
  FST_INVALID_MULTIPART_CONTENT_TYPE: 'media_type_unsupported',
}

const problemOf = (error: ConfabError, instance: string): Problem => ({
  ...error.fields,
  type: `urn:confab:problem:${error.code}`,
  title: errors[error.code].title,
  status: error.status,
  code: error.code,
  ...(error.message === errors[error.code].title ? {} : { detail: error.message }),
  instance,
})

/** The error as one of ours; `internal` for what nobody foresaw. */
const ours = (error: unknown): ConfabError => {
  if (error instanceof ConfabError) return error
  const { code, statusCode } = error as Partial<FastifyError>
  const known = code === undefined ? undefined : translated[code]
  if (known !== undefined) return new ConfabError(known, { cause: error })
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return new ConfabError('body_malformed', { cause: error })
  return new ConfabError('internal', { cause: error })
}

const send = (reply: FastifyReply, request: FastifyRequest, error: ConfabError, metrics: Metrics): FastifyReply => {
  metrics.problems.labels(error.code).inc()
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', error.retryAfterSeconds)
  if (error.status === 401) reply.header('www-authenticate', 'Bearer realm="confab"')
  return reply
    .code(error.status)
    .header('content-type', 'application/problem+json')
    .send(JSON.stringify(problemOf(error, `urn:confab:request:${request.id}`)))
}

/** A registered path as a pattern: is the path known under another method? */
const patternOf = (url: string): RegExp =>
  new RegExp(
    `^${url
      .replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll(/:[A-Za-z]+/g, '[^/]+')
      .replaceAll('*', '.*')}/?$`,
  )

/** Every route of the instance, as it was registered. */
export type Routes = () => readonly { readonly method: string; readonly url: string }[]

export const installProblems = (app: FastifyInstance, { logger, metrics }: Pick<HttpOptions, 'logger' | 'metrics'>): Routes => {
  const paths = new Map<string, { pattern: RegExp; methods: Set<string> }>()
  app.addHook('onRoute', ({ url, method }) => {
    const path = paths.get(url) ?? { pattern: patternOf(url), methods: new Set() }
    for (const each of [method].flat()) path.methods.add(each)
    paths.set(url, path)
  })
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? ''
    const methods = [...paths.values()].filter(({ pattern }) => pattern.test(path)).flatMap((each) => [...each.methods])
    // A wildcard of static files knows every path; it is no reason to speak of methods.
    if (methods.length === 0 || methods.includes(request.method)) return send(reply, request, new ConfabError('path_unknown'), metrics)
    reply.header('allow', [...new Set(methods)].join(', '))
    return send(reply, request, new ConfabError('method_not_allowed'), metrics)
  })
  app.setErrorHandler((error: unknown, request, reply) => {
    const problem = ours(error)
    const about = { code: problem.code, requestId: request.id, method: request.method, route: request.routeOptions.url }
    if (problem.code === 'internal') logger.error({ name: 'http.failed', ...about, error: problem.cause ?? problem })
    else logger.debug({ name: 'http.problem', ...about })
    return send(reply, request, problem, metrics)
  })
  return () => [...paths].flatMap(([url, { methods }]) => [...methods].map((method) => ({ method, url })))
}
