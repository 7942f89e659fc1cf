// The partition function against Kafka's own vectors.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { partitionOf } from '#log'
import { murmur2 } from '../../src/log/partition.ts'

/** From Kafka's UtilsTest. */
const vectors = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
] as const

test('hashes as Kafka does', () => {
  for (const [key, hash] of vectors) assert.equal(murmur2(Buffer.from(key)), hash, key)
})

test('masks to positive and takes the remainder', () => {
  for (const [key, hash] of vectors) assert.equal(partitionOf(key, 7), (hash & 0x7fffffff) % 7)
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (key) => partitionOf(key) >= 0 && partitionOf(key) < 32))
})

test('hashes a part of a buffer as if it stood alone', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), fc.uint8Array(), (before, part, after) => {
      const whole = Buffer.concat([before, part, after])
      return murmur2(whole, before.length, before.length + part.length) === murmur2(part)
    }),
  )
})
