// The log on Kafka: checks what callers hand in, appends, reads, looks up, leases; keeps count of what it does.
// Stands between the port's methods and the parts beside it, each of which knows one thing.

import { once } from 'node:events'
import { ConfabError } from '#errors'
import { PARTITIONS, topics, type Topic } from '#topics'
import { prepareOperation, refuse } from '../embedded/operation.ts'
import type { Batch, Chunk, Duty, Entry, Key, Lease, LogRecord, Offset, Owner, Position, ReadOptions, StoredRecord } from '../index.ts'
import { Appender } from './appender.ts'
import { Breaker } from './breaker.ts'
import type { KafkaClient, Place, PlainProducer, SendEntry } from './client.ts'
import type { KafkaDiagnostics, KafkaLogHandle, KafkaLogOptions } from './index.ts'
import type { KafkaLease, PreparedCommit } from './lease.ts'
import { isJournaled, journalsOf, Leases } from './leases.ts'
import { OffsetQuestions } from './offset-questions.ts'
import { readPartitions, type ReadSource } from './reading.ts'
import { Restored } from './restored.ts'

const MEGABYTE = 1_048_576
const IN_FLIGHT_BYTES_MAX = 64 * MEGABYTE
const FETCH_BYTES = 4 * MEGABYTE
const SLOW_MS = 1_000
const PROBE_MS = 250
/** Milliseconds that the former owner of partitions has to let go of them. */
const HANDOVER_MS_MAX = 10_000
const HANDOVER_LOOK_MS = 20

/** Whose leases a duty takes. */
const ownersOf: Readonly<Partial<Record<Duty, readonly Owner[]>>> = {
  actors: ['conversations', 'contacts'],
  sender: ['sender'],
  webhooks: ['webhooks'],
}

export interface KafkaLogParts {
  readonly id: string
  readonly client: KafkaClient
  readonly options: KafkaLogOptions
}

