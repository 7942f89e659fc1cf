// `/schemas`: what a program that reads our topics asks a schema registry for, in Confluent's words and error codes.
// Between foreign Avro readers (`schema.registry.url=http://host/schemas`) and the registry; nobody registers from outside.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { canonicalSchema, incompatibilities } from '#schemas/log'
import { ConfabError } from '#errors'
import type { SchemaVersion } from '#registry'
import type { RouteTools } from '../app.ts'

const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json'
const LEVEL = 'FULL_TRANSITIVE'
/** Confluent's range of versions ends here. */
const VERSION_MAX = 2 ** 31 - 1

/** Confluent's answer to what it refuses; the first three digits of its code are the HTTP status. */
class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }

  get status(): number {
    return Number(String(this.code).slice(0, 3))
  }
}

const noSubject = (subject: string): Refusal => new Refusal(40401, `Subject '${subject}' not found.`)
const readOnly = (): Refusal =>
  new Refusal(42205, 'Schemas are registered by Confab itself when it starts, and by nobody else; this registry is read-only.')

interface SubjectParams {
  readonly subject: string
}
interface VersionParams extends SubjectParams {
  readonly version: string
}

type Registry = RouteTools['options']['registry']

const versionsOf = (registry: Registry, subject: string): readonly SchemaVersion[] => {
  const versions = registry.versions(subject)
  if (versions.length === 0) throw noSubject(subject)
  return versions
}

const versionAt = (registry: Registry, { subject, version }: VersionParams): SchemaVersion => {
  const versions = versionsOf(registry, subject)
  const wanted = version === 'latest' || version === '-1' ? versions.at(-1)?.version : Number(version)
  if (wanted === undefined || !Number.isInteger(wanted) || wanted < 1 || wanted > VERSION_MAX)
    throw new Refusal(42202, `The specified version '${version}' is not a valid version id. Allowed values are 1 and up, and "latest".`)
  const found = versions.find((each) => each.version === wanted)
  if (found === undefined) throw new Refusal(40402, `Version ${wanted} not found.`)
  return found
}

const withId = (registry: Registry, id: string): readonly SchemaVersion[] => {
  const found = /^\d{1,10}$/.test(id) ? registry.withId(Number(id)) : []
  if (found.length === 0) throw new Refusal(40403, `Schema ${id} not found`)
  return found
}

