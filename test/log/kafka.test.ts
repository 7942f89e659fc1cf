// What the Kafka log promises beyond the port: fences between processes, brokers that go, shared partitions, local files, topics.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ConfabError, hasCode } from '#errors'
import { openKafkaLog, type Lease, type KafkaLogHandle, type KafkaLogOptions } from '#log'
import { batchOf, readTopic, recordOf, textOf } from '../contract/log-records.ts'
import { startOwnKafka, type TestKafka } from '../kafka/index.ts'

const CHILD = fileURLToPath(new URL('../contract/log.child.ts', import.meta.url))
const FORM = new URL('../contract/log.form.kafka.ts', import.meta.url).href

let kafka: TestKafka
let directory: string
before(async () => {
  kafka = await startOwnKafka({ cleaner: false })
  process.env['CONFAB_TEST_KAFKA'] = kafka.bootstrap
  directory = await mkdtemp(join(tmpdir(), 'confab-keys-'))
})
after(async () => {
  await kafka.stop()
  await rm(directory, { recursive: true, force: true })
})

let opened = 0
const open = (prefix: string, options: Partial<KafkaLogOptions> = {}): Promise<KafkaLogHandle> =>
  openKafkaLog({
    connection: { brokers: kafka.bootstrap.split(','), clientId: 'confab-test' },
    prefix,
    directory: join(directory, `${opened++}`),
    replication: 1,
    transactionTimeoutMs: 2_000,
    slowMs: 5_000,
    ...options,
  })

const withLogs = async (count: number, work: (...logs: KafkaLogHandle[]) => Promise<void>, prefix = 'one.'): Promise<void> => {
  const logs: KafkaLogHandle[] = []
  for (let index = 0; index < count; index++) logs.push(await open(prefix))
  try {
    await work(...logs)
  } finally {
    await Promise.all(logs.map((log) => log.close()))
  }
}

const until = async (what: string, holds: () => boolean, timeoutMs = 30_000): Promise<void> => {
  for (const endsAt = performance.now() + timeoutMs; !holds(); await new Promise((resolve) => setTimeout(resolve, 20)))
    assert.ok(performance.now() < endsAt, `in vain waited until ${what}`)
}

/** As owners do: again until it is taken. */
const leaseAgain = async (log: KafkaLogHandle, partition: number): Promise<Lease> => {
  for (const endsAt = performance.now() + 30_000; ;) {
    try {
      return await log.lease('conversations', partition)
    } catch (error) {
      assert.ok(error instanceof ConfabError && error.isRetryable && performance.now() < endsAt, String(error))
    }
  }
}

const firstFault = async (work: () => Promise<void>): Promise<unknown> => {
  for (let attempt = 0; attempt < 1_000; attempt++) {
    try {
      await work()
    } catch (error) {
      return error
    }
  }
  return assert.fail('nothing was refused')
}

test('G4 an owner that was stopped in its work and wakes up later writes nothing', async () => {
  const prefix = 'one.'
  const log = await open(prefix)
  const child = spawn(process.execPath, [CHILD, FORM, prefix, 'commit', '7'], { stdio: ['ignore', 'pipe', 'ignore'] })
  let acknowledged = 0
  createInterface({ input: child.stdout }).on('line', () => acknowledged++)
  await until('it has committed', () => acknowledged >= 40)
  child.kill('SIGSTOP')
  const lease = await log.lease('conversations', 7)
  const stored = (await readTopic(log, 'events', 7)).length / 2
  assert.equal(lease.position, stored)
  assert.ok(stored >= acknowledged)
  child.kill('SIGCONT')
  const [code] = (await once(child, 'exit')) as [number]
  assert.notEqual(code, 0, 'it was told that it is fenced')
  await lease.commit({ entries: batchOf(7, stored) }, stored + 1)
  const events = (await readTopic(log, 'events', 7)).map(textOf).filter((text) => text?.startsWith('event'))
  assert.deepEqual(
    events,
    Array.from({ length: stored + 1 }, (_, number) => `event ${number}`),
  )
  assert.equal(log.diagnostics.droppedRecords, 0)
  await log.close()
})

test('G4 two nodes that lease in turns never both write, and each finds the position of the other', () =>
  withLogs(2, async (left, right) => {
    let position: number | undefined
    let last
    for (const [round, log] of [left, right, left, right].entries()) {
      assert.ok(log !== undefined)
      const lease = await log.lease('conversations', 8)
      assert.equal(lease.position, position)
      if (last !== undefined)
        await assert.rejects(last.commit({ entries: batchOf(8, 99) }, 100), (error) => hasCode(error, 'fenced', 'commit_unknown'))
      position = round * 10 + 1
      await lease.commit({ entries: batchOf(8, round) }, position)
      last = lease
    }
    const texts = (await readTopic(left, 'events', 8)).map(textOf)
    assert.deepEqual(
      texts.filter((text) => text?.startsWith('event')),
      [0, 1, 2, 3].map((number) => `event ${number}`),
    )
  }))

test('a commit that says nothing where its owner stands still moves the position, past what other owners write', () =>
  withLogs(1, async (log) => {
    assert.ok(log !== undefined)
    const lease = await log.lease('contacts', 9)
    await lease.commit({ entries: [{ topic: 'contacts', partition: 9, records: [recordOf('contact', 'snapshot')] }] }, 17)
    const other = await log.lease('conversations', 9)
    const outcome = (number: number) => ({ topic: 'outcomes', partition: 9, records: [recordOf(`command-${number}`, 'outcome')] }) as const
    for (let number = 0; number < 30; number++) await other.commit({ entries: [outcome(number)] }, number)
    assert.equal((await log.lease('contacts', 9)).position, 17)
    assert.equal((await log.lease('conversations', 9)).position, 29)
  }))

