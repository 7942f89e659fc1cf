// Plain appends: one send in flight a partition, what arrives meanwhile is the next batch, and nothing waits for a broker that is gone.
// Stands between `append` and the plain producer.

import { ConfabError } from '#errors'
import type { LogRecord } from '../index.ts'
import type { Breaker } from './breaker.ts'
import type { Place, PlainProducer } from './client.ts'

interface Pending {
  readonly records: readonly LogRecord[]
  readonly bytes: number
  readonly resolve: () => void
  readonly reject: (error: ConfabError) => void
}

interface Queue extends Place {
  pending: Pending[]
  /** The run of sends under way; undefined = none is. */
  sending: Promise<void> | undefined
}

export interface AppenderOptions {
  readonly producer: PlainProducer
  readonly breaker: Breaker
  readonly leaderOf: (place: Place) => number | undefined
  /** Bytes not yet durable beyond which appends are refused. */
  readonly inFlightBytesMax: number
  /** Bytes of a batch: beyond it the next one begins. */
  readonly batchBytesMax: number
  readonly onSent: (records: number, latencyMs: number) => void
}

/** Seconds after which a repeat makes sense while a broker is gone. */
const RETRY_AFTER_SECONDS = 2

const unknown = (cause: unknown): ConfabError => new ConfabError('append_unknown', { cause, retryAfterSeconds: RETRY_AFTER_SECONDS })

export class Appender {
  readonly #options: AppenderOptions
  readonly #queues = new Map<string, Queue>()
  #bytes = 0
  #isClosed = false
  #idle: (() => void) | undefined

  constructor(options: AppenderOptions) {
    this.#options = options
  }

  get inFlightBytes(): number {
    return this.#bytes
  }

  /** Durable when resolved. Rejects with `append_refused` (not sent), `append_unknown`, `log_closed`. */
  submit(place: Place, records: readonly LogRecord[], bytes: number): Promise<void> {
    if (this.#isClosed) return Promise.reject(new ConfabError('log_closed'))
    if (records.length === 0) return Promise.resolve()
    if (this.#bytes > 0 && this.#bytes + bytes > this.#options.inFlightBytesMax) return Promise.reject(new ConfabError('append_refused'))
    if (!this.#options.breaker.admits(this.#options.leaderOf(place)))
      return Promise.reject(
        new ConfabError('append_refused', { detail: 'The broker does not answer.', retryAfterSeconds: RETRY_AFTER_SECONDS }),
      )
    const queue = this.#queueOf(place)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#bytes += bytes
    queue.pending.push({ records, bytes, resolve, reject })
    queue.sending ??= this.#drain(queue)
    return promise
  }

  /** Waits for what was handed over, then refuses. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#bytes > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
    this.#options.breaker.close()
  }

  #queueOf({ topic, partition }: Place): Queue {
    const key = `${topic}/${partition}`
    const known = this.#queues.get(key)
    if (known !== undefined) return known
    const queue: Queue = { topic, partition, pending: [], sending: undefined }
    this.#queues.set(key, queue)
    return queue
  }

  async #drain(queue: Queue): Promise<void> {
    while (queue.pending.length > 0) {
      // The turn's other appends to this partition go along.
      await Promise.resolve()
      await this.#send(queue, this.#take(queue))
    }
    queue.sending = undefined
    if (this.#bytes === 0) this.#idle?.()
  }

  #take(queue: Queue): Pending[] {
    const batch: Pending[] = []
    let bytes = 0
    while (queue.pending.length > 0 && (batch.length === 0 || bytes + (queue.pending[0] as Pending).bytes <= this.#options.batchBytesMax)) {
      const next = queue.pending.shift() as Pending
      bytes += next.bytes
      batch.push(next)
    }
    return batch
  }

  async #send(queue: Queue, batch: readonly Pending[]): Promise<void> {
    const { breaker, leaderOf, producer, batchBytesMax } = this.#options
    const startedAt = performance.now()
    const records = batch.flatMap((pending) => pending.records)
    const rejectAll = (error: ConfabError): void => {
      for (const { reject } of batch) reject(error)
      // What waits behind it was never sent.
      for (const { reject, bytes } of queue.pending.splice(0)) {
        this.#bytes -= bytes
        reject(new ConfabError('append_refused', { cause: error, retryAfterSeconds: RETRY_AFTER_SECONDS }))
      }
    }
    try {
      await breaker.follow(
        leaderOf(queue),
        async () => {
          for (const part of partsOf(records, batchBytesMax))
            await producer.send({ topic: queue.topic, partition: queue.partition, records: part })
        },
        () => rejectAll(unknown('The broker does not answer.')),
      )
      for (const { resolve } of batch) resolve()
      this.#options.onSent(records.length, performance.now() - startedAt)
    } catch (error) {
      rejectAll(unknown(error))
    } finally {
      for (const { bytes } of batch) this.#bytes -= bytes
    }
  }
}

/** Bytes that key, headers and framing of a record take at most, beside its value. */
const RECORD_BYTES = 512

/** Runs of records of at most `bytesMax`, or of one record. */
export const partsOf = (records: readonly LogRecord[], bytesMax: number): (readonly LogRecord[])[] => {
  const parts: LogRecord[][] = []
  let bytes = Infinity
  for (const record of records) {
    const size = RECORD_BYTES + record.key.length * 3 + (record.value?.length ?? 0)
    if (bytes + size > bytesMax) {
      parts.push([])
      bytes = 0
    }
    bytes += size
    parts.at(-1)?.push(record)
  }
  return parts
}
