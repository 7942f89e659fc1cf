// The embedded log itself: checks what callers hand in, keeps ends and leases, wakes readers, looks after the threads.
// Stands between the port's methods and the parts beside it, each of which knows one thing.

import { once } from 'node:events'
import type { DatabaseSync } from 'node:sqlite'
import type { Worker } from 'node:worker_threads'
import { ConfabError } from '#errors'
import { topicNames, topics, type Topic } from '#topics'
import type { Chunk, Duty, Entry, Key, Lease, LogRecord, Offset, Owner, Position, ReadOptions, StoredRecord } from '../index.ts'
import { Appender, type PacketSample } from './appender.ts'
import { TailCache } from './cache.ts'
import { Checkpoints } from './checkpoints.ts'
import { DiskReads } from './disk-reads.ts'
import type { EmbeddedLogHandle, EmbeddedLogOptions, LogDiagnostics } from './index.ts'
import { streamOf, tableOf, topicIdOf } from './layout.ts'
import { randomFrom } from './holes.ts'
import type { RangeOrigin } from './ranges.ts'
import { Lookup } from './lookup.ts'
import { prepareOperation, refuse, type OperationHead } from './operation.ts'
import type { Operation, Section } from './packet.ts'
import type { StoreFacts } from './store.ts'
import { tailStreams, type Cursor, type ReadSource } from './tailing.ts'
import type { WriterReply, WriterRequest } from './writer.ts'

const MEGABYTE = 1_048_576
const CACHE_BYTES_MAX = 64 * MEGABYTE
const IN_FLIGHT_BYTES_MAX = 64 * MEGABYTE
const CLEAN_INTERVAL_MS = 10_000

export interface EmbeddedLogParts {
  readonly options: EmbeddedLogOptions
  readonly facts: StoreFacts
  readonly lock: DatabaseSync
  readonly file: string
  readonly filter: SharedArrayBuffer
  readonly writer: Worker
  readonly reader: Worker
  readonly checkpointer: Worker
}

export class EmbeddedLog implements EmbeddedLogHandle {
  readonly id: string
  readonly ranges: RangeOrigin
  readonly #parts: EmbeddedLogParts
  readonly #starts: Float64Array
  readonly #ends: Float64Array
  readonly #epochs = new Map<string, number>()
  readonly #uniqueTopicIds: ReadonlySet<number>
  readonly #appender: Appender
  readonly #cache: TailCache
  readonly #lookup: Lookup
  readonly #diskReads: DiskReads
  readonly #checkpoints: Checkpoints
  readonly #source: ReadSource
  readonly #readers = new Map<number, Set<() => void>>()
  readonly #closing = new AbortController()
  readonly #cleanTimer: NodeJS.Timeout | undefined
  readonly #cleaned: (() => void)[] = []
  readonly #counts = { transactions: 0, records: 0, droppedRecords: 0, cleanedRecords: 0 }
  #isClosed = false

