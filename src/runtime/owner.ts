// The owner of one partition: takes its commands in order, decides them in batches, commits each batch under the lease.
// Between the log's tail and decideBatch; after a commit of unknown fate it leases anew and asks the log what was written.

import type { Lease, Offset, Owner, StoredRecord } from '#log'
import { ConfabError, hasCode } from '#errors'
import { decideBatch, type StepOptions } from './step.ts'

/** Commands a batch holds at most; what queues while one commits is the next one. */
const BATCH_COMMANDS_MAX = 256
const BATCH_BYTES_MAX = 1_048_576
/** Commands waiting in a partition before its reader is held back. */
const MAILBOX_MAX = 4096
const RETRY_MS_MIN = 50
const RETRY_MS_MAX = 2000

export type OwnerState = 'fencing' | 'catching up' | 'ready' | 'waiting' | 'stopped'

export interface OwnerOptions extends StepOptions {
  readonly owner: Owner
  readonly partition: number
  /** Resolves after so many ms or when `signal` aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
  readonly onDecided: (commands: number, milliseconds: number) => void
  readonly onTrouble: (error: unknown, facts: { owner: Owner; partition: number }) => void
  readonly now: () => number
}

export class PartitionOwner {
  readonly #options: OwnerOptions
  readonly #abort = new AbortController()
  readonly #mailbox: StoredRecord[] = []
  #lease: Lease | undefined
  #next: Offset = 0
  #wake: (() => void) | undefined
  #room: (() => void) | undefined
  #loop: Promise<void> = Promise.resolve()
  #state: OwnerState = 'fencing'

  constructor(options: OwnerOptions) {
    this.#options = options
  }

  get state(): OwnerState {
    return this.#state
  }

  /** The next command to decide, as the fence settled it. */
  get next(): Offset {
    return this.#next
  }

  /** Takes the lease; answers where the reader of this partition starts. */
  async start(): Promise<Offset> {
    await this.#fence()
    this.#loop = this.#run().catch((error: unknown) => {
      this.#options.onTrouble(error, this.#options)
      this.#state = 'stopped'
    })
    return this.#next
  }

  async #fence(): Promise<void> {
    const { log, owner, partition, family } = this.#options
    this.#state = 'fencing'
    this.#options.snapshots.clear()
    this.#lease = await log.lease(owner, partition)
    this.#next = this.#lease.position ?? (await log.bounds(family.commands, partition)).start
    this.#state = 'ready'
  }

  /** Hands over records of the tail; resolves when there is room for more. */
  async admit(records: readonly StoredRecord[]): Promise<void> {
    for (const record of records) this.#mailbox.push(record)
    this.#wake?.()
    while (this.#mailbox.length >= MAILBOX_MAX && !this.#abort.signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#room = resolve
      await promise
    }
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
    if (this.#mailbox.length < MAILBOX_MAX) this.#room?.()
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
    await this.#options.pause(Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** attempt), this.#abort.signal)
    if (this.#abort.signal.aborted || !hasCode(error, 'fenced', 'commit_unknown')) return
    try {
      await this.#fence()
    } catch (failure) {
      this.#options.onTrouble(failure, this.#options)
    }
  }

  async close(): Promise<void> {
    this.#abort.abort()
    this.#wake?.()
    this.#room?.()
    await this.#loop
    this.#state = 'stopped'
    await this.#lease?.release()
  }
}
