// The contract suite of the log port, C1 to C8: what every form promises and every caller relies on.
// Stands between the forms and the rest of the program; a form brings a LogForm and passes unchanged.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { hasCode } from '#errors'
import type { Chunk, Log } from '#log'
import type { Topic } from '#topics'
import { describeBytes } from './log-bytes.ts'
import { seed, type LogForm } from './log-form.ts'
import { batchOf, readToEnd, readTopic, recordOf, textOf } from './log-records.ts'
import { describeReaders } from './log-readers.ts'

const CHILD = fileURLToPath(new URL('./log.child.ts', import.meta.url))
const KILLS = 4

/** Runs a child until it has acknowledged `count` writes, kills it -9 at once, and returns all it had acknowledged. */
const runAndKill = async (form: LogForm, place: string, work: string, count: number, holes = ''): Promise<number[]> => {
  const child = spawn(process.execPath, [CHILD, form.module, place, work, '3', holes], { stdio: ['ignore', 'pipe', 'inherit'] })
  const acknowledged: number[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(Number(line))
    if (acknowledged.length === count) child.kill('SIGKILL')
  }
  assert.ok(acknowledged.length >= count, 'the child wrote until it was killed')
  return acknowledged
}

const describeKills = (form: LogForm): void => {
  test('C1 keeps every resolved append, in order, through kills right after the resolve', async () => {
    const place = await form.createPlace()
    const acknowledged = new Set<number>()
    for (let round = 0; round < KILLS; round++) {
      for (const number of await runAndKill(form, place, 'append', 1 + ((seed + round * 37) % 90))) acknowledged.add(number)
    }
    const log = await form.open(place)
    const numbers = (await readTopic(log, 'raw', 3)).map((record) => Number(textOf(record)))
    for (const number of acknowledged) assert.ok(numbers.includes(number), `append ${number} was acknowledged and is gone`)
    const first = [...new Set(numbers)]
    assert.deepEqual(
      first,
      first.toSorted((left, right) => left - right),
    )
    await log.close()
    await form.removePlace(place)
  })

  for (const holes of ['', String(seed)]) {
    test(`C3 C5 commits all topics or none under kills, and the position agrees with what a reader sees${holes === '' ? '' : ', with holes'}`, async () => {
      const place = await form.createPlace()
      for (let round = 0; round < KILLS; round++) {
        const acknowledged = await runAndKill(form, place, 'commit', 1 + ((seed + round * 53) % 70), holes)
        const log = await form.open(place, holes === '' ? {} : { holesSeed: seed })
        const numbersOf = async (topic: Topic, pattern: RegExp): Promise<number[]> =>
          (await readTopic(log, topic, 3))
            .map(textOf)
            .flatMap((text) => (text !== null && pattern.test(text) ? [Number(text.split(' ')[1])] : []))
        const events = await numbersOf('events', /^event/)
        assert.deepEqual(
          events,
          events.map((_, index) => index),
          'each batch once, in order',
        )
        assert.ok(events.length > Math.max(...acknowledged), 'no acknowledged batch is missing')
        for (const [topic, pattern] of [
          ['events', /^content/],
          ['conversations', /^snapshot/],
          ['messages', /^message/],
        ] as const) {
          assert.deepEqual(await numbersOf(topic, pattern), events, `${topic} holds the same batches`)
        }
        const lease = await log.lease('conversations', 3)
        assert.equal(lease.position, events.length)
        await log.close()
      }
      await form.removePlace(place)
    })
  }
}

