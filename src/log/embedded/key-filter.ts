// A Bloom filter over the hashes of all keys in the file: most look-ups ask for a message that does not exist yet, and end here.
// Stands before the key index, in memory that all threads share: the writer adds, the reader thread fills it in the background after an
// open, the main thread asks. It only ever says "certainly not"; until it is filled it says nothing.

import type { StatementSync } from 'node:sqlite'

const HEADER_WORDS = 16
const BITS_PER_KEY = 16
const PROBES = 4
/** 8 MB: room for 4 million keys. */
const BITS_MIN = 2 ** 26
/** 64 MB: beyond 32 million keys the filter lets more and more through to the index. */
const BITS_MAX = 2 ** 29
/** What a row takes in the file, index included; errs to the small side. */
const ROW_BYTES = 400
/** Hashes read in one go while filling: a few milliseconds. */
const SLICE_KEYS = 10_000

/** Memory for a file of this size to double. */
export const allocateFilter = (fileBytes: number): SharedArrayBuffer => {
  const wanted = (fileBytes / ROW_BYTES) * 2 * BITS_PER_KEY
  let bits = BITS_MIN
  while (bits < wanted && bits < BITS_MAX) bits *= 2
  return new SharedArrayBuffer(HEADER_WORDS * 4 + bits / 8)
}

export class KeyFilter {
  readonly #header: Int32Array
  readonly #words: Int32Array
  readonly #mask: number

  constructor(memory: SharedArrayBuffer) {
    this.#header = new Int32Array(memory, 0, HEADER_WORDS)
    this.#words = new Int32Array(memory, HEADER_WORDS * 4)
    this.#mask = this.#words.length * 32 - 1
  }

  get isFilled(): boolean {
    return Atomics.load(this.#header, 0) === 1
  }

  setFilled(): void {
    Atomics.store(this.#header, 0, 1)
  }

  add(hash: number): void {
    let probe = first(hash)
    const step = second(hash)
    // Atomic, because two threads add: a lost bit would hide a record.
    for (let index = 0; index < PROBES; index++, probe += step) Atomics.or(this.#words, (probe & this.#mask) >>> 5, 1 << (probe & 31))
  }

  /** False only if no record has this hash. */
  mayHave(hash: number): boolean {
    if (!this.isFilled) return true
    let probe = first(hash)
    const step = second(hash)
    for (let index = 0; index < PROBES; index++, probe += step) {
      if (((this.#words[(probe & this.#mask) >>> 5] as number) & (1 << (probe & 31))) === 0) return false
    }
    return true
  }
}

const mix = (value: number): number => {
  let mixed = Math.imul(value ^ (value >>> 16), 0x45d9f3b)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
/** Two numbers of 32 bits from the 53 of a key's hash. */
const first = (hash: number): number => mix((hash % 4294967296) ^ Math.imul(Math.floor(hash / 4294967296), 0x9e3779b1))
const second = (hash: number): number => (mix(Math.floor(hash / 2 ** 20) ^ 0x5bd1e995) ^ mix(hash % 2 ** 27)) | 1

/** Adds every hash of an index in order, a slice a step; `next` is `SELECT hash ... WHERE hash > ? ORDER BY hash LIMIT ?`. */
export function* fillFilter(filter: KeyFilter, next: StatementSync): Generator<void, void> {
  for (let from = -1; ;) {
    const rows = next.all(from, SLICE_KEYS)
    for (const row of rows) filter.add(row['hash'] as number)
    const last = rows.at(-1)
    if (last === undefined || rows.length < SLICE_KEYS) return
    from = last['hash'] as number
    yield
  }
}
