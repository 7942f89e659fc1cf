// The second net under the fence.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StoredRecord } from '#log'
import { EpochFilter } from '../../src/log/epochs.ts'

const record = (offset: number, owner: string | undefined, epoch: number): StoredRecord => ({
  key: 'key',
  value: null,
  headers: owner === undefined ? {} : { owner, epoch: String(epoch) },
  time: 0,
  offset,
})

test('drops and reports records below the highest epoch seen for their owner, over chunks too', () => {
  const dropped: number[] = []
  const filter = new EpochFilter((each) => dropped.push(each.offset))
  const first = filter.filter([
    record(0, 'conversations', 4),
    record(1, 'contacts', 1),
    record(2, 'conversations', 3),
    record(3, undefined, 0),
  ])
  const second = filter.filter([record(4, 'conversations', 3), record(5, 'conversations', 9), record(6, 'conversations', 4)])
  assert.deepEqual(
    first.map(({ offset }) => offset),
    [0, 1, 3],
  )
  assert.deepEqual(
    second.map(({ offset }) => offset),
    [5],
  )
  assert.deepEqual(dropped, [2, 4, 6])
})

test('hands back the same array when nothing is dropped', () => {
  const records = [record(0, 'conversations', 1), record(1, 'conversations', 1)]
  assert.equal(new EpochFilter(() => assert.fail('dropped')).filter(records), records)
})
