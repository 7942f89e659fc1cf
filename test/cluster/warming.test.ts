// Standbys are warmed a few partitions at a time, each once, and again after a failure when it comes again.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Warming } from '../../src/cluster/warming.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('four at a time, each once; one that failed again when it is wanted again; nothing after the end', async () => {
  const running = new Map<number, PromiseWithResolvers<void>>()
  const begun: number[] = []
  const failed: number[] = []
  const warming = new Warming({
    restore: (partition) => {
      begun.push(partition)
      const work = Promise.withResolvers<void>()
      running.set(partition, work)
      return work.promise
    },
    onError: (_error, partition) => failed.push(partition),
  })
  warming.want([0, 1, 2, 3, 4, 5])
  warming.want([1, 2])
  assert.deepEqual(begun, [0, 1, 2, 3])
  running.get(2)?.reject(new Error('the log is away'))
  running.get(0)?.resolve()
  await turn()
  assert.deepEqual(begun, [0, 1, 2, 3, 4, 5])
  assert.deepEqual(failed, [2])
  running.get(1)?.resolve()
  await turn()
  warming.want([0, 1, 2])
  assert.deepEqual(begun, [0, 1, 2, 3, 4, 5, 2])
  warming.want([7, 8])
  warming.close()
  for (const { resolve } of running.values()) resolve()
  await turn()
  assert.ok(!begun.includes(8))
})
