// The recent past of one stream in memory: entries in offset order, bounded in bytes and age, the oldest leave first.
// Between the tailer that appends and sessions that replay; its head is by definition where live sessions stand.

import type { Entry } from './entry.ts'

/** Entries shifted out are cut from the array now and then. */
const CUT_AT = 256

export class Ring {
  readonly #entries: Entry[] = []
  #first = 0
  /** Everything from here on is held. */
  from: number
  /** Where the next entry may lie; nothing lies between the last entry and it. */
  head: number
  bytes = 0
  /** The newest entry there has ever been, for cursors at the head. */
  last: { readonly offset: number; readonly fingerprint: number } | undefined

  constructor(from: number) {
    this.from = from
    this.head = from
  }

  get length(): number {
    return this.#entries.length - this.#first
  }

  append(entry: Entry): void {
    this.#entries.push(entry)
    this.bytes += entry.bytes
    this.head = entry.next
    this.last = { offset: entry.offset, fingerprint: entry.fingerprint }
  }

  /** The reader has passed offsets that hold no entry. */
  advance(head: number): void {
    if (head > this.head) this.head = head
  }

  oldest(): Entry | undefined {
    return this.#entries[this.#first]
  }

  evictOldest(): void {
    const entry = this.#entries[this.#first]
    if (entry === undefined) return
    this.#first++
    this.bytes -= entry.bytes
    this.from = entry.next
    if (this.#first >= CUT_AT && this.#first * 2 > this.#entries.length) {
      this.#entries.splice(0, this.#first)
      this.#first = 0
    }
  }

  /** Entries from `offset` on, which must not lie before `from`. */
  *since(offset: number): Iterable<Entry> {
    for (let index = this.#indexOf(offset); index < this.#entries.length; index++) yield this.#entries[index] as Entry
  }

  /** The newest entry before `next`, where the ring still holds it. */
  before(next: number): { readonly offset: number; readonly fingerprint: number } | undefined {
    if (next >= this.head) return this.last
    const index = this.#indexOf(next) - 1
    return index < this.#first ? undefined : this.#entries[index]
  }

  /** Forgets the contents of an erased subject's events. */
  erase(subjectId: string, upToSeq: number): void {
    for (let index = this.#first; index < this.#entries.length; index++) {
      const entry = this.#entries[index] as Entry
      if (entry.routing?.subjectId === subjectId && entry.routing.seq <= upToSeq) entry.erase()
    }
  }

  /** Index of the first entry not before `offset`, by halving. */
  #indexOf(offset: number): number {
    let low = this.#first
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#entries[middle] as Entry).offset < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
