// The part of the log's contract that is about readers: tails, ends, retention, compaction, memory, aborting (C6, C7).
// Stands beside the suite in log.ts.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { hasCode } from '#errors'
import type { Chunk, Log, Position } from '#log'
import { readTopic, readToEnd, recordOf, textOf } from './log-records.ts'
import { seed, type LogForm, type OpenOptions } from './log-form.ts'

const MEGABYTE = 1_048_576
const BYTES_KEPT_MAX = 24 * MEGABYTE

const withLog = async (form: LogForm, options: OpenOptions, work: (log: Log, place: string) => Promise<void>): Promise<void> => {
  const place = await form.createPlace()
  const log = await form.open(place, options)
  try {
    await work(log, place)
  } finally {
    await log.close()
    await form.removePlace(place)
  }
}

const rejectsWith = (log: Log, position: Position, code: Parameters<typeof hasCode>[1]): Promise<void> =>
  assert.rejects(
    async () => {
      const abort = AbortSignal.timeout(5000)
      for await (const chunk of log.read([position], { signal: abort })) assert.fail(`read to ${chunk.next}`)
    },
    (error) => hasCode(error, code),
  )

const appendRaw = (log: Log, partition: number, text: string, time?: number): Promise<void> =>
  log.append([{ topic: 'raw', partition, records: [recordOf(text, text, {}, time)] }])

/** Bytes of buffers after collecting until they are at most `goal`, or a few times in vain: freeing takes some turns. */
const collectedBytes = async (goal: number): Promise<number> => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let round = 0; round < 10; round++) {
    collect()
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    if (process.memoryUsage().arrayBuffers <= goal) break
  }
  return process.memoryUsage().arrayBuffers
}

const describeEnds = (form: LogForm): void => {
  test('C6 reaches the end of a partition whose tail is a hole, and knows it', () =>
    withLog(form, { holesSeed: seed }, async (log) => {
      for (let number = 0; number < 40; number++) {
        await appendRaw(log, 0, String(number))
        const { end } = await log.bounds('raw', 0)
        const { records, chunks } = await readToEnd(log, { topic: 'raw', partition: 0, offset: 0 })
        assert.equal(records.length, number + 1)
        assert.equal(chunks.at(-1)?.next, end)
      }
    }))

  test('C6 waits on an empty partition, and a commit wakes it', () =>
    withLog(form, {}, async (log) => {
      assert.deepEqual(await log.bounds('raw', 7), { start: 0, end: 0 })
      const reading = log.read([{ topic: 'raw', partition: 7, offset: 0 }], { signal: AbortSignal.timeout(10_000) })[Symbol.asyncIterator]()
      const first = reading.next()
      await appendRaw(log, 7, 'first')
      const { value } = (await first) as IteratorResult<Chunk, undefined>
      assert.deepEqual(value?.records.map(textOf), ['first'])
      assert.equal(value?.next, value?.end)
      await reading.return?.()
    }))

  test('C6 refuses to read below the start and beyond the end', () =>
    withLog(form, { now: () => 10_000, retentionMs: { raw: 1000 } }, async (log) => {
      await appendRaw(log, 0, 'old', 1)
      await appendRaw(log, 0, 'new', 9500)
      await form.clean(log)
      assert.deepEqual(await log.bounds('raw', 0), { start: 1, end: 2 })
      await rejectsWith(log, { topic: 'raw', partition: 0, offset: 0 }, 'offset_below_start')
      await rejectsWith(log, { topic: 'raw', partition: 0, offset: 3 }, 'offset_beyond_end')
      assert.deepEqual((await readTopic(log, 'raw', 0)).map(textOf), ['new'])
    }))

  test('C6 keeps the offsets of a partition that retention has emptied, over a restart too', async () => {
    const place = await form.createPlace()
    const options = { now: () => 10_000, retentionMs: { raw: 1000 } }
    let log = await form.open(place, options)
    for (let number = 0; number < 5; number++) await appendRaw(log, 0, String(number), number)
    await form.clean(log)
    for (let restarts = 0; restarts < 2; restarts++) {
      assert.deepEqual(await log.bounds('raw', 0), { start: 5, end: 5 })
      await rejectsWith(log, { topic: 'raw', partition: 0, offset: 4 }, 'offset_below_start')
      await log.close()
      log = await form.open(place, options)
    }
    await appendRaw(log, 0, 'after', 9999)
    assert.deepEqual(
      (await readTopic(log, 'raw', 0)).map(({ offset }) => offset),
      [5],
    )
    await log.close()
    await form.removePlace(place)
  })
}

const describeCompaction = (form: LogForm): void => {
  if (form.compaction === 'by-clean') describeCleaning(form)

  test('C6 a tombstone of a unique topic removes the record it names, and that one alone', () =>
    withLog(form, {}, async (log) => {
      const lease = await log.lease('conversations', 0)
      const commit = (...records: ReturnType<typeof recordOf>[]): Promise<void> =>
        lease.commit({ entries: [{ topic: 'events', partition: 0, records }] })
      await commit(recordOf('s/1/0', 'content'), recordOf('s/1', 'event'))
      await commit(recordOf('s/1/0', null))
      const kept = (await readTopic(log, 'events', 0)).filter(({ value }) => value !== null).map(textOf)
      assert.deepEqual(kept, form.compaction === 'by-clean' ? ['event'] : ['content', 'event'])
      assert.deepEqual((await log.latest('events', 0, ['s/1/0', 's/1'])).map(textOf), [null, 'event'])
    }))
}