/** The schema in a body, in one spelling. Throws 42201 for what is none. */
const schemaIn = (body: unknown): string => {
  const { schema, schemaType = 'AVRO' } = (body ?? {}) as { readonly schema?: unknown; readonly schemaType?: unknown }
  if (schemaType !== 'AVRO' || typeof schema !== 'string') throw new Refusal(42201, 'The body holds no Avro schema in `schema`.')
  try {
    canonicalSchema(schema)
    return schema
  } catch (cause) {
    throw new Refusal(42201, `Invalid Avro schema: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

const findIn = (versions: readonly SchemaVersion[], schema: string): SchemaVersion | undefined => {
  const wanted = canonicalSchema(schema)
  return versions.findLast((each) => canonicalSchema(each.schema) === wanted)
}

const refusalOf = (error: unknown): Refusal => {
  if (error instanceof Refusal) return error
  if (error instanceof ConfabError && error.status < 500) return new Refusal(error.status * 100 + 1, error.message)
  const { statusCode = 500 } = error as { readonly statusCode?: number }
  return statusCode >= 500 ? new Refusal(50001, 'Error in the backend data store') : new Refusal(42201, 'The body cannot be read.')
}

const send = (reply: FastifyReply, error: Refusal): FastifyReply => {
  if (error.status === 401) reply.header('www-authenticate', 'Bearer realm="confab", Basic realm="confab"')
  return reply
    .code(error.status)
    .type(CONTENT_TYPE)
    .send(JSON.stringify({ error_code: error.code, message: error.message }))
}

/** A bearer token, or a token as the password of basic authentication, which is all that many clients can send. */
const tokenIn = ({ headers: { authorization = '' } }: FastifyRequest): string => {
  const [scheme = '', given = ''] = authorization.split(' ')
  if (scheme.toLowerCase() !== 'basic') return scheme.toLowerCase() === 'bearer' ? given : ''
  const pair = Buffer.from(given, 'base64').toString('utf8')
  return pair.slice(pair.indexOf(':') + 1)
}

const guard =
  ({ options, authentication }: Pick<RouteTools, 'options' | 'authentication'>) =>
  async (request: FastifyRequest): Promise<void> => {
    if (options.config.schemasAccess === 'open') return
    const token = tokenIn(request)
    if (token === '') throw new Refusal(40101, "Send an owner's token, as bearer token or as the password of basic authentication.")
    const { grants } = await authentication.authenticate(token)
    if (grants.role !== 'owner') throw new Refusal(40301, 'Only an owner may read schemas here.')
  }

const readRoutes = (app: FastifyInstance, registry: Registry): void => {
  const config = { isPublic: true }
  const route = { config, schema: { hide: true } }
  app.get('/subjects', route, () => registry.subjects())
  app.get<{ Params: SubjectParams }>('/subjects/:subject/versions', route, ({ params }) =>
    versionsOf(registry, params.subject).map(({ version }) => version),
  )
  app.get<{ Params: VersionParams }>('/subjects/:subject/versions/:version', route, ({ params }) => versionAt(registry, params))
  app.get<{ Params: VersionParams }>('/subjects/:subject/versions/:version/schema', route, ({ params }, reply) =>
    reply.send(versionAt(registry, params).schema),
  )
  app.get<{ Params: { id: string } }>('/schemas/ids/:id', route, ({ params }) => ({ schema: withId(registry, params.id)[0]?.schema }))
  app.get<{ Params: { id: string } }>('/schemas/ids/:id/schema', route, ({ params }, reply) =>
    reply.send(withId(registry, params.id)[0]?.schema),
  )
  app.get<{ Params: { id: string } }>('/schemas/ids/:id/subjects', route, ({ params }) => [
    ...new Set(withId(registry, params.id).map(({ subject }) => subject)),
  ])
  app.get<{ Params: { id: string } }>('/schemas/ids/:id/versions', route, ({ params }) =>
    withId(registry, params.id).map(({ subject, version }) => ({ subject, version })),
  )
  app.get('/schemas/types', route, () => ['AVRO'])
  app.get('/mode', route, () => ({ mode: 'READONLY' }))
  app.get('/config', route, () => ({ compatibilityLevel: LEVEL }))
  app.get<{ Params: SubjectParams }>('/config/:subject', route, ({ params }) => {
    versionsOf(registry, params.subject)
    return { compatibilityLevel: LEVEL }
  })
}

const askRoutes = (app: FastifyInstance, registry: Registry): void => {
  const route = { config: { isPublic: true }, schema: { hide: true } }
  app.post<{ Params: SubjectParams }>('/subjects/:subject', route, ({ params, body }, reply) => {
    const found = findIn(versionsOf(registry, params.subject), schemaIn(body))
    if (found === undefined) throw new Refusal(40403, 'Schema not found')
    return reply.code(200).send(found)
  })
  // A serializer that registers what it writes is told the id of what is registered already, and nothing more.
  app.post<{ Params: SubjectParams }>('/subjects/:subject/versions', route, ({ params, body }, reply) => {
    const found = findIn(registry.versions(params.subject), schemaIn(body))
    if (found === undefined) throw readOnly()
    return reply.code(200).send({ id: found.id })
  })
  app.post<{ Params: VersionParams; Querystring: { readonly verbose?: string } }>(
    '/compatibility/subjects/:subject/versions/:version',
    route,
    ({ params, body, query }, reply) => {
      const messages = incompatibilities(versionAt(registry, params).schema, schemaIn(body))
      return reply.code(200).send({ is_compatible: messages.length === 0, ...(query.verbose === 'true' ? { messages } : {}) })
    },
  )
}

const refusedRoutes = (app: FastifyInstance): void => {
  const route = { config: { isPublic: true }, schema: { hide: true } }
  const refuse = (): never => {
    throw readOnly()
  }
  for (const path of ['/config', '/config/:subject', '/mode', '/mode/:subject']) {
    app.put(path, route, refuse)
    app.delete(path, route, refuse)
  }
  for (const path of ['/subjects/:subject', '/subjects/:subject/versions/:version']) app.delete(path, route, refuse)
}

/** Registered under the prefix `/schemas`; the paths below it are Confluent's, so ids are found at `/schemas/schemas/ids/{id}`. */
export const schemaRoutes = (app: FastifyInstance, tools: Pick<RouteTools, 'options' | 'authentication'>): void => {
  app.addContentTypeParser([CONTENT_TYPE, 'application/octet-stream'], { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, body === '' ? null : JSON.parse(String(body)))
    } catch {
      done(new Refusal(42201, 'The body is no JSON.'))
    }
  })
  app.setErrorHandler((error: unknown, _request, reply) => send(reply, refusalOf(error)))
  app.addHook('onRequest', guard(tools))
  app.addHook('onSend', (_request, reply, _payload, done) => {
    reply.type(CONTENT_TYPE)
    done()
  })
  const { registry } = tools.options
  readRoutes(app, registry)
  askRoutes(app, registry)
  refusedRoutes(app)
}
