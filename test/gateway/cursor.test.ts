// Cursors and vectors: sealed, bound, refused when altered.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openSecrets } from '#secrets'
import { partitionOf } from '#log'
import { CONFIG_SLOT, openCursors, SLOTS, type Place } from '../../src/gateway/cursor.ts'
import { grantsOf, ids } from './site.ts'

const secrets = (byte: number) => openSecrets(Buffer.alloc(32, byte))
const cursors = openCursors(secrets(7), 'log-1', partitionOf)
const bearer = grantsOf()
const configStream = CONFIG_SLOT + partitionOf(ids.organization)

const offset = fc.integer({ min: 1, max: 2 ** 47 })
const placeOf = (stream: number) =>
  fc.record(
    { stream: fc.constant(stream), next: offset, distance: fc.nat(100_000), fingerprint: fc.nat(0xffff) },
    { noNullPrototype: true },
  )
const vectors = fc.tuple(...Array.from({ length: SLOTS }, (_, slot) => placeOf(slot === CONFIG_SLOT ? configStream : slot)))
const slots = fc.record(
  { stream: fc.integer({ min: 0, max: CONFIG_SLOT + 31 }), next: offset, distance: fc.constant(1), fingerprint: fc.nat(0xffff) },
  { noNullPrototype: true },
)

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
/** Another text that differs in one character. */
const altered = (text: string, at: number, by: number): string => {
  const index = at % text.length
  const next = ALPHABET[(ALPHABET.indexOf(text[index] ?? 'A') + 1 + (by % 63)) % 64] ?? 'A'
  return text.slice(0, index) + next + text.slice(index + 1)
}

test('a slot cursor is 23 characters, opens to its place, and to nothing when altered anywhere', () => {
  fc.assert(
    fc.property(slots, fc.nat(), fc.nat(), (place, at, by) => {
      const text = cursors.sealSlot(place)
      assert.equal(text.length, 23)
      assert.deepEqual(cursors.openSlot(text), { ok: true, value: place })
      assert.deepEqual(cursors.openSlot(altered(text, at, by)), { ok: false, reason: 'cursor' })
    }),
    { numRuns: 2_000 },
  )
})

test('a vector opens to its places for its bearer, and to nothing when altered anywhere', () => {
  fc.assert(
    fc.property(vectors, fc.nat(), fc.nat(), (places, at, by) => {
      const text = cursors.sealVector(places, bearer, 1_800_000_030_000)
      assert.deepEqual(cursors.openVector(text, bearer), { ok: true, value: { places, at: 1_800_000_000_000 } })
      assert.deepEqual(cursors.openVector(altered(text, at, by), bearer), { ok: false, reason: 'cursor' })
      assert.deepEqual(cursors.openVector(text.slice(0, -1), bearer), { ok: false, reason: 'cursor' })
    }),
    { numRuns: 300 },
  )
})

const zero: Place[] = Array.from({ length: SLOTS }, (_, slot) => ({
  stream: slot === CONFIG_SLOT ? configStream : slot,
  next: 5,
  distance: 1,
  fingerprint: 1,
}))
const vector = cursors.sealVector(zero, bearer, 0)
const reasonFor = (grants: Parameters<typeof cursors.openVector>[1], by = cursors): string => {
  const opened = by.openVector(vector, grants)
  return opened.ok ? 'opened' : opened.reason
}

test("another organization's or principal's vector is refused", () => {
  assert.equal(reasonFor(bearer), 'opened')
  assert.equal(reasonFor(grantsOf({ organizationId: ids.other })), 'cursor')
  assert.equal(reasonFor(grantsOf({ id: ids.colleague })), 'cursor')
  assert.equal(reasonFor(grantsOf({ kind: 'bot' })), 'cursor')
})

test('other permissions, another log and another secret are told apart', () => {
  assert.equal(reasonFor(grantsOf({ role: 'observer' })), 'grants')
  assert.equal(reasonFor(grantsOf({ accountIds: [ids.account] })), 'grants')
  assert.equal(reasonFor(bearer, openCursors(secrets(7), 'log-2', partitionOf)), 'generation')
  assert.equal(reasonFor(bearer, openCursors(secrets(8), 'log-1', partitionOf)), 'cursor')
  const slot = cursors.sealSlot({ stream: 3, next: 9, distance: 1, fingerprint: 2 })
  assert.deepEqual(openCursors(secrets(7), 'log-2', partitionOf).openSlot(slot), { ok: false, reason: 'generation' })
  assert.deepEqual(openCursors(secrets(8), 'log-1', partitionOf).openSlot(slot), { ok: false, reason: 'cursor' })
})

test('noise opens to nothing', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 1_500 }), (text) => {
      assert.equal(cursors.openSlot(text).ok, false)
      assert.equal(cursors.openVector(text, bearer).ok, false)
    }),
  )
})
