// Reading the log from beside: next to its writer, after it, in order both ways, and what is said of files that are none.

import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { ConfabError } from '#errors'
import { openEmbeddedLog, openEmbeddedReader, type EmbeddedReader, type ReaderPlace } from '#log'
import type { Topic } from '#topics'
import { removeDirectory, temporaryDirectory } from '../harness.ts'

let directory: string
beforeEach(async () => {
  directory = await temporaryDirectory()
})
afterEach(() => removeDirectory(directory))

const record = (n: number, time = n) => ({ key: `key-${n}`, value: Buffer.from(`value ${n}`), headers: { type: 'test' }, time })
const open = () => openEmbeddedLog({ directory, cleanIntervalMs: 0 })
const both: readonly Topic[] = ['raw', 'config', 'dead-letters', 'schemas']

const collect = (reader: EmbeddedReader, step: 'after' | 'before', from: ReaderPlace, topics = both): string[] => {
  const keys: string[] = []
  for (let [place, isLast] = [from, false]; !isLast;) {
    const page = reader[step](place, { topics })
    keys.push(...page.records.map((each) => each.record.key))
    ;({ place, isLast } = page)
  }
  return keys
}

test('reads beside the writer what is committed, oldest first and newest first, across both tables and many pages', async () => {
  const log = await open()
  const reader = openEmbeddedReader({ directory })
  try {
    assert.deepEqual(collect(reader, 'after', reader.earliest()), [])
    for (let from = 0; from < 2400; from += 400) {
      const records = Array.from({ length: 400 }, (_, index) => record(from + index))
      // The two tables in runs of different length, so that pages of one end amid the other's.
      const ofRaw = records.filter((_, index) => index % 7 !== 0)
      const ofLetters = records.filter((_, index) => index % 7 === 0)
      await log.append([
        { topic: 'raw', partition: 3, records: ofRaw },
        { topic: 'dead-letters', partition: 5, records: ofLetters },
      ])
    }
    const all = Array.from({ length: 2400 }, (_, n) => `key-${n}`)
    assert.deepEqual(collect(reader, 'after', reader.earliest()), all)
    assert.deepEqual(collect(reader, 'before', reader.latest()), all.toReversed())
    assert.deepEqual(collect(reader, 'after', reader.placeAt(2000)), all.slice(2000))
    assert.deepEqual(collect(reader, 'after', reader.latest()), [])
    assert.equal(collect(reader, 'after', reader.earliest(), ['dead-letters']).length, 348)
    const [first] = reader.after(reader.placeAt(7), { topics: ['dead-letters'] }).records
    assert.deepEqual(
      { topic: first?.topic, partition: first?.partition, offset: first?.record.offset },
      { topic: 'dead-letters', partition: 5, offset: 1 },
    )
    assert.equal(String(first?.record.value), 'value 7')
  } finally {
    reader.close()
    await log.close()
  }
})

test('follows: says when something was committed, and its page holds just that', async () => {
  const log = await open()
  const reader = openEmbeddedReader({ directory })
  try {
    const place = reader.latest()
    reader.hasChanged()
    assert.equal(reader.hasChanged(), false)
    await log.append([{ topic: 'raw', partition: 0, records: [record(1)] }])
    assert.equal(reader.hasChanged(), true)
    assert.deepEqual(
      reader.after(place, { topics: ['raw'] }).records.map((each) => each.record.key),
      ['key-1'],
    )
  } finally {
    reader.close()
    await log.close()
  }
})

test('never disturbs the writer: appends, checkpoints and closes go on while a reader stands anywhere', async () => {
  const log = await open()
  const reader = openEmbeddedReader({ directory })
  await log.append([{ topic: 'raw', partition: 0, records: Array.from({ length: 1000 }, (_, n) => record(n, Date.now())) }])
  // A page that was cut: were its statement left open, its snapshot would hold the WAL.
  assert.equal(reader.after(reader.earliest(), { topics: ['raw'] }).isLast, false)
  await log.append([{ topic: 'raw', partition: 0, records: [record(1000, Date.now())] }])
  await log.clean()
  await log.close()
  assert.equal(collect(reader, 'after', reader.earliest()).length, 1001)
  const again = await open()
  await again.append([{ topic: 'raw', partition: 0, records: [record(1001, Date.now())] }])
  assert.equal(collect(reader, 'after', reader.earliest()).length, 1002)
  await again.close()
  reader.close()
})

test('tells size, times, and whether a server holds the directory', async () => {
  const log = await open()
  const lease = await log.lease('conversations', 4)
  await lease.commit({ entries: [{ topic: 'events', partition: 4, records: [record(10), record(20), record(30)] }] })
  const reader = openEmbeddedReader({ directory })
  const running = reader.facts()
  assert.equal(running.id, log.id)
  assert.equal(running.isInUse, true)
  assert.deepEqual([running.oldestEventAt, running.newestEventAt], [10, 30])
  assert.ok(running.walBytes > 0)
  assert.deepEqual(reader.check(), [])
  await log.close()
  const stopped = reader.facts()
  assert.equal(stopped.isInUse, false)
  assert.ok(stopped.sizeBytes > 0)
  reader.close()
})

const codeOf = (read: () => unknown): string | undefined => {
  try {
    read()
    return undefined
  } catch (error) {
    assert.ok(error instanceof ConfabError, String(error))
    assert.match(error.message, /log\.db/, 'the message names the file')
    return error.code
  }
}

test('says which file is missing, foreign, newer or damaged', async () => {
  assert.equal(
    codeOf(() => openEmbeddedReader({ directory: join(directory, 'nowhere') })),
    'data_missing',
  )
  await mkdir(join(directory, 'text'))
  await writeFile(join(directory, 'text', 'log.db'), 'not a database at all, but long enough to be looked at'.repeat(20))
  assert.equal(
    codeOf(() => openEmbeddedReader({ directory: join(directory, 'text') })),
    'data_corrupt',
  )
  await mkdir(join(directory, 'other'))
  new DatabaseSync(join(directory, 'other', 'log.db')).exec('CREATE TABLE other (id)')
  assert.equal(
    codeOf(() => openEmbeddedReader({ directory: join(directory, 'other') })),
    'data_corrupt',
  )
  await (await open()).close()
  const database = new DatabaseSync(join(directory, 'log.db'))
  database.exec('PRAGMA user_version = 99')
  database.close()
  assert.equal(
    codeOf(() => openEmbeddedReader({ directory })),
    'data_newer',
  )
})
