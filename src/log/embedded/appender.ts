// The main thread's side of writing: gathers what one turn appends, sends it as a packet, hands out offsets when it is durable.
// Stands between append, commit, lease and the writer thread; keeps no bytes beyond those in flight.

import type { Worker } from 'node:worker_threads'
import { ConfabError, type ErrorCode } from '#errors'
import type { Offset } from '../index.ts'
import type { OperationKind, Operation, Section } from './packet.ts'
import { encodePacket, FENCED, NO_POSITION } from './packet.ts'
import type { WriterReply } from './writer.ts'

/** Packets under way: one being written, one to follow it. What comes meanwhile is gathered into the next, larger one. */
const PACKETS_IN_FLIGHT_MAX = 2

interface Pending extends Operation {
  readonly startedAt: number
  readonly resolve: (position: Offset | undefined) => void
  readonly reject: (error: ConfabError) => void
}

export interface PacketSample {
  /** Operations that became durable together. */
  readonly operations: number
  readonly records: number
  /** From the oldest call to its durability, as the main thread saw it. */
  readonly latencyMs: number
  /** What the writer's transaction took, fsync included. */
  readonly writeMs: number
}

interface AppenderOptions {
  readonly worker: Worker
  /** Bytes of packets not yet durable, beyond which appends are refused. */
  readonly inFlightBytesMax: number
  /** A section is durable: its records carry offsets from `base` on, the stream now ends at `next`. */
  readonly onDurable: (section: Section, next: number) => void
  readonly onSample: (sample: PacketSample) => void
}

type Outcome = Extract<WriterReply, { kind: 'written' | 'failed' }>

const unknownCode = (kind: OperationKind): ErrorCode => (kind === 'commit' ? 'commit_unknown' : 'append_unknown')

export class Appender {
  readonly #options: AppenderOptions
  #gathered: Pending[] = []
  readonly #inFlight: { readonly operations: readonly Pending[]; readonly bytes: number }[] = []
  #bytes = 0
  #isScheduled = false
  #closedBy: ConfabError | undefined
  #onIdle: (() => void) | undefined

  constructor(options: AppenderOptions) {
    this.#options = options
  }

  get inFlightBytes(): number {
    return this.#bytes
  }

  /** Durable when resolved, for a lease with the position its partition stands at; rejects with `append_refused`, `fenced`, `log_full`, `append_unknown`, `commit_unknown`, `log_closed`. */
  submit(operation: Operation): Promise<Offset | undefined> {
    if (this.#closedBy !== undefined) return Promise.reject(this.#closedBy)
    if (this.#bytes > 0 && this.#bytes + operation.bytesMax > this.#options.inFlightBytesMax) {
      return Promise.reject(new ConfabError('append_refused', { detail: 'Too many bytes wait for the disk.', retryAfterSeconds: 1 }))
    }
    this.#bytes += operation.bytesMax
    return new Promise((resolve, reject) => {
      this.#gathered.push({ ...operation, startedAt: performance.now(), resolve, reject })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#isScheduled || this.#inFlight.length >= PACKETS_IN_FLIGHT_MAX) return
    this.#isScheduled = true
    setImmediate(this.#sendPacket)
  }

  readonly #sendPacket = (): void => {
    this.#isScheduled = false
    const operations = this.#gathered
    if (operations.length === 0 || this.#inFlight.length >= PACKETS_IN_FLIGHT_MAX) return
    this.#gathered = []
    const packet = encodePacket(operations)
    let bytes = 0
    for (const operation of operations) bytes += operation.bytesMax
    this.#inFlight.push({ operations, bytes })
    this.#options.worker.postMessage(packet, [packet])
  }

  /** Settles the oldest packets by the writer's reply; readers wake in this very turn. */
  settle(outcome: Outcome): void {
    const operations: Pending[] = []
    for (const packet of this.#inFlight.splice(0, outcome.packets)) {
      this.#bytes -= packet.bytes
      operations.push(...packet.operations)
    }
    if (outcome.kind === 'failed') this.#fail(operations, outcome)
    else this.#complete(operations, outcome)
    // After the continuations of what was just resolved, so that what they write goes along.
    if (this.#gathered.length > 0) this.#schedule()
    else if (this.#inFlight.length === 0) this.#onIdle?.()
  }

  /** Refuses what comes from now on and resolves when all before it is settled. */
  close(): Promise<void> {
    this.#closedBy ??= new ConfabError('log_closed')
    if (this.#inFlight.length === 0 && this.#gathered.length === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onIdle = resolve
    })
  }

  /** The writer is gone: nothing in flight has a known fate. */
  abandon(cause: unknown): void {
    this.#closedBy ??= new ConfabError('log_closed', { cause })
    const operations = [...this.#inFlight.flatMap((packet) => packet.operations), ...this.#gathered]
    this.#inFlight.length = 0
    this.#gathered = []
    this.#bytes = 0
    for (const operation of operations) operation.reject(new ConfabError(unknownCode(operation.kind), { cause }))
    this.#onIdle?.()
  }

  #complete(operations: readonly Pending[], outcome: Extract<Outcome, { kind: 'written' }>): void {
    const { reply } = outcome
    const settled: (() => void)[] = []
    let at = 0
    let records = 0
    for (const operation of operations) {
      if (reply[at++] === FENCED) {
        settled.push(() =>
          operation.reject(new ConfabError('fenced', { fields: { owner: operation.owner, partition: operation.partition } })),
        )
        continue
      }
      const position = operation.kind === 'lease' ? reply[at++] : NO_POSITION
      settled.push(() => operation.resolve(position === NO_POSITION ? undefined : position))
      for (const section of operation.sections) {
        // The writer answers two numbers a section.
        let offset = reply[at++] as number
        for (const record of section.records) record.offset = offset++
        records += section.records.length
        this.#options.onDurable(section, reply[at++] as number)
      }
    }
    for (const settle of settled) settle()
    const oldest = operations[0]?.startedAt ?? performance.now()
    this.#options.onSample({ operations: operations.length, records, latencyMs: performance.now() - oldest, writeMs: outcome.ms })
  }

  #fail(operations: readonly Pending[], outcome: Extract<Outcome, { kind: 'failed' }>): void {
    for (const operation of operations) {
      const code = outcome.fate === 'full' ? 'log_full' : outcome.fate === 'nothing' ? 'append_refused' : unknownCode(operation.kind)
      operation.reject(new ConfabError(code, { cause: new Error(outcome.message), retryAfterSeconds: 5 }))
    }
  }
}
