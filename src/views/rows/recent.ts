// Where the messages written last lie: what a first filling has in place of an index.
// Between the events of a message and its row, while the file has no secondary index.

/** Messages of one generation; the one before is kept too, so that at least as many are known. */
const GENERATION = 131_072
/** Places of a generation's table: half of them stay empty, so that a search ends soon. */
const PLACES = GENERATION * 2
const MASK = PLACES - 1

/** Row numbers by message number, in two flat arrays: a map of strings would be copied about by each collection. */
class Generation {
  readonly #keys = new Float64Array(PLACES)
  readonly #rows = new Float64Array(PLACES)
  #size = 0

  get isFull(): boolean {
    return this.#size >= GENERATION
  }

  /** Where a key lies, or the empty place where it would. Row numbers begin at 1. */
  #placeOf(key: number): number {
    let place = (key % 4_294_967_296) & MASK
    while (this.#rows[place] !== 0 && this.#keys[place] !== key) place = (place + 1) & MASK
    return place
  }

  set(key: number, n: number): void {
    const place = this.#placeOf(key)
    if (this.#rows[place] === 0) this.#size++
    this.#keys[place] = key
    this.#rows[place] = n
  }

  get(key: number): number | undefined {
    return this.#rows[this.#placeOf(key)] || undefined
  }
}

export class RecentMessages {
  #young = new Generation()
  #old: Generation | undefined

  /** `key`: the number of the message's id; of two that share one, the later. */
  set(key: number, n: number): void {
    if (this.#young.isFull) {
      this.#old = this.#young
      this.#young = new Generation()
    }
    this.#young.set(key, n)
  }

  /** undefined = not known here, perhaps in the file. */
  get(key: number): number | undefined {
    return this.#young.get(key) ?? this.#old?.get(key)
  }

  clear(): void {
    this.#young = new Generation()
    this.#old = undefined
  }
}
