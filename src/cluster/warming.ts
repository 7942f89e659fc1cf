// Keeps what an owner must know by key at hand on its standbys, so that a partition that comes to them is decided soon.
// Between the partitions that this node folds and the log, which goes on tailing what it has once restored.

/** Restores at a time: a node that starts has more to do. */
const AT_ONCE_MAX = 4

export interface WarmingOptions {
  /** Resolves when the partition is restored up to the log's end of now. */
  readonly restore: (partition: number) => Promise<void>
  readonly onError: (error: unknown, partition: number) => void
}

export class Warming {
  readonly #options: WarmingOptions
  readonly #begun = new Set<number>()
  readonly #waiting: number[] = []
  #running = 0
  #isClosed = false

  constructor(options: WarmingOptions) {
    this.#options = options
  }

  /** Each once: what is restored is kept up from then on. */
  want(partitions: Iterable<number>): void {
    for (const partition of partitions) {
      if (this.#begun.has(partition)) continue
      this.#begun.add(partition)
      this.#waiting.push(partition)
    }
    while (this.#running < AT_ONCE_MAX && this.#waiting.length > 0) this.#next()
  }

  #next(): void {
    const partition = this.#isClosed ? undefined : this.#waiting.shift()
    if (partition === undefined) return
    this.#running++
    this.#options
      .restore(partition)
      .catch((error: unknown) => {
        // Asked again when the partition comes again.
        this.#begun.delete(partition)
        if (!this.#isClosed) this.#options.onError(error, partition)
      })
      .finally(() => {
        this.#running--
        this.#next()
      })
  }

  close(): void {
    this.#isClosed = true
  }
}
