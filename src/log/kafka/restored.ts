// Serves `latest` from local files: restored from the topics up to a captured end, then kept up by a tail of them.
// Stands between `latest` and Kafka, which has no index by key; what our own leases committed is seen at once.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ConfabError, hasCode } from '#errors'
import { topics, TOMBSTONE_RETENTION_MS, type Topic } from '#topics'
import { EpochFilter } from '../epochs.ts'
import type { Key, Offset, StoredRecord } from '../index.ts'
import type { Fetched, KafkaClient, PartitionReader, Place } from './client.ts'
import { KeyFile } from './key-file.ts'

/** Bytes of one answer of a broker to the tail. */
const FETCH_BYTES = 4_194_304
/** Milliseconds an answer may be held back; also how long a newly asked-for topic may wait for its first fetch. */
const WAIT_MS = 100
const RETRY_MS = 200
/** Records of one SQLite transaction: the main loop is held no longer than those take. */
const SLICE_RECORDS = 500
/** Milliseconds before tombstones go in which a file must have been read on. */
const TOMBSTONE_MARGIN_MS = 3_600_000
/** Milliseconds after which who waits for a restore is told that the log is stale. */
const STALE_MS = 60_000

export interface RestoredOptions {
  readonly client: KafkaClient
  /** Holds one file a partition. */
  readonly directory: string
  readonly logId: string
  readonly nameOf: (topic: Topic) => string
  /** The high watermark of a partition. */
  readonly endOf: (topic: Topic, partition: number) => Promise<Offset>
  readonly startOf: (topic: Topic, partition: number) => Promise<Offset>
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly onTrouble: (error: unknown) => void
  readonly onDropped: (topic: Topic, partition: number, record: StoredRecord) => void
}

