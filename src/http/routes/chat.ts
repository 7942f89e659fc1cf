// The web chat's own paths: a session for a visitor, their messages, their uploads. Everything live goes over the socket.
// Between the widget on someone's page and the conversation that its visitor has.

import { Accepted, ChatSession, ChatSessionBody, Message, PageOf, wishBodies, WriteHeaders } from '#schemas'
import { ConfabError } from '#errors'
import { Type } from 'typebox'
import { whoOf } from '../access.ts'
import type { FastifyTypebox, RouteTools } from '../app.ts'
import { Attempts } from '../attempts.ts'
import { admits, isOwnPage, pageOf, visitorOf } from '../visitors.ts'

const tags = ['web chat']
/** New sessions from one address a minute. */
const SESSIONS_MAX = 60
const MINUTE_MS = 60_000
const Older = Type.Object(
  { before: Type.Optional(Type.String({ format: 'uuid' })), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })) },
  { additionalProperties: false },
)
const AccountParams = Type.Object({ accountId: Type.String({ format: 'uuid' }) })

const installSession = (app: FastifyTypebox, { options, authentication }: RouteTools): void => {
  const { settings, intake, publicUrl } = options
  const attempts = new Attempts(options.clock, MINUTE_MS)
  const schema = {
    tags,
    summary: 'Begin or resume as a visitor',
    security: [],
    params: AccountParams,
    body: ChatSessionBody,
    response: { 200: ChatSession },
  }
  app.post('/v1/chat/:accountId/session', { config: { isPublic: true }, schema }, async (request) => {
    attempts.take(request.ip, SESSIONS_MAX)
    const account = settings.account(request.params.accountId)
    if (account === undefined || account.channel !== 'web' || !account.isActive) throw new ConfabError('not_found')
    const page = pageOf(request, request.body.origin, publicUrl())
    const isOwn = isOwnPage(request, page, publicUrl())
    if (!isOwn && !admits(account, page)) throw new ConfabError('origin_refused')
    const { visitorId, resumeSecret } = visitorOf(options, account.id, request.body.resumeSecret)
    const idKey = settings.idKey(account.organizationId)
    const contactId = intake.contactIdOf(idKey, account.id, visitorId)
    const conversationId = intake.conversationIdOf(idKey, account.id, { userId: visitorId, threadId: null })
    const { token, expiresAt } = await authentication.visitorToken({
      organizationId: account.organizationId,
      accountId: account.id,
      contactId,
      conversationId,
      visitorId,
      origin: page,
      isOwnPage: isOwn,
    })
    return {
      token,
      expiresAt: new Date(expiresAt).toISOString(),
      contactId,
      conversationId,
      resumeSecret,
      account: { id: account.id, name: account.name, options: { ...account.options } },
    }
  })
}

export const chatRoutes = (app: FastifyTypebox, tools: RouteTools): void => {
  const { options, wish, stand } = tools
  installSession(app, tools)
  const config = { isFor: 'visitors' } as const
  app.get(
    '/v1/chat/messages',
    {
      config,
      schema: { tags, summary: 'Older messages, as the visitor sees them', querystring: Older, response: { 200: PageOf(Message) } },
    },
    async (request, reply) => {
      const { grants } = whoOf(request)
      const page = await options.views.messages({ grants }, grants.conversationId ?? '', { ...request.query, asContact: true })
      stand(request, reply, page)
      return { items: [...page.items], next: page.next === null ? null : (page.items[0]?.id ?? null) }
    },
  )
  const schema = {
    tags,
    summary: 'Send, where no socket can',
    headers: WriteHeaders,
    body: wishBodies['message.receive'],
    response: { 201: Accepted },
  }
  app.post('/v1/chat/messages', { config, schema }, (request, reply) =>
    wish(request, reply.code(201), { type: 'message.receive', target: {} }),
  )
}
