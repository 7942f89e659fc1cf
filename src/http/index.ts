// The HTTP door: provider ingest, the API, sign-in, health, the pages of the web apps.
// Between the network and the log, views and settings; assembles the routes and nothing more.

import cookie from '@fastify/cookie'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { fastify, type FastifyInstance } from 'fastify'
import type { Server } from 'node:http'
import { ConfabError } from '#errors'
import { installAccess } from './access.ts'
import { installAsOf } from './as-of.ts'
import { wishWith, type FastifyTypebox, type RouteTools } from './app.ts'
import { openAuthentication, type Authentication } from './authentication.ts'
import { auditRoutes } from './routes/audit.ts'
import { contactRoutes } from './routes/contacts.ts'
import { conversationReadRoutes } from './routes/conversation-reads.ts'
import { conversationRoutes } from './routes/conversations.ts'
import { installConsistency } from './consistency.ts'
import { openCursors } from './cursors.ts'
import { attachmentRoutes } from './routes/attachments.ts'
import { chatRoutes } from './routes/chat.ts'
import { collectDocuments, documentRoutes, type Documents } from './routes/documents.ts'
import { deadLetterRoutes } from './routes/dead-letters.ts'
import { healthRoutes } from './routes/health.ts'
import { socketIoRoutes, streamRoute } from './routes/live.ts'
import { ingestRoutes } from './ingest.ts'
import { observe, secure } from './observation.ts'
import type { HttpOptions } from './options.ts'
import { installProblems, type Routes } from './problems.ts'
import { nodeCallRoutes } from './routes/node-calls.ts'
import { pageRoutes } from './routes/pages.ts'
import { schemaRoutes } from './routes/schemas.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { installCors } from './visitors.ts'
import { accountHealthRoutes } from './routes/account-health.ts'
import { settingRoutes } from './routes/settings.ts'
import { signInLinkRoutes } from './routes/sign-in-links.ts'
import { installValidation } from './validation.ts'

export { partyOf } from './attempts.ts'
export type { HttpOptions, Files, Intake, Links, Positions, Readiness, StoredFile } from './options.ts'
export type { Authenticated, Authentication, Visitor } from './authentication.ts'

export interface Http {
  /** For the gateway, which takes `/v1/socket` and `/v1/socket.io` from its `upgrade` event. */
  readonly server: Server
  readonly app: FastifyInstance
  readonly routes: Routes
  readonly authenticate: Authentication['authenticate']
  /** Resolves with the port. Throws `port_in_use`. */
  listen(): Promise<number>
  /** Refuses new connections, lets requests end. */
  close(): Promise<void>
}

/** Largest JSON body of the API. */
const BODY_BYTES_MAX = 1_048_576
/** Idle keep-alive: longer than a load balancer's, so that it closes first. */
const KEEP_ALIVE_MS = 75_000
/** How long a stop lets requests end before it cuts them off. */
const DRAIN_MS = 5_000
/** A request that has not come whole by then is given up. */
const REQUEST_MS = 120_000

export const openHttp = async (options: HttpOptions): Promise<Http> => {
  const prefix = options.random(4).toString('hex')
  let requests = 0
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    genReqId: () => `${prefix}-${(requests++).toString(36)}`,
    requestIdHeader: false,
    trustProxy: options.config.trustedProxies.length > 0 ? [...options.config.trustedProxies] : false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: REQUEST_MS,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 256, caseSensitive: true },
  }).withTypeProvider<TypeBoxTypeProvider>()
  const authentication = openAuthentication(options)
  const routes = installProblems(app, options)
  const documents = collectDocuments(app)
  const { duties } = options.config
  if (duties.has('ingest')) await app.register(ingestRoutes(options))
  const { nodeDoor } = options
  if (nodeDoor !== undefined) await app.register((scope: FastifyInstance) => Promise.resolve(nodeCallRoutes(scope, nodeDoor)))
  const rest = duties.has('gateway') ? apiRoutes : itselfRoutes
  await app.register((scope: FastifyInstance) =>
    rest(scope.withTypeProvider<TypeBoxTypeProvider>(), options, { authentication, documents }),
  )
  await app.ready()
  return {
    server: app.server,
    app,
    routes,
    authenticate: (text) => authentication.authenticate(text),
    listen: () => listen(app, options),
    async close() {
      const timer = setTimeout(() => app.server.closeAllConnections(), DRAIN_MS)
      await app.close().finally(() => clearTimeout(timer))
    },
  }
}

/** A node without the gateway's duty tells how it is, and nothing else. */
const itselfRoutes = (app: FastifyTypebox, options: HttpOptions): void => {
  secure(app, options)
  observe(app, options)
  healthRoutes(app, options)
}

interface Parts {
  readonly authentication: Authentication
  readonly documents: Documents
}

const apiRoutes = async (app: FastifyTypebox, options: HttpOptions, { authentication, documents }: Parts): Promise<void> => {
  await app.register(cookie)
  installValidation(app)
  secure(app, options)
  observe(app, options)
  installCors(app, options)
  installAccess(app, authentication, options.publicUrl)
  installAsOf(app)
  const stand = installConsistency(app, options)
  const tools: RouteTools = { options, authentication, cursors: openCursors(options.secrets), stand, wish: wishWith(options) }
  healthRoutes(app, options)
  conversationReadRoutes(app, tools)
  conversationRoutes(app, tools)
  contactRoutes(app, tools)
  auditRoutes(app, tools)
  settingRoutes(app, tools)
  accountHealthRoutes(app, tools)
  sessionRoutes(app, tools)
  signInLinkRoutes(app, tools)
  deadLetterRoutes(app, tools)
  chatRoutes(app, tools)
  streamRoute(app, tools)
  await app.register(async (scope: FastifyInstance) => socketIoRoutes(scope.withTypeProvider<TypeBoxTypeProvider>(), tools))
  await app.register((scope: FastifyInstance) => attachmentRoutes(scope.withTypeProvider<TypeBoxTypeProvider>(), tools))
  await app.register((scope: FastifyInstance) => schemaRoutes(scope, tools), { prefix: '/schemas' })
  documentRoutes(app, options, documents)
  await pageRoutes(app, options)
}

const listen = async (app: FastifyInstance, { config }: HttpOptions): Promise<number> => {
  try {
    await app.listen({ port: config.port, host: config.host })
  } catch (cause) {
    const { code, syscall, message } = cause as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') throw new ConfabError('port_in_use', { detail: `CONFAB_PORT is ${config.port}.`, cause })
    if (syscall === undefined) throw cause
    throw new ConfabError('address_unusable', {
      detail: `CONFAB_HOST is ${config.host}, CONFAB_PORT is ${config.port}: ${message}.`,
      cause,
    })
  }
  const address = app.server.address()
  return typeof address === 'object' && address !== null ? address.port : config.port
}
