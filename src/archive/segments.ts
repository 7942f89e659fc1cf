// Segments: immutable files, each a range of one partition, chained by their hashes so that none can be changed, swapped or left out.
// Between records of a log and an archive's directory; values are the log's own bytes.

import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { ConfabError } from '#errors'
import type { Offset, StoredRecord } from '#log'
import type { Topic } from '#topics'

export interface Segment {
  readonly file: string
  readonly topic: Topic
  readonly partition: number
  /** Offsets in the site it came from: from the first, up to but without `next`. */
  readonly from: Offset
  readonly next: Offset
  readonly records: number
  readonly bytes: number
  /** SHA-256 over the hash before and the file's bytes, hex. */
  readonly sha256: string
  /** The hash of the partition's segment before; "" for its first. */
  readonly previous: string
}

/** Bytes beyond which a segment ends. */
const SEGMENT_BYTES_MAX = 8 * 1_048_576
const LENGTH_BYTES = 4
/** Stands where the length of a value would, for a record without one. */
const NO_VALUE = 0xffff_ffff

interface Head {
  readonly key: string
  readonly offset: Offset
  readonly time: number
  readonly headers: Readonly<Record<string, string>>
}

const lengthOf = (length: number): Buffer => {
  const bytes = Buffer.alloc(LENGTH_BYTES)
  bytes.writeUInt32BE(length)
  return bytes
}

const framed = ({ key, offset, time, headers, value }: StoredRecord): Buffer => {
  const head = Buffer.from(JSON.stringify({ key, offset, time, headers } satisfies Head))
  return Buffer.concat([lengthOf(head.length), head, lengthOf(value === null ? NO_VALUE : value.length), value ?? Buffer.alloc(0)])
}

/** Writes a file so that it is there whole or not at all. */
export const writeWhole = (path: string, bytes: Uint8Array): void => {
  const file = openSync(`${path}.part`, 'w', 0o600)
  try {
    for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(`${path}.part`, path)
}

const hashOf = (previous: string, bytes: Uint8Array): string => createHash('sha256').update(previous).update(bytes).digest('hex')

/** Writes the segments of one partition. */
export class SegmentWriter {
  readonly #directory: string
  readonly #place: { readonly topic: Topic; readonly partition: number }
  readonly #done: Segment[] = []
  #from: Offset
  #frames: Buffer[] = []
  #bytes = 0

  constructor(directory: string, place: { readonly topic: Topic; readonly partition: number; readonly from: Offset }) {
    this.#directory = directory
    this.#place = { topic: place.topic, partition: place.partition }
    this.#from = place.from
  }

  add(record: StoredRecord): void {
    const frame = framed(record)
    this.#frames.push(frame)
    this.#bytes += frame.length
    if (this.#bytes >= SEGMENT_BYTES_MAX) this.#flush(record.offset + 1)
  }

  #flush(next: Offset): void {
    const { topic, partition } = this.#place
    const bytes = Buffer.concat(this.#frames)
    const previous = this.#done.at(-1)?.sha256 ?? ''
    const file = `${topic}-${String(partition).padStart(2, '0')}-${String(this.#from).padStart(16, '0')}.segment`
    writeWhole(join(this.#directory, file), bytes)
    const sha256 = hashOf(previous, bytes)
    this.#done.push({ file, topic, partition, from: this.#from, next, records: this.#frames.length, bytes: bytes.length, sha256, previous })
    this.#from = next
    this.#frames = []
    this.#bytes = 0
  }

  /** Ends the partition at `next`; a partition without records has no segment. */
  end(next: Offset): readonly Segment[] {
    if (this.#frames.length > 0) this.#flush(next)
    return this.#done
  }
}

const damaged = (file: string, why: string): ConfabError =>
  new ConfabError('archive_damaged', { detail: `It is ${file}: ${why}.`, fields: { file } })

const readBytes = (directory: string, file: string): Buffer => {
  try {
    return readFileSync(join(directory, file))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') throw damaged(file, 'it is missing')
    throw cause
  }
}

/** Checks every segment's hash and that each follows the one before. Throws `archive_damaged` naming the file. */
export const checkSegments = (directory: string, segments: readonly Segment[]): void => {
  const newest = new Map<string, Segment>()
  for (const segment of segments) {
    const place = `${segment.topic}/${segment.partition}`
    const before = newest.get(place)
    if (segment.previous !== (before?.sha256 ?? '') || (before !== undefined && before.next !== segment.from))
      throw damaged(segment.file, 'it does not follow the segment before')
    if (hashOf(segment.previous, readBytes(directory, segment.file)) !== segment.sha256)
      throw damaged(segment.file, 'its SHA-256 is not the one it was written with')
    newest.set(place, segment)
  }
}

/** The records of a segment, in order of their offsets. Throws `archive_damaged`. */
export function* readSegment(directory: string, { file, previous, sha256 }: Segment): Generator<StoredRecord, void, undefined> {
  const bytes = readBytes(directory, file)
  if (hashOf(previous, bytes) !== sha256) throw damaged(file, 'its SHA-256 is not the one it was written with')
  for (let at = 0; at < bytes.length;) {
    const headEnd = at + LENGTH_BYTES + bytes.readUInt32BE(at)
    const head = JSON.parse(bytes.toString('utf8', at + LENGTH_BYTES, headEnd)) as Head
    const length = bytes.readUInt32BE(headEnd)
    const valueAt = headEnd + LENGTH_BYTES
    at = valueAt + (length === NO_VALUE ? 0 : length)
    yield { ...head, value: length === NO_VALUE ? null : bytes.subarray(valueAt, at) }
  }
}
