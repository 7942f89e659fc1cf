// What the embedded log promises beyond the port: its directory, a full disk, erased bytes, bounds.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { hasCode, type ErrorCode } from '#errors'
import { openEmbeddedLog, type Entry, type LeaseFacts, type PacketSample } from '#log'
import { readTopic, recordOf, textOf } from '../contract/log-records.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'confab-log-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const raw = (text: string, partition = 0): Entry => ({ topic: 'raw', partition, records: [recordOf('key', text)] })
const coded =
  (code: ErrorCode, part = '') =>
  (error: unknown): boolean =>
    hasCode(error, code) && (error as Error).message.includes(part)

const startHolder = async (): Promise<{ kill: () => Promise<void> }> => {
  const script = fileURLToPath(new URL('../contract/log.child.ts', import.meta.url))
  const form = new URL('../contract/log.form.embedded.ts', import.meta.url).href
  const child = spawn(process.execPath, [script, form, directory, 'hold'], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return {
    kill: async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

test('a directory belongs to one process, and to the next one as soon as that is killed', async () => {
  const holder = await startHolder()
  await assert.rejects(openEmbeddedLog({ directory }), coded('data_locked', directory))
  await holder.kill()
  const log = await openEmbeddedLog({ directory })
  await assert.rejects(openEmbeddedLog({ directory }), coded('data_locked', directory))
  await log.close()
})

test('a log keeps the id it was created with', async () => {
  const ids = new Set<string>()
  for (let round = 0; round < 2; round++) {
    const log = await openEmbeddedLog({ directory })
    ids.add(log.id)
    await log.close()
  }
  assert.equal(ids.size, 1)
})

test('names a file that is damaged, foreign or newer, and leaves the directory unlocked', async () => {
  const file = join(directory, 'log.db')
  writeFileSync(file, 'this is no database, however long one looks at it'.repeat(200))
  await assert.rejects(openEmbeddedLog({ directory }), coded('data_corrupt', file))
  rmSync(file)
  const foreign = new DatabaseSync(file)
  foreign.exec('CREATE TABLE other (id)')
  foreign.close()
  await assert.rejects(openEmbeddedLog({ directory }), coded('data_corrupt', file))
  rmSync(file)
  const log = await openEmbeddedLog({ directory })
  await log.close()
  const newer = new DatabaseSync(file)
  newer.exec('PRAGMA user_version = 99')
  newer.close()
  await assert.rejects(openEmbeddedLog({ directory }), coded('data_newer', file))
})

test('a full disk refuses whole packets, keeps reads going, stores nothing by halves, and recovers', async () => {
  let log = await openEmbeddedLog({ directory, pagesMax: 200 })
  const lease = await log.lease('conversations', 0)
  const big = 'x'.repeat(50_000)
  const commit = (number: number): Promise<void> =>
    lease.commit(
      {
        entries: [
          { topic: 'events', partition: 0, records: [recordOf(`s/${number}`, big)] },
          { topic: 'messages', partition: 0, records: [recordOf(`s/m${number}`, `message ${number}`)] },
        ],
      },
      number + 1,
    )
  let stored = 0
  for (let isFull = false; !isFull;) {
    const results = await Promise.allSettled([commit(stored), log.append([raw(`raw ${stored}`)])])
    isFull = results.some(({ status }) => status === 'rejected')
    for (const result of results)
      if (isFull) assert.ok(result.status === 'rejected' && hasCode(result.reason, 'log_full'), 'one packet, one fate')
    if (!isFull) stored++
  }
  assert.ok(stored > 0)
  const check = async (): Promise<void> => {
    assert.equal((await readTopic(log, 'events', 0)).length, stored)
    assert.deepEqual(
      (await readTopic(log, 'raw', 0)).map(textOf),
      Array.from({ length: stored }, (_, number) => `raw ${number}`),
    )
    assert.equal((await readTopic(log, 'messages', 0)).length, stored)
    assert.equal((await log.latest('messages', 0, [`s/m${stored}`]))[0], null)
  }
  await check()
  await log.close()
  log = await openEmbeddedLog({ directory })
  await check()
  const again = await log.lease('conversations', 0)
  assert.equal(again.position, stored)
  await again.commit({ entries: [] }, stored + 1)
  await log.append([raw(`raw ${stored}`)])
  assert.equal((await readTopic(log, 'raw', 0)).length, stored + 1)
  await log.close()
})

test('writes work again in the same process once space returns', async () => {
  let now = 1000
  const log = await openEmbeddedLog({ directory, pagesMax: 200, clock: () => now, cleanIntervalMs: 0 })
  const append = (): Promise<boolean> =>
    log.append([{ topic: 'raw', partition: 0, records: [recordOf('key', 'x'.repeat(50_000), {}, now)] }]).then(
      () => true,
      (error: unknown) => {
        assert.ok(hasCode(error, 'log_full'))
        return false
      },
    )
  while (await append());
  now += 8 * 86_400_000
  await log.clean()
  assert.ok(await append())
  const { start, end } = await log.bounds('raw', 0)
  assert.equal(end - start, 1)
  await log.close()
})

test('erased bytes leave every file of the directory', async () => {
  const log = await openEmbeddedLog({ directory })
  const lease = await log.lease('conversations', 0)
  const secret = 'words that somebody wants forgotten'
  const commit = (text: string | null): Promise<void> =>
    lease.commit({ entries: [{ topic: 'events', partition: 0, records: [recordOf('s/1/0', text, {}, Date.now())] }] })
  const holds = (): boolean => readdirSync(directory).some((name) => readFileSync(join(directory, name)).includes(secret))
  await commit(secret)
  await commit(`${secret} ${'long enough for pages of its own '.repeat(500)}`)
  assert.ok(holds())
  await commit(null)
  // A commit of its own afterwards: the writer has then finished what the erasure left to do.
  await log.append([raw('next')])
  await log.clean()
  assert.ok(!holds())
  assert.deepEqual((await readTopic(log, 'events', 0)).map(textOf), [null])
  await log.close()
})

test('refuses what exceeds the bytes in flight, and takes it when they are durable', async () => {
  const log = await openEmbeddedLog({ directory, inFlightBytesMax: 100_000 })
  const results = await Promise.allSettled([log.append([raw('x'.repeat(60_000))]), log.append([raw('y'.repeat(60_000))])])
  assert.equal(results[0]?.status, 'fulfilled')
  assert.ok(results[1]?.status === 'rejected' && hasCode(results[1].reason, 'append_refused'))
  await log.append([raw('y'.repeat(60_000))])
  assert.equal((await readTopic(log, 'raw', 0)).length, 2)
  assert.equal(log.diagnostics.inFlightBytes, 0)
  await log.close()
})

test('writes of one turn share one transaction', async () => {
  const samples: PacketSample[] = []
  const log = await openEmbeddedLog({ directory, onPacket: (sample) => samples.push(sample) })
  await Promise.all(Array.from({ length: 50 }, (_, number) => log.append([raw(String(number), number % 32)])))
  assert.deepEqual(
    samples.map(({ operations, records }) => [operations, records]),
    [[50, 50]],
  )
  await log.close()
})

test('a lease writes its record to ownership', async () => {
  const seen: LeaseFacts[] = []
  const encodeOwnership = (facts: LeaseFacts): Uint8Array => {
    seen.push(facts)
    return Buffer.from(String(facts.epoch))
  }
  const log = await openEmbeddedLog({ directory, node: 'here', clock: () => 77, encodeOwnership })
  await log.lease('sender', 4)
  await log.lease('sender', 4)
  assert.deepEqual(seen[1], { owner: 'sender', partition: 4, epoch: 2, node: 'here', at: 77 })
  assert.equal(textOf((await log.latest('ownership', 0, ['sender/4']))[0]), '2')
  await log.close()
})

test('close finishes what was handed over, refuses what comes later, and ends readers', async () => {
  const log = await openEmbeddedLog({ directory })
  const written = log.append([raw('last')])
  const reading = (async () => {
    for await (const chunk of log.read([{ topic: 'raw', partition: 1, offset: 0 }], { signal: new AbortController().signal }))
      assert.fail(String(chunk.next))
  })()
  await log.close()
  await Promise.all([written, reading])
  await assert.rejects(log.append([raw('too late')]), coded('log_closed'))
  await assert.rejects(log.bounds('raw', 0), coded('log_closed'))
  await assert.rejects(log.latest('messages', 0, ['key']), coded('log_closed'))
  const again = await openEmbeddedLog({ directory })
  assert.deepEqual((await readTopic(again, 'raw', 0)).map(textOf), ['last'])
  await again.close()
})
