// How subscriptions begin: at a snapshot, a cursor, a time or the head; and how a resumed vector is checked against the log.
// Between the frames that ask and the session that serves; a place that no longer connects becomes a resync with its reason.

import type { ClientFrame } from '#schemas'
import { ConfabError } from '#errors'
import { PARTITIONS, TOMBSTONE_RETENTION_MS } from '#topics'
import { CONFIG_SLOT, SLOT_CURSOR_LENGTH, slotOf, streamOf, topicOf, type CursorRefusal, type Opened, type Place } from '../cursor.ts'
import type { Hub } from '../hub.ts'
import { headsOf, Subscription, type Positions } from './progress.ts'
import type { Ring } from '../tail/ring.ts'
import type { Session } from './session.ts'
import { takeSnapshot } from './snapshot.ts'

export type Wanted = NonNullable<Extract<ClientFrame, { frame: 'hello' }>['subscriptions']>[number]
type Resume = NonNullable<Extract<ClientFrame, { frame: 'hello' }>['resume']>

/** How long a join waits for this node's tail to reach what its views or another node have seen. */
const AHEAD_TIMEOUT_MS = 2_000
/** Settings and marks forget what was removed: a cursor that is nearly this old gets them whole. */
const STATE_AGE_MS_MAX = TOMBSTONE_RETENTION_MS * 0.9

const refuse = (reason: CursorRefusal) => ({ ok: false, reason }) as const

/** Only streams that can hold something for the scope are read for it. */
export const subscriptionOf = (session: Session, wanted: Wanted): Subscription => {
  const { grants, hub } = session
  const conversationId =
    grants.kind === 'contact' ? grants.conversationId : 'conversation' in wanted.scope ? wanted.scope.conversation : undefined
  const contactId = grants.kind !== 'contact' && 'contact' in wanted.scope ? wanted.scope.contact : undefined
  const config = CONFIG_SLOT + hub.partitionOf(grants.organizationId)
  if (conversationId === undefined && contactId === undefined) return new Subscription(wanted, grants, undefined)
  const partition = hub.partitionOf(conversationId ?? contactId ?? '')
  const streams =
    conversationId === undefined ? [streamOf('contact-events', partition)] : [streamOf('events', partition), streamOf('marks', partition)]
  return new Subscription(wanted, grants, new Set(grants.kind === 'contact' ? streams : [...streams, config]))
}

/** Where a place stands against the log: before its start, beyond its end, or after another record than it says. */
const checkPlace = async (hub: Hub, place: Place): Promise<CursorRefusal | undefined> => {
  const ring = hub.tailer.rings[place.stream] as Ring
  if (place.next > ring.head) {
    const { end } = await hub.log.bounds(topicOf(place.stream), place.stream % PARTITIONS)
    return place.next > end || !(await hub.tailer.waitFor(place.stream, place.next, AHEAD_TIMEOUT_MS)) ? 'truncated' : undefined
  }
  if (place.distance === 0) return undefined
  if (place.next >= ring.from) {
    const before = ring.before(place.next)
    // What compaction or an eviction took cannot be compared.
    return before?.offset === place.next - place.distance && before.fingerprint !== place.fingerprint ? 'truncated' : undefined
  }
  const { start } = await hub.log.bounds(topicOf(place.stream), place.stream % PARTITIONS)
  if (place.next < start) return 'expired'
  if (place.next - place.distance < start) return undefined
  const { entries } = await hub.replay.read(place.stream, place.next - place.distance)
  const before = entries[0]
  return before?.offset === place.next - place.distance && before.fingerprint !== place.fingerprint ? 'truncated' : undefined
}

const isState = ({ stream }: Place): boolean => topicOf(stream) === 'marks' || topicOf(stream) === 'config'

/** The vector with the newer cursors of single slots put in. */
const placesOf = (session: Session, resume: Resume): Opened<Map<number, Place>> => {
  const { cursors, clock, partitionOf } = session.hub
  const opened = cursors.openVector(resume.checkpoint, session.grants)
  if (!opened.ok) return opened
  const places = new Map(opened.value.places.map((place) => [place.stream, place]))
  const isOld = clock() - opened.value.at > STATE_AGE_MS_MAX
  if (isOld && session.grants.kind === 'agent') return refuse('expired')
  for (const place of places.values()) if (isOld && isState(place)) places.set(place.stream, { ...place, next: 0, distance: 0 })
  for (const [slot, text] of Object.entries(resume.slots)) {
    const single = cursors.openSlot(text)
    if (!single.ok) return single
    const { stream, next } = single.value
    const isForeign = slotOf(stream) === CONFIG_SLOT && stream !== CONFIG_SLOT + partitionOf(session.grants.organizationId)
    if (String(slotOf(stream)) !== slot || isForeign) return refuse('cursor')
    if (next > (places.get(stream)?.next ?? 0)) places.set(stream, single.value)
  }
  return { ok: true, value: places }
}

/** The positions of a resume, checked against the log. */
export const resumeAt = async (session: Session, resume: Resume): Promise<Opened<Positions>> => {
  const opened = placesOf(session, resume)
  if (!opened.ok) return opened
  return offsetsAt(session.hub, opened.value.values())
}

const offsetsAt = async (hub: Hub, places: Iterable<Place>): Promise<Opened<Positions>> => {
  const positions = headsOf(hub.tailer.rings)
  for (const place of places) {
    const reason = await checkPlace(hub, place)
    if (reason !== undefined) return refuse(reason)
    positions[place.stream] = place.next
  }
  return { ok: true, value: positions }
}