/** One topic of one partition. */
interface Table {
  readonly topic: Topic
  readonly partition: number
  readonly file: KeyFile
  next: Offset
  /** Committed here and not read back yet, by key. */
  readonly own: Map<Key, StoredRecord>
  readonly epochs: EpochFilter
  readonly waiters: Set<{ readonly offset: Offset; readonly resolve: () => void }>
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export class Restored {
  readonly #options: RestoredOptions
  readonly #files = new Map<number, KeyFile>()
  readonly #tables = new Map<string, Promise<Table>>()
  readonly #open = new Map<string, Table>()
  readonly #topicOf: ReadonlyMap<string, Topic>
  #reader: PartitionReader | undefined
  #isClosed = false
  #loop: Promise<void> | undefined

  constructor(options: RestoredOptions) {
    this.#options = options
    this.#topicOf = new Map((Object.keys(topics) as Topic[]).map((topic) => [options.nameOf(topic), topic]))
    mkdirSync(options.directory, { recursive: true })
  }

  /** The newest record of each key at `end` or later. Rejects with `log_stale`, `log_closed`. */
  async latest(topic: Topic, partition: number, keys: readonly Key[], end: Offset): Promise<(StoredRecord | null)[]> {
    const table = await this.#tableOf(topic, partition)
    await this.#reach(table, end)
    return keys.map((key) => {
      const own = table.own.get(key)
      const record = own ?? table.file.latest(topic, key)
      return record === undefined || record.value === null ? null : record
    })
  }

  /** A commit of this node: seen from now on, though its records come back only later. */
  noteCommitted(place: Place, records: readonly StoredRecord[]): void {
    const topic = this.#topicOf.get(place.topic)
    const table = topic === undefined ? undefined : this.#open.get(`${topic}/${place.partition}`)
    if (table === undefined) return
    for (const record of records) if (record.offset >= table.next) table.own.set(record.key, record)
  }

  /** Begins to restore a partition's topics before somebody asks; resolves when they have reached their ends of now. */
  async prepare(wanted: readonly Topic[], partition: number): Promise<void> {
    await Promise.all(
      wanted.map(async (topic) => this.#reach(await this.#tableOf(topic, partition), await this.#options.endOf(topic, partition))),
    )
  }

  /** How far each opened topic has been read. */
  positions(): ReadonlyMap<string, Offset> {
    return new Map([...this.#open].map(([name, { next }]) => [name, next]))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#reader?.close()
    await this.#loop
    for (const { waiters } of this.#open.values()) for (const { resolve } of waiters) resolve()
    for (const file of this.#files.values()) file.close()
  }

  async #tableOf(topic: Topic, partition: number): Promise<Table> {
    const name = `${topic}/${partition}`
    const opening = this.#tables.get(name) ?? this.#openTable(topic, partition)
    this.#tables.set(name, opening)
    try {
      return await opening
    } catch (error) {
      // The next one to ask tries again.
      this.#tables.delete(name)
      throw error
    }
  }

  async #openTable(topic: Topic, partition: number): Promise<Table> {
    const { startOf, endOf, nameOf } = this.#options
    const [start, end] = await Promise.all([startOf(topic, partition), endOf(topic, partition)])
    if (this.#isClosed) throw new ConfabError('log_closed')
    const file = this.#fileOf(partition)
    const known = file.positionOf(topic)
    const isWithin = known !== undefined && known >= start && known <= end
    if (known !== undefined && !isWithin) file.forget(topic)
    if (topic === 'outcomes') file.dropBelow(topic, start)
    const epochs = new EpochFilter((record) => this.#options.onDropped(topic, partition, record))
    const table: Table = { topic, partition, file, next: isWithin ? known : start, own: new Map(), epochs, waiters: new Set() }
    this.#open.set(`${topic}/${partition}`, table)
    this.#reader ??= this.#openReader()
    this.#reader.assign({ topic: nameOf(topic), partition }, table.next)
    this.#loop ??= this.#tail()
    // Commits of ours that came before the table was there are below this end; later ones it is told of.
    await this.#reach(table, await endOf(topic, partition))
    return table
  }

  #fileOf(partition: number): KeyFile {
    const known = this.#files.get(partition)
    if (known !== undefined) return known
    const { directory, logId, clock } = this.#options
    const file = KeyFile.open({
      file: join(directory, `${partition}.db`),
      logId,
      now: clock(),
      ageMsMax: TOMBSTONE_RETENTION_MS - TOMBSTONE_MARGIN_MS,
    })
    this.#files.set(partition, file)
    return file
  }

  async #reach(table: Table, offset: Offset): Promise<void> {
    if (this.#isClosed) throw new ConfabError('log_closed')
    if (table.next >= offset) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const waiter = { offset, resolve }
    table.waiters.add(waiter)
    const timer = setTimeout(resolve, STALE_MS)
    await promise
    clearTimeout(timer)
    table.waiters.delete(waiter)
    if (this.#isClosed) throw new ConfabError('log_closed')
    if (table.next < offset) throw new ConfabError('log_stale', { detail: `${table.topic}/${table.partition} is being restored.` })
  }

  #openReader(): PartitionReader {
    return this.#options.client.openReader({ fetchBytesMax: FETCH_BYTES, waitMs: WAIT_MS })
  }

  async #tail(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const part = await (this.#reader as PartitionReader).next()
        if (part !== undefined) await this.#take(part)
      } catch (error) {
        if (this.#isClosed) return
        this.#options.onTrouble(error)
        await this.#restart(error)
      }
    }
  }

  /** A reader that failed is of no more use: another one goes on where each table stands. */
  async #restart(error: unknown): Promise<void> {
    await this.#reader?.close()
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    if (this.#isClosed) return
    this.#reader = this.#openReader()
    for (const table of this.#open.values()) {
      if (hasCode(error, 'offset_below_start')) await this.#catchUp(table).catch(this.#options.onTrouble)
      this.#reader.assign({ topic: this.#options.nameOf(table.topic), partition: table.partition }, table.next)
    }
  }

  /** Retention has overtaken a table of a topic that goes by age. */
  async #catchUp(table: Table): Promise<void> {
    const start = await this.#options.startOf(table.topic, table.partition)
    if (table.next >= start) return
    table.file.forget(table.topic)
    table.next = start
  }

  async #take(part: Fetched): Promise<void> {
    const topic = this.#topicOf.get(part.topic) as Topic
    const table = this.#open.get(`${topic}/${part.partition}`)
    if (table === undefined) return
    const records = table.epochs.filter(part.records)
    for (let from = 0; from === 0 || from < records.length; from += SLICE_RECORDS) {
      const slice = records.slice(from, from + SLICE_RECORDS)
      const isLast = from + SLICE_RECORDS >= records.length
      const next = isLast ? part.next : (slice.at(-1)?.offset ?? table.next - 1) + 1
      if (next <= table.next) continue
      table.file.apply(topic, slice, next, this.#options.clock())
      table.next = next
      for (const { key, offset } of slice) if ((table.own.get(key)?.offset ?? Infinity) <= offset) table.own.delete(key)
      for (const { offset, resolve } of table.waiters) if (offset <= next) resolve()
      if (!isLast) await nextTurn()
      if (this.#isClosed) return
    }
  }
}
