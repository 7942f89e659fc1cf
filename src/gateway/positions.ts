// Positions for the other doors: what a write answers as Confab-Position, what a list's asOf seals, what a read must have seen.
// Between HTTP's headers and the tail; a write's position is the cursor of its event, once this node has seen it.

import { ConfabError } from '#errors'
import type { Grants } from '#schemas'
import type { SubjectKind } from '#schemas/log'
import { PARTITIONS, type Topic } from '#topics'
import type { AsOf } from '#views'
import { CONFIG_SLOT, SLOT_CURSOR_LENGTH, streamOf, tailedTopics, topicOf, type Cursors, type Place, type TailedTopic } from './cursor.ts'
import type { Entry } from './tail/entry.ts'
import { headsOf, type Positions as Offsets } from './sessions/progress.ts'
import type { Tailer } from './tail/tailer.ts'

/** What a write's outcome says: whose events, how far, in which partition. */
export interface Passed {
  readonly subject: { readonly kind: SubjectKind; readonly id: string }
  readonly seq: number
  readonly partition: number
}

/** What HTTP and the wishes ask of the gateway. */
export interface Positions {
  /** The sealed cursor of the subject's event with that seq, or of a later one, once tailed; the slot's head after a second. */
  passed(answer: Passed): Promise<string>
  /** A vector of a read's positions; topics that the read does not know stand at the tail's head. */
  seal(asOf: AsOf, grants: Grants): string
  /** The places that a cursor or vector names. Throws `position_invalid` with the reason. */
  open(text: string, grants: Grants): AsOf
}

/** Subjects whose newest event is remembered: two generations of this many. */
const SUBJECTS_MAX = 20_000
const WAITERS_MAX = 20_000
const PASSED_TIMEOUT_MS = 1_000

interface Seen {
  readonly seq: number
  readonly place: Place
}

interface Waiter {
  readonly seq: number
  readonly settle: (place: Place | undefined) => void
}

const isTailed = (topic: Topic): topic is TailedTopic => (tailedTopics as readonly Topic[]).includes(topic)

export class PositionBook implements Positions {
  readonly #cursors: Cursors
  readonly #tailer: () => Tailer
  readonly #partitionOf: (key: string) => number
  readonly #clock: () => number
  readonly #waiters = new Map<string, Set<Waiter>>()
  #newer = new Map<string, Seen>()
  #older = new Map<string, Seen>()
  #waiting = 0

  constructor(options: { cursors: Cursors; tailer: () => Tailer; partitionOf: (key: string) => number; clock: () => number }) {
    this.#cursors = options.cursors
    this.#tailer = options.tailer
    this.#partitionOf = options.partitionOf
    this.#clock = options.clock
  }

  /** Called for each entry of the tail. */
  note({ routing, stream, next, fingerprint }: Entry): void {
    if (routing === undefined || routing.kind === 'mark' || routing.kind === 'setting') return
    const seen: Seen = { seq: routing.seq, place: { stream, next, distance: 1, fingerprint } }
    this.#newer.set(routing.subjectId, seen)
    if (this.#newer.size >= SUBJECTS_MAX) {
      this.#older = this.#newer
      this.#newer = new Map()
    }
    const waiters = this.#waiters.get(routing.subjectId)
    if (waiters !== undefined) for (const waiter of waiters) if (waiter.seq <= seen.seq) waiter.settle(seen.place)
  }

  async passed({ subject, seq, partition }: Passed): Promise<string> {
    const seen = this.#newer.get(subject.id) ?? this.#older.get(subject.id)
    if (seen !== undefined && seen.seq >= seq) return this.#cursors.sealSlot(seen.place)
    const place = seq > 0 && this.#waiting < WAITERS_MAX ? await this.#wait(subject.id, seq) : undefined
    const stream = streamOf(subject.kind === 'contact' ? 'contact-events' : 'events', partition)
    return this.#cursors.sealSlot(place ?? this.placeAt(stream, this.#tailer().rings[stream]?.head ?? 0))
  }

  #wait(subjectId: string, seq: number): Promise<Place | undefined> {
    return new Promise((resolve) => {
      const waiters = this.#waiters.get(subjectId) ?? new Set()
      const waiter: Waiter = {
        seq,
        settle: (place) => {
          clearTimeout(timer)
          this.#waiting--
          waiters.delete(waiter)
          if (waiters.size === 0) this.#waiters.delete(subjectId)
          resolve(place)
        },
      }
      const timer = setTimeout(() => waiter.settle(undefined), PASSED_TIMEOUT_MS)
      this.#waiting++
      this.#waiters.set(subjectId, waiters.add(waiter))
    })
  }

  seal(asOf: AsOf, grants: Grants): string {
    return this.sealOffsets(this.offsetsOf(asOf, headsOf(this.#tailer().rings)), grants)
  }

  open(text: string, grants: Grants): AsOf {
    const opened = text.length === SLOT_CURSOR_LENGTH ? this.#cursors.openSlot(text) : this.#cursors.openVector(text, grants)
    if (!opened.ok) throw new ConfabError('position_invalid', { fields: { reason: opened.reason } })
    const places = 'places' in opened.value ? opened.value.places : [opened.value]
    return places.map(({ stream, next }) => ({ topic: topicOf(stream), partition: stream % PARTITIONS, offset: next }))
  }

  close(): void {
    for (const waiters of this.#waiters.values()) for (const waiter of waiters) waiter.settle(undefined)
  }

  /** A read's positions by stream, over what else is known of them. */
  offsetsOf(asOf: AsOf, otherwise: Offsets): Offsets {
    const offsets = otherwise.slice()
    for (const { topic, partition, offset } of asOf) if (isTailed(topic)) offsets[streamOf(topic, partition)] = offset
    return offsets
  }

  /** The vector of positions by stream, as the principal's own. */
  sealOffsets(offsets: Offsets, grants: Grants): string {
    const configStream = CONFIG_SLOT + this.#partitionOf(grants.organizationId)
    const places: Place[] = []
    for (let stream = 0; stream < CONFIG_SLOT; stream++) places.push(this.placeAt(stream, offsets[stream] as number))
    places.push(this.placeAt(configStream, offsets[configStream] as number))
    return this.#cursors.sealVector(places, grants, this.#clock())
  }

  placeAt(stream: number, next: number): Place {
    const before = this.#tailer().rings[stream]?.before(next)
    return before === undefined
      ? { stream, next, distance: 0, fingerprint: 0 }
      : { stream, next, distance: next - before.offset, fingerprint: before.fingerprint }
  }
}
