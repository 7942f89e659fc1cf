// The feeder: tails the log, packs records once for both writer threads, bounds what is on its way, knows how far each has got.
// Between the log and the two views files; a file that fails is opened anew, or rebuilt, by itself.

import type { Worker } from 'node:worker_threads'
import type { Chunk, Offset } from '#log'
import type { Fault } from './carry.ts'
import { removeFile } from './file.ts'
import { emptyPositions, type Positions } from './layout.ts'
import { PacketWriter, viewTopics, type ViewTopic } from './packet.ts'
import { stores, type FeederOptions, type StoreName } from './feeding.ts'
import { tail } from './tailing.ts'
import { WantedPartitions } from './wanted.ts'
import type { WriterReply, WriterRequest } from './writer.ts'
import {
  askWriter,
  catchUpBeside,
  closeWriter,
  PARTITIONS,
  readBounds,
  startsOf,
  startWriter,
  type Bounds,
  type Writer,
} from './writer-thread.ts'

/** Packets a writer has not applied yet: with 2 MB each, what views hold in flight. */
const PACKETS_IN_FLIGHT_MAX = 4
const RETRY_MS = 1_000
/** Packets follow one another at least so far apart while the tail is live: a transaction costs the same for one record as for fifty. */
const PACKET_INTERVAL_MS = 8

export class Feeder {
  readonly #options: FeederOptions
  readonly #writers = new Map<StoreName, Writer>()
  #targets: Positions = emptyPositions(PARTITIONS)
  readonly #wanted: WantedPartitions
  #refit: Promise<void> | undefined
  #restarting: Promise<void> = Promise.resolve()
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
    this.#wanted = new WantedPartitions(options.partitions)
  }

  /**
   * Folds other partitions from now on, and takes the rows of those in `forget` out. The files are opened anew for it; whoever reads them
   * goes on reading.
   */
  fold(partitions: ReadonlySet<number>, forget: readonly number[]): Promise<void> {
    this.#wanted.change(partitions, forget)
    this.#refit ??= this.#refold().finally(() => (this.#refit = undefined))
    return this.#refit
  }

  async #refold(): Promise<void> {
    // What opens anew by itself, or is about to, takes the new ones then.
    for (let fitted; fitted !== this.#wanted.wish && !this.#isClosed && !this.#isRestarting;) {
      fitted = this.#wanted.wish
      this.#isRestarting = true
      await this.#restart()
    }
  }

  /** Partitions that can be read here: folded, and no further behind than the tail is. */
  held(): ReadonlySet<number> {
    return this.#wanted.readable([...this.#writers.values()])
  }

  async start(): Promise<void> {
    const { starts, ends } = await readBounds(this.#options.log)
    this.#targets = this.#wanted.limit(ends)
    this.#startedAt = this.#options.clock()
    const opened = await Promise.allSettled(stores.map((store) => this.#open(store, { starts, ends })))
    for (const each of opened) {
      if (each.status === 'fulfilled') continue
      await this.#stop()
      throw each.reason
    }
    this.#wanted.forgotten()
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
    const worker = startWriter({
      store,
      file: files[store],
      logId: log.id,
      partitions: PARTITIONS,
      forget: this.#wanted.toForget,
      ...bounds,
    })
    return new Promise((resolve, reject) => {
      worker.on('error', (error: Error) => {
        reject(error)
        if (this.#writers.get(store)?.worker === worker) this.#recover(error, store)
      })
      worker.on('message', (reply: WriterReply) => {
        if (reply.kind === 'open') {
          const applied = reply.positions as Record<ViewTopic, Offset[]>
          const begun = { isBuilt: false, isReachedSent: false, inFlight: [], onCaughtUp: undefined }
          // A file begun anew has reached nothing.
          if (reply.isBuilding) this.#wanted.lose()
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
    this.#wanted.notice([...this.#writers.values()], this.#targets)
    for (const writer of this.#writers.values()) {
      if (writer.isReachedSent) continue
      if (!viewTopics.every((topic) => this.#targets[topic].every((end, partition) => (writer.applied[topic][partition] ?? 0) >= end)))
        continue
      writer.isReachedSent = true
      writer.worker.postMessage({ kind: 'reached' } satisfies WriterRequest)
    }
  }

  async #tail(starts: Positions, signal: AbortSignal): Promise<void> {
    const { log } = this.#options
    // By themselves writers fold every partition.
    if (this.#wanted.isAll) await catchUpBeside(log, this.#writers.values(), signal)
    if (signal.aborted) return
    await tail({
      log,
      ...this.#wanted.split(startsOf([...this.#writers.values()], starts)),
      targetOf: ({ topic, partition }) => this.#targets[topic as ViewTopic][partition] ?? 0,
      take: (chunk) => this.#take(chunk, signal),
      signal,
      giveUp: () => this.#abort.abort(),
    })
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

  /** One after another: what begins anew by itself and what takes other partitions know nothing of each other. */
  #restart(): Promise<void> {
    this.#restarting = this.#restarting.then(() => this.#restartNow())
    return this.#restarting
  }

  async #restartNow(): Promise<void> {
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

  /** The NEXT offset of the rows file; a partition that is not folded here stays where it was. */
  applied(topic: ViewTopic, partition: number): Offset {
    return this.#writers.get('rows')?.applied[topic][partition] ?? 0
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#retry)
    await this.#restarting
    await this.#stop()
  }
}