  constructor(parts: EmbeddedLogParts) {
    const { options, facts, writer } = parts
    this.#parts = parts
    this.id = facts.id
    this.ranges = { file: parts.file, topicIds: facts.topicIds }
    this.#starts = facts.starts
    this.#ends = facts.ends
    this.#uniqueTopicIds = new Set(topicNames.filter((topic) => topics[topic].cleanup === 'unique').map((topic) => facts.topicIds[topic]))
    for (const { owner, partition, epoch } of facts.leases) this.#epochs.set(`${owner}/${partition}`, epoch)
    this.#cache = new TailCache(options.cacheBytesMax ?? CACHE_BYTES_MAX)
    this.#lookup = new Lookup(parts.file, parts.filter)
    this.#diskReads = new DiskReads(parts.reader)
    this.#appender = new Appender({
      worker: writer,
      inFlightBytesMax: options.inFlightBytesMax ?? IN_FLIGHT_BYTES_MAX,
      onDurable: this.#onDurable,
      onSample: this.#onSample,
    })
    this.#checkpoints = new Checkpoints(parts.checkpointer, () => this.#isClosed || this.#request({ kind: 'checkpoint' }))
    this.#source = this.#makeSource()
    writer.on('message', this.#onWriter)
    for (const worker of [writer, parts.reader, parts.checkpointer]) worker.on('error', this.#onThreadError)
    const intervalMs = options.cleanIntervalMs ?? CLEAN_INTERVAL_MS
    if (intervalMs > 0) this.#cleanTimer = setInterval(() => void this.clean(), intervalMs).unref()
  }

  get diagnostics(): LogDiagnostics {
    return {
      ...this.#counts,
      inFlightBytes: this.#appender.inFlightBytes,
      cacheBytes: this.#cache.bytes,
      diskReads: this.#diskReads.count,
      keyReads: this.#lookup.reads,
      walBytes: this.#checkpoints.walBytes,
    }
  }

  async append(entries: readonly Entry[]): Promise<void> {
    await this.#appender.submit(this.#operation({ kind: 'append', owner: undefined, partition: 0, epoch: 0, position: undefined }, entries))
  }

  read(from: readonly Position[], options: ReadOptions): AsyncIterable<Chunk> {
    const cursors = from.map(({ topic, partition, offset }): Cursor => ({
      topic,
      partition,
      offset,
      stream: this.#streamOf(topic, partition),
    }))
    const signal = AbortSignal.any([options.signal, this.#closing.signal])
    return tailStreams(this.#source, cursors, { ...options, signal })
  }

  latest(topic: Topic, partition: number, keys: readonly Key[]): Promise<(StoredRecord | null)[]> {
    if (this.#isClosed) return Promise.reject(new ConfabError('log_closed'))
    if (!topics[topic].lookup) return Promise.reject(refuse(topic, 'not served by key'))
    return Promise.resolve(this.#lookup.latest(tableOf(topic), this.#parts.facts.topicIds[topic], this.#streamOf(topic, partition), keys))
  }

  bounds(topic: Topic, partition: number): Promise<{ readonly start: Offset; readonly end: Offset }> {
    if (this.#isClosed) return Promise.reject(new ConfabError('log_closed'))
    const stream = this.#streamOf(topic, partition)
    return Promise.resolve({ start: this.#source.startOf(stream), end: this.#source.endOf(stream) })
  }

  offsetAt(topic: Topic, partition: number, time: number): Promise<Offset> {
    const stream = this.#streamOf(topic, partition)
    return this.#diskReads.offsetAt(tableOf(topic), stream, this.#source.endOf(stream), time)
  }

  async *assignment(_duty: Duty, signal: AbortSignal): AsyncGenerator<ReadonlySet<number>, void, undefined> {
    const ended = AbortSignal.any([signal, this.#closing.signal])
    if (ended.aborted) return
    yield new Set(Array.from({ length: topics.commands.partitions }, (_, partition) => partition))
    if (!ended.aborted) await once(ended, 'abort')
  }

  async lease(owner: Owner, partition: number): Promise<Lease> {
    const name = `${owner}/${partition}`
    const epoch = (this.#epochs.get(name) ?? 0) + 1
    this.#epochs.set(name, epoch)
    const head = { kind: 'lease', owner, partition, epoch, position: undefined } as const
    const position = await this.#appender.submit(this.#operation(head, this.#ownershipEntries(owner, partition, epoch)))
    let isReleased = false
    return {
      owner,
      partition,
      epoch,
      position,
      commit: async (batch, next) => {
        if (isReleased) throw new ConfabError('fenced', { detail: 'This lease was released.', fields: { owner, partition } })
        await this.#appender.submit(this.#operation({ kind: 'commit', owner, partition, epoch, position: next }, batch.entries))
      },
      release: () => {
        isReleased = true
        return Promise.resolve()
      },
    }
  }

  clean(): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    return new Promise((resolve) => {
      this.#cleaned.push(resolve)
      this.#request({ kind: 'clean', now: (this.#parts.options.clock ?? Date.now)() })
    })
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    clearInterval(this.#cleanTimer)
    this.#closing.abort()
    const { writer, reader, checkpointer, lock } = this.#parts
    await this.#appender.close()
    this.#diskReads.close()
    this.#lookup.close()
    reader.postMessage('close')
    checkpointer.postMessage('close')
    await Promise.all([reader, checkpointer].map((worker) => exited(worker)))
    this.#request({ kind: 'close' })
    await exited(writer)
    for (const resolve of this.#cleaned.splice(0)) resolve()
    lock.close()
  }

  #ownershipEntries(owner: Owner, partition: number, epoch: number): Entry[] {
    const { encodeOwnership, node = '', clock = Date.now } = this.#parts.options
    if (encodeOwnership === undefined) return []
    const at = clock()
    const record: LogRecord = {
      key: `${owner}/${partition}`,
      value: encodeOwnership({ owner, partition, epoch, node, at }),
      headers: {},
      time: at,
    }
    return [{ topic: 'ownership', partition: 0, records: [record] }]
  }

  #operation(head: OperationHead, entries: readonly Entry[]): Operation {
    return prepareOperation(head, entries, (topic, partition) => this.#streamOf(topic, partition))
  }

  #streamOf(topic: Topic, partition: number): number {
    if (!(partition >= 0 && partition < topics[topic].partitions)) throw refuse(topic, `no partition ${partition}`)
    return streamOf(this.#parts.facts.topicIds[topic], partition)
  }

  #makeSource(): ReadSource {
    const { holes } = this.#parts.options
    const startOf = (stream: number): Offset => this.#starts[stream] as number
    const endOf = (stream: number): Offset => this.#ends[stream] as number
    return {
      startOf,
      endOf,
      fromCache: (stream, offset, recordsMax) => this.#cache.take(stream, offset, recordsMax),
      fromDisk: (topic, stream, from, recordsMax) =>
        this.#diskReads.range({ table: tableOf(topic), stream, from, to: endOf(stream), recordsMax }),
      subscribe: (stream, wake) => {
        const readers = this.#readers.get(stream) ?? new Set()
        this.#readers.set(stream, readers.add(wake))
        return () => readers.delete(wake)
      },
      onDropped: (topic, partition, record) => {
        this.#counts.droppedRecords++
        this.#parts.options.logger?.error(
          { topic, partition, offset: record.offset, owner: record.headers['owner'], epoch: record.headers['epoch'] },
          'log_record_dropped',
        )
      },
      random: holes === undefined ? undefined : randomFrom(holes.seed + 1),
    }
  }

  readonly #onDurable = (section: Section, next: number): void => {
    const { stream, records } = section
    const from = this.#ends[stream] as number
    this.#ends[stream] = next
    if (records.length === 0 && from === next) return
    const readers = this.#readers.get(stream)
    // What nobody follows (raw, snapshots, rows) is read from the file when somebody does.
    if (readers === undefined || readers.size === 0) return this.#cache.skip(stream)
    this.#cache.add(stream, from, next, records)
    this.#forgetErased(stream, records)
    for (const wake of readers) wake()
  }

  #forgetErased(stream: number, records: Section['records']): void {
    if (!this.#uniqueTopicIds.has(topicIdOf(stream))) return
    for (const { value, key, offset } of records) if (value === null) this.#cache.erase(stream, key, offset)
  }

  readonly #onSample = (sample: PacketSample): void => {
    this.#counts.transactions++
    this.#counts.records += sample.records
    this.#parts.options.onPacket?.(sample)
  }

  readonly #onWriter = (reply: WriterReply): void => {
    if (reply.kind === 'written' || reply.kind === 'failed') {
      const before = this.#appender.inFlightBytes
      if (reply.kind === 'failed') this.#adoptEnds(reply.ends, reply.message)
      this.#appender.settle(reply)
      this.#checkpoints.note(before - this.#appender.inFlightBytes)
    } else if (reply.kind === 'starts') reply.streams.forEach((stream, index) => (this.#starts[stream] = reply.starts[index] as number))
    else if (reply.kind === 'cleaned') {
      this.#counts.cleanedRecords += reply.deleted
      if (reply.failure !== undefined) this.#parts.options.logger?.warn({ reason: reply.failure }, 'log_cleaning_failed')
      for (const resolve of this.#cleaned.splice(0)) resolve()
    }
  }

  /** After a failure the file says what is there; what memory held may lie before it. */
  #adoptEnds(ends: Float64Array, message: string): void {
    this.#parts.options.logger?.error({ message }, 'log_write_failed')
    this.#ends.set(ends)
    this.#cache.clear()
    for (const readers of this.#readers.values()) for (const wake of readers) wake()
  }

  readonly #onThreadError = (error: unknown): void => {
    this.#parts.options.logger?.error({ error }, 'log_thread_failed')
    this.#appender.abandon(error)
    this.#diskReads.close()
    this.#closing.abort()
    this.#parts.options.onFailure?.(error)
  }

  #request(request: WriterRequest): void {
    this.#parts.writer.postMessage(request)
  }
}

const exited = async (worker: Worker): Promise<void> => {
  if (worker.threadId !== -1) await once(worker, 'exit')
}
