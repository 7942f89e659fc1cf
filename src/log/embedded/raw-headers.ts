// A record's headers read where they lie: its type, where its value begins, whether owner and epoch are those of the record before.
// Stands between a row's bytes and readers that look at millions of them: no object, and no string that was made before.

import { headerNames, keyEnd, NAMED_CODE } from './record.ts'

const OWNER = headerNames.indexOf('owner')
const EPOCH = headerNames.indexOf('epoch')
const TYPE = headerNames.indexOf('type')
/** Types are our own words; more of them than this are made each time. */
const TYPES_MAX = 1_000
const HASH_FACTOR = 31

/** Of a text of up to five digits or a few of our own words, without an equal. */
const hashOf = (bytes: Uint8Array, from: number, to: number): number => {
  let hash = to - from
  for (let at = from; at < to; at++) hash = (Math.imul(hash, HASH_FACTOR) + (bytes[at] as number)) | 0
  return hash
}

const isText = (bytes: Uint8Array, from: number, to: number, text: string): boolean => {
  if (text.length !== to - from) return false
  for (let at = from; at < to; at++) if (bytes[at] !== text.charCodeAt(at - from)) return false
  return true
}

export class RawHeaders {
  readonly #types = new Map<number, string>()
  #owner = 0
  #epoch = 0
  type = ''
  /** Where the value begins. */
  end = 0

  /** Whether owner and epoch stand as in the record before, or are not there at all. */
  read(body: Uint8Array): boolean {
    let at = keyEnd(body, 0)
    const end = at + 2 + (body[at] as number) + (body[at + 1] as number) * 256
    at += 2
    let [owner, epoch] = [0, 0]
    this.type = ''
    while (at < end) {
      const code = body[at] as number
      at += code < NAMED_CODE ? 1 : 1 + code - NAMED_CODE
      const to = at + 2 + (body[at] as number) + (body[at + 1] as number) * 256
      if (code === TYPE) this.type = this.#typeOf(body, at + 2, to)
      else if (code === OWNER) owner = hashOf(body, at + 2, to)
      else if (code === EPOCH) epoch = hashOf(body, at + 2, to)
      at = to
    }
    this.end = end
    const isSame = owner === this.#owner && epoch === this.#epoch
    this.#owner = owner
    this.#epoch = epoch
    return isSame || owner === 0
  }

  /** The record read last counts as none. */
  forget(): void {
    this.#owner = 0
  }

  #typeOf(body: Uint8Array, from: number, to: number): string {
    const hash = hashOf(body, from, to)
    const known = this.#types.get(hash)
    if (known !== undefined && isText(body, from, to, known)) return known
    const made = String.fromCharCode(...body.subarray(from, to))
    if (this.#types.size < TYPES_MAX) this.#types.set(hash, made)
    return made
  }
}
