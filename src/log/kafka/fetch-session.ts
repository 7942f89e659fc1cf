// A fetch session with one broker (KIP-227): the broker remembers what is read, a request names only what has changed since the last one.
// Stands between a reader with hundreds of partitions and the wire: naming them all in every request is most of a node's work.

import type { Offset } from '../index.ts'
import type { FetchTopic, ForgottenTopic } from './kafkajs-internals.ts'

/** A partition, where to read it from, and how many bytes of it an answer may hold. */
export interface Wanted {
  readonly topic: string
  readonly partition: number
  readonly offset: Offset
  readonly maxBytes: number
}

export interface SessionRequest {
  readonly sessionId: number
  readonly sessionEpoch: number
  readonly topics: readonly FetchTopic[]
  readonly forgottenTopics: readonly ForgottenTopic[]
}

/** The session is unknown to the broker, or it has seen another request than we think: begin anew. */
const LOST: ReadonlySet<number> = new Set([70, 71])
const EPOCH_MAX = 0x7fffffff

const keyOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string => `${topic}/${partition}`

const grouped = <P>(entries: Iterable<readonly [string, P]>): { topic: string; partitions: P[] }[] => {
  const topics = new Map<string, P[]>()
  for (const [topic, partition] of entries) {
    const known = topics.get(topic)
    if (known === undefined) topics.set(topic, [partition])
    else known.push(partition)
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }))
}

export class FetchSession {
  #id = 0
  /** 0 asks for a session. */
  #epoch = 0
  /** What the broker was told last. */
  #told = new Map<string, Wanted>()

  /** The next request, for exactly these partitions. */
  request(wanted: readonly Wanted[]): SessionRequest {
    const changed = wanted.filter((each) => this.#told.get(keyOf(each))?.offset !== each.offset)
    const forgotten = new Map(this.#told)
    for (const each of wanted) forgotten.delete(keyOf(each))
    for (const each of changed) this.#told.set(keyOf(each), each)
    for (const key of forgotten.keys()) this.#told.delete(key)
    return {
      sessionId: this.#id,
      sessionEpoch: this.#epoch,
      topics: grouped(
        changed.map(({ topic, partition, offset, maxBytes }) => [topic, { partition, fetchOffset: String(offset), maxBytes }]),
      ),
      forgottenTopics: grouped([...forgotten.values()].map(({ topic, partition }) => [topic, partition])),
    }
  }

  /** From where a partition was asked for. */
  offsetOf(topic: string, partition: number): Offset {
    return this.#told.get(keyOf({ topic, partition }))?.offset ?? 0
  }

  /** Takes an answer; false = the session is lost, and the answer holds nothing. */
  accept(errorCode: number, sessionId: number): boolean {
    if (LOST.has(errorCode)) {
      this.reset()
      return false
    }
    // A broker without room for a session answers 0: then every request is a whole one.
    if (sessionId === 0) this.reset()
    else {
      this.#id = sessionId
      this.#epoch = this.#epoch === EPOCH_MAX ? 1 : this.#epoch + 1
    }
    return true
  }

  /** After a request without an answer nobody knows what the broker has seen. */
  reset(): void {
    this.#id = 0
    this.#epoch = 0
    this.#told = new Map()
  }
}
