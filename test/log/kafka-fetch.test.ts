// Fetch answers as brokers write them: markers, aborted transactions, batches that compaction emptied, cut tails, compression.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { decodeFetch, type FetchedPartition } from '../../src/log/kafka/fetch-response.ts'

const TRANSACTIONAL = 0x10
const CONTROL = 0x20

const varint = (value: number): Buffer => {
  const bytes: number[] = []
  let rest = value >= 0 ? value * 2 : -value * 2 - 1
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Buffer.from([...bytes, rest])
}
const field = (bytes: Buffer | null): Buffer => (bytes === null ? varint(-1) : Buffer.concat([varint(bytes.length), bytes]))

interface Written {
  readonly at: number
  readonly key: string | Buffer
  readonly value: string | null
  readonly time?: number
}

const record = ({ at, key, value, time = 0 }: Written): Buffer =>
  field(
    Buffer.concat([
      Buffer.from([0]),
      varint(time),
      varint(at),
      field(Buffer.from(key)),
      field(value === null ? null : Buffer.from(value)),
      varint(1),
      field(Buffer.from('type')),
      field(Buffer.from('word')),
    ]),
  )

interface BatchFacts {
  readonly base: number
  readonly last: number
  readonly producer?: number
  readonly attributes?: number
  readonly records: readonly Written[]
  readonly compress?: (bytes: Buffer) => Buffer
}

const FIRST_TIME = 1_000_000

const batch = ({ base, last, producer = -1, attributes = 0, records, compress = (bytes) => bytes }: BatchFacts): Buffer => {
  const body = compress(Buffer.concat(records.map(record)))
  const head = Buffer.alloc(61)
  head.writeBigInt64BE(BigInt(base), 0)
  head.writeInt32BE(49 + body.length, 8)
  head[16] = 2
  head.writeInt16BE(attributes, 21)
  head.writeInt32BE(last - base, 23)
  head.writeBigInt64BE(BigInt(FIRST_TIME), 27)
  head.writeBigInt64BE(BigInt(producer), 43)
  head.writeInt32BE(records.length, 57)
  return Buffer.concat([head, body])
}

const marker = (at: number, producer: number, type: 0 | 1): Buffer =>
  batch({
    base: at,
    last: at,
    producer,
    attributes: TRANSACTIONAL | CONTROL,
    records: [{ at: 0, key: Buffer.from([0, 0, 0, type]), value: 'x' }],
  })

const answer = (bytes: Buffer, aborted: readonly (readonly [producer: number, first: number])[] = [], errorCode = 0): Buffer => {
  const head = Buffer.alloc(14)
  head.writeInt32BE(1, 10)
  const topic = Buffer.from('topic')
  const partition = Buffer.alloc(38)
  partition.writeInt16BE(errorCode, 8)
  partition.writeInt32BE(1, 0)
  partition.writeInt32BE(7, 4)
  partition.writeBigInt64BE(99n, 10)
  partition.writeInt32BE(aborted.length, 34)
  const list = aborted.map(([producer, first]) => {
    const entry = Buffer.alloc(16)
    entry.writeBigInt64BE(BigInt(producer), 0)
    entry.writeBigInt64BE(BigInt(first), 8)
    return entry
  })
  const tail = Buffer.alloc(8)
  tail.writeInt32BE(bytes.length, 4)
  const name = Buffer.alloc(2)
  name.writeInt16BE(topic.length)
  return Buffer.concat([head, name, topic, partition, ...list, tail, bytes])
}

const decode = (payload: Buffer, from = 0): FetchedPartition => decodeFetch(payload, () => from).parts[0] as FetchedPartition

const simple = (base: number, key: string, more: Partial<BatchFacts> = {}): Buffer =>
  batch({ base, last: base, records: [{ at: 0, key, value: `of ${key}`, time: 5 }], ...more })

test('records come with key, value, headers, time and offset, and the way on', () => {
  const part = decode(answer(Buffer.concat([simple(3, 'a'), simple(5, 'b')])), 3)
  assert.deepEqual(
    { ...part, records: part.records.map(({ value, ...rest }) => ({ ...rest, value: String(value) })) },
    {
      topic: 'topic',
      partition: 7,
      errorCode: 0,
      highWatermark: 99,
      next: 6,
      records: [
        { key: 'a', value: 'of a', headers: { type: 'word' }, time: FIRST_TIME + 5, offset: 3 },
        { key: 'b', value: 'of b', headers: { type: 'word' }, time: FIRST_TIME + 5, offset: 5 },
      ],
    },
  )
})

test('records of an aborted transaction are left out, those of others and of its producer’s next one are not', () => {
  const of = (base: number, key: string, producer: number): Buffer => simple(base, key, { producer, attributes: TRANSACTIONAL })
  const bytes = Buffer.concat([
    of(0, 'aborted', 1),
    of(1, 'other', 2),
    simple(2, 'plain'),
    marker(3, 1, 0),
    marker(4, 2, 1),
    of(5, 'again', 1),
    marker(6, 1, 1),
  ])
  const part = decode(answer(bytes, [[1, 0]]))
  assert.deepEqual(
    part.records.map(({ key }) => key),
    ['other', 'plain', 'again'],
  )
  assert.equal(part.next, 7, 'behind the last marker')
})

test('a batch that compaction has emptied still leads on, and a tombstone is one', () => {
  const bytes = Buffer.concat([
    batch({ base: 0, last: 9, records: [] }),
    batch({ base: 10, last: 14, records: [{ at: 2, key: 'k', value: null }] }),
  ])
  const part = decode(answer(bytes))
  assert.deepEqual(
    part.records.map(({ offset, value }) => [offset, value]),
    [[12, null]],
  )
  assert.equal(part.next, 15)
})

test('a cut batch waits for the next answer, records before the asked offset are left out', () => {
  const two = batch({ base: 0, last: 1, records: [0, 1].map((at) => ({ at, key: String(at), value: 'x' })) })
  const cut = Buffer.concat([two, simple(2, 'cut').subarray(0, 70)])
  const part = decode(answer(cut), 1)
  assert.deepEqual(
    part.records.map(({ key }) => key),
    ['1'],
  )
  assert.equal(part.next, 2)
  assert.equal(decode(answer(Buffer.alloc(0)), 4).next, undefined)
  assert.equal(decode(answer(Buffer.alloc(0), [], 6)).errorCode, 6)
})

test('batches of gzip and zstd are read, others are refused by name', () => {
  const compressed = (bits: number, compress: (bytes: Buffer) => Buffer): Buffer =>
    answer(simple(0, 'packed', { attributes: bits, compress }))
  assert.equal(decode(compressed(1, gzipSync)).records[0]?.key, 'packed')
  assert.equal(decode(compressed(4, zstdCompressSync)).records[0]?.key, 'packed')
  assert.throws(() => decode(compressed(2, (bytes) => bytes)), /codec/)
})
