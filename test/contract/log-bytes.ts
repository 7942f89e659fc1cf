// The part of the log's contract that is about bytes (C8) and keys: what comes back is what went in.
// Stands beside the suite in log.ts.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { partitionOf, type Log, type LogRecord } from '#log'
import { readTopic } from './log-records.ts'
import { seed, type LogForm } from './log-form.ts'

const headerName = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9-]{0,19}$/).filter((name) => !['owner', 'epoch', 'in'].includes(name))
const record: fc.Arbitrary<LogRecord> = fc.record({
  key: fc.string({ unit: 'binary', minLength: 1, maxLength: 90 }),
  value: fc.oneof(fc.uint8Array({ maxLength: 3000 }), fc.constant(null)),
  headers: fc.dictionary(headerName, fc.string({ maxLength: 120 }), { maxKeys: 6, noNullPrototype: true }),
  // 0 is no time of a record: librdkafka reads it as "now".
  time: fc.integer({ min: 1, max: 4_102_444_800_000 }),
})

const plain = ({ key, value, headers, time }: LogRecord): unknown => ({
  key,
  value: value === null ? null : Buffer.from(value).toString('hex'),
  headers: { ...headers },
  time,
})

export const describeBytes = (form: LogForm): void => {
  let place: string
  let log: Log
  before(async () => {
    place = await form.createPlace()
    log = await form.open(place)
  })
  after(async () => {
    await log.close()
    await form.removePlace(place)
  })

  test('C8 gives back key, value, headers and time byte for byte, from memory, from disk and by key', async () => {
    const written: LogRecord[] = []
    await fc.assert(
      fc.asyncProperty(fc.array(record, { maxLength: 8 }), async (records) => {
        await log.append([{ topic: 'schemas', partition: 0, records }])
        written.push(...records)
      }),
      { seed, numRuns: 60 },
    )
    assert.deepEqual((await readTopic(log, 'schemas', 0)).map(plain), written.map(plain))
    await log.close()
    log = await form.open(place)
    assert.deepEqual((await readTopic(log, 'schemas', 0)).map(plain), written.map(plain))
    const newest = new Map(written.map((each) => [each.key, each]))
    const found = await log.latest('schemas', 0, [...newest.keys(), 'never written'])
    const expected = [...newest.values()].map((each) => (each.value === null ? null : plain(each)))
    assert.deepEqual(
      found.map((each) => (each === null ? null : plain(each))),
      [...expected, null],
    )
  })

  test('S5 puts keys where Kafka would', () => {
    for (const [key, hash] of [
      ['21', -973932308],
      ['foobar', -790332482],
      ['a-little-bit-long-string', -985981536],
      ['abc', 479470107],
    ] as const) {
      assert.equal(partitionOf(key), (hash & 0x7fffffff) % 32)
    }
  })

  test('latest tells one partition and one topic from another and sees what has just resolved', async () => {
    const leases = await Promise.all([log.lease('conversations', 1), log.lease('conversations', 2)])
    for (const lease of leases) {
      const value = Buffer.from(`of ${lease.partition}`)
      await lease.commit({
        entries: [{ topic: 'messages', partition: lease.partition, records: [{ key: 'same/key', value, headers: {}, time: 1 }] }],
      })
      const [message, snapshot] = [
        ...(await log.latest('messages', lease.partition, ['same/key'])),
        ...(await log.latest('conversations', lease.partition, ['same/key'])),
      ]
      assert.deepEqual(Buffer.from(message?.value ?? []), value)
      assert.equal(snapshot, null)
    }
    await assert.rejects(log.latest('raw', 0, ['key']))
  })

  test('offsetAt finds the first record that is not older than a time', async () => {
    const times = [100, 200, 200, 300]
    for (const time of times)
      await log.append([{ topic: 'raw', partition: 9, records: [{ key: 'k', value: new Uint8Array(1), headers: {}, time }] }])
    const offsets = await Promise.all([0, 100, 150, 200, 300, 301].map((time) => log.offsetAt('raw', 9, time)))
    assert.deepEqual(offsets, [0, 0, 1, 1, 3, 4])
  })
}
