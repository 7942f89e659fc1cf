// The contract as documents: OpenAPI from the schemas of the routes, readable at /docs; AsyncAPI of the socket.
// Between those who build clients and the schemas, which validate by the same words.

import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest, type RouteOptions } from 'fastify'
import { Problem } from '#schemas'
import { ConfabError } from '#errors'
import type { FastifyTypebox } from '../app.ts'
import type { HttpOptions } from '../options.ts'

const DESCRIPTION = `Customers write from web chat, SMS and WhatsApp; agents, bots and CRMs answer here.

- **Who asks**: \`Authorization: Bearer <token>\`. Tokens are made in the inbox's settings, by \`POST /v1/tokens\` or by \`npx confab token create\`; the owner's lies in \`admin-token\` in the data directory. Browsers use the session cookie, and repeat its \`csrf\` in \`X-Confab-Csrf\` with every change.
- **Writes** take an \`Idempotency-Key\`: the same key and body give the first answer again. They answer \`Confab-Position\`.
- **Reads** with that position in \`Confab-Min-Position\` wait for it, up to 2 s, or say \`Confab-Stale: true\`.
- **Refusals** are problem documents (RFC 9457) with a \`code\`.
- **Lists** are \`{items, next}\`; \`next\` goes back in as \`cursor\`, and is null at the end.

Live events: the socket \`/v1/socket\`, Socket.IO under \`/v1/socket.io\` and server-sent events at \`/v1/stream\`, described by [asyncapi.json](/asyncapi.json).`

/** In the order in which the viewer shows them. */
const tags = [
  { name: 'conversations', description: 'Threads with contacts, their messages and their audit' },
  { name: 'search', description: 'Full text' },
  { name: 'contacts', description: 'The people who write' },
  { name: 'attachments', description: 'Files, uploaded before they are sent' },
  { name: 'accounts', description: 'Presences on channels: a number, a web chat' },
  { name: 'agents', description: 'The people who answer' },
  { name: 'labels', description: 'What conversations and contacts are marked with' },
  { name: 'tokens', description: 'Credentials of programs' },
  { name: 'live', description: 'Events as they happen' },
  { name: 'sign-in', description: 'Sessions of people, and who I am' },
  { name: 'web chat', description: 'For the widget, by a visitor’s own token' },
  { name: 'audit', description: 'Who did what and when, over the whole organization' },
  { name: 'dead-letters', description: 'What could not be processed' },
  { name: 'ingest', description: 'Where providers send webhooks, signed by them' },
  { name: 'itself', description: 'Health and figures' },
]

const minPosition = {
  in: 'header',
  name: 'confab-min-position',
  required: false,
  schema: { type: 'string' },
  description: 'A Confab-Position: the answer waits until it has seen it, or carries Confab-Stale: true.',
} as const
/** Reads that are folded from the log, and so can be behind it. */
const FOLDED = /^\/v1\/(conversations|contacts|search|counts)/

const refusal = { description: 'A problem (RFC 9457), by its code.', content: { 'application/problem+json': { schema: Problem } } }

/** What generated clients call it: `post /v1/conversations/{id}/claim` is postConversationsByIdClaim. */
const operationIdOf = (method: string, url: string): string =>
  method +
  url
    .replace(/^\/v1/, '')
    .replaceAll(/\{(\w)/g, '/by/$1')
    .replaceAll(/[^a-zA-Z]+([a-zA-Z])/g, (_text, first: string) => first.toUpperCase())
    .replaceAll(/[^a-zA-Z]/g, '')

export interface Documents {
  open(): Promise<FastifyInstance>
}

const documentOptions: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: { title: 'Confab', version: '1', description: DESCRIPTION, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API token, or a visitor’s own for the paths of the web chat.' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'confab_session',
          description: 'Of POST /v1/sessions; changes need X-Confab-Csrf.',
        },
      },
    },
    tags,
    security: [{ bearer: [] }, { session: [] }],
  },
  transformObject: (document) => {
    if (!('openapiObject' in document)) return {}
    const { openapiObject } = document
    for (const [url, path] of Object.entries(openapiObject.paths ?? {})) {
      for (const [method, operation] of Object.entries(path ?? {})) {
        if (typeof operation !== 'object' || !('responses' in operation)) continue
        // A copy each: methods of one route share their object.
        Object.assign(path as object, {
          [method]: {
            ...operation,
            operationId: operationIdOf(method, url),
            responses: { ...operation.responses, default: refusal },
            ...(method === 'get' && FOLDED.test(url) ? { parameters: [...(operation.parameters ?? []), minPosition] } : {}),
          },
        })
      }
    }
    return openapiObject
  },
}

/** Notes the routes as they are made. Before the routes. */
export const collectDocuments = (app: FastifyInstance): Documents => {
  const routes: RouteOptions[] = []
  app.addHook('onRoute', (route) => {
    if (route.schema?.hide !== true && route.method !== 'HEAD') routes.push(route)
  })
  let opened: Promise<FastifyInstance> | undefined
  return { open: () => (opened ??= openDocuments(routes)) }
}

/** A server of the document and its viewer, made when somebody first asks: a start is quicker without them. */
const openDocuments = async (routes: readonly RouteOptions[]): Promise<FastifyInstance> => {
  const [{ default: swagger }, { default: swaggerUi }] = await Promise.all([import('@fastify/swagger'), import('@fastify/swagger-ui')])
  const app = fastify({ logger: false, routerOptions: { caseSensitive: true } })
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => (value) => JSON.stringify(value))
  await app.register(swagger, documentOptions)
  await app.register((scope) => {
    for (const { method, url, schema = {} } of routes) scope.route({ method, url, schema, handler: () => null })
  })
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    // The viewer styles its own elements; scripts stay those of its files.
    transformStaticCSP: (header) => header.replace("style-src 'self' https:", "style-src 'self' https: 'unsafe-inline'"),
    theme: { title: 'Confab API', css: [{ filename: 'confab.css', content: '.swagger-ui .topbar { display: none }' }] },
    uiConfig: { docExpansion: 'none', deepLinking: true, persistAuthorization: true, filter: true },
  })
  await app.ready()
  return app
}

/** After the routes. The pages of the viewer are static and hold nothing but the document. */
export const documentRoutes = (app: FastifyTypebox, { asyncApi }: Pick<HttpOptions, 'asyncApi'>, documents: Documents): void => {
  const route = { config: { isPublic: true }, schema: { hide: true } }
  const pass = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const answer = await (await documents.open()).inject({ method: 'GET', url: request.url })
    if (answer.statusCode === 404) throw new ConfabError('path_unknown')
    return reply.code(answer.statusCode).headers(answer.headers).send(answer.rawPayload)
  }
  app.get('/openapi.json', route, (request, reply) => pass(request, reply.header('access-control-allow-origin', '*')))
  for (const path of ['/docs', '/docs/*']) app.get(path, route, pass)
  app.get('/asyncapi.json', route, (_request, reply) => reply.header('access-control-allow-origin', '*').send(asyncApi()))
}
