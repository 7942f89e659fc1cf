// Writes while a broker does not answer: the first finds out, the others need not wait, other brokers' do not notice.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode } from '#errors'
import type { LogRecord } from '#log'
import { Appender, partsOf } from '../../src/log/kafka/appender.ts'
import { Breaker } from '../../src/log/kafka/breaker.ts'
import type { SendEntry } from '../../src/log/kafka/client.ts'
import { recordOf } from '../contract/log-records.ts'

const SLOW_MS = 50
const PROBE_MS = 20

interface Send extends SendEntry {
  readonly answer: () => void
  readonly fail: () => void
}

/** An appender over a producer whose answers the test gives; even partitions are led by one broker, odd ones by another. */
const openAppender = () => {
  const sends: Send[] = []
  let opened = 0
  const breaker = new Breaker({ slowMs: SLOW_MS, probeMs: PROBE_MS, now: () => performance.now(), onOpen: () => opened++ })
  const appender = new Appender({
    producer: {
      send: (entry) =>
        new Promise((resolve, reject) => sends.push({ ...entry, answer: resolve, fail: () => reject(new Error('connection lost')) })),
      close: () => Promise.resolve(),
    },
    breaker,
    leaderOf: ({ partition }) => partition % 2,
    inFlightBytesMax: 10_000,
    batchBytesMax: 5_000,
    onSent: () => undefined,
  })
  const append = (partition: number, key: string, bytes = 100): Promise<void> =>
    appender.submit({ topic: 'raw', partition }, [recordOf(key, 'x')], bytes)
  return { sends, append, breaker, appender, opened: () => opened }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const coded = (code: 'append_unknown' | 'append_refused') => (error: unknown) => hasCode(error, code)

test('one send is in flight a partition, and what arrives meanwhile is the next one, in order', async () => {
  const { sends, append } = openAppender()
  const first = append(0, 'a')
  await turn()
  const rest = [append(0, 'b'), append(0, 'c'), append(2, 'd')]
  await turn()
  assert.deepEqual(
    sends.map(({ partition, records }) => [partition, records.map(({ key }) => key)]),
    [
      [0, ['a']],
      [2, ['d']],
    ],
  )
  sends[0]?.answer()
  await first
  await turn()
  assert.deepEqual(
    sends[2]?.records.map(({ key }) => key),
    ['b', 'c'],
  )
  for (const { answer } of sends.slice(1)) answer()
  await Promise.all(rest)
})

test('a send without an answer is of unknown fate, what waits behind it was not sent, and its broker is not asked again', async () => {
  const { sends, append, opened } = openAppender()
  const hanging = append(0, 'a')
  await turn()
  const behind = append(0, 'b')
  await Promise.all([assert.rejects(hanging, coded('append_unknown')), assert.rejects(behind, coded('append_refused'))])
  await assert.rejects(append(2, 'c'), coded('append_refused'), 'another partition of that broker')
  assert.equal(opened(), 1)
  const other = append(1, 'd')
  await turn()
  sends.at(-1)?.answer()
  await other
  // The answer comes at last: the broker is back.
  sends[0]?.answer()
  await turn()
  const again = append(0, 'e')
  await turn()
  sends.at(-1)?.answer()
  await again
})

test('after a failure one send at a time finds out whether the broker is back', async () => {
  const { sends, append } = openAppender()
  const failing = append(0, 'a')
  await turn()
  sends[0]?.fail()
  await assert.rejects(failing, coded('append_unknown'))
  await assert.rejects(append(0, 'b'), coded('append_refused'))
  const { promise, resolve } = Promise.withResolvers<void>()
  setTimeout(resolve, PROBE_MS * 2)
  await promise
  const probe = append(0, 'c')
  await assert.rejects(append(2, 'd'), coded('append_refused'), 'while the probe is under way')
  await turn()
  sends.at(-1)?.answer()
  await probe
  const after = append(2, 'e')
  await turn()
  sends.at(-1)?.answer()
  await after
})

test('bytes in flight are bounded, and batches on the wire too', async () => {
  const { sends, append } = openAppender()
  const first = append(0, 'a', 9_000)
  await assert.rejects(append(0, 'b', 2_000), coded('append_refused'))
  await turn()
  sends[0]?.answer()
  await first
  const records = Array.from({ length: 10 }, (_, number): LogRecord => ({ ...recordOf(String(number), null), value: Buffer.alloc(1_000) }))
  const parts = partsOf(records, 5_000)
  assert.deepEqual(parts.flat(), records)
  assert.ok(parts.length > 1 && parts.every((part) => part.length <= 3))
  assert.equal(partsOf([{ ...recordOf('big', null), value: Buffer.alloc(9_000) }], 5_000).length, 1, 'one record goes whole')
})
