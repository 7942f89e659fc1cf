// Sharing partitions out: balanced, sticky, handed over only when free.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assignPartitions, type Member } from '../../src/log/kafka/assigner.ts'

const PARTITIONS = 32
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

const member = (id: string, held: Iterable<number> = [], generation = 0, preferred: Iterable<number> = []): Member => ({
  id,
  held: new Set(held),
  generation,
  preferred: new Set(preferred),
})

/** Runs generations until nothing moves: each member holds what it was given and lets go of the rest. */
const settle = (members: readonly Member[]): { readonly held: Map<string, ReadonlySet<number>>; readonly moved: number } => {
  let current = members
  let moved = 0
  for (let generation = 1; generation < 10; generation++) {
    const given = assignPartitions(current, PARTITIONS)
    const next = current.map(({ id, preferred }) => member(id, given.get(id), generation, preferred))
    for (const { id, held } of current) moved += [...(given.get(id) ?? [])].filter((partition) => !held.has(partition)).length
    const isSettled = current.every(({ id, held }) => held.size === given.get(id)?.length)
    current = next
    if (isSettled) break
  }
  return { held: new Map(current.map(({ id, held }) => [id, held])), moved }
}

test(`no partition is ever given to two, nor to one while another holds it, SEED=${seed}`, () => {
  const held = fc.uniqueArray(fc.integer({ min: 0, max: PARTITIONS - 1 }))
  const members = fc.uniqueArray(
    fc
      .tuple(fc.stringMatching(/^[a-z]{1,4}$/), held, fc.integer({ min: 0, max: 4 }))
      .map(([id, list, generation]) => member(id, list, generation)),
    { selector: ({ id }) => id, minLength: 1, maxLength: 8 },
  )
  fc.assert(
    fc.property(members, (all) => {
      const given = assignPartitions(all, PARTITIONS)
      const seen = new Set<number>()
      for (const [id, list] of given) {
        for (const partition of list) {
          assert.ok(!seen.has(partition), `${partition} was given twice`)
          seen.add(partition)
          const claims = all.filter((each) => each.held.has(partition))
          const newest = Math.max(...claims.map(({ generation }) => generation))
          assert.ok(
            claims.length === 0 || claims.some((each) => each.id === id && each.generation === newest),
            `${partition} is still held`,
          )
        }
      }
      const sizes = [...settle(all).held.values()].map(({ size }) => size)
      assert.equal(
        sizes.reduce((sum, size) => sum + size, 0),
        PARTITIONS,
      )
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, 'shares are equal but for one')
    }),
    { seed },
  )
})

test('a third node takes over no more than its share, a leaving one gives up no more than its own', () => {
  const two = settle([member('a'), member('b')]).held
  const three = settle([member('a', two.get('a'), 1), member('b', two.get('b'), 1), member('c')])
  assert.equal(three.moved, 10, 'a third of 32 moves, nothing else')
  const left = settle([member('a', three.held.get('a'), 2), member('b', three.held.get('b'), 2)])
  assert.equal(left.moved, 10)
})

test('who has the local files of a free partition gets it', () => {
  const given = assignPartitions([member('a', [], 0, [1, 3, 5]), member('b', [], 0, [0, 2])], PARTITIONS)
  for (const partition of [1, 3, 5]) assert.ok(given.get('a')?.includes(partition))
  for (const partition of [0, 2]) assert.ok(given.get('b')?.includes(partition))
})
