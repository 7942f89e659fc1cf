// The local timers: due times in order, replaced and cancelled keys, bounds, and a listener that throws.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openLocalTimers } from '#timers'
import { ManualClock } from './manual-clock.ts'

const open = (options: { keysMax?: number } = {}) => {
  const time = new ManualClock(0)
  const errors: unknown[] = []
  const timers = openLocalTimers({ clock: time.clock, alarm: time.alarm, onError: (error) => errors.push(error), ...options })
  const woken: string[] = []
  timers.onWake((key) => woken.push(key))
  return { time, timers, woken, errors }
}

test('wakes each key once, in the order of due times, and not before', () => {
  const times = fc.array(fc.integer({ min: 0, max: 10_000 }), { maxLength: 60 })
  fc.assert(
    fc.property(times, (dues) => {
      const { time, timers, woken } = open()
      for (const [index, at] of dues.entries()) timers.schedule(String(index), at)
      time.advance(5000)
      const early = dues.map((at, index) => ({ at, key: String(index) })).filter(({ at }) => at <= 5000)
      assert.deepEqual(woken.toSorted(), early.map(({ key }) => key).toSorted())
      time.advance(5000)
      assert.deepEqual(
        woken.map((key) => dues[Number(key)]),
        dues.toSorted((a, b) => a - b),
      )
    }),
  )
})

test('replaces the due time of a key, and forgets a cancelled one', () => {
  const { time, timers, woken } = open()
  timers.schedule('moved', 100)
  timers.schedule('moved', 300)
  timers.schedule('cancelled', 100)
  timers.cancel('cancelled')
  time.advance(200)
  assert.deepEqual(woken, [])
  time.advance(100)
  assert.deepEqual(woken, ['moved'])
})

test('holds no more keys than its bound, and counts what it dropped', () => {
  const { time, timers, woken } = open({ keysMax: 2 })
  for (const key of ['a', 'b', 'c']) timers.schedule(key, 10)
  time.advance(10)
  assert.deepEqual([woken, timers.droppedCount], [['a', 'b'], 1])
})

test('goes on after a listener that throws, and is silent once closed', async () => {
  const { time, timers, woken, errors } = open()
  timers.onWake(() => {
    throw new Error('mine')
  })
  timers.schedule('a', 1)
  timers.schedule('b', 2)
  time.advance(2)
  assert.deepEqual([woken, errors.length], [['a', 'b'], 2])
  timers.schedule('c', 3)
  await timers.close()
  time.advance(10)
  assert.deepEqual(woken, ['a', 'b'])
})

test('fires late keys after a clock that stood still or jumped', () => {
  const { time, timers, woken } = open()
  timers.schedule('far', 86_400_000)
  time.advance(3 * 86_400_000)
  assert.deepEqual(woken, ['far'])
})
