// Audit: the events of one subject with their contents, read by key from the log, which keeps them for ever. No copy of them is made.
// Between an audit request and `Log.latest`; today's permissions decide, and what is erased stays erased.

import { may, type EventShape } from '#schemas'
import { decodeContent, decodeEvent, eventToJson, isContentType, keys, type Event, type StoredContent } from '#schemas/log'
import { partitionOf, type Log, type StoredRecord } from '#log'
import type { Topic } from '#topics'
import type { AsOf, Page, Viewer, Views } from './index.ts'

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

const readContents = async (log: Log, place: Place, events: readonly Event[]): Promise<ReadonlyMap<string, StoredContent>> => {
  const wanted = events.flatMap((event) => Array.from({ length: event.contents }, (_, n) => keys.content(event.subjectId, event.seq, n)))
  const found = new Map<string, StoredContent>()
  const subjectId = events[0]?.subjectId
  if (wanted.length === 0 || subjectId === undefined) return found
  const records = await log.latest(place.topic, partitionOf(subjectId), wanted)
  for (const record of records) {
    if (record === null || record.value === null) continue
    const type = record.headers['type'] ?? ''
    if (isContentType(type)) found.set(record.key, decodeContent(type, record.value))
  }
  return found
}

const decoded = (records: readonly (StoredRecord | null)[]): Event[] =>
  records.flatMap((record) => (record === null || record.value === null ? [] : [decodeEvent(record.headers['type'] ?? '', record.value)]))

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
  const wanted = Array.from({ length: limit + 1 }, (_, index) => keys.event(subjectId, after + 1 + index))
  const events = decoded(await sources.log.latest(place.topic, partitionOf(subjectId), wanted))
  const page = events.slice(0, limit)
  const contents = await readContents(sources.log, place, page)
  const mayNotes = may(viewer.grants, 'note.read')
  const items = page.flatMap((event) => {
    if (event.type.startsWith('note.') && !mayNotes) return []
    const own = Array.from({ length: event.contents }, (_, n) => contents.get(keys.content(subjectId, event.seq, n)))
    return [
      eventToJson(
        event,
        own.flatMap((content) => content ?? []),
        { includeNative: viewer.includeNative === true },
      ),
    ]
  })
  return { items, next: events.length > limit ? [page.at(-1)?.seq ?? after] : null, asOf: place.asOf }
}
