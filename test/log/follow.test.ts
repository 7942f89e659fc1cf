// The tail that outlives read errors, over the real embedded log with faults put between.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { hasCode, type ConfabError } from '#errors'
import { follow, FOLLOW_MS_MAX, openEmbeddedLog, openTails, type Chunk, type Log, type LogRecord } from '#log'
import { removeDirectory, temporaryDirectory, until } from '../harness.ts'

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

const record = (key: string): LogRecord => ({ key, value: Buffer.from(key), headers: {}, time: 1 })
const append = (...keys: string[]): Promise<void> => log.append([{ topic: 'raw', partition: 0, records: keys.map(record) }])
const end = async (): Promise<number> => (await log.bounds('raw', 0)).end

/** The log, whose reads fail after each chunk that `breaks` says so of, and as often as `refusals` says before they begin. */
const faulty = (faults: {
  breaks?: (chunk: Chunk) => boolean
  refusals?: number
  error?: () => Error
}): Pick<Log, 'read'> & { reads: number } => {
  const error = faults.error ?? (() => new Error('the reader has gone'))
  const wrapped = {
    reads: 0,
    async *read(...given: Parameters<Log['read']>): AsyncGenerator<Chunk> {
      wrapped.reads++
      if ((faults.refusals ?? 0) > 0) {
        faults.refusals = (faults.refusals ?? 0) - 1
        throw error()
      }
      for await (const chunk of log.read(...given)) {
        yield chunk
        if (faults.breaks?.(chunk) === true) throw error()
      }
    },
  }
  return wrapped
}

/** Everything followed until `last` has come. */
const keysUntil = async (last: string, chunks: AsyncIterable<Chunk>, abort: AbortController): Promise<string[]> => {
  const keys: string[] = []
  for await (const chunk of chunks) {
    keys.push(...chunk.records.map(({ key }) => key))
    if (keys.includes(last)) abort.abort()
  }
  return keys
}

test('reads on from where it stood: each record once, in order, however often the read breaks', async () => {
  const from = await end()
  await append('a', 'b', 'c', 'd', 'e')
  const abort = new AbortController()
  const outages: unknown[] = []
  const wrapped = faulty({ breaks: () => true })
  const options = {
    signal: abort.signal,
    chunkRecordsMax: 1,
    onOutage: (error: unknown) => outages.push(error),
    wait: () => Promise.resolve(),
  }
  const keys = await keysUntil('e', follow(wrapped, [{ topic: 'raw', partition: 0, offset: from }], options), abort)
  assert.deepEqual(keys, ['a', 'b', 'c', 'd', 'e'])
  assert.ok(wrapped.reads >= 5, `${wrapped.reads} reads`)
  assert.ok(outages.length > 0)
})

test('says an outage once, and waits longer from try to try, within a bound', async () => {
  const from = await end()
  await append('f')
  const abort = new AbortController()
  const waits: number[] = []
  let outages = 0
  let restarts = 0
  const chunks = follow(faulty({ refusals: 12 }), [{ topic: 'raw', partition: 0, offset: from }], {
    signal: abort.signal,
    onOutage: () => outages++,
    onRestart: () => restarts++,
    random: () => 0.999,
    wait: async (waitMs) => void waits.push(waitMs),
  })
  assert.deepEqual(await keysUntil('f', chunks, abort), ['f'])
  assert.deepEqual([outages, restarts, waits.length], [1, 12, 12])
  assert.deepEqual(
    waits,
    waits.toSorted((one, other) => one - other),
  )
  assert.ok((waits[0] ?? 0) < 51)
  assert.ok((waits.at(-1) ?? 0) > 0.99 * FOLLOW_MS_MAX && (waits.at(-1) ?? 0) <= FOLLOW_MS_MAX)
})

test('ends without a word when its signal aborts, even while it waits', async () => {
  const abort = new AbortController()
  const chunks = follow(faulty({ refusals: Number.POSITIVE_INFINITY }), [{ topic: 'raw', partition: 0, offset: 0 }], {
    signal: abort.signal,
    onOutage: () => abort.abort(),
  })
  assert.deepEqual(await keysUntil('never', chunks, abort), [])
})

test('a read that ends by itself is an outage, not an end', async () => {
  const from = await end()
  await append('g')
  const abort = new AbortController()
  let reads = 0
  const wrapped: Pick<Log, 'read'> = {
    async *read(...given) {
      if (reads++ > 0) yield* log.read(...given)
    },
  }
  const errors: unknown[] = []
  const options = { signal: abort.signal, onOutage: (error: unknown) => errors.push(error) }
  assert.deepEqual(await keysUntil('g', follow(wrapped, [{ topic: 'raw', partition: 0, offset: from }], options), abort), ['g'])
  assert.equal(errors.length, 1)
})

test('a place that the log does not have ends a tail by name, and the past with its own code', async () => {
  const abort = new AbortController()
  const tails = openTails({ log, onOutage: () => assert.fail('it is no outage') })
  const beyond = [{ topic: 'raw', partition: 0, offset: 1_000_000_000 }] as const
  await assert.rejects(keysUntil('never', tails.follow('outcomes', beyond, { signal: abort.signal }), abort), (error) => {
    assert.ok(hasCode(error, 'tail_lost'))
    assert.match((error as ConfabError).message, /outcomes/)
    return hasCode((error as ConfabError).cause, 'offset_beyond_end')
  })
  assert.deepEqual(
    tails.facts().map(({ name, state }) => [name, state]),
    [['outcomes', 'ended']],
  )
  await assert.rejects(keysUntil('never', tails.past('replay', beyond, { signal: abort.signal }), abort), (error) =>
    hasCode(error, 'offset_beyond_end'),
  )
})

test('the facts of a tail say where it stands, that it fails, and that who read it has gone', async () => {
  const from = await end()
  const abort = new AbortController()
  const restarted: string[] = []
  const faults = { refusals: 1 }
  const tails = openTails({ log: faulty(faults), onOutage: () => undefined, onRestart: (name) => restarted.push(name) })
  const read = keysUntil('i', tails.follow('settings', [{ topic: 'raw', partition: 0, offset: from }], { signal: abort.signal }), abort)
  await until('it fails', () => tails.facts()[0]?.state === 'failing')
  await append('h')
  assert.ok((tails.staleMs() ?? -1) >= 0)
  await until('it reads again', () => tails.facts()[0]?.state === 'reading')
  assert.equal(tails.staleMs(), null)
  assert.equal(tails.facts()[0]?.positions[0]?.offset, await end())
  assert.deepEqual(restarted, ['settings'])
  await append('i')
  assert.deepEqual(await read, ['h', 'i'])
  assert.deepEqual(tails.facts(), [])
  const broken = async (): Promise<void> => {
    const chunks = tails.follow('settings', [{ topic: 'raw', partition: 0, offset: from }], { signal: new AbortController().signal })
    for await (const chunk of chunks) if (chunk.records.length > 0) throw new Error('cannot read it')
  }
  await assert.rejects(broken())
  assert.equal(tails.facts()[0]?.state, 'ended')
})
