// What is done to conversations and their messages: one path a command.
// Between clients and wishes; nothing is decided here. Reads are in conversation-reads.ts.

import { Accepted, IdParams, MessageParams, wishBodies, WriteHeaders, type WishName } from '#schemas'
import { Type } from 'typebox'
import { ConfabError } from '#errors'
import { whoOf } from '../access.ts'
import type { FastifyTypebox, RouteTools } from '../app.ts'

const events = { schema: { tags: ['conversations'] } }

interface CommandRoute {
  readonly type: WishName
  readonly summary: string
}
const conversationCommands: Readonly<Record<string, CommandRoute>> = {
  assign: { type: 'conversation.assign', summary: 'Give it to an agent or bot, or to nobody' },
  claim: { type: 'conversation.claim', summary: 'Take it; 409 when another agent has it' },
  release: { type: 'conversation.release', summary: 'Give it back to everyone' },
  handover: { type: 'conversation.handover', summary: 'Offer it, accept an offer, pass it on, or let go' },
  snooze: { type: 'conversation.snooze', summary: 'Set it aside until a time or a reply' },
  resolve: { type: 'conversation.resolve', summary: 'Done; a new message opens it again' },
  reopen: { type: 'conversation.reopen', summary: 'Open it again' },
  label: { type: 'conversation.label', summary: 'Add and remove labels' },
  priority: { type: 'conversation.prioritize', summary: 'Set the priority' },
  read: { type: 'conversation.read', summary: 'Move my read mark' },
  erase: { type: 'conversation.erase', summary: 'Erase what was said, for good' },
}
const messageCommands: Readonly<Record<string, CommandRoute>> = {
  retry: { type: 'message.retry', summary: 'Send a failed message again' },
  settle: { type: 'message.settle', summary: 'Say what became of a send whose fate is unknown' },
  edit: { type: 'message.edit', summary: 'Change the text, where the channel can' },
  react: { type: 'message.react', summary: 'React with an emoji, where the channel can' },
  delete: { type: 'message.delete', summary: 'Take a message back, where the channel can' },
}

/** No command: typing is never in the log. What a socket says by a frame, a program without one says here. */
const typing = (app: FastifyTypebox, { options }: RouteTools): void => {
  const body = Type.Object(
    { isTyping: Type.Boolean(), internal: Type.Optional(Type.Boolean({ description: 'On a note: never shown to the contact.' })) },
    { additionalProperties: false },
  )
  const schema = {
    tags: ['conversations'],
    summary: 'Say that I type, for some seconds',
    headers: WriteHeaders,
    params: IdParams,
    body,
    response: { 204: Type.Null() },
  }
  app.post('/v1/conversations/:id/typing', { config: { permission: 'message.send' }, schema }, async (request, reply) => {
    const { grants } = whoOf(request)
    const { item } = await options.views.conversation({ grants }, request.params.id)
    if (item === null) throw new ConfabError('not_found')
    const { isTyping, internal } = request.body
    options.typing(grants, { conversationId: item.id, isTyping, isNote: internal === true })
    return reply.code(204).send(null)
  })
}

const commands = (app: FastifyTypebox, { wish }: RouteTools): void => {
  const schema = { ...events.schema, headers: WriteHeaders, params: IdParams, response: { 200: Accepted } }
  const target = (params: unknown) => ({ conversationId: (params as { id: string }).id })
  for (const [path, { type, summary }] of Object.entries(conversationCommands)) {
    app.post(`/v1/conversations/:id/${path}`, { schema: { ...schema, summary, body: wishBodies[type] } }, (request, reply) =>
      wish(request, reply, { type, target: target(request.params) }),
    )
  }
  for (const [path, { type, summary }] of Object.entries(messageCommands)) {
    const full = { ...schema, params: MessageParams, summary, body: wishBodies[type] }
    app.post(`/v1/conversations/:id/messages/:messageId/${path}`, { schema: full }, (request, reply) =>
      wish(request, reply, { type, target: { ...target(request.params), messageId: request.params.messageId } }),
    )
  }
  app.patch(
    '/v1/conversations/:id',
    { schema: { ...schema, summary: 'Change attributes and participants', body: wishBodies['conversation.change'] } },
    (request, reply) => wish(request, reply, { type: 'conversation.change', target: target(request.params) }),
  )
  app.put(
    '/v1/conversations/:id/draft',
    { schema: { ...schema, summary: 'Save my draft', body: wishBodies['conversation.draft'] } },
    (request, reply) => wish(request, reply, { type: 'conversation.draft', target: target(request.params) }),
  )
  const created = { ...schema, response: { 201: Accepted } }
  app.post(
    '/v1/conversations/:id/messages',
    { schema: { ...created, summary: 'Send a message, now or at a time, or add a note with internal', body: wishBodies['message.send'] } },
    (request, reply) => wish(request, reply.code(201), { type: 'message.send', target: target(request.params) }),
  )
  const { params: _params, ...start } = created
  app.post(
    '/v1/conversations',
    { schema: { ...start, summary: 'Write to an address first', body: wishBodies['conversation.start'] } },
    (request, reply) => wish(request, reply.code(201), { type: 'conversation.start', target: {} }),
  )
}

export const conversationRoutes = (app: FastifyTypebox, tools: RouteTools): void => {
  typing(app, tools)
  commands(app, tools)
}
