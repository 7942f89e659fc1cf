// Audit: the events of one subject with their contents, read by key from the log, which keeps them for ever. No copy of them is made.
// Between an audit request and `Log.latest`; today's permissions decide, and what is erased stays erased.

import { may, type EventShape } from '#schemas'
import { eventToJson } from '#schemas/log'
import type { Log } from '#log'
import type { Topic } from '#topics'
import type { AsOf, Page, Viewer, Views } from './index.ts'
import { contentsOfEvent, readContents, readRange } from './past/walk.ts'

const LIMIT_DEFAULT = 50
const LIMIT_MAX = 100

interface Sources {
  readonly log: Log
  readonly views: Pick<Views, 'conversation' | 'contact'>
}

interface Place {
  readonly topic: Topic & ('events' | 'contact-events')
  readonly asOf: AsOf
}

/** Where the subject's events lie, if the viewer may read them. */
const placeOf = async ({ views }: Sources, viewer: Viewer, subjectId: string): Promise<Place | null> => {
  const { grants } = viewer
  if (grants.kind === 'contact' || !may(grants, 'conversation.read')) return null
  const conversation = await views.conversation(viewer, subjectId)
  if (conversation.item !== null) return { topic: 'events', asOf: conversation.asOf }
  const contact = await views.contact(viewer, subjectId)
  if (contact.item !== null) return { topic: 'contact-events', asOf: contact.asOf }
  const isOrganization = subjectId === grants.organizationId && may(grants, 'audit.read')
  return isOrganization ? { topic: 'events', asOf: conversation.asOf } : null
}

/** Events behind `after`, by seq. A note's are left out for whoever may read no notes. */
export const readEvents = async (
  sources: Sources,
  viewer: Viewer,
  query: { readonly subjectId: string; readonly after?: number; readonly limit?: number },
): Promise<Page<EventShape>> => {
  const { subjectId } = query
  const limit = Math.min(Math.max(1, query.limit ?? LIMIT_DEFAULT), LIMIT_MAX)
  const after = Math.max(0, query.after ?? 0)
  const place = await placeOf(sources, viewer, subjectId)
  if (place === null) return { items: [], next: null, asOf: [] }
  const subject = { topic: place.topic, id: subjectId }
  const events = await readRange(sources.log, subject, after + 1, limit + 1)
  const page = events.slice(0, limit)
  const contents = await readContents(sources.log, subject, page)
  const mayNotes = may(viewer.grants, 'note.read')
  const items = page.flatMap((event) => {
    if (event.type.startsWith('note.') && !mayNotes) return []
    return [eventToJson(event, contentsOfEvent(event, contents), { includeNative: viewer.includeNative === true })]
  })
  return { items, next: events.length > limit ? [page.at(-1)?.seq ?? after] : null, asOf: place.asOf }
}