test('lookups are served by local files: kept over a restart, thrown away when they are of another log', async () => {
  const place = join(directory, 'kept')
  let log = await open('one.', { directory: place })
  const id = log.id
  let lease = await log.lease('conversations', 10)
  const write = (number: number): Promise<void> =>
    lease.commit({ entries: [{ topic: 'messages', partition: 10, records: [recordOf('message', `text ${number}`)] }] })
  const read = async (): Promise<string | null> => textOf((await log.latest('messages', 10, ['message']))[0])
  for (let number = 0; number < 3; number++) {
    await write(number)
    assert.equal(await read(), `text ${number}`, 'what was committed is seen at once')
  }
  await log.close()
  log = await open('one.', { directory: place })
  assert.equal(log.id, id, 'the log keeps its id')
  assert.equal(await read(), 'text 2')
  lease = await log.lease('conversations', 10)
  await write(3)
  assert.equal(await read(), 'text 3')
  await log.close()
  log = await open('two.', { directory: place })
  assert.notEqual(log.id, id)
  assert.equal(await read(), null)
  await log.close()
})

test('partitions are shared out, each to one node, and handed over when nodes come and go', async () => {
  const abort = [new AbortController(), new AbortController(), new AbortController()]
  const logs = [await open('one.'), await open('one.'), await open('one.')]
  const held: ReadonlySet<number>[] = logs.map(() => new Set())
  const follow = async (index: number): Promise<void> => {
    for await (const given of (logs[index] as KafkaLogHandle).assignment('actors', (abort[index] as AbortController).signal)) {
      held[index] = given
      const others = held.filter((_, other) => other !== index)
      for (const partition of given) assert.ok(!others.some((set) => set.has(partition)), `${partition} belongs to two`)
    }
    held[index] = new Set()
  }
  const sizes = (): string => held.map(({ size }) => size).join()
  const following = [follow(0)]
  await until('one node has all', () => sizes() === '32,0,0')
  following.push(follow(1))
  await until('two share', () => sizes() === '16,16,0')
  following.push(follow(2))
  await until('three share', () => held.every(({ size }) => size >= 10) && held.reduce((sum, { size }) => sum + size, 0) === 32)
  const kept = held[1] as ReadonlySet<number>
  abort[0]?.abort()
  await until('the two that stay have all', () => held[1]?.size === 16 && held[2]?.size === 16)
  assert.ok(
    [...kept].every((partition) => held[1]?.has(partition)),
    'who stays keeps what it had',
  )
  for (const each of abort) each.abort()
  await Promise.all(following)
  await Promise.all(logs.map((log) => log.close()))
})

test('what differs from the table of topics is named at the start', async () => {
  const missing = open('three.', { createTopics: false })
  await assert.rejects(missing, (error) => hasCode(error, 'topics_differ') && (error as Error).message.includes('three.events is missing'))
  await assert.rejects(
    open('one.', { replication: 3 }),
    (error) => hasCode(error, 'topics_differ') && (error as Error).message.includes('one.raw: replication is 1, should be 3'),
  )
  const log = await open('one.', { createTopics: false })
  await log.close()
})

test(
  'C8 with its broker gone, writes reject in time, then at once; with it back, work goes on by itself',
  { timeout: 120_000 },
  async (t) => {
    const log = await open('one.', { slowMs: 1_000, commitDeadlineMs: 4_000 })
    t.after(() => log.close())
    const lease = await log.lease('conversations', 11)
    await lease.commit({ entries: batchOf(11, 0) }, 1)
    const append = (): Promise<void> => log.append([{ topic: 'raw', partition: 11, records: [recordOf('key', 'bytes')] }])
    await append()
    for (const away of ['killed', 'stopped'] as const) {
      const current = await leaseAgain(log, 11)
      if (away === 'killed') await kafka.kill(0)
      else kafka.pause(0)
      const startedAt = performance.now()
      // A process that is being stopped may still finish what it was at.
      const first = await firstFault(append)
      assert.ok(hasCode(first, 'append_unknown', 'append_refused'), String(first))
      assert.ok(performance.now() - startedAt < 2_500, `${away}: the first took ${performance.now() - startedAt} ms`)
      const refusedAt = performance.now()
      await assert.rejects(append(), (error) => hasCode(error, 'append_refused'))
      assert.ok(performance.now() - refusedAt < 100, 'the next one does not wait')
      await assert.rejects(current.commit({ entries: batchOf(11, 1) }, 2), (error) => hasCode(error, 'commit_unknown', 'fenced'))
      assert.ok(performance.now() - startedAt < 12_000, 'the commit rejects in time')
      if (away === 'killed') await kafka.restart(0)
      else kafka.resume(0)
      const isBack = async (): Promise<boolean> =>
        append().then(
          () => true,
          () => false,
        )
      for (const endsAt = performance.now() + 30_000; !(await isBack()); await new Promise((resolve) => setTimeout(resolve, 100)))
        assert.ok(performance.now() < endsAt, 'appends work again')
    }
    const again = await leaseAgain(log, 11)
    const events = (await readTopic(log, 'events', 11)).map(textOf).filter((text) => text?.startsWith('event'))
    assert.equal(again.position, events.length, 'the position agrees with what is stored')
    assert.equal(new Set(events).size, events.length)
  },
)
