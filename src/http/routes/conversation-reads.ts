// What the views know of conversations: lists, one, its messages, its audit, search and counts.
// Between clients and the views; nothing is decided here.

import {
  AsOfQuery,
  Conversation,
  ConversationListQuery,
  CountsShape,
  EventListQuery,
  EventShape,
  IdParams,
  Message,
  MessageListQuery,
  PageOf,
  SearchHit,
  SearchListQuery,
} from '#schemas'
import type { FastifyReply } from 'fastify'
import { ConfabError } from '#errors'
import { whoOf } from '../access.ts'
import { momentOf } from '../as-of.ts'
import type { FastifyTypebox, RouteTools } from '../app.ts'

const events = { schema: { tags: ['conversations'] } }

const ITEMS = Buffer.from('{"items":')

const lists = (app: FastifyTypebox, { options, cursors, stand }: RouteTools): void => {
  const { views } = options
  app.get(
    '/v1/conversations',
    {
      config: { permission: 'conversation.read' },
      schema: {
        ...events.schema,
        summary: 'Conversations, by state, account, contact, assignee or label',
        querystring: ConversationListQuery,
        response: { 200: PageOf(Conversation) },
      },
    },
    async (request, reply) => {
      const { grants } = whoOf(request)
      const { cursor, limit, state, assignee, ...query } = request.query
      const bound = { grants, list: 'conversations', filter: { ...query, state, assignee } }
      const after = cursors.open(cursor, bound)
      const page = await views.conversationBytes(
        { grants, mayBePartial: true },
        {
          ...query,
          ...(state === undefined ? {} : { state: state.split(',') as ('open' | 'pending' | 'snoozed' | 'resolved')[] }),
          ...(assignee === undefined ? {} : { assignee: assignee === 'me' ? grants.id : assignee }),
          ...(limit === undefined ? {} : { limit }),
          ...(after === undefined ? {} : { after }),
        },
      )
      stand(request, reply, page)
      const rest = `,"next":${JSON.stringify(cursors.seal(page.next, bound))}}`
      // Bytes go as they are; the schema of the answer is that of what they say.
      return (reply as FastifyReply).type('application/json; charset=utf-8').send(Buffer.concat([ITEMS, page.items, Buffer.from(rest)]))
    },
  )
}

const finds = (app: FastifyTypebox, { options, cursors, stand }: RouteTools): void => {
  const { views } = options
  app.get(
    '/v1/search',
    {
      config: { permission: 'search' },
      schema: {
        tags: ['search'],
        summary: 'Full text over messages, conversations and contacts',
        querystring: SearchListQuery,
        response: { 200: PageOf(SearchHit) },
      },
    },
    async (request, reply) => {
      const { grants } = whoOf(request)
      const { q, type = 'message', limit, cursor } = request.query
      const bound = { grants, list: 'search', filter: { q, type } }
      const after = cursors.open(cursor, bound)
      const page = await views.search(
        { grants, mayBePartial: true },
        { text: q, type, ...(limit === undefined ? {} : { limit }), ...(after === undefined ? {} : { after }) },
      )
      stand(request, reply, page)
      return { items: [...page.items], next: cursors.seal(page.next, bound) }
    },
  )
  app.get(
    '/v1/counts',
    {
      config: { permission: 'conversation.read' },
      schema: { ...events.schema, summary: 'How many conversations each list holds', response: { 200: CountsShape } },
    },
    async (request, reply) => {
      const { counts, ...stood } = await views.counts({ grants: whoOf(request).grants, mayBePartial: true })
      stand(request, reply, stood)
      return { ...counts, byState: { ...counts.byState } }
    },
  )
}

const ones = (app: FastifyTypebox, { options, stand }: RouteTools): void => {
  const { views } = options
  app.get(
    '/v1/conversations/:id',
    {
      config: { permission: 'conversation.read', takesAsOf: true },
      schema: {
        ...events.schema,
        summary: 'One conversation, as it is or as it was',
        params: IdParams,
        querystring: AsOfQuery,
        response: { 200: Conversation },
      },
    },
    async (request, reply) => {
      const { grants } = whoOf(request)
      const { asOf: then } = request.query
      const found =
        then === undefined
          ? await views.conversation({ grants }, request.params.id)
          : await views.conversationAt({ grants }, request.params.id, momentOf(then, options.positions, grants))
      if (found.item === null) throw new ConfabError('not_found')
      stand(request, reply, found)
      return found.item
    },
  )
}

const threads = (app: FastifyTypebox, { options, stand }: RouteTools): void => {
  const { views } = options
  app.get(
    '/v1/conversations/:id/messages',
    {
      config: { permission: 'conversation.read', takesAsOf: true },
      schema: {
        ...events.schema,
        summary: 'Messages in the order of the thread',
        description: '`next` is the id for `before`, or for `after` where one was given.',
        params: IdParams,
        querystring: MessageListQuery,
        response: { 200: PageOf(Message) },
      },
    },
    async (request, reply) => {
      const { grants } = whoOf(request)
      const { include, asOf: then, ...query } = request.query
      const viewer = { grants, includeNative: include === 'native' }
      await seen(views, request)
      const page =
        then === undefined
          ? await views.messages(viewer, request.params.id, query)
          : await views.messagesAt(viewer, request.params.id, query, momentOf(then, options.positions, grants))
      stand(request, reply, page)
      const edge = request.query.after === undefined ? page.items[0] : page.items.at(-1)
      return { items: [...page.items], next: page.next === null ? null : (edge?.id ?? null) }
    },
  )
  app.get(
    '/v1/conversations/:id/events',
    {
      config: { permission: 'audit.read' },
      schema: {
        ...events.schema,
        summary: 'Everything that happened, by seq: the audit',
        params: IdParams,
        querystring: EventListQuery,
        response: { 200: PageOf(EventShape) },
      },
    },
    async (request, reply) => {
      await seen(views, request)
      const page = await views.events({ grants: whoOf(request).grants }, request.params.id, request.query)
      stand(request, reply, page)
      return { items: [...page.items], next: page.next === null ? null : String(page.next[0]) }
    },
  )
}

/** An empty list and a conversation that one may not see are not the same answer. */
const seen = async (views: RouteTools['options']['views'], request: Parameters<typeof whoOf>[0]): Promise<void> => {
  const { item } = await views.conversation({ grants: whoOf(request).grants }, (request.params as { id: string }).id)
  if (item === null) throw new ConfabError('not_found')
}

export const conversationReadRoutes = (app: FastifyTypebox, tools: RouteTools): void => {
  lists(app, tools)
  finds(app, tools)
  ones(app, tools)
  threads(app, tools)
}
