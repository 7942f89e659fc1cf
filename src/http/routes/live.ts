// Requests that do not end at once: the stream of server-sent events, and Socket.IO's polling.
// Between HTTP, which knows who asks, and the gateway, which answers for as long as someone listens.

import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { whoOf } from '../access.ts'
import type { FastifyTypebox, RouteTools } from '../app.ts'

const Query = Type.Object(
  {
    scope: Type.Optional(
      Type.String({
        pattern: '^(all|(account|team|assignee|conversation|contact):[\\w-]{1,64})$',
        description: 'all (as without it), account:ID, assignee:ID, assignee:me, assignee:none, conversation:ID or contact:ID.',
      }),
    ),
    types: Type.Optional(
      Type.String({
        maxLength: 4_096,
        pattern: '^[\\w.]+(,[\\w.]+)*$',
        description: 'Event types, such as message.received,note.added; without it all.',
      }),
    ),
    from: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 8_192,
        description:
          'latest, earliest, a time, or the id of an event of an earlier stream; without it a snapshot comes first. Last-Event-ID goes before it.',
      }),
    ),
  },
  { additionalProperties: false },
)
const Headers = Type.Object({
  'last-event-id': Type.Optional(
    Type.String({ maxLength: 8_192, description: 'The id of the last event that was received: the stream goes on after it.' }),
  ),
})

const schema = {
  tags: ['live'],
  summary: 'Events as they happen, as server-sent events',
  description:
    'Never ends by itself. `event:` is the type, `data:` the event, `id:` the place after it. ' +
    'Besides events: welcome, subscribed, snapshot, state, ephemeral, checkpoint, resync, reconnect, problem (see /asyncapi.json).',
  querystring: Query,
  headers: Headers,
  response: { 200: { description: 'The stream.', content: { 'text/event-stream': { schema: Type.String() } } } },
}

/** Headers that hooks have set so far, for an answer that Fastify does not send. */
const headersOf = (reply: FastifyReply): Record<string, string | number | string[]> =>
  Object.fromEntries(Object.entries(reply.getHeaders()).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))

export const streamRoute = (app: FastifyTypebox, { options: { live } }: RouteTools): void => {
  app.get('/v1/stream', { schema, exposeHeadRoute: false, config: { permission: 'events.subscribe' } }, (request, reply) => {
    const { scope = 'all', types, from } = request.query
    live.stream({
      request: request.raw,
      response: reply.raw,
      headers: headersOf(reply),
      who: whoOf(request),
      scope,
      types: types?.split(','),
      from,
    })
    reply.hijack()
  })
}

/** In a scope of its own, whose bodies nobody reads: engine.io does. */
export const socketIoRoutes = (app: FastifyTypebox, { options: { live } }: RouteTools): void => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _body, done) => done(null))
  const handler = (request: FastifyRequest, reply: FastifyReply): void => {
    for (const [name, value] of Object.entries(headersOf(reply))) reply.raw.setHeader(name, value)
    reply.hijack()
    live.handleRequest(request.raw, reply.raw)
  }
  for (const url of ['/v1/socket.io', '/v1/socket.io/']) {
    app.route({
      method: ['GET', 'POST', 'OPTIONS'],
      url,
      schema: { hide: true },
      exposeHeadRoute: false,
      config: { isPublic: true },
      handler,
    })
  }
}
