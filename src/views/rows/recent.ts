// Where the messages written last lie: what a first filling has in place of an index.
// Between the events of a message and its row, while the file has no secondary index.

/** Messages of one generation; the one before is kept too, so that at least as many are known. */
const GENERATION = 125_000

/** Row numbers by message id. */
export class RecentMessages {
  #young = new Map<string, number>()
  #old = new Map<string, number>()

  set(id: string, n: number): void {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(id, n)
  }

  /** undefined = not known here, perhaps in the file. */
  get(id: string): number | undefined {
    return this.#young.get(id) ?? this.#old.get(id)
  }

  clear(): void {
    this.#young = new Map()
    this.#old = new Map()
  }
}
