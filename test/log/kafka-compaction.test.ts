// What only brokers remove: superseded records, erased contents and retention, in their own time; readers and lookups cross it.

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openKafkaLog, openKafkaClient, type KafkaConnection, type KafkaLogHandle, type LogRecord } from '#log'
import { readToEnd, readTopic, recordOf, textOf } from '../contract/log-records.ts'
import { startOwnKafka, type TestKafka } from '../kafka/index.ts'

const prefix = 'confab.'

let kafka: TestKafka
let directory: string
let log: KafkaLogHandle
const connection = (): KafkaConnection => ({ brokers: kafka.bootstrap.split(','), clientId: 'confab-test' })
before(async () => {
  kafka = await startOwnKafka()
  directory = await mkdtemp(join(tmpdir(), 'confab-keys-'))
  log = await openKafkaLog({ connection: connection(), prefix, directory, replication: 1, slowMs: 5_000 })
})
after(async () => {
  await log.close()
  await kafka.stop()
  await rm(directory, { recursive: true, force: true })
})

/** Closes segments soon and compacts at once what is closed: what takes brokers days. */
const hurry = async (topic: string): Promise<void> => {
  const client = await openKafkaClient(connection())
  const settings = {
    'cleanup.policy': 'compact',
    'segment.ms': '100',
    'min.cleanable.dirty.ratio': '0.001',
    'min.compaction.lag.ms': '0',
    'max.compaction.lag.ms': '100',
    'delete.retention.ms': '3600000',
    'message.timestamp.after.max.ms': '9223372036854775807',
  }
  await client.alterTopics([{ name: prefix + topic, settings }])
  await client.close()
}

const now = (key: string, text: string | null, headers: Record<string, string> = {}): LogRecord => recordOf(key, text, headers, Date.now())

const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
  for (const endsAt = performance.now() + 60_000; !(await holds()); await new Promise((resolve) => setTimeout(resolve, 200)))
    assert.ok(performance.now() < endsAt, `in vain waited until ${what}`)
}

test(
  'erased contents leave the topic, all else and its order stay, and readers reach the end over the holes',
  { timeout: 120_000 },
  async () => {
    await hurry('events')
    const lease = await log.lease('conversations', 3)
    const commit = (...records: LogRecord[]): Promise<void> => lease.commit({ entries: [{ topic: 'events', partition: 3, records }] })
    for (let number = 1; number <= 20; number++)
      await commit(now(`s/${number}/0`, `content ${number}`), now(`s/${number}`, `event ${number}`))
    const erased = [2, 3, 11]
    await commit(...erased.map((number) => now(`s/${number}/0`, null)))
    const texts = async (): Promise<(string | null)[]> => (await readTopic(log, 'events', 3)).map(textOf)
    let marker = 0
    await until('the contents are gone', async () => {
      // A closed segment needs a write behind it.
      await commit(now(`marker/${marker++}`, 'marker'))
      const present = await texts()
      return erased.every((number) => !present.includes(`content ${number}`))
    })
    const kept = (await texts()).filter((text) => text !== null && text !== 'marker')
    const expected = Array.from({ length: 20 }, (_, index) => index + 1).flatMap((number) =>
      erased.includes(number) ? [`event ${number}`] : [`content ${number}`, `event ${number}`],
    )
    assert.deepEqual(kept, expected)
    const keys = [...erased.map((number) => `s/${number}/0`), 's/1/0', 's/2']
    assert.deepEqual((await log.latest('events', 3, keys)).map(textOf), [null, null, null, 'content 1', 'event 2'])
    const { start, end } = await log.bounds('events', 3)
    for (let offset = start; offset < end; offset += 5) {
      const { chunks } = await readToEnd(log, { topic: 'events', partition: 3, offset }, 3)
      assert.ok((chunks.at(-1)?.next ?? 0) >= end, `a reader from ${offset} reaches the end`)
    }
  },
)

test(
  'of superseded records the newest of each key stays, in offset order, and a new local file says the same',
  { timeout: 120_000 },
  async () => {
    await hurry('conversations')
    const lease = await log.lease('conversations', 4)
    const write = (key: string, text: string | null): Promise<void> =>
      lease.commit({ entries: [{ topic: 'conversations', partition: 4, records: [now(key, text)] }] })
    for (let round = 0; round < 10; round++) for (const key of ['a', 'b', 'c']) await write(key, `${key} ${round}`)
    await write('b', null)
    let marker = 0
    const rest = async (): Promise<(readonly [string, string | null])[]> =>
      (await readTopic(log, 'conversations', 4))
        .filter(({ key }) => key !== 'marker')
        .map((record) => [record.key, textOf(record)] as const)
    await until('superseded records are gone', async () => {
      await write('marker', String(marker++))
      return (await rest()).length === 3
    })
    assert.deepEqual(await rest(), [
      ['a', 'a 9'],
      ['c', 'c 9'],
      ['b', null],
    ])
    const fresh = await openKafkaLog({
      connection: connection(),
      prefix,
      directory: join(directory, 'fresh'),
      replication: 1,
      createTopics: true,
    }).catch((error: unknown) => error)
    assert.ok(fresh instanceof Error && /segment.ms is 100/.test(fresh.message), 'a topic that was changed is named')
    assert.deepEqual((await log.latest('conversations', 4, ['a', 'b', 'c'])).map(textOf), ['a 9', null, 'c 9'])
  },
)
