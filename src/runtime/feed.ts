// The feed of a family: one tail over all partitions that this node owns, each from where its owner stands.
// Between the log and the owners; a partition whose mailbox is full is left out until it has room, and holds up no other.

import { hasCode } from '#errors'
import type { Chunk, Log, Owner } from '#log'
import type { Topic } from '#topics'
import type { PartitionOwner } from './owner.ts'

const RETRY_MS_MIN = 50
const RETRY_MS_MAX = 5000

export interface FeedOptions {
  readonly log: Pick<Log, 'read' | 'bounds'>
  readonly topic: Topic
  readonly owner: Owner
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
  readonly onTrouble: (error: unknown, facts: { owner: Owner; partition: number }) => void
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

export class Feed {
  readonly #options: FeedOptions
  readonly #owners = new Map<number, PartitionOwner>()
  /** Ended whenever the partitions to read have changed. */
  #pass = new AbortController()

  constructor(options: FeedOptions) {
    this.#options = options
  }

  add(partition: number, owner: PartitionOwner): void {
    this.#owners.set(partition, owner)
    this.again()
  }

  remove(partition: number): void {
    if (this.#owners.delete(partition)) this.again()
  }

  /** Reads on with the partitions that have room now. */
  again(): void {
    this.#pass.abort()
  }

  /** Until `signal` aborts; an error of the log ends one pass only. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, topic, owner, pause, onTrouble } = this.#options
    let failures = 0
    while (!signal.aborted) {
      this.#pass = new AbortController()
      const either = AbortSignal.any([signal, this.#pass.signal])
      const from = [...this.#owners].flatMap(([partition, { isFull, admitted }]) =>
        isFull ? [] : [{ topic, partition, offset: admitted }],
      )
      if (from.length === 0) {
        await aborted(either)
        continue
      }
      try {
        for await (const chunk of log.read(from, { signal: either })) {
          this.#take(chunk)
          failures = 0
        }
      } catch (error) {
        onTrouble(error, { owner, partition: -1 })
        if (hasCode(error, 'log_closed')) return
        if (hasCode(error, 'offset_below_start')) await this.#skipExpired()
        else await pause(Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** failures++), signal)
      }
    }
  }

  #take({ partition, records, next }: Chunk): void {
    const owner = this.#owners.get(partition)
    // One that is full is read again from where it stands.
    if (owner === undefined || owner.isFull) return
    owner.admit(records, next)
    if (owner.isFull) this.again()
  }

  /** Commands that nobody decided within their retention are gone: named, and not waited for. */
  async #skipExpired(): Promise<void> {
    const { log, topic, owner, onTrouble } = this.#options
    for (const [partition, each] of this.#owners) {
      const { start } = await log.bounds(topic, partition)
      if (each.skipTo(start)) onTrouble(new Error(`${topic} expired undecided below ${start}`), { owner, partition })
    }
  }
}
