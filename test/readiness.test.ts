// Readiness over the real log: it says what does not answer and what stands still, and that all is well.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ConfabError } from '#errors'
import { openEmbeddedLog, openTails, type Log, type Tails } from '#log'
import { openReadiness, type ReadinessOptions } from '../src/readiness.ts'
import { removeDirectory, temporaryDirectory, until } from './harness.ts'

let directory: string
let log: Log
before(async () => {
  directory = await temporaryDirectory()
  log = await openEmbeddedLog({ directory: join(directory, 'log'), cleanIntervalMs: 0, synchronous: 'OFF' })
})
after(async () => {
  await log.close()
  await removeDirectory(directory)
})

const append = (): Promise<void> =>
  log.append([{ topic: 'raw', partition: 0, records: [{ key: 'a', value: Buffer.from('a'), headers: {}, time: 1 }] }])

/** Time that passes at once: a deadline is over when everything that could answer has had its turn. */
const instant = async (ms: number): Promise<void> => {
  for (let turn = 0; turn < ms; turn++) await new Promise((resolve) => setImmediate(resolve))
}
const look = (options: Partial<ReadinessOptions> = {}) =>
  openReadiness({ log, tails: { facts: () => [] }, parts: () => ({ views: true }), wait: instant, ...options })()

const follow = async (tails: Tails, wrap: { hold?: Promise<void> } = {}): Promise<AbortController> => {
  const abort = new AbortController()
  const { start } = await log.bounds('raw', 0)
  const run = async (): Promise<void> => {
    for await (const chunk of tails.follow('settings', [{ topic: 'raw', partition: 0, offset: start }], { signal: abort.signal }))
      if (chunk.records.length > 0) await wrap.hold
  }
  void run().catch(() => undefined)
  return abort
}

test('all is well: the log answers, its tails are level, its parts are ready', async () => {
  const tails = openTails({ log, onOutage: () => undefined })
  await append()
  const abort = await follow(tails)
  await until('the tail is level', () => tails.facts()[0]?.passed === 1)
  assert.deepEqual(await look({ tails }), { isReady: true, checks: { log: true, settings: true, views: true }, reasons: [] })
  abort.abort()
})

test('a log that fails, is closed or says nothing is not ready, in words', async () => {
  const never = new Promise<never>(() => undefined)
  const cases: [string, Partial<Log>][] = [
    ['The log cannot be read.', { bounds: () => Promise.reject(new Error('broken')) }],
    ['The log is closed.', { offsetAt: () => Promise.reject(new ConfabError('log_closed')) }],
    ['The log does not answer.', { offsetAt: () => never }],
  ]
  for (const [reason, fault] of cases) {
    const broken = { bounds: log.bounds.bind(log), offsetAt: log.offsetAt.bind(log), ...fault }
    assert.deepEqual(await look({ log: broken }), { isReady: false, checks: { log: false, views: true }, reasons: [reason] })
  }
})

test('a tail that stands still behind the end is not ready; one that moves is, and one that has ended never', async () => {
  const tails = openTails({ log, onOutage: () => undefined })
  const { promise: hold, resolve: free } = Promise.withResolvers<void>()
  const abort = await follow(tails, { hold })
  await append()
  const { reasons, isReady } = await look({ tails })
  assert.equal(isReady, false)
  assert.match(reasons[0] ?? '', /^The tail of settings stands still, \d+ records behind the log's end\.$/)
  free()
  await until('it moves', () => (tails.facts()[0]?.passed ?? 0) > 0)
  assert.equal((await look({ tails })).isReady, true)
  abort.abort()
  const ended = { name: 'outbox', positions: [], passed: 0, state: 'ended', failingSince: undefined } as const
  assert.deepEqual((await look({ tails: { facts: () => [ended] } })).reasons, ['The tail of outbox has ended.'])
})

test('a part that is not ready is named', async () => {
  assert.deepEqual((await look({ parts: () => ({ owners: false, views: true }) })).reasons, ['The part owners is not ready.'])
})

test('asks once, however many ask within a second, and sees a start within a tenth of one', async () => {
  let asked = 0
  let now = 0
  let isOpen = false
  const ready = openReadiness({
    log: { bounds: log.bounds.bind(log), offsetAt: (...given) => (asked++, log.offsetAt(...given)) },
    tails: { facts: () => [] },
    parts: () => ({ views: isOpen }),
    now: () => now,
  })
  assert.equal((await Promise.all([ready(), ready(), ready()]))[2]?.isReady, false)
  assert.equal(asked, 1)
  isOpen = true
  now += 100
  assert.equal((await ready()).isReady, true)
  now += 999
  await ready()
  assert.equal(asked, 2)
  now++
  await ready()
  assert.equal(asked, 3)
})