export class KafkaLog implements KafkaLogHandle {
  readonly id: string
  readonly #client: KafkaClient
  readonly #options: KafkaLogOptions
  readonly #questions: OffsetQuestions
  readonly #producer: PlainProducer
  readonly #breaker: Breaker
  readonly #appender: Appender
  readonly #restored: Restored
  readonly #leases: Leases
  readonly #closing = new AbortController()
  readonly #counts = {
    appends: 0,
    appendedRecords: 0,
    transactions: 0,
    committedRecords: 0,
    droppedRecords: 0,
    unknownCommits: 0,
    leases: 0,
  }

  constructor({ id, client, options }: KafkaLogParts) {
    this.id = id
    this.#client = client
    this.#options = options
    this.#questions = new OffsetQuestions(client)
    this.#producer = client.openProducer()
    this.#breaker = new Breaker({
      slowMs: options.slowMs ?? SLOW_MS,
      probeMs: PROBE_MS,
      now: () => performance.now(),
      onOpen: () => {
        options.logger?.warn({}, 'log_broker_away')
        client.refreshLeaders().catch(() => undefined)
      },
    })
    this.#appender = new Appender({
      producer: this.#producer,
      breaker: this.#breaker,
      leaderOf: (place) => client.leaderOf(place),
      inFlightBytesMax: options.inFlightBytesMax ?? IN_FLIGHT_BYTES_MAX,
      batchBytesMax: MEGABYTE,
      onSent: (records) => {
        this.#counts.appends++
        this.#counts.appendedRecords += records
      },
    })
    this.#restored = new Restored({
      client,
      directory: options.directory,
      logId: id,
      nameOf: this.#nameOf,
      startOf: (topic, partition) => this.#questions.ask(this.#placeOf(topic, partition), 'start'),
      endOf: (topic, partition) => this.#questions.ask(this.#placeOf(topic, partition), 'end'),
      clock: options.clock ?? Date.now,
      onTrouble: (error) => options.logger?.warn({ err: error }, 'log_tail_interrupted'),
      onDropped: this.#onDropped,
    })
    this.#leases = new Leases({
      client,
      options,
      questions: this.#questions,
      nameOf: this.#nameOf,
      ownershipOf: async (key) => (await this.latest('ownership', 0, [key]))[0],
      prepare: this.#prepare,
      onCommitted: this.#onCommitted,
      onUnknown: (cause, fields) => {
        this.#counts.unknownCommits++
        options.logger?.warn({ ...fields, err: cause }, 'log_commit_unknown')
      },
      batchBytesMax: MEGABYTE,
      inFlightBytesMax: options.inFlightBytesMax ?? IN_FLIGHT_BYTES_MAX,
    })
  }

  get diagnostics(): KafkaDiagnostics {
    return {
      ...this.#counts,
      inFlightBytes: this.#appender.inFlightBytes,
      breakerOpened: this.#breaker.opened,
      liveLeases: this.#leases.live,
    }
  }

  async append(entries: readonly Entry[]): Promise<void> {
    if (this.#closing.signal.aborted) throw new ConfabError('log_closed')
    const head = { kind: 'append', owner: undefined, partition: 0, epoch: 0, position: undefined } as const
    const { sections, bytesMax } = prepareOperation(head, entries, this.#checkPlace)
    for (const [index, { topic, partition }] of entries.entries()) {
      try {
        await this.#appender.submit(this.#placeOf(topic, partition), sections[index]?.records ?? [], Math.ceil(bytesMax / entries.length))
      } catch (error) {
        // What went before it is stored: as a whole, nobody can say that nothing was.
        if (index > 0) throw new ConfabError('append_unknown', { cause: error, retryAfterSeconds: 1 })
        throw error
      }
    }
  }

  read(from: readonly Position[], options: ReadOptions): AsyncIterable<Chunk> {
    for (const { topic, partition } of from) this.#checkPlace(topic, partition)
    const source: ReadSource = {
      client: this.#client,
      questions: this.#questions,
      nameOf: this.#nameOf,
      fetchBytesMax: this.#options.fetchBytesMax ?? FETCH_BYTES,
      onDropped: this.#onDropped,
    }
    return readPartitions(source, from, { ...options, signal: AbortSignal.any([options.signal, this.#closing.signal]) })
  }

  async latest(topic: Topic, partition: number, keys: readonly Key[]): Promise<(StoredRecord | null)[]> {
    if (this.#closing.signal.aborted) throw new ConfabError('log_closed')
    if (!topics[topic].lookup) throw refuse(topic, 'not served by key')
    this.#checkPlace(topic, partition)
    // Under all leases that write it, nobody else does: what they began with and what they committed since is all there is.
    const end = this.#leases.settledEnd(topic, partition) ?? (await this.#questions.ask(this.#placeOf(topic, partition), 'end'))
    return this.#restored.latest(topic, partition, keys, end)
  }

  async bounds(topic: Topic, partition: number): Promise<{ readonly start: Offset; readonly end: Offset }> {
    if (this.#closing.signal.aborted) throw new ConfabError('log_closed')
    const place = this.#placeOf(topic, partition)
    const [start, end] = await Promise.all([this.#questions.ask(place, 'start'), this.#questions.ask(place, 'end')])
    return { start, end }
  }

  async offsetAt(topic: Topic, partition: number, time: number): Promise<Offset> {
    const place = this.#placeOf(topic, partition)
    // Below zero Kafka reads other wishes than times.
    const [found, end] = await Promise.all([this.#questions.ask(place, Math.max(0, Math.ceil(time))), this.#questions.ask(place, 'end')])
    return found < 0 ? end : found
  }

  async *assignment(duty: Duty, signal: AbortSignal): AsyncGenerator<ReadonlySet<number>, void, undefined> {
    const ended = AbortSignal.any([signal, this.#closing.signal])
    if (ended.aborted) return
    const owners = ownersOf[duty]
    if (owners === undefined) {
      // Everybody does all of it: who takes webhooks in or follows for sockets needs no partition of its own.
      yield new Set(Array.from({ length: PARTITIONS }, (_, partition) => partition))
      if (!ended.aborted) await once(ended, 'abort')
      return
    }
    yield* this.#client.joinGroup({
      groupId: this.#options.prefix + duty,
      topic: this.#nameOf('commands'),
      partitions: PARTITIONS,
      released: (lost) => this.#released(owners, lost),
      signal: ended,
    })
  }

  lease(owner: Owner, partition: number): Promise<Lease> {
    if (this.#closing.signal.aborted) return Promise.reject(new ConfabError('log_closed'))
    this.#counts.leases++
    return this.#leases.take(owner, partition)
  }

  restorePartition(wanted: readonly Topic[], partition: number): Promise<void> {
    return this.#restored.prepare(wanted, partition)
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    await this.#appender.close()
    this.#closing.abort()
    await this.#leases.close()
    await Promise.all([this.#restored.close(), this.#producer.close()])
    await this.#client.close()
  }

  readonly #nameOf = (topic: Topic): string => this.#options.prefix + topic

  readonly #checkPlace = (topic: Topic, partition: number): number => {
    if (!(partition >= 0 && partition < topics[topic].partitions)) throw refuse(topic, `no partition ${partition}`)
    return partition
  }

  #placeOf(topic: Topic, partition: number): Place {
    this.#checkPlace(topic, partition)
    return { topic: this.#nameOf(topic), partition }
  }

  readonly #prepare = ({ owner, partition, epoch }: KafkaLease, batch: Batch, position: Offset | undefined): PreparedCommit => {
    const head = { kind: 'commit', owner, partition, epoch, position } as const
    const { sections, bytesMax } = prepareOperation(head, batch.entries, this.#checkPlace)
    const entries = batch.entries.map(({ topic, partition: of }, index): SendEntry => ({
      ...this.#placeOf(topic, of),
      records: sections[index]?.records ?? [],
    }))
    if (position !== undefined && !isJournaled(owner, partition, batch)) {
      const headers = { type: 'position', owner, epoch: String(epoch), in: String(position) }
      const time = (this.#options.clock ?? Date.now)()
      const record: LogRecord = { key: `position/${owner}`, value: new Uint8Array(0), headers, time }
      entries.push({ ...this.#placeOf(journalsOf[owner].at(-1) as Topic, partition), records: [record] })
    }
    return { entries, bytes: bytesMax }
  }

  readonly #onCommitted = (entries: readonly SendEntry[], offsets: readonly Offset[]): void => {
    this.#counts.transactions++
    for (const [index, entry] of entries.entries()) {
      this.#counts.committedRecords += entry.records.length
      const base = offsets[index] as Offset
      this.#restored.noteCommitted(
        entry,
        entry.records.map((record: LogRecord, at) => ({ ...record, offset: base + at })),
      )
    }
  }

  readonly #onDropped = (topic: Topic, partition: number, record: StoredRecord): void => {
    this.#counts.droppedRecords++
    const { owner, epoch } = record.headers
    this.#options.logger?.error({ topic, partition, offset: record.offset, owner, epoch }, 'log_record_dropped')
  }

  /** The owners here have let go of partitions that another node is to have, or had long enough to. */
  async #released(owners: readonly Owner[], lost: ReadonlySet<number>): Promise<void> {
    const endsAt = performance.now() + HANDOVER_MS_MAX
    while (performance.now() < endsAt && !this.#closing.signal.aborted) {
      if (![...lost].some((partition) => owners.some((owner) => this.#leases.holds(owner, partition)))) return
      await new Promise((resolve) => setTimeout(resolve, HANDOVER_LOOK_MS))
    }
  }
}
