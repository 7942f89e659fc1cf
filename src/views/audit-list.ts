// The audit of an organization, newest first: events of conversations, contacts and settings, in windows of time read from the log.
// Between GET /v1/audit and the log, which has no index of it: a page reads a bounded part and says where the next one begins.

import { may, mayAccount, type EventShape, type Grants } from '#schemas'
import { decodeEvent, eventToJson, isContentType, subjectKindOf, type Event, type EventType } from '#schemas/log'
import type { Log, Offset, StoredRecord } from '#log'
import { PARTITIONS } from '#topics'
import type { AuditQuery, Page, Viewer } from './index.ts'
import { contentsOfEvent, readContents } from './past/walk.ts'

const LIMIT_DEFAULT = 25
const LIMIT_MAX = 100
/** Records of a window at most, where a shorter one can be had; two such windows hold what a page reads. */
const WINDOW_RECORDS_MAX = 10_000
const PAGE_RECORDS_MAX = 20_000
const WINDOW_MS = 3_600_000
const GROWTH = 4
const CHUNK_RECORDS = 500

const topics = ['events', 'contact-events'] as const
type AuditTopic = (typeof topics)[number]

/** A record's place: time, topic, partition, offset; the newest is the largest. */
type Key = readonly [number, number, number, number]

interface Range {
  readonly topic: AuditTopic
  readonly partition: number
  readonly from: Offset
  readonly to: Offset
}

interface Found {
  readonly key: Key
  readonly topic: AuditTopic
  readonly event: Event
}

const compare = (left: Key, right: Key): number => {
  for (let index = 0; index < left.length; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

const isKey = (after: AuditQuery['after']): after is Key => after?.length === 4 && after.every((part) => Number.isSafeInteger(part))

const rangesBetween = async (log: Log, from: number, to: number): Promise<Range[]> => {
  const places = topics.flatMap((topic) => Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition })))
  const ranges = await Promise.all(
    places.map(async ({ topic, partition }) => {
      const [first, last] = await Promise.all([log.offsetAt(topic, partition, from), log.offsetAt(topic, partition, to)])
      const { start } = await log.bounds(topic, partition)
      return { topic, partition, from: Math.max(first, start), to: last }
    }),
  )
  return ranges.filter((range) => range.from < range.to)
}

const sizeOf = (ranges: readonly Range[]): number => ranges.reduce((sum, { from, to }) => sum + to - from, 0)

const readRange = async (log: Log, { topic, partition, from, to }: Range, visit: (record: StoredRecord) => void): Promise<void> => {
  const abort = new AbortController()
  for await (const chunk of log.read([{ topic, partition, offset: from }], { signal: abort.signal, chunkRecordsMax: CHUNK_RECORDS })) {
    for (const record of chunk.records) if (record.offset < to) visit(record)
    if (chunk.next >= to) abort.abort()
  }
}

/** What its headers say of a record; the rest is asked of the event itself. */
const maySee = (grants: Grants, { headers }: StoredRecord): boolean => {
  const { organization, account } = headers
  if (organization !== undefined && organization !== grants.organizationId) return false
  // Who sees some accounts only sees nothing of settings and of what names no account.
  return grants.accountIds === null || (account !== undefined && mayAccount(grants, account))
}

const fits = ({ kind, type, actor }: AuditQuery, event: Event): boolean => {
  if (kind !== undefined && subjectKindOf(event.type) !== kind) return false
  const name = event.type === 'setting.changed' ? `${event.data.kind}.${event.data.action}` : event.type
  return (type === undefined || name === type) && (actor === undefined || event.by.id === actor)
}

/** Events of a window that the viewer may see and the query wants, newest first. */
const readWindow = async (
  log: Log,
  viewer: Viewer,
  { ranges, query }: { ranges: readonly Range[]; query: AuditQuery },
): Promise<Found[]> => {
  const { grants } = viewer
  const mayNotes = may(grants, 'note.read')
  const found: Found[] = []
  for (const range of ranges) {
    await readRange(log, range, (record) => {
      const type = record.headers['type'] ?? ''
      if (record.value === null || isContentType(type) || !maySee(grants, record) || (type.startsWith('note.') && !mayNotes)) return
      if (query.kind !== undefined && subjectKindOf(type as EventType) !== query.kind) return
      const event = decodeEvent(type, record.value)
      if (event.organizationId !== grants.organizationId || !fits(query, event)) return
      found.push({ key: [record.time, topics.indexOf(range.topic), range.partition, record.offset], topic: range.topic, event })
    })
  }
  return found.sort((left, right) => compare(right.key, left.key))
}

const shapesOf = (log: Log, found: readonly Found[]): Promise<EventShape[]> =>
  Promise.all(
    found.map(async ({ topic, event }) => {
      const contents = await readContents(log, { topic, id: event.subjectId }, [event])
      return eventToJson(event, contentsOfEvent(event, contents))
    }),
  )

/** A window that ends at `to` and holds no more than can be read at once. */
const windowBefore = async (log: Log, to: number, wanted: { readonly from: number; readonly width: number }) => {
  let { width } = wanted
  for (;;) {
    const from = Math.max(wanted.from, to - width)
    const ranges = await rangesBetween(log, from, to)
    if (sizeOf(ranges) <= WINDOW_RECORDS_MAX || width <= 1) return { from, width, ranges }
    width = Math.max(1, Math.floor(width / GROWTH))
  }
}

/** A page of the audit. It may hold fewer than asked for, and even none, where little of what was read is wanted: `next` says on. */
export const readAudit = async (log: Log, viewer: Viewer, query: AuditQuery, now: number): Promise<Page<EventShape>> => {
  const { grants } = viewer
  if (grants.kind === 'contact' || !may(grants, 'audit.read')) return { items: [], next: null, asOf: [] }
  const limit = Math.min(Math.max(1, query.limit ?? LIMIT_DEFAULT), LIMIT_MAX)
  const after = isKey(query.after) ? query.after : undefined
  const from = Math.max(0, query.from ?? 0)
  // Events are never ahead of their owner's clock by more than a clock set back.
  let to = after === undefined ? Math.min(query.to ?? Number.MAX_SAFE_INTEGER, now + WINDOW_MS) : after[0] + 1
  let width = WINDOW_MS
  let read = 0
  const found: Found[] = []
  while (to > from && found.length <= limit && read < PAGE_RECORDS_MAX) {
    const window = await windowBefore(log, to, { from, width })
    read += sizeOf(window.ranges)
    const events = await readWindow(log, viewer, { ranges: window.ranges, query })
    found.push(...events.filter(({ key }) => after === undefined || compare(key, after) < 0))
    to = window.from
    width = window.width * GROWTH
  }
  const page = found.slice(0, limit)
  const items = await shapesOf(log, page)
  if (found.length > limit) return { items, next: [...(page.at(-1)?.key ?? [])], asOf: [] }
  // What is left begins before `to`: the largest key there can be.
  return { items, next: to > from ? [to - 1, topics.length, 0, 0] : null, asOf: [] }
}
