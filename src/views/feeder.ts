// The feeder: tails the log, packs records once for both writer threads, bounds what is on its way, knows how far each has got.
// Between the log and the two views files; a file that fails is opened anew, or rebuilt, by itself.

import type { Worker } from 'node:worker_threads'
import type { Chunk, Log, Offset, Position } from '#log'
import type { Fault } from './carry.ts'
import { removeFile } from './file.ts'
import { emptyPositions, type Positions } from './layout.ts'
import { PacketWriter, viewTopics, type ViewTopic } from './packet.ts'
import type { WriterReply, WriterRequest } from './writer.ts'
import { askWriter, catchUpBeside, closeWriter, PARTITIONS, readBounds, startWriter, type Bounds, type Writer } from './writer-thread.ts'

/** Packets a writer has not applied yet: with 2 MB each, what views hold in flight. */
const PACKETS_IN_FLIGHT_MAX = 4
const RETRY_MS = 1_000
/** Packets follow one another at least so far apart while the tail is live: a transaction costs the same for one record as for fifty. */
const PACKET_INTERVAL_MS = 8
const CHUNK_RECORDS = 2_000

export type StoreName = 'rows' | 'search'
const stores: readonly StoreName[] = ['rows', 'search']

export interface FeederLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** One packet applied by one writer. */
export interface ViewsSample {
  readonly store: StoreName
  readonly records: number
  readonly bytes: number
  readonly durationMs: number
}

export interface FeederOptions {
  readonly log: Log
  readonly files: Readonly<Record<StoreName, string>>
  readonly logger: FeederLogger
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly onSample: (sample: ViewsSample) => void
  /** Called when the rows file has got further. */
  readonly onApplied: () => void
  /** Called when whether the files can be read has changed, and when they were opened anew. */
  readonly onReadable: (isReadable: boolean) => void
}

export class Feeder {
  readonly #options: FeederOptions
  readonly #writers = new Map<StoreName, Writer>()
  #targets: Positions = emptyPositions(PARTITIONS)
  #packet = new PacketWriter()
  #abort = new AbortController()
  #loop: Promise<void> = Promise.resolve()
  #wake: (() => void) | undefined
  #retry: NodeJS.Timeout | undefined
  #sentAt = 0
  #sending: NodeJS.Timeout | NodeJS.Immediate | undefined
  #isRestarting = false
  #isDamaged = false
  #isClosed = false
  #startedAt = 0
  isReady = false

