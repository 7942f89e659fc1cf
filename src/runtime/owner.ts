// The owner of one partition: takes its commands in order, decides them in batches, commits each batch under the lease.
// Between the log's tail and decideBatch; after a commit of unknown fate it leases anew and asks the log what was written.

import type { Lease, Offset, Owner, StoredRecord } from '#log'
import { ConfabError, hasCode } from '#errors'
import { copyUp } from './generations.ts'
import { decideBatch, type StepOptions } from './step.ts'

/** Commands a batch holds at most; what queues while one commits is the next one. */
const BATCH_COMMANDS_MAX = 256
const BATCH_BYTES_MAX = 1_048_576
/** Commands waiting in a partition before the feed leaves it out; it comes back when half of them are decided. */
const MAILBOX_MAX = 4096
const RETRY_MS_MIN = 50
const RETRY_MS_MAX = 2000
/** Who was fenced waits before it leases again: leases may go to and fro, and then not fast (streams.md 4.2). */
const FENCED_MS_MIN = 1000
const FENCED_MS_MAX = 5000

export type OwnerState = 'fencing' | 'catching up' | 'ready' | 'waiting' | 'stopped'

export interface OwnerOptions extends StepOptions {
  readonly owner: Owner
  readonly partition: number
  /** Resolves after so many ms or when `signal` aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
  readonly onDecided: (commands: number, milliseconds: number) => void
  readonly onTrouble: (error: unknown, facts: { owner: Owner; partition: number }) => void
  /** The mailbox was full and has room again. */
  readonly onRoom: () => void
  readonly now: () => number
  /** In [0, 1). */
  readonly random: () => number
}

export class PartitionOwner {
  readonly #options: OwnerOptions
  readonly #abort = new AbortController()
  readonly #mailbox: StoredRecord[] = []
  #lease: Lease | undefined
  #next: Offset = 0
  #admitted: Offset = 0
  #isFull = false
  #wake: (() => void) | undefined
  #starting: Promise<void> = Promise.resolve()
  #loop: Promise<void> = Promise.resolve()
  #state: OwnerState = 'fencing'

  constructor(options: OwnerOptions) {
    this.#options = options
  }

  get state(): OwnerState {
    return this.#state
  }

  /** Where the feed reads on: everything below waits here or is decided. */
  get admitted(): Offset {
    return this.#admitted
  }

  get isFull(): boolean {
    return this.#isFull
  }

  /** Resolves once the lease is taken, or the owner closed before it could be. */
  start(): Promise<void> {
    this.#starting = this.#start()
    return this.#starting
  }

  async #start(): Promise<void> {
    await this.#lead()
    this.#admitted = this.#next
    this.#loop = this.#run().catch((error: unknown) => {
      this.#options.onTrouble(error, this.#options)
      this.#state = 'stopped'
    })
  }

  /** Fences until it succeeds. */
  async #lead(): Promise<void> {
    for (let attempt = 0; !this.#abort.signal.aborted; attempt++) {
      try {
        return await this.#fence()
      } catch (error) {
        this.#options.onTrouble(error, this.#options)
        await this.#rest(error, attempt)
      }
    }
  }

  async #fence(): Promise<void> {
    const { log, owner, partition, family } = this.#options
    this.#state = 'fencing'
    this.#options.snapshots.clear()
    this.#lease = await log.lease(owner, partition)
    await copyUp(log, this.#lease)
    this.#next = this.#lease.position ?? (await log.bounds(family.commands, partition)).start
    this.#state = 'ready'
  }

  #rest(error: unknown, attempt: number): Promise<void> {
    const { pause, random } = this.#options
    const delayMs = hasCode(error, 'fenced')
      ? FENCED_MS_MIN + random() * (FENCED_MS_MAX - FENCED_MS_MIN)
      : Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** attempt)
    return pause(delayMs, this.#abort.signal)
  }

  /** Takes records of the tail, up to `next`. */
  admit(records: readonly StoredRecord[], next: Offset): void {
    for (const record of records) this.#mailbox.push(record)
    this.#admitted = next
    this.#isFull = this.#mailbox.length >= MAILBOX_MAX
    this.#wake?.()
  }

  /** Retention has taken what lies below; answers whether anything was lost by it. */
  skipTo(start: Offset): boolean {
    if (this.#admitted >= start) return false
    this.#admitted = start
    return true
  }

  async #run(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      const batch = this.#take()
      if (batch.length === 0) {
        await this.#arrival()
        continue
      }
      await this.#settle(batch)
      // Below `next` = settled by the fence; a new lease may have moved it beyond what this batch held.
      this.#drop()
    }
  }

  #arrival(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    if (this.#mailbox.length > 0 || this.#abort.signal.aborted) resolve()
    return promise
  }

  /** The next commands in order, without removing them: they leave the mailbox once committed. */
  #take(): StoredRecord[] {
    this.#drop()
    const batch: StoredRecord[] = []
    let bytes = 0
    for (const record of this.#mailbox) {
      if (batch.length >= BATCH_COMMANDS_MAX || bytes > BATCH_BYTES_MAX) break
      bytes += record.value?.length ?? 0
      batch.push(record)
    }
    return batch
  }

  #drop(): void {
    let settled = 0
    while (settled < this.#mailbox.length && (this.#mailbox[settled]?.offset ?? 0) < this.#next) settled++
    if (settled > 0) this.#mailbox.splice(0, settled)
    if (!this.#isFull || this.#mailbox.length > MAILBOX_MAX / 2) return
    this.#isFull = false
    this.#options.onRoom()
  }

  /** Decides and commits until the log has taken the batch, or has taken it already. */
  async #settle(batch: readonly StoredRecord[]): Promise<void> {
    const last = batch.at(-1)
    if (last === undefined) return
    for (let attempt = 0; !this.#abort.signal.aborted && this.#next <= last.offset; attempt++) {
      try {
        await this.#once(
          batch.filter((record) => record.offset >= this.#next),
          last.offset + 1,
        )
        this.#state = 'ready'
        return
      } catch (error) {
        if (this.#abort.signal.aborted) return
        await this.#recover(error, attempt)
      }
    }
  }

  async #once(batch: readonly StoredRecord[], position: Offset): Promise<void> {
    const { partition, snapshots, now, clock } = this.#options
    const startedAt = now()
    const decided = await decideBatch(this.#options, partition, batch)
    this.#options.onDecided(decided.commands, now() - startedAt)
    if (this.#lease === undefined) throw new ConfabError('fenced')
    await this.#lease.commit({ entries: decided.staged.entries(clock()) }, position)
    for (const [id, snapshot] of decided.changed) snapshots.set(id, snapshot)
    this.#next = position
  }

  /** Nothing of the failed batch is kept: the projection was never applied. Unknown and fenced lease anew and look. */
  async #recover(error: unknown, attempt: number): Promise<void> {
    this.#options.onTrouble(error, this.#options)
    this.#state = 'waiting'
    await this.#rest(error, attempt)
    if (hasCode(error, 'fenced', 'commit_unknown')) await this.#lead()
  }

  async close(): Promise<void> {
    this.#abort.abort()
    this.#wake?.()
    await this.#starting
    await this.#loop
    this.#state = 'stopped'
    await this.#lease?.release()
  }
}
