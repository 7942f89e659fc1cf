// A packet: everything appended and committed in one turn of the main loop, as one transferable buffer.
// Stands between the main thread and the writer thread; nothing is cloned on the way.

import type { Owner, StoredRecord } from '../index.ts'
import { encodeRecord } from './record.ts'

const owners: readonly Owner[] = ['conversations', 'contacts', 'sender', 'webhooks']

/** Records of one stream inside an operation; the writer's reply fills in their offsets. */
export interface Section {
  readonly stream: number
  readonly records: { -readonly [Field in keyof StoredRecord]: StoredRecord[Field] }[]
}

export type OperationKind = 'append' | 'commit' | 'lease'
const kinds: readonly OperationKind[] = ['append', 'commit', 'lease']

/** What is atomic: an append, a commit under a lease, the taking of a lease. */
export interface Operation {
  readonly kind: OperationKind
  readonly owner: Owner | undefined
  readonly partition: number
  readonly epoch: number
  readonly position: number | undefined
  readonly sections: readonly Section[]
  /** Upper bound of its encoded size. */
  readonly bytesMax: number
}

export const OPERATION_HEAD_BYTES = 22
export const SECTION_HEAD_BYTES = 6
export const RECORD_HEAD_BYTES = 4

const encodeSection = (section: Section, target: Buffer, view: DataView, from: number): number => {
  view.setUint16(from, section.stream, true)
  view.setUint32(from + 2, section.records.length, true)
  let at = from + SECTION_HEAD_BYTES
  for (const record of section.records) {
    const end = encodeRecord(record, target, view, at + RECORD_HEAD_BYTES)
    view.setUint32(at, end - at - RECORD_HEAD_BYTES, true)
    at = end
  }
  return at
}

/** Packs operations in order. The buffer may be longer than its content; `length` of the content stands in its first 4 bytes. */
export const encodePacket = (operations: readonly Operation[]): ArrayBuffer => {
  let size = 4
  for (const operation of operations) size += operation.bytesMax
  const target = Buffer.allocUnsafeSlow(size)
  const view = new DataView(target.buffer, target.byteOffset, size)
  let at = 4
  for (const operation of operations) {
    view.setUint8(at, kinds.indexOf(operation.kind))
    view.setUint8(at + 1, operation.owner === undefined ? 255 : owners.indexOf(operation.owner))
    view.setUint16(at + 2, operation.partition, true)
    view.setFloat64(at + 4, operation.epoch, true)
    view.setFloat64(at + 12, operation.position ?? NO_POSITION, true)
    view.setUint16(at + 20, operation.sections.length, true)
    at += OPERATION_HEAD_BYTES
    for (const section of operation.sections) at = encodeSection(section, target, view, at)
  }
  view.setUint32(0, at, true)
  return target.buffer
}

/** Walks a packet in the writer without making an object a record. */
export class PacketCursor {
  readonly bytes: Uint8Array
  readonly length: number
  readonly #view: DataView
  at = 4

  constructor(packet: ArrayBuffer) {
    this.bytes = new Uint8Array(packet)
    this.#view = new DataView(packet)
    this.length = this.#view.getUint32(0, true)
  }

  get isDone(): boolean {
    return this.at >= this.length
  }

  readOperation(): Omit<Operation, 'sections' | 'bytesMax'> & { readonly sectionCount: number } {
    const from = this.at
    const position = this.#view.getFloat64(from + 12, true)
    this.at += OPERATION_HEAD_BYTES
    return {
      // Written by encodePacket from the same list.
      kind: kinds[this.#view.getUint8(from)] as OperationKind,
      owner: owners[this.#view.getUint8(from + 1)],
      partition: this.#view.getUint16(from + 2, true),
      epoch: this.#view.getFloat64(from + 4, true),
      position: position === NO_POSITION ? undefined : position,
      sectionCount: this.#view.getUint16(from + 20, true),
    }
  }

  /** Leaves `at` on the first record's length. */
  readSection(): { readonly stream: number; readonly count: number } {
    const from = this.at
    this.at += SECTION_HEAD_BYTES
    return { stream: this.#view.getUint16(from, true), count: this.#view.getUint32(from + 2, true) }
  }

  /** Moves past the next record and returns its length; it ends at the new `at`. */
  readRecord(): number {
    const length = this.#view.getUint32(this.at, true)
    this.at += RECORD_HEAD_BYTES + length
    return length
  }

  skipSection(): void {
    const { count } = this.readSection()
    for (let index = 0; index < count; index++) this.readRecord()
  }
}

/** A position that there is none of. */
export const NO_POSITION = -1
/** Outcomes of an operation, as the writer's reply spells them. */
export const DONE = 0
export const FENCED = 1
