// The contract as documents: OpenAPI from the schemas of the routes, readable at /docs; AsyncAPI of the socket.
// Between those who build clients and the schemas, which validate by the same words.

import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { Problem } from '#schemas'
import type { FastifyTypebox } from '../app.ts'
import type { HttpOptions } from '../options.ts'

const DESCRIPTION = `Customers write from web chat, SMS and WhatsApp; agents, bots and CRMs answer here.

- Every write takes an \`Idempotency-Key\`: the same key and body give the first answer again.
- Every write answers \`Confab-Position\`; a read with \`Confab-Min-Position\` waits for it, or says \`Confab-Stale: true\`.
- Every refusal is a problem document (RFC 9457) with a \`code\`.
- Lists are \`{items, next}\`; \`next\` goes back in as \`cursor\`.`

const refusal = { description: 'A problem (RFC 9457), by its code.', content: { 'application/problem+json': { schema: Problem } } }

/** Before the routes, whose schemas it collects. */
export const collectDocuments = async (app: FastifyInstance): Promise<void> => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Confab', version: '1', description: DESCRIPTION, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      components: {
        securitySchemes: { bearer: { type: 'http', scheme: 'bearer' }, session: { type: 'apiKey', in: 'cookie', name: 'confab_session' } },
      },
      security: [{ bearer: [] }, { session: [] }],
    },
    transformObject: (document) => {
      if (!('openapiObject' in document)) return {}
      const { openapiObject } = document
      for (const path of Object.values(openapiObject.paths ?? {})) {
        for (const operation of Object.values(path ?? {})) {
          if (typeof operation === 'object' && 'responses' in operation) operation.responses = { ...operation.responses, default: refusal }
        }
      }
      return openapiObject
    },
  })
}

/** After the routes. */
export const documentRoutes = async (app: FastifyTypebox, { asyncApi }: Pick<HttpOptions, 'asyncApi'>): Promise<void> => {
  const isPublic = { isPublic: true }
  const schema = { hide: true }
  app.get('/openapi.json', { config: isPublic, schema }, (_request, reply) =>
    reply.header('access-control-allow-origin', '*').send(app.swagger()),
  )
  app.get('/asyncapi.json', { config: isPublic, schema }, (_request, reply) =>
    reply.header('access-control-allow-origin', '*').send(asyncApi()),
  )
  await app.register(async (scope) => {
    // The pages of the viewer are static and hold nothing but the document.
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, isPublic: true }
    })
    await scope.register(swaggerUi, { routePrefix: '/docs', staticCSP: true, uiConfig: { docExpansion: 'list', deepLinking: true } })
  })
}