  constructor(options: FeederOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    const { starts, ends } = await readBounds(this.#options.log)
    this.#targets = ends
    this.#startedAt = this.#options.clock()
    const opened = await Promise.allSettled(stores.map((store) => this.#open(store, { starts, ends })))
    for (const each of opened) {
      if (each.status === 'fulfilled') continue
      await this.#stop()
      throw each.reason
    }
    this.#tellReadable()
    this.#abort = new AbortController()
    this.#packet = new PacketWriter()
    this.#loop = this.#tail(starts, this.#abort.signal).catch((error: unknown) => this.#recover(error))
    this.#noticeReached()
  }

  /** Files that a query found damaged are folded anew. */
  discard(): void {
    if (this.#isClosed || this.#isRestarting) return
    this.#isDamaged = true
    this.#recover(new Error('a query found damage'))
  }

  #open(store: StoreName, bounds: Bounds): Promise<void> {
    const { log, files } = this.#options
    const worker = startWriter({ store, file: files[store], logId: log.id, partitions: PARTITIONS, ...bounds })
    return new Promise((resolve, reject) => {
      worker.on('error', (error: Error) => {
        reject(error)
        if (this.#writers.get(store)?.worker === worker) this.#recover(error, store)
      })
      worker.on('message', (reply: WriterReply) => {
        if (reply.kind === 'open') {
          const applied = reply.positions as Record<ViewTopic, Offset[]>
          const begun = { isBuilt: false, isReachedSent: false, inFlight: [], onCaughtUp: undefined }
          this.#writers.set(store, { worker, applied, isBuilding: reply.isBuilding, ...begun })
          return resolve()
        }
        if (reply.kind === 'failed') reject(new Error(reply.error))
        return this.#onReply(store, worker, reply)
      })
    })
  }

  #onReply(store: StoreName, worker: Worker, reply: Exclude<WriterReply, { kind: 'open' }>): void {
    const writer = this.#writers.get(store)
    if (writer === undefined || writer.worker !== worker) return
    if (reply.kind === 'failed') {
      if (reply.isDamage) removeFile(this.#options.files[store])
      return this.#recover(new Error(reply.error), store)
    }
    if (reply.kind === 'built') {
      writer.isBuilt = true
      writer.isBuilding = false
      this.#tellReadable()
      this.isReady = stores.every((each) => this.#writers.get(each)?.isBuilt === true)
      if (this.isReady) this.#options.logger.info({ durationMs: this.#options.clock() - this.#startedAt }, 'views have caught up')
      if (store === 'rows') this.#options.onApplied()
      return
    }
    if (reply.kind === 'applied') this.#onApplied(store, writer, reply)
    if (reply.kind === 'caughtUp') writer.onCaughtUp?.()
  }

  #onApplied(store: StoreName, writer: Writer, reply: Extract<WriterReply, { kind: 'applied' }>): void {
    writer.inFlight.shift()
    const { positions, records, bytes, durationMs } = reply
    for (let at = 0; at < positions.length; at += 3)
      writer.applied[viewTopics[positions[at] ?? 0] ?? 'events'][positions[at + 1] ?? 0] = positions[at + 2] ?? 0
    this.#options.onSample({ store, records, bytes, durationMs })
    for (const fault of reply.faults) this.#warn(store, fault)
    if (store === 'rows') this.#options.onApplied()
    this.#noticeReached()
    this.#sendSoon()
    this.#wake?.()
  }

  #tellReadable(): void {
    this.#options.onReadable(stores.every((store) => this.#writers.get(store)?.isBuilding === false))
  }

  #warn(store: StoreName, fault: Fault): void {
    this.#options.logger.error({ store, ...fault }, 'views leave out a record they cannot fold')
  }

  get #inFlight(): number {
    let most = 0
    for (const { inFlight } of this.#writers.values()) most = Math.max(most, inFlight.length)
    return most
  }

  /** Tells a writer once that it has reached what the log held when it was opened: its first filling ends. */
  #noticeReached(): void {
    for (const writer of this.#writers.values()) {
      if (writer.isReachedSent) continue
      if (!viewTopics.every((topic) => this.#targets[topic].every((end, partition) => (writer.applied[topic][partition] ?? 0) >= end)))
        continue
      writer.isReachedSent = true
      writer.worker.postMessage({ kind: 'reached' } satisfies WriterRequest)
    }
  }

  #from(starts: Positions): Position[] {
    return viewTopics.flatMap((topic) =>
      starts[topic].map((start, partition) => {
        const applied = [...this.#writers.values()].map((writer) => writer.applied[topic][partition] ?? 0)
        return { topic, partition, offset: Math.max(start, Math.min(...applied)) }
      }),
    )
  }

  /**
   * What lies behind is read one partition after another: its conversations fit the writers' caches, and each is written
   * once rather than once a packet. The writers do it by themselves where the log lets them. Then all partitions together, for ever.
   */
  async #tail(starts: Positions, signal: AbortSignal): Promise<void> {
    await catchUpBeside(this.#options.log, this.#writers.values(), signal)
    if (signal.aborted) return
    const live: Position[] = []
    for (const position of this.#from(starts)) live.push({ ...position, offset: await this.#catchUp(position, signal) })
    if (signal.aborted) return
    for await (const chunk of this.#options.log.read(live, { signal, chunkRecordsMax: CHUNK_RECORDS })) await this.#take(chunk, signal)
  }

  async #catchUp(position: Position, signal: AbortSignal): Promise<Offset> {
    const target = this.#targets[position.topic as ViewTopic][position.partition] ?? 0
    let { offset } = position
    if (offset >= target) return offset
    for await (const chunk of this.#options.log.read([position], { signal, chunkRecordsMax: CHUNK_RECORDS })) {
      await this.#take(chunk, signal)
      offset = chunk.next
      if (offset >= target) break
    }
    return offset
  }

  async #take(chunk: Chunk, signal: AbortSignal): Promise<void> {
    let from = this.#packet.add(chunk, 0)
    while (from < chunk.records.length || this.#packet.isFull) {
      await this.#room(signal)
      if (signal.aborted) return
      this.#send()
      if (from < chunk.records.length) from = this.#packet.add(chunk, from)
    }
    this.#sendSoon()
  }

  /** Once a turn, and while a writer is at work not at all: records gather into the next packet. */
  #sendSoon(): void {
    if (this.#packet.isEmpty || this.#inFlight > 0 || this.#sending !== undefined) return
    const send = (): void => {
      this.#sending = undefined
      if (!this.#packet.isEmpty && !this.#isClosed && !this.#isRestarting) this.#send()
    }
    const wait = this.#sentAt + PACKET_INTERVAL_MS - performance.now()
    this.#sending = wait > 1 ? setTimeout(send, wait) : setImmediate(send)
  }

  async #room(signal: AbortSignal): Promise<void> {
    while (this.#inFlight >= PACKETS_IN_FLIGHT_MAX && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    this.#wake = undefined
  }

  #send(): void {
    this.#sentAt = performance.now()
    const packet = this.#packet.take()
    for (const { worker, inFlight } of this.#writers.values()) {
      inFlight.push(packet)
      askWriter(worker, { kind: 'packet', packet })
    }
  }

  /** Opens everything anew a little later: stored positions say where to read on. */
  #recover(error: unknown, store?: StoreName): void {
    if (this.#isClosed || this.#isRestarting) return
    this.#isRestarting = true
    this.isReady = false
    this.#options.onReadable(false)
    this.#options.logger.error({ store, error: error instanceof Error ? error.message : String(error) }, 'views open their files anew')
    this.#retry = setTimeout(() => void this.#restart(), RETRY_MS)
  }

  async #restart(): Promise<void> {
    try {
      await this.#stop()
      if (this.#isDamaged) for (const store of stores) removeFile(this.#options.files[store])
      this.#isDamaged = false
      this.#isRestarting = false
      if (this.#isClosed) return
      await this.start()
    } catch (error) {
      this.#recover(error)
    }
  }

  async #stop(): Promise<void> {
    this.#abort.abort()
    this.#wake?.()
    await this.#loop
    const workers = [...this.#writers.values()].map(({ worker }) => worker)
    this.#writers.clear()
    await Promise.all(workers.map(closeWriter))
  }

  applied(topic: ViewTopic, partition: number): Offset {
    return this.#writers.get('rows')?.applied[topic][partition] ?? 0
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#retry)
    await this.#stop()
  }
}