const describeCleaning = (form: LogForm): void => {
  test('C6 keeps the newest of each key in offset order, superseded ones for the lag, tombstones for their time', async () => {
    const place = await form.createPlace()
    let now = 1000
    const options = { now: () => now, compactionLagMs: 100, tombstoneRetentionMs: 1000, cacheBytesMax: 0 }
    const log = await form.open(place, options)
    const write = (key: string, text: string | null): Promise<void> =>
      log.append([{ topic: 'schemas', partition: 0, records: [recordOf(key, text, {}, now)] }])
    const read = async (): Promise<unknown> =>
      (await readTopic(log, 'schemas', 0)).map((record) => [record.offset, record.key, textOf(record)])
    for (const [key, text] of [
      ['a', '1'],
      ['b', '1'],
      ['a', '2'],
      ['c', '1'],
      ['b', null],
    ] as const)
      await write(key, text)
    await form.clean(log)
    assert.equal(((await read()) as unknown[]).length, 5, 'within the lag nothing goes')
    now += 101
    await form.clean(log)
    assert.deepEqual(await read(), [
      [2, 'a', '2'],
      [3, 'c', '1'],
      [4, 'b', null],
    ])
    assert.deepEqual((await log.latest('schemas', 0, ['a', 'b', 'c'])).map(textOf), ['2', null, '1'])
    assert.equal((await log.bounds('schemas', 0)).start, 0, 'compaction moves no start')
    now += 1000
    await form.clean(log)
    assert.deepEqual(await read(), [
      [2, 'a', '2'],
      [3, 'c', '1'],
    ])
    assert.equal((await log.bounds('schemas', 0)).end, 5, 'the last record is gone, the end stays')
    await write('a', '3')
    now += 101
    await form.clean(log)
    assert.deepEqual(await read(), [
      [3, 'c', '1'],
      [5, 'a', '3'],
    ])
    await log.close()
    await form.removePlace(place)
  })
}

const describePace = (form: LogForm): void => {
  test('C7 holds memory bounded while a reader is not consumed, and gives it everything afterwards', () =>
    withLog(form, { cacheBytesMax: 4 * MEGABYTE }, async (log) => {
      const abort = new AbortController()
      const reading = log.read([{ topic: 'raw', partition: 0, offset: 0 }], { signal: abort.signal })[Symbol.asyncIterator]()
      await appendRaw(log, 0, 'first')
      await reading.next()
      const before = await collectedBytes(0)
      for (let number = 0; number < 80; number++) {
        await log.append([
          { topic: 'raw', partition: 0, records: [{ key: 'k', value: new Uint8Array(MEGABYTE).fill(number), headers: {}, time: 0 }] },
        ])
      }
      const grownBytes = (await collectedBytes(before + BYTES_KEPT_MAX)) - before
      assert.ok(grownBytes < BYTES_KEPT_MAX, `80 MB were appended, ${grownBytes} bytes stayed`)
      for (let number = 0; number < 80;) {
        const { value } = (await reading.next()) as IteratorResult<Chunk, undefined>
        for (const record of value?.records ?? []) assert.equal(record.value?.[MEGABYTE - 1], number++)
      }
      abort.abort()
    }))

  test('C7 ends within a second of an abort, while waiting and while reading', () =>
    withLog(form, {}, async (log) => {
      for (const isWaiting of [true, false]) {
        const abort = new AbortController()
        const { end } = await log.bounds('raw', 0)
        const ended = (async () => {
          for await (const chunk of log.read([{ topic: 'raw', partition: 0, offset: isWaiting ? end : 0 }], { signal: abort.signal }))
            assert.ok(chunk)
        })()
        for (let number = 0; number < 20; number++) await appendRaw(log, 0, String(number))
        const abortedAt = performance.now()
        abort.abort()
        await ended
        assert.ok(performance.now() - abortedAt < 1000)
      }
    }))

  test('C7 serves two readers over many partitions each in full, one slow and one quick', () =>
    withLog(form, { holesSeed: seed, cacheBytesMax: 20_000 }, async (log) => {
      const partitions = [0, 1, 2, 3]
      const collect = async (chunkRecordsMax: number): Promise<string[][]> => {
        const abort = new AbortController()
        const seen: string[][] = partitions.map(() => [])
        const from = partitions.map((partition): Position => ({ topic: 'raw', partition, offset: 0 }))
        for await (const chunk of log.read(from, { signal: abort.signal, chunkRecordsMax })) {
          for (const record of chunk.records) seen[chunk.partition]?.push(textOf(record) ?? '')
          if (seen.every((texts) => texts.length === 100)) abort.abort()
        }
        return seen
      }
      const readings = [collect(1), collect(1000)]
      for (let number = 0; number < 100; number++) {
        await Promise.all(partitions.map((partition) => appendRaw(log, partition, `${partition}-${number}`)))
      }
      const expected = partitions.map((partition) => Array.from({ length: 100 }, (_, number) => `${partition}-${number}`))
      for (const seen of await Promise.all(readings)) assert.deepEqual(seen, expected)
    }))

  test('assigns every partition until it is aborted', () =>
    withLog(form, {}, async (log) => {
      const abort = new AbortController()
      const assignments: ReadonlySet<number>[] = []
      for await (const assigned of log.assignment('actors', abort.signal)) {
        assignments.push(assigned)
        abort.abort()
      }
      assert.equal(assignments[0]?.size, 32)
    }))
}

export const describeReaders = (form: LogForm): void => {
  describeEnds(form)
  describeCompaction(form)
  describePace(form)
}
