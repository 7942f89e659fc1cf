// An entry: one event with the contents it introduces, or one mark or setting, as rings hold it and sessions are sent it.
// Between the log's single records and everything that counts in whole events; contents are carried over a chunk's end here.

import type { Chunk, StoredRecord } from '#log'
import { CONTENTS_MAX, eventRecords } from '#schemas/log'
import { fingerprintOf, topicOf } from '../cursor.ts'
import { keysOf, routingOf, type Routing } from '../scopes.ts'

/** What an entry costs beside its bytes: objects, strings, headers. */
const ENTRY_OVERHEAD_BYTES = 600

/** Who a frame is made for: everyone who sees all, the contact, or the author or owner alone. */
export type Projection = 'full' | 'contact' | 'own'

/** Frame bytes; null = the projection has nothing to show. */
export type Frames = Partial<Record<Projection, Buffer | null>>

export class Entry {
  readonly stream: number
  readonly record: StoredRecord
  contents: readonly StoredRecord[]
  readonly bytes: number
  /** undefined: nobody is sent it. */
  readonly routing: Routing | undefined
  readonly fingerprint: number
  /** Whether its contents are gone by an erasure. */
  isErased = false
  frames: Frames = {}
  /** Who gets the `own` projection; known once it is encoded, null = nobody. */
  ownerId: string | null | undefined

  constructor(stream: number, record: StoredRecord, contents: readonly StoredRecord[], routing: Routing | undefined) {
    this.stream = stream
    this.record = record
    this.contents = contents
    this.routing = routing
    this.fingerprint = fingerprintOf(record.key, record.time)
    this.bytes = [record, ...contents].reduce((sum, { value }) => sum + (value?.length ?? 0), ENTRY_OVERHEAD_BYTES)
  }

  #keys: readonly string[] | undefined
  /** Keys of the fan-out index. */
  get keys(): readonly string[] {
    return (this.#keys ??= this.routing === undefined ? [] : keysOf(this.routing))
  }
  get offset(): number {
    return this.record.offset
  }
  /** The position after it. */
  get next(): number {
    return this.record.offset + 1
  }

  erase(): void {
    this.isErased = true
    this.contents = []
    this.frames = {}
  }
}

const isContent = (record: StoredRecord): boolean =>
  record.headers['kind'] === 'content' || record.headers['type']?.startsWith('content') === true

/** Makes a routing where the record alone cannot: a removed setting names no organization. */
export type Route = (stream: number, record: StoredRecord) => Routing | undefined

/** Reads one stream's chunks into entries. Positions move at events only: `next` never lies between a content and its event. */
export class Assembler {
  readonly #stream: number
  readonly #route: Route
  readonly #isState: boolean
  #pending: StoredRecord[] = []
  next: number

  constructor(stream: number, from: number, route: Route = routingOf) {
    this.#stream = stream
    this.#route = route
    this.#isState = topicOf(stream) === 'marks' || topicOf(stream) === 'config'
    this.next = from
  }

  *read(chunk: Pick<Chunk, 'records' | 'next'>): Iterable<Entry> {
    for (const record of chunk.records) {
      const entry = this.#isState ? this.#state(record) : this.#event(record)
      if (entry === undefined) continue
      this.next = entry.next
      yield entry
    }
    this.next = this.#pending[0]?.offset ?? chunk.next
  }

  #state(record: StoredRecord): Entry | undefined {
    const routing = this.#route(this.#stream, record)
    return routing === undefined ? undefined : new Entry(this.#stream, record, [], routing)
  }

  #event(record: StoredRecord): Entry | undefined {
    if (isContent(record)) {
      // A tombstone stands anywhere, erased contents precede nothing; more than an event may name are of none.
      if (record.value !== null && this.#pending.push(record) > CONTENTS_MAX) this.#pending.shift()
      return undefined
    }
    const contents = this.#pending.filter(({ key }) => key.startsWith(`${record.key}/`))
    this.#pending = []
    if (record.value === null || !((record.headers['type'] ?? '') in eventRecords)) return undefined
    return new Entry(this.#stream, record, contents, this.#route(this.#stream, record))
  }
}
