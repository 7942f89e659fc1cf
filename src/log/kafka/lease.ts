// A lease on Kafka: the transactional producer is the fence, the record in `ownership` says whose it is.
// Stands between the runtime's commits and transactions; any error ends the lease, the next one asks the log what was stored.

import { ConfabError } from '#errors'
import type { Batch, LogRecord, Offset, Owner, Lease } from '../index.ts'
import { partsOf } from './appender.ts'
import { TransactionFault, type SendEntry, type TransactionalProducer } from './client.ts'

/** A commit, checked and with its headers, as the log above prepared it. */
export interface PreparedCommit {
  readonly entries: readonly SendEntry[]
  readonly bytes: number
}

export interface LeaseOptions {
  readonly owner: Owner
  readonly partition: number
  readonly epoch: number
  readonly position: Offset | undefined
  readonly producer: TransactionalProducer
  /** Throws `record_invalid`, `record_too_large`. */
  readonly prepare: (lease: KafkaLease, batch: Batch, position: Offset | undefined) => PreparedCommit
  /** Whether a newer lease is known: of this process at once, of others by `ownership`. */
  readonly isSuperseded: () => Promise<boolean>
  readonly onCommitted: (entries: readonly SendEntry[], offsets: readonly Offset[], latencyMs: number) => void
  readonly onUnknown: (cause: unknown) => void
  readonly onEnded: (lease: KafkaLease) => void
  /** Milliseconds a transaction may take before its fate counts as unknown. */
  readonly deadlineMs: number
  /** Bytes of a batch of records on the wire, and of the commits that share a transaction. */
  readonly batchBytesMax: number
  /** Bytes of commits that wait or are under way; beyond it they are refused. */
  readonly inFlightBytesMax: number
}

interface Pending extends PreparedCommit {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** One entry a topic-partition, its records in the order of the commits. */
const merge = (commits: readonly PreparedCommit[]): SendEntry[] => {
  const merged = new Map<string, { readonly topic: string; readonly partition: number; readonly records: LogRecord[] }>()
  for (const { entries } of commits)
    for (const { topic, partition, records } of entries) {
      const key = `${topic}/${partition}`
      const entry = merged.get(key) ?? { topic, partition, records: [] }
      merged.set(key, entry)
      for (const record of records) entry.records.push(record)
    }
  return [...merged.values()].filter(({ records }) => records.length > 0)
}

export class KafkaLease implements Lease {
  readonly owner: Owner
  readonly partition: number
  readonly epoch: number
  readonly position: Offset | undefined
  readonly #options: LeaseOptions
  #pending: Pending[] = []
  #bytes = 0
  #running: Promise<void> | undefined
  /** The transaction under way; a newer lease fences it, nothing cuts it off: its answer tells what became of it. */
  #underWay: Promise<unknown> = Promise.resolve()
  #ending: Promise<void> | undefined
  /** Why nothing more can be committed. */
  #end: ConfabError | undefined

  constructor(options: LeaseOptions) {
    this.owner = options.owner
    this.partition = options.partition
    this.epoch = options.epoch
    this.position = options.position
    this.#options = options
  }

  get isLive(): boolean {
    return this.#end === undefined
  }

  /** A newer lease of this process: what has not begun never will. */
  supersede(): void {
    this.#finish(this.#fenced())
  }

  async commit(batch: Batch, position?: Offset): Promise<void> {
    if (this.#end !== undefined) throw this.#end
    const prepared = this.#options.prepare(this, batch, position)
    if (prepared.entries.length === 0) return
    if (this.#bytes > 0 && this.#bytes + prepared.bytes > this.#options.inFlightBytesMax) throw new ConfabError('append_refused')
    this.#bytes += prepared.bytes
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#pending.push({ ...prepared, resolve, reject })
    this.#running ??= this.#run()
    return promise
  }

  async release(): Promise<void> {
    this.#finish(new ConfabError('fenced', { detail: 'This lease was released.', fields: this.#fields() }))
    await Promise.all([this.#running, this.#ending])
  }

  #fields(): { owner: Owner; partition: number; epoch: number } {
    return { owner: this.owner, partition: this.partition, epoch: this.epoch }
  }

  #fenced(): ConfabError {
    return new ConfabError('fenced', { fields: this.#fields() })
  }

  async #run(): Promise<void> {
    while (this.#pending.length > 0) {
      // The turn's other commits share the transaction: each stays whole, and their order with it.
      await Promise.resolve()
      await this.#commitTogether(this.#take())
    }
    this.#running = undefined
  }

  #take(): Pending[] {
    const taken: Pending[] = []
    let bytes = 0
    while (this.#pending.length > 0 && (taken.length === 0 || bytes + (this.#pending[0] as Pending).bytes <= this.#options.batchBytesMax)) {
      const next = this.#pending.shift() as Pending
      bytes += next.bytes
      taken.push(next)
    }
    return taken
  }

  async #commitTogether(commits: readonly Pending[]): Promise<void> {
    try {
      if (this.#end !== undefined) throw this.#end
      const startedAt = performance.now()
      const entries = merge(commits)
      const transaction = this.#transact(entries)
      this.#underWay = transaction.catch(() => undefined)
      const offsets = await transaction
      this.#options.onCommitted(entries, offsets, performance.now() - startedAt)
      for (const { resolve } of commits) resolve()
    } catch (error) {
      const reason = await this.#reasonOf(error)
      for (const { reject } of commits) reject(reason)
      this.#finish(reason)
    } finally {
      for (const { bytes } of commits) this.#bytes -= bytes
    }
  }

  /** Rejects with the producer's fault, or with an unknown fate when the deadline passes first. */
  async #transact(entries: readonly SendEntry[]): Promise<readonly Offset[]> {
    const { producer, deadlineMs, batchBytesMax } = this.#options
    // A batch on the wire has its limit too: what is longer goes out in parts, all of them in the one transaction.
    const parts = entries.map(({ records, ...place }) => partsOf(records, batchBytesMax).map((part) => ({ ...place, records: part })))
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(new TransactionFault('unknown', false, `no answer within ${deadlineMs} ms`)), deadlineMs)
    try {
      const committing = producer.commit(parts.flat())
      // The deadline's loser may still fail once the producer is closed.
      committing.catch(() => undefined)
      const offsets = await Promise.race([committing, late])
      let at = 0
      return parts.map((list) => offsets[(at += list.length) - list.length] as Offset)
    } finally {
      clearTimeout(timer)
    }
  }

  async #reasonOf(error: unknown): Promise<ConfabError> {
    if (error instanceof ConfabError) return error
    const isStoredPerhaps = !(error instanceof TransactionFault) || error.stored === 'unknown'
    if (!isStoredPerhaps && (this.#end !== undefined || (await this.#options.isSuperseded()))) return this.#fenced()
    this.#options.onUnknown(error)
    return new ConfabError('commit_unknown', { cause: error, fields: this.#fields() })
  }

  /** Nothing more goes out; the producer is thrown away as soon as its transaction has an answer or is late. */
  #finish(reason: ConfabError): void {
    if (this.#end !== undefined) return
    this.#end = reason
    for (const { reject, bytes } of this.#pending.splice(0)) {
      this.#bytes -= bytes
      reject(reason)
    }
    this.#options.onEnded(this)
    this.#ending = this.#underWay.then(() => this.#options.producer.close()).catch(() => undefined)
  }
}
