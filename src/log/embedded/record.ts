// A record as bytes: flags, time, key, headers, value; one layout in packets, rows and read buffers.
// Stands between LogRecord objects and the log file; the same bytes are written once and copied from then on.

import type { LogRecord, StoredRecord } from '../index.ts'

/*
 * 0      flags: bit 0 = tombstone
 * 1-8    time, float64 little endian
 * 9-10   bytes of the key, uint16 little endian, then the key in UTF-8
 * then   bytes of the headers, uint16, then each: name (a code below 32, or 32 + its length and its bytes), uint16 length, value
 * then   the value to the end
 */
const FIXED_BYTES = 13
const TOMBSTONE = 1
/** Bytes of a key at most. */
export const KEY_BYTES_MAX = 4096
/** Bytes of all headers of a record at most. */
const HEADERS_BYTES_MAX = 8192
/** Bytes of a header's name at most. */
const NAME_BYTES_MAX = 200

/** Header names that every commit carries cost one byte. Their order is part of the file format: append only. */
export const headerNames = ['owner', 'epoch', 'in', 'commandId', 'type'] as const
/** From here on a code is the length of the name that follows. */
export const NAMED_CODE = 32
const codes = new Map<string, number>(headerNames.map((name, index) => [name, index]))

const SHORT_TEXT = 64

const writeText = (target: Buffer, text: string, at: number): number => {
  const { length } = text
  if (length > SHORT_TEXT) return at + target.write(text, at, 'utf8')
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index)
    if (code > 127) return at + target.write(text, at, 'utf8')
    target[at + index] = code
  }
  return at + length
}

/** Bytes that encoding takes at most; `undefined` when key or headers exceed their limits. */
export const recordBytesMax = (record: LogRecord): number | undefined => {
  if (record.key.length * 3 > KEY_BYTES_MAX && Buffer.byteLength(record.key) > KEY_BYTES_MAX) return undefined
  let headers = 0
  for (const name in record.headers) {
    if (name.length > NAME_BYTES_MAX / 3) return undefined
    headers += 3 + 3 * (name.length + (record.headers[name] as string).length)
  }
  if (headers > HEADERS_BYTES_MAX) return undefined
  return FIXED_BYTES + record.key.length * 3 + headers + (record.value === null ? 0 : record.value.length)
}

/** Writes `record` at `at` and returns the end. The caller has made room by `recordBytesMax`. */
export const encodeRecord = (record: LogRecord, target: Buffer, view: DataView, at: number): number => {
  target[at] = record.value === null ? TOMBSTONE : 0
  view.setFloat64(at + 1, record.time, true)
  const keyEnd = writeText(target, record.key, at + 11)
  view.setUint16(at + 9, keyEnd - at - 11, true)
  let end = keyEnd + 2
  const { headers } = record
  for (const name in headers) {
    const code = codes.get(name)
    if (code === undefined) {
      const nameEnd = writeText(target, name, end + 1)
      target[end] = NAMED_CODE + nameEnd - end - 1
      end = nameEnd
    } else target[end++] = code
    const valueEnd = writeText(target, headers[name] as string, end + 2)
    view.setUint16(end, valueEnd - end - 2, true)
    end = valueEnd
  }
  view.setUint16(keyEnd, end - keyEnd - 2, true)
  if (record.value === null) return end
  target.set(record.value, end)
  return end + record.value.length
}

const decodeHeaders = (source: Buffer, from: number, to: number): Record<string, string> => {
  const headers: Record<string, string> = {}
  let at = from
  while (at < to) {
    const code = source[at++] as number
    let name: string
    if (code < NAMED_CODE) name = headerNames[code] ?? ''
    else {
      name = source.toString('utf8', at, at + code - NAMED_CODE)
      at += code - NAMED_CODE
    }
    const length = source.readUInt16LE(at)
    headers[name] = source.toString('utf8', at + 2, at + 2 + length)
    at += 2 + length
  }
  return headers
}

/** The record in `source[from..to)`; its value is a view, not a copy. */
export const decodeRecord = (source: Buffer, offset: number, from: number, to: number): StoredRecord => {
  const keyEnd = from + 11 + source.readUInt16LE(from + 9)
  const valueFrom = keyEnd + 2 + source.readUInt16LE(keyEnd)
  return {
    key: source.toString('utf8', from + 11, keyEnd),
    value: isTombstone(source, from) ? null : source.subarray(valueFrom, to),
    headers: decodeHeaders(source, keyEnd + 2, valueFrom),
    time: source.readDoubleLE(from + 1),
    offset,
  }
}

export const isTombstone = (source: Uint8Array, from = 0): boolean => ((source[from] as number) & TOMBSTONE) !== 0

/** Where the key's bytes lie in a record that begins at `from`. */
export const keyStart = (from: number): number => from + 11
export const keyEnd = (source: Uint8Array, from: number): number =>
  from + 11 + (source[from + 9] as number) + (source[from + 10] as number) * 256

/** Milliseconds since 1970 of a row's body. */
export const timeOf = (body: Uint8Array): number => new DataView(body.buffer, body.byteOffset, 9).getFloat64(1, true)

/** Whether two rows' bodies carry the same key. */
export const hasSameKey = (left: Uint8Array, right: Uint8Array): boolean => {
  const end = keyEnd(left, 0)
  if (end !== keyEnd(right, 0)) return false
  for (let at = keyStart(0); at < end; at++) if (left[at] !== right[at]) return false
  return true
}
