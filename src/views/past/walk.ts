// The events of one subject read by key, a slice at a time: newest at a moment, and each one from a seq to another.
// Between time travel and audit, and `Log.latest`, which reads on the main thread: between slices everybody else has their turn.

import {
  decodeAny,
  decodeContent,
  decodeEvent,
  isContentType,
  keys,
  type ContactSnapshot,
  type ConversationSnapshot,
  type Event,
  type StoredContent,
} from '#schemas/log'
import { ConfabError } from '#errors'
import { partitionOf, type Log, type StoredRecord } from '#log'
import type { AsOf } from '../index.ts'

/** Events looked up before the loop has its turn: a few milliseconds. */
const SLICE_EVENTS = 50

/** A time in ms since 1970, the subject's own seq, or places of the log (the NEXT offsets). */
export type Moment =
  | { readonly kind: 'time'; readonly at: number }
  | { readonly kind: 'seq'; readonly seq: number }
  | { readonly kind: 'places'; readonly places: AsOf }

export interface Subject {
  readonly topic: 'events' | 'contact-events'
  readonly id: string
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const decodedOf = (record: StoredRecord | null | undefined): Event | undefined =>
  record === null || record === undefined || record.value === null ? undefined : decodeEvent(record.headers['type'] ?? '', record.value)

/** Events by seq; one that is gone is left out. */
export const readRange = async (log: Log, { topic, id }: Subject, from: number, count: number): Promise<Event[]> => {
  const wanted = Array.from({ length: count }, (_, index) => keys.event(id, from + index))
  return (await log.latest(topic, partitionOf(id), wanted)).flatMap((record) => decodedOf(record) ?? [])
}

const readKept = async (log: Log, { topic, id }: Subject, events: readonly Event[]): Promise<ReadonlyMap<string, StoredContent>> => {
  const wanted = events.flatMap(({ seq, contents }) => Array.from({ length: contents }, (_, n) => keys.content(id, seq, n)))
  const found = new Map<string, StoredContent>()
  if (wanted.length === 0) return found
  for (const record of await log.latest(topic, partitionOf(id), wanted)) {
    if (record === null || record.value === null) continue
    const type = record.headers['type'] ?? ''
    if (isContentType(type)) found.set(record.key, decodeContent(type, record.value))
  }
  return found
}

export const contentsOfEvent = (event: Event, found: ReadonlyMap<string, StoredContent>): StoredContent[] =>
  Array.from({ length: event.contents }, (_, n) => found.get(keys.content(event.subjectId, event.seq, n))).flatMap(
    (content) => content ?? [],
  )

/** Up to which seq the subject is erased today, by its owner's own word: tombstones follow some time after it. */
const erasedUpTo = async (log: Log, { topic, id }: Subject): Promise<number> => {
  const [record] = await log.latest(topic === 'events' ? 'conversations' : 'contacts', partitionOf(id), [id])
  if (record === null || record === undefined || record.value === null) return 0
  return (decodeAny(record.value) as Partial<ConversationSnapshot | ContactSnapshot>).erasedUpTo ?? 0
}

/** Whether the event had happened at the moment. */
const testOf = ({ topic, id }: Subject, moment: Moment): ((record: StoredRecord, event: Event) => boolean) => {
  if (moment.kind === 'seq') return (_, { seq }) => seq <= moment.seq
  if (moment.kind === 'time') return (_, { at }) => at <= moment.at
  const partition = partitionOf(id)
  const place = moment.places.find((each) => each.topic === topic && each.partition === partition)
  // A write's position is a place in its own partition: of others it says nothing.
  if (place === undefined) throw new ConfabError('position_invalid', { fields: { reason: 'other_partition' } })
  return ({ offset }) => offset < place.offset
}

/**
 * The newest event of the subject at the moment, of `newest` that there are; found by halving, as times and offsets rise with seq.
 * Throws `as_of_gone` where none had happened or the first is no longer kept, `position_invalid`.
 */
export const newestAt = async (
  log: Log,
  subject: Subject,
  { moment, newest }: { readonly moment: Moment; readonly newest: number },
): Promise<Event> => {
  const had = testOf(subject, moment)
  const read = async (seq: number): Promise<{ record: StoredRecord; event: Event } | undefined> => {
    const [record] = await log.latest(subject.topic, partitionOf(subject.id), [keys.event(subject.id, seq)])
    const event = decodedOf(record)
    return event === undefined || record === null || record === undefined ? undefined : { record, event }
  }
  const first = await read(1)
  if (first === undefined) throw new ConfabError('as_of_gone', { fields: { earliest: null } })
  if (!had(first.record, first.event)) throw new ConfabError('as_of_gone', { fields: { earliest: new Date(first.event.at).toISOString() } })
  let found = first.event
  let beyond = newest + 1
  while (beyond - found.seq > 1) {
    const middle = Math.floor((found.seq + beyond) / 2)
    const each = await read(middle)
    if (each !== undefined && had(each.record, each.event)) found = each.event
    else beyond = middle
  }
  return found
}

export interface Walk {
  readonly from: number
  readonly to: number
  /** Whose contents are wanted; the others are handed over without. */
  readonly wants: (event: Event) => boolean
  readonly visit: (event: Event, contents: readonly StoredContent[]) => void
  /** Aborted = given up: throws `query_timeout`. */
  readonly signal: AbortSignal
}

/** Contents of the events by key: those that still exist and that no erasure covers. */
export const readContents = async (log: Log, subject: Subject, events: readonly Event[]): Promise<ReadonlyMap<string, StoredContent>> => {
  const erased = await erasedUpTo(log, subject)
  return readKept(
    log,
    subject,
    events.filter(({ seq }) => seq > erased),
  )
}

/** Hands over the events of a subject one after another. What is erased today has no contents, tombstoned or not yet. */
export const walk = async (log: Log, subject: Subject, { from, to, wants, visit, signal }: Walk): Promise<void> => {
  const erased = await erasedUpTo(log, subject)
  for (let at = from; at <= to; at += SLICE_EVENTS) {
    if (signal.aborted) throw new ConfabError('query_timeout', { fields: { query: 'asOf' } })
    const events = await readRange(log, subject, at, Math.min(SLICE_EVENTS, to - at + 1))
    const contents = await readKept(
      log,
      subject,
      events.filter((event) => event.seq > erased && wants(event)),
    )
    for (const event of events) visit(event, contentsOfEvent(event, contents))
    await turn()
  }
}
