// Three brokers, one of them killed again and again under load: every acknowledged commit exactly once, in order, in all its topics.

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConfabError } from '#errors'
import { openKafkaLog, type KafkaClientName, type KafkaLogHandle } from '#log'
import type { Topic } from '#topics'
import { batchOf, readTopic, recordOf, textOf } from '../contract/log-records.ts'
import { startOwnKafka, type TestKafka } from '../kafka/index.ts'

const PARTITIONS = [0, 1, 2]
const KILLS = 3
/** Milliseconds between a kill and the restart, and until the next kill. */
const DOWN_MS = 3_000
const BETWEEN_MS = 4_000

let kafka: TestKafka
let directory: string
before(async () => {
  kafka = await startOwnKafka({ brokers: 3, cleaner: false })
  directory = await mkdtemp(join(tmpdir(), 'confab-keys-'))
})
after(async () => {
  await kafka.stop()
  await rm(directory, { recursive: true, force: true })
})

const retried = async <T>(work: () => Promise<T>): Promise<T> => {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      assert.ok(error instanceof ConfabError && error.isRetryable, String(error))
      await sleep(50)
    }
  }
}

interface Ledger {
  /** Numbers whose commit resolved. */
  readonly committed: Set<number>
  /** Numbers whose append resolved. */
  readonly appended: Set<number>
}

/** An owner as the runtime is one: any error ends the lease, the next one says where to go on. */
const own = async (log: KafkaLogHandle, partition: number, ledger: Ledger, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    const lease = await retried(() => log.lease('conversations', partition))
    let next = lease.position ?? 0
    try {
      while (!signal.aborted) {
        const numbers = Array.from({ length: 4 }, () => next++)
        await Promise.all(
          numbers.map(async (number) => {
            await lease.commit({ entries: batchOf(partition, number) }, number + 1)
            ledger.committed.add(number)
          }),
        )
      }
    } catch (error) {
      assert.ok(error instanceof ConfabError && error.isRetryable, String(error))
    }
  }
}

/** One writer a partition, each number once unless its fate is unknown. */
const append = async (log: KafkaLogHandle, partition: number, ledger: Ledger, signal: AbortSignal): Promise<void> => {
  for (let number = 0; !signal.aborted; number++) {
    await retried(() => log.append([{ topic: 'raw', partition, records: [recordOf(`raw-${number}`, String(number))] }]))
    ledger.appended.add(number)
  }
}

for (const client of ['kafkajs', 'confluent'] as const satisfies readonly KafkaClientName[]) {
  test(`exact under ${KILLS} kills of brokers: ${client}`, { timeout: 240_000 }, async (t) => {
    const connection = { brokers: kafka.bootstrap.split(','), clientId: 'confab-test' }
    const log = await openKafkaLog({
      connection,
      client,
      prefix: `${client}.`,
      directory: join(directory, client),
      replication: 3,
      transactionTimeoutMs: 5_000,
    })
    t.after(() => log.close())
    const abort = new AbortController()
    const ledgers = PARTITIONS.map((): Ledger => ({ committed: new Set(), appended: new Set() }))
    const working = PARTITIONS.flatMap((partition, index) => [
      own(log, partition, ledgers[index] as Ledger, abort.signal),
      append(log, partition, ledgers[index] as Ledger, abort.signal),
    ])
    for (let kill = 0; kill < KILLS; kill++) {
      await sleep(BETWEEN_MS)
      await kafka.kill(kill)
      await sleep(DOWN_MS)
      await kafka.restart(kill)
    }
    await sleep(BETWEEN_MS)
    abort.abort()
    await Promise.all(working)
    let total = 0
    for (const [index, partition] of PARTITIONS.entries()) {
      const { committed, appended } = ledgers[index] as Ledger
      const numbersOf = async (topic: Topic, word: string): Promise<number[]> =>
        (await readTopic(log, topic, partition))
          .map(textOf)
          .flatMap((text) => (text?.startsWith(word) === true ? [Number(text.slice(word.length))] : []))
      const events = await numbersOf('events', 'event ')
      assert.deepEqual(
        events,
        events.map((_, number) => number),
        'each commit once, in order',
      )
      for (const number of committed) assert.ok(number < events.length, `commit ${number} was acknowledged and is gone`)
      assert.deepEqual(await numbersOf('events', 'content '), events)
      assert.deepEqual(await numbersOf('conversations', 'snapshot '), events)
      assert.deepEqual(await numbersOf('messages', 'message '), events)
      const raw = await numbersOf('raw', '')
      const first = [...new Set(raw)]
      for (const number of appended) assert.ok(first.includes(number), `append ${number} was acknowledged and is gone`)
      assert.deepEqual(
        first,
        first.toSorted((left, right) => left - right),
        'first occurrences are in order',
      )
      assert.ok(events.length > 0 && raw.length > 0)
      total += events.length
    }
    assert.equal(log.diagnostics.droppedRecords, 0)
    const { unknownCommits, leases, breakerOpened } = log.diagnostics
    t.diagnostic(`${total} commits, ${unknownCommits} of unknown fate, ${leases} leases, a broker away ${breakerOpened} times`)
  })
}
