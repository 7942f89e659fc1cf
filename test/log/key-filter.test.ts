// The filter before the key index: it may let too much through, never too little.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { openEmbeddedLog } from '#log'
import { allocateFilter, KeyFilter } from '../../src/log/embedded/key-filter.ts'
import { recordOf, textOf } from '../contract/log-records.ts'

const hash = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })

test('has whatever was added', () => {
  fc.assert(
    fc.property(fc.array(hash, { maxLength: 300 }), (hashes) => {
      const filter = new KeyFilter(allocateFilter(0))
      for (const each of hashes) filter.add(each)
      filter.setFilled()
      return hashes.every((each) => filter.mayHave(each))
    }),
    { numRuns: 20 },
  )
})

test('says nothing before it is filled, and then keeps nearly all absent keys away', () => {
  const filter = new KeyFilter(allocateFilter(0))
  for (let number = 0; number < 100_000; number++) filter.add(number * 90_000_049)
  assert.ok(filter.mayHave(1))
  filter.setFilled()
  let passed = 0
  for (let number = 0; number < 100_000; number++) if (filter.mayHave(number * 90_000_049 + 12_345)) passed++
  assert.ok(passed < 100, `${passed} of 100,000 absent keys passed`)
})

test('after a restart finds every key, old and new, and soon asks the file for those alone', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'confab-log-'))
  const append = async (log: Awaited<ReturnType<typeof openEmbeddedLog>>, from: number): Promise<void> => {
    const records = Array.from({ length: 500 }, (_, number) => recordOf(`subject/${from + number}`, String(from + number)))
    await log.append([{ topic: 'schemas', partition: 0, records }])
  }
  let log = await openEmbeddedLog({ directory })
  await append(log, 0)
  await log.close()
  log = await openEmbeddedLog({ directory })
  await append(log, 500)
  const absent = Array.from({ length: 200 }, (_, number) => `absent/${number}`)
  for (let isFilled = false; !isFilled;) {
    const found = await log.latest(
      'schemas',
      0,
      Array.from({ length: 1000 }, (_, number) => `subject/${number}`),
    )
    assert.deepEqual(
      found.map(textOf),
      Array.from({ length: 1000 }, (_, number) => String(number)),
    )
    const before = log.diagnostics.keyReads
    assert.ok((await log.latest('schemas', 0, absent)).every((record) => record === null))
    isFilled = log.diagnostics.keyReads - before < 20
    // Lets the reader thread go on.
    await log.append([{ topic: 'raw', partition: 0, records: [recordOf('key', 'value')] }])
  }
  await log.close()
  rmSync(directory, { recursive: true })
})
