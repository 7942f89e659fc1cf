// Contacts: lists, one, and what may be done to them, one path a command.
// Between clients and the views and wishes.

import { Accepted, Contact, ContactListQuery, IdParams, PageOf, wishBodies, WriteHeaders, type WishName } from '#schemas'
import { ConfabError } from '#errors'
import { whoOf } from '../access.ts'
import type { FastifyTypebox, RouteTools } from '../app.ts'

const tags = ['contacts']

const commands: Readonly<Record<string, WishName>> = {
  label: 'contact.label',
  block: 'contact.block',
  unblock: 'contact.unblock',
  erase: 'contact.erase',
}

export const contactRoutes = (app: FastifyTypebox, { options, cursors, stand, wish }: RouteTools): void => {
  const { views } = options
  app.get(
    '/v1/contacts',
    {
      config: { permission: 'contact.read' },
      schema: { tags, summary: 'Contacts', querystring: ContactListQuery, response: { 200: PageOf(Contact) } },
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
      stand(request, reply, page.asOf)
      return { items: [...page.items], next: cursors.seal(page.next, bound) }
    },
  )
  app.get(
    '/v1/contacts/:id',
    { config: { permission: 'contact.read' }, schema: { tags, summary: 'One contact', params: IdParams, response: { 200: Contact } } },
    async (request, reply) => {
      const { item, asOf } = await views.contact({ grants: whoOf(request).grants }, request.params.id)
      if (item === null) throw new ConfabError('not_found')
      stand(request, reply, asOf)
      return item
    },
  )
  const schema = { tags, headers: WriteHeaders, params: IdParams, response: { 200: Accepted } }
  app.patch(
    '/v1/contacts/:id',
    { schema: { ...schema, summary: 'Change a contact', body: wishBodies['contact.change'] } },
    (request, reply) => wish(request, reply, { type: 'contact.change', target: { contactId: request.params.id } }),
  )
  for (const [path, type] of Object.entries(commands)) {
    app.post(`/v1/contacts/:id/${path}`, { schema: { ...schema, summary: type, body: wishBodies[type] } }, (request, reply) =>
      wish(request, reply, { type, target: { contactId: request.params.id } }),
    )
  }
}