const describeLeases = (form: LogForm): void => {
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

  test('C4 refuses an older lease as fenced and stores nothing of it, while its neighbours go through', async () => {
    const older = await log.lease('conversations', 1)
    await older.commit({ entries: batchOf(1, 0) }, 1)
    const newer = await log.lease('conversations', 1)
    assert.ok(newer.epoch > older.epoch)
    assert.equal(newer.position, 1)
    const [fenced] = await Promise.allSettled([
      older.commit({ entries: batchOf(1, 98) }, 99),
      newer.commit({ entries: batchOf(1, 1) }, 2),
      log.append([{ topic: 'raw', partition: 1, records: [recordOf('request', 'bytes')] }]),
    ])
    assert.ok(fenced?.status === 'rejected' && hasCode(fenced.reason, 'fenced'))
    const texts = (await readTopic(log, 'events', 1)).map(textOf)
    assert.deepEqual(texts, ['content 0', 'event 0', 'content 1', 'event 1'])
    assert.equal((await readTopic(log, 'raw', 1)).length, 1)
  })

  test('C4 decides a commit that races a new lease one way or the other, never both', async () => {
    const older = await log.lease('conversations', 2)
    const commit = older.commit({ entries: batchOf(2, 0) }, 1).then(
      () => true,
      (error: unknown) => !hasCode(error, 'fenced'),
    )
    const newer = await log.lease('conversations', 2)
    const isStored = (await readTopic(log, 'events', 2)).length > 0
    assert.equal(await commit, isStored)
    assert.equal(newer.position, isStored ? 1 : undefined)
    await assert.rejects(older.commit({ entries: batchOf(2, 1) }, 2), (error) => hasCode(error, 'fenced'))
  })

  test('C4 counts epochs on over a restart and keeps owners apart', async () => {
    const lease = await log.lease('sender', 1)
    const other = await log.lease('webhooks', 1)
    await lease.commit({ entries: [{ topic: 'sends', partition: 1, records: [recordOf('conversation/message/1', 'started')] }] })
    await log.close()
    log = await form.open(place)
    const again = await log.lease('sender', 1)
    assert.ok(again.epoch > lease.epoch)
    assert.equal(again.position, undefined)
    assert.equal(other.owner, 'webhooks')
    await assert.rejects(
      again.release().then(() => again.commit({ entries: [] })),
      (error) => hasCode(error, 'fenced'),
    )
  })

  test('S6 writes owner, epoch and input position into the headers of every record of a commit', async () => {
    const lease = await log.lease('conversations', 5)
    await lease.commit({ entries: batchOf(5, 0) }, 41)
    for (const topic of ['events', 'conversations', 'messages'] as const) {
      for (const { headers } of await readTopic(log, topic, 5))
        assert.deepEqual({ ...headers }, { owner: 'conversations', epoch: String(lease.epoch), in: '41' })
    }
  })

  test('S4 refuses what a topic does not take before anything is sent', async () => {
    const append = (topic: Topic, value: Uint8Array | null): Promise<void> =>
      log.append([{ topic, partition: 0, records: [{ key: 'key', value, headers: {}, time: 0 }] }])
    await assert.rejects(append('commands', new Uint8Array(1_048_577)), (error) => hasCode(error, 'record_too_large'))
    await assert.rejects(append('commands', null), (error) => hasCode(error, 'record_invalid'))
    await assert.rejects(append('events', new Uint8Array(1)), (error) => hasCode(error, 'record_invalid'))
    await append('commands', new Uint8Array(1_048_576))
    assert.equal((await readTopic(log, 'commands', 0)).length, 1)
  })
}

const describeHoles = (form: LogForm): void => {
  test('C2 loses nothing over holes, cut and empty chunks, wherever a reader stops and resumes', async () => {
    const place = await form.createPlace()
    const log = await form.open(place, { holesSeed: seed })
    const lease = await log.lease('conversations', 0)
    for (let number = 0; number < 60; number++) await lease.commit({ entries: batchOf(0, number) }, number + 1)
    const { records, chunks } = await readToEnd(log, { topic: 'events', partition: 0, offset: 0 }, 7)
    const texts = records.map(textOf)
    assert.deepEqual(texts, Array.from({ length: 60 }, (_, number) => [`content ${number}`, `event ${number}`]).flat())
    records.reduce((previous, record) => {
      assert.ok(record.offset > previous)
      return record.offset
    }, -1)
    assert.ok((records.at(-1)?.offset ?? 0) >= records.length, 'offsets are not dense')
    assert.ok(
      chunks.some((chunk: Chunk) => chunk.records.length === 0),
      'a chunk was empty',
    )
    assert.ok(
      chunks.some((chunk) => textOf(chunk.records.at(-1))?.startsWith('content') === true),
      'a chunk ended between a content and its event',
    )
    for (const chunk of chunks.filter((_, index) => index % 5 === 0)) {
      const rest = await readToEnd(log, { topic: 'events', partition: 0, offset: chunk.next })
      assert.deepEqual(rest.records.map(textOf), texts.slice(texts.length - rest.records.length))
      assert.equal(rest.records[0]?.offset, records.find((record) => record.offset >= chunk.next)?.offset)
    }
    await log.close()
    await form.removePlace(place)
  })
}

/** Runs the whole suite against a form. */
export const describeLog = (form: LogForm): void => {
  describe(`log contract: ${form.name}, SEED=${seed}`, { timeout: form.timeoutMs ?? 120_000 }, () => {
    describe('kills', () => describeKills(form))
    describe('leases', () => describeLeases(form))
    describe('holes', () => describeHoles(form))
    describe('readers', () => describeReaders(form))
    describe('bytes', () => describeBytes(form))
  })
}
