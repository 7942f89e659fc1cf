// Contents wait here for the event that names them: a chunk or a packet may end between the two.
// Between a partition's records and the folds; positions to store stay before the first content that still waits.

import { decodeContent, decodeEvent, isContentType, type Event, type StoredContent } from '#schemas/log'
import { faultOf } from '#errors'
import { viewTopics, type FoldRecord, type ViewTopic } from './packet.ts'

interface Waiting {
  readonly offset: number
  readonly content: StoredContent
}

/** A tombstoned content's place. */
export interface Gone {
  readonly subjectId: string
  readonly seq: number
  readonly n: number
}

export interface FoldSink {
  event(event: Event, contents: readonly StoredContent[]): void
  gone(content: Gone): void
  /** A mark's key and bytes; null = tombstone. */
  mark(key: string, value: Buffer | null): void
  /** Whether events of the type matter here: the others are not decoded. */
  wants(type: string): boolean
}

export interface Fault {
  readonly topic: ViewTopic
  readonly partition: number
  readonly offset: number
  readonly error: string
}

const PARTITIONS_MAX = 64
const placeOf = (topic: ViewTopic, partition: number): number => viewTopics.indexOf(topic) * PARTITIONS_MAX + partition

export class Carry {
  /** By place: topic and partition as one number. */
  readonly #waiting = new Map<number, Waiting[]>()
  readonly #next: number[] = []
  readonly faults: Fault[] = []

  /** Where the next packet's records of a partition begin; below lies what was applied. */
  begin(topic: ViewTopic, partition: number, next: number): void {
    this.#next[placeOf(topic, partition)] = next
  }

  /** Hands what the record completes to the sink. A record that was applied before is dropped. */
  accept(record: FoldRecord, sink: FoldSink): void {
    const place = placeOf(record.topic, record.partition)
    if (record.offset < (this.#next[place] ?? 0)) return
    try {
      this.#accept(place, record, sink)
    } catch (error) {
      // A fault of the file ends the batch. What no schema or fold explains is left out and reported; its neighbours do not notice.
      if (!(error instanceof Error) || 'errcode' in error) throw error
      this.faults.push({ topic: record.topic, partition: record.partition, offset: record.offset, error: faultOf(error) })
    }
  }

  #accept(place: number, record: FoldRecord, sink: FoldSink): void {
    if (record.topic === 'marks') return sink.mark(record.key, record.isTombstone ? null : record.value)
    if (record.isTombstone) {
      const [subjectId = '', seq = '', n] = record.key.split('/')
      return n === undefined ? undefined : sink.gone({ subjectId, seq: Number(seq), n: Number(n) })
    }
    const { type } = record
    if (isContentType(type)) {
      const waiting = this.#waiting.get(place)
      const entry = { offset: record.offset, content: decodeContent(type, record.value) }
      if (waiting === undefined) this.#waiting.set(place, [entry])
      else waiting.push(entry)
      return
    }
    const waiting = this.#waiting.get(place)
    if (waiting !== undefined) this.#waiting.delete(place)
    if (!sink.wants(type)) return
    const event = decodeEvent(type, record.value)
    sink.event(event, waiting === undefined ? NONE : ofEvent(event, waiting))
  }

  /** Ends a packet: remembers where its partition stands, returns the position that may be stored. */
  end(topic: ViewTopic, partition: number, next: number): number {
    const place = placeOf(topic, partition)
    const reached = Math.max(next, this.#next[place] ?? 0)
    this.#next[place] = reached
    return this.#waiting.get(place)?.[0]?.offset ?? reached
  }
}

const NONE: readonly StoredContent[] = []

/** Contents whose event never came (a start in the middle) belong to nobody. */
const ofEvent = ({ subjectId, seq }: Event, waiting: readonly Waiting[]): readonly StoredContent[] => {
  const contents: StoredContent[] = []
  for (const { content } of waiting) if (content.seq === seq && content.subjectId === subjectId) contents.push(content)
  return contents
}
