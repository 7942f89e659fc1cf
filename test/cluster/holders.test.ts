// Who should hold a partition: every node says the same, and a node that comes or goes moves its own share only.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { holdersOf, orderOf } from '../../src/cluster/holders.ts'

const nodes = fc.uniqueArray(fc.webUrl(), { minLength: 1, maxLength: 8 })
const partition = fc.integer({ min: 0, max: 31 })

test('the owner comes first, no node twice, whatever the order in which they were heard', () => {
  fc.assert(
    fc.property(nodes, partition, fc.integer({ min: 0, max: 9 }), fc.nat(), (live, which, standbys, at) => {
      const owner = live[at % live.length]
      const holders = holdersOf(which, { owner, live, standbys })
      assert.equal(holders[0], owner)
      assert.equal(new Set(holders).size, Math.min(standbys + 1, live.length))
      assert.deepEqual(holdersOf(which, { owner, live: live.toReversed(), standbys }), holders)
    }),
  )
})

test('a dead owner has no place; when a node goes the others stay in order', () => {
  fc.assert(
    fc.property(nodes, partition, fc.nat(), (live, which, at) => {
      assert.deepEqual(orderOf(which, { owner: 'http://gone', live }), orderOf(which, { owner: undefined, live }))
      const gone = live[at % live.length]
      const without = live.filter((node) => node !== gone)
      assert.deepEqual(
        orderOf(which, { owner: undefined, live: without }),
        orderOf(which, { owner: undefined, live }).filter((node) => node !== gone),
      )
    }),
  )
})
