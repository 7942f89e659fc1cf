// Contacts: lists, one, and what may be done to them, one path a command.
// Between clients and the views and wishes.

import { Accepted, AsOfQuery, Contact, ContactListQuery, IdParams, PageOf, wishBodies, WriteHeaders, type WishName } from '#schemas'
import { ConfabError } from '#errors'
import { whoOf } from '../access.ts'
import { momentOf } from '../as-of.ts'
import type { FastifyTypebox, RouteTools } from '../app.ts'

const tags = ['contacts']

const commands: Readonly<Record<string, { readonly type: WishName; readonly summary: string }>> = {
  label: { type: 'contact.label', summary: 'Add and remove labels' },
  block: { type: 'contact.block', summary: 'Take no more messages from them, send none' },
  unblock: { type: 'contact.unblock', summary: 'End the block' },
  erase: { type: 'contact.erase', summary: 'Erase who they are and what was said, for good' },
}

const reads = (app: FastifyTypebox, { options, cursors, stand }: RouteTools): void => {
  const { views } = options
  app.get(
    '/v1/contacts',
    {
      config: { permission: 'contact.read' },
      schema: {
        tags,
        summary: 'Contacts, or those that fit some words',
        querystring: ContactListQuery,
        response: { 200: PageOf(Contact) },
      },
    },
    async (request, reply) => {
      const { grants } = whoOf(request)
      const { cursor, limit, q } = request.query
      const bound = { grants, list: 'contacts', filter: { q } }
      const after = cursors.open(cursor, bound)
      const query = {
        ...(q === undefined ? {} : { text: q }),
        ...(limit === undefined ? {} : { limit }),
        ...(after === undefined ? {} : { after }),
      }
      const page = await views.contacts({ grants }, query)
      stand(request, reply, page)
      return { items: [...page.items], next: cursors.seal(page.next, bound) }
    },
  )
  app.get(
    '/v1/contacts/:id',
    {
      config: { permission: 'contact.read', takesAsOf: true },
      schema: {
        tags,
        summary: 'One contact, as it is or as it was',
        params: IdParams,
        querystring: AsOfQuery,
        response: { 200: Contact },
      },
    },
    async (request, reply) => {
      const { grants } = whoOf(request)
      const { asOf: then } = request.query
      const found =
        then === undefined
          ? await views.contact({ grants }, request.params.id)
          : await views.contactAt({ grants }, request.params.id, momentOf(then, options.positions, grants))
      if (found.item === null) throw new ConfabError('not_found')
      stand(request, reply, found)
      return found.item
    },
  )
}

export const contactRoutes = (app: FastifyTypebox, tools: RouteTools): void => {
  const { wish } = tools
  reads(app, tools)
  const schema = { tags, headers: WriteHeaders, params: IdParams, response: { 200: Accepted } }
  app.patch(
    '/v1/contacts/:id',
    { schema: { ...schema, summary: 'Change a contact', body: wishBodies['contact.change'] } },
    (request, reply) => wish(request, reply, { type: 'contact.change', target: { contactId: request.params.id } }),
  )
  for (const [path, { type, summary }] of Object.entries(commands)) {
    app.post(`/v1/contacts/:id/${path}`, { schema: { ...schema, summary, body: wishBodies[type] } }, (request, reply) =>
      wish(request, reply, { type, target: { contactId: request.params.id } }),
    )
  }
}