const startsOf = async (hub: Hub, subscription: Subscription, offsetOf: (stream: number) => Promise<number>): Promise<Positions> => {
  const positions = headsOf(hub.tailer.rings)
  const streams = [...positions.keys()].filter((stream) => subscription.streams?.has(stream) !== false)
  await Promise.all(streams.map(async (stream) => (positions[stream] = Math.min(positions[stream] as number, await offsetOf(stream)))))
  return positions
}

/** Where `from` says. Throws `cursor_partial` for one slot's cursor where a scope has many. */
const positionsFrom = async (session: Session, subscription: Subscription, from: string): Promise<Opened<Positions>> => {
  const { hub } = session
  const { log } = hub
  const partition = (stream: number): number => stream % PARTITIONS
  if (from === 'latest') return { ok: true, value: headsOf(hub.tailer.rings) }
  if (from === 'earliest') {
    return {
      ok: true,
      value: await startsOf(hub, subscription, async (stream) => (await log.bounds(topicOf(stream), partition(stream))).start),
    }
  }
  const time = /^\d{4}-/.test(from) ? Date.parse(from) : Number.NaN
  if (!Number.isNaN(time))
    return { ok: true, value: await startsOf(hub, subscription, (stream) => log.offsetAt(topicOf(stream), partition(stream), time)) }
  if (from.length !== SLOT_CURSOR_LENGTH) {
    const opened = hub.cursors.openVector(from, session.grants)
    return opened.ok ? offsetsAt(hub, opened.value.places) : opened
  }
  const opened = hub.cursors.openSlot(from)
  if (!opened.ok) return opened
  if (subscription.streams?.has(opened.value.stream) !== true) throw new ConfabError('cursor_partial')
  return offsetsAt(hub, [opened.value])
}

/** Where a work queue begins that nobody has read yet: where `from` says, else now. A place that is none here leaves nothing out. */
export const beginningOf = async (session: Session, subscription: Subscription, from = 'latest'): Promise<Positions> => {
  const opened = await positionsFrom(session, subscription, from)
  if (opened.ok) return opened.value
  session.sendResync(subscription, opened.reason)
  const earliest = await positionsFrom(session, subscription, 'earliest')
  return earliest.ok ? earliest.value : headsOf(session.hub.tailer.rings)
}

/** Waits until this node's tail has what the positions name, so that none lies beyond a head. */
const reached = async (hub: Hub, positions: Positions): Promise<Positions> => {
  const ahead = [...positions.entries()].filter(([stream, offset]) => offset > (hub.tailer.rings[stream]?.head ?? 0))
  await Promise.all(ahead.map(([stream, offset]) => hub.tailer.waitFor(stream, offset, AHEAD_TIMEOUT_MS)))
  return positions.map((offset, stream) => Math.min(offset, hub.tailer.rings[stream]?.head ?? 0))
}

/** Begins at known positions. */
export const beginAt = (session: Session, subscription: Subscription, positions: Positions): void => {
  session.send({ frame: 'subscribed', id: subscription.id, cursor: session.hub.positions.sealOffsets(positions, session.grants) })
  session.join(subscription, positions)
}

/** A snapshot beside other subscriptions is not older than what they were sent: else their events would be missing from it. */
const viewsReach = async ({ hub, progress }: Session, subscription: Subscription): Promise<void> => {
  if (progress.subscriptions.size === 0) return
  const heads = [...headsOf(hub.tailer.rings).entries()]
  const wanted = heads.filter(([stream]) => topicOf(stream) === 'events' && subscription.streams?.has(stream) !== false)
  await hub.views.waitFor(
    wanted.map(([stream, offset]) => ({ topic: 'events', partition: stream % PARTITIONS, offset })),
    AHEAD_TIMEOUT_MS,
  )
}

const beginAtSnapshot = async (session: Session, subscription: Subscription): Promise<void> => {
  const { hub } = session
  await viewsReach(session, subscription)
  const { frame, positions } = await takeSnapshot(hub, session.grants, subscription)
  const start = await reached(hub, positions)
  if (!session.isOpen || session.pending.get(subscription.id) !== subscription) return
  const asOf = hub.positions.sealOffsets(start, session.grants)
  session.send({ frame: 'subscribed', id: subscription.id, cursor: asOf })
  session.send({ ...frame, asOf })
  session.join(subscription, start)
}

const begin = async (session: Session, subscription: Subscription, from: string | undefined): Promise<void> => {
  if (from === undefined) return beginAtSnapshot(session, subscription)
  const opened = await positionsFrom(session, subscription, from)
  if (!session.isOpen || session.pending.get(subscription.id) !== subscription) return
  if (opened.ok) return beginAt(session, subscription, opened.value)
  session.sendResync(subscription, opened.reason)
  return beginAtSnapshot(session, subscription)
}

/** Starts a subscription; what goes wrong is said on the socket. Checkpoints wait for it. */
export const takeUp = (session: Session, subscription: Subscription, from?: string): void => {
  session.pending.set(subscription.id, subscription)
  begin(session, subscription, from)
    .catch((error: unknown) => {
      const code = error instanceof ConfabError ? error.code : 'internal'
      if (code === 'internal') session.hub.logger.error({ name: 'gateway.subscribe_failed', sessionId: session.id, error })
      session.send({ frame: 'error', code, id: subscription.id })
    })
    .finally(() => session.onTakenUp(subscription))
}
