// Tells the other nodes, every few seconds, that this one lives and which partitions it answers for; and at once when those change.
// Between what this node holds and `ownership`. A node that stops takes its record back.

import { encode, nodeRecord } from '#schemas/log'
import type { Log, Offset } from '#log'

/** A third of what silence costs, and more: one record may be lost. */
const ANNOUNCE_MS = 4_000

export interface AnnouncerOptions {
  readonly log: Pick<Log, 'append'>
  readonly url: string
  readonly instance: string
  /** The NEXT offset of `events` applied, by partition that can be read here. */
  readonly serves: () => ReadonlyMap<number, Offset>
  readonly clock: () => number
  readonly after: (ms: number, callback: () => void) => () => void
}

export class Announcer {
  readonly #options: AnnouncerOptions
  #cancel: (() => void) | undefined
  #writing: Promise<void> = Promise.resolve()
  #isWriting = false
  #isWanted = false
  #isClosed = false

  constructor(options: AnnouncerOptions) {
    this.#options = options
  }

  /** Announces now, and from now on by itself. Never two records at a time: one that waits says what holds then. */
  announce(): void {
    if (this.#isClosed) return
    this.#isWanted = true
    if (this.#isWriting) return
    this.#isWriting = true
    this.#writing = this.#write().finally(() => (this.#isWriting = false))
  }

  async #write(): Promise<void> {
    while (this.#isWanted && !this.#isClosed) {
      this.#isWanted = false
      this.#cancel?.()
      const { url, instance, serves, clock, after } = this.#options
      const at = clock()
      const list = [...serves()].map(([partition, applied]) => ({ partition, applied }))
      await this.#append(encode(nodeRecord, { url, instance, serves: list, at }), at)
      if (!this.#isClosed) this.#cancel = after(ANNOUNCE_MS, () => this.announce())
    }
  }

  /** A log that is away is told of by others; the next record says it all. */
  async #append(value: Uint8Array | null, time: number): Promise<void> {
    const record = { key: `node/${this.#options.url}`, value, headers: { type: 'node' }, time }
    await this.#options.log.append([{ topic: 'ownership', partition: 0, records: [record] }]).catch(() => undefined)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#cancel?.()
    await this.#writing
    await this.#append(null, this.#options.clock())
  }
}
