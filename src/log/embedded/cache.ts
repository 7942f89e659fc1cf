// The newest records of every stream, in memory: what tailing readers get without touching the file.
// Stands between the writer's replies and the readers; bounded in bytes over all streams, the oldest go first.

import type { Chunk, StoredRecord } from '../index.ts'

/** What a record costs beside its value: objects, strings, headers. */
const RECORD_OVERHEAD_BYTES = 400

interface Block {
  /** The end of the stream before it: a hole before the first record belongs to the block. */
  readonly from: number
  readonly next: number
  records: readonly StoredRecord[]
  readonly bytes: number
}

/** A queue whose head moves; the array is cut now and then. */
class Blocks {
  readonly items: Block[] = []
  head = 0

  shift(): Block | undefined {
    const block = this.items[this.head]
    if (block === undefined) return undefined
    this.head++
    if (this.head > 64 && this.head * 2 > this.items.length) {
      this.items.splice(0, this.head)
      this.head = 0
    }
    return block
  }

  /** Index of the block that holds `offset`, by halving. */
  find(offset: number): number {
    let low = this.head
    let high = this.items.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.items[middle] as Block).next <= offset) low = middle + 1
      else high = middle
    }
    return low
  }
}

export class TailCache {
  readonly #streams = new Map<number, Blocks>()
  readonly #bytesMax: number
  /** Streams in the order of their blocks, over all streams: whose oldest block goes next. */
  #order: number[] = []
  #orderHead = 0
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Records just committed; `from` is the stream's end before them, `next` after them. */
  add(stream: number, from: number, next: number, records: readonly StoredRecord[]): void {
    let bytes = records.length * RECORD_OVERHEAD_BYTES
    for (const record of records) if (record.value !== null) bytes += record.value.length
    let blocks = this.#streams.get(stream)
    if (blocks === undefined) this.#streams.set(stream, (blocks = new Blocks()))
    blocks.items.push({ from, next, records, bytes })
    this.#order.push(stream)
    this.#bytes += bytes
    while (this.#bytes > this.#bytesMax) this.#dropOldest()
  }

  /** Records were committed that the cache does not hold: what it holds of the stream no longer ends at the stream's end. */
  skip(stream: number): void {
    const blocks = this.#streams.get(stream)
    if (blocks === undefined) return
    this.#streams.delete(stream)
    for (let index = blocks.head; index < blocks.items.length; index++) this.#bytes -= blocks.items[index]?.bytes ?? 0
  }

  /** Up to `recordsMax` records from `offset` on, or undefined when the cache begins later. */
  take(stream: number, offset: number, recordsMax: number): Pick<Chunk, 'records' | 'next'> | undefined {
    const blocks = this.#streams.get(stream)
    const oldest = blocks?.items[blocks.head]
    if (blocks === undefined || oldest === undefined || offset < oldest.from) return undefined
    let index = blocks.find(offset)
    const first = blocks.items[index]
    if (first === undefined) return undefined
    if (index === blocks.items.length - 1 && offset <= (first.records[0]?.offset ?? offset) && first.records.length <= recordsMax)
      return first
    const records: StoredRecord[] = []
    let next = offset
    for (let block: Block | undefined = first; block !== undefined; block = blocks.items[++index]) {
      for (const record of block.records) {
        if (record.offset < offset) continue
        if (records.length === recordsMax) return { records, next }
        records.push(record)
        next = record.offset + 1
      }
      next = block.next
    }
    return { records, next }
  }

  clear(): void {
    this.#streams.clear()
    this.#order = []
    this.#orderHead = 0
    this.#bytes = 0
  }

  /** Forgets an erased key's records; erasing is rare, so it looks through the stream's blocks. */
  erase(stream: number, key: string, before: number): void {
    const blocks = this.#streams.get(stream)
    if (blocks === undefined) return
    for (let index = blocks.head; index < blocks.items.length; index++) {
      const block = blocks.items[index] as Block
      if (block.records.some((record) => record.key === key && record.offset < before)) {
        block.records = block.records.filter((record) => record.key !== key || record.offset >= before)
      }
    }
  }

  #dropOldest(): void {
    const stream = this.#order[this.#orderHead++]
    if (stream === undefined) {
      this.#bytes = 0
      return
    }
    const block = this.#streams.get(stream)?.shift()
    if (block !== undefined) this.#bytes -= block.bytes
    if (this.#orderHead > 4096 && this.#orderHead * 2 > this.#order.length) {
      this.#order = this.#order.slice(this.#orderHead)
      this.#orderHead = 0
    }
  }
}
