// The audit of the organization: who did what and when, settings and sign-ins included. No path deletes any of it.
// Between those who may read the audit and the views, which read it from the log.

import { AuditListQuery, EventShape, PageOf } from '#schemas'
import { whoOf } from '../access.ts'
import type { FastifyTypebox, RouteTools } from '../app.ts'

export const auditRoutes = (app: FastifyTypebox, { options, cursors }: RouteTools): void => {
  app.get(
    '/v1/audit',
    {
      config: { permission: 'audit.read' },
      schema: {
        tags: ['audit'],
        summary: 'Everything that happened, newest first',
        description: 'A page may hold fewer items than `limit`, even none, before the end: `next` is null only there.',
        querystring: AuditListQuery,
        response: { 200: PageOf(EventShape) },
      },
    },
    async (request) => {
      const { grants } = whoOf(request)
      const { cursor, limit, from, to, ...filter } = request.query
      const bound = { grants, list: 'audit', filter: { ...filter, from, to } }
      const after = cursors.open(cursor, bound)
      const page = await options.views.audit(
        { grants },
        {
          ...filter,
          ...(from === undefined ? {} : { from: Date.parse(from) }),
          ...(to === undefined ? {} : { to: Date.parse(to) }),
          ...(limit === undefined ? {} : { limit }),
          ...(after === undefined ? {} : { after }),
        },
      )
      return { items: [...page.items], next: cursors.seal(page.next, bound) }
    },
  )
}
