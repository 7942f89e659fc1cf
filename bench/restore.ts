// `restore`: records a second with which an empty node restores its key files, against a bare reader of the same topics.

import { join } from 'node:path'
import { openKafkaLog } from '#log'
import { openKafkaClient } from '../src/log/kafka/index.ts'
import { PARTITIONS, type Topic } from '#topics'
import { removeDirectory, temporaryDirectory, until } from '../test/harness.ts'
import { round, type Benchmark, type BenchmarkRun } from './benchmark.ts'
import { appendCommands, openKafkaSite } from './kafka-site.ts'

/** What an owner of conversations needs by key. */
const RESTORED: readonly Topic[] = ['conversations', 'messages', 'outcomes', 'marks']
const CONVERSATIONS = 2_000

const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)

/** Reads every partition of the topics from start to end, and does nothing with what it gets. */
const readBare = async (bootstrap: string): Promise<{ records: number; seconds: number }> => {
  const client = await openKafkaClient({ brokers: bootstrap.split(','), clientId: 'confab-bare' })
  const places = RESTORED.flatMap((topic) => partitions.map((partition) => ({ topic: `confab.${topic}`, partition })))
  const ends = await client.offsets(places, 'end')
  const left = new Map(
    places.flatMap((place, index) => ((ends[index] ?? 0) > 0 ? [[`${place.topic}/${place.partition}`, ends[index] ?? 0]] : [])),
  )
  const startedAt = performance.now()
  const reader = client.openReader({ fetchBytesMax: 4_194_304, waitMs: 100 })
  for (const place of places) if (left.has(`${place.topic}/${place.partition}`)) reader.assign(place, 0)
  let records = 0
  while (left.size > 0) {
    const part = await reader.next()
    if (part === undefined) break
    records += part.records.length
    const name = `${part.topic}/${part.partition}`
    if (part.next >= (left.get(name) ?? Number.POSITIVE_INFINITY)) left.delete(name)
  }
  const seconds = (performance.now() - startedAt) / 1000
  await reader.close()
  await client.close()
  return { records, seconds }
}

const run = async ({ isQuick, say }: BenchmarkRun): Promise<Record<string, number>> => {
  const count = isQuick ? 10_000 : 100_000
  const site = await openKafkaSite()
  const directory = await temporaryDirectory()
  try {
    const owners = await site.openOwners()
    await appendCommands(site.log, 0, count, CONVERSATIONS)
    const decided = (): number => site.log.diagnostics.committedRecords
    let last = -1
    // Filled when nothing more is committed between two looks.
    await until('everything is decided', () => decided() > count * 3 && (last === decided() || ((last = decided()), false)), 300_000)
    await owners.close()
    const bare = await readBare(site.kafka.bootstrap)
    const log = await openKafkaLog({
      connection: { brokers: site.kafka.bootstrap.split(','), clientId: 'confab-empty' },
      prefix: 'confab.',
      directory: join(directory, 'log'),
      replication: 1,
    })
    const startedAt = performance.now()
    // Four at a time, as a node does.
    const waiting = [...partitions]
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let partition = waiting.shift(); partition !== undefined; partition = waiting.shift())
          await log.restorePartition(RESTORED, partition)
      }),
    )
    const seconds = (performance.now() - startedAt) / 1000
    await log.close()
    say(`${bare.records} records restored in ${round(seconds, 2)} s, read bare in ${round(bare.seconds, 2)} s`)
    return {
      ratio: round(bare.seconds / seconds),
      perSecond: round(bare.records / seconds, 0),
      baselinePerSecond: round(bare.records / bare.seconds, 0),
      records: bare.records,
    }
  } finally {
    await site.close()
    await removeDirectory(directory)
  }
}

export const restore: Benchmark = {
  name: 'restore',
  explains: 'An empty node restores the key files of all 32 partitions from Kafka; baseline: a bare reader of the same topics.',
  fields: 'ratio, perSecond, baselinePerSecond, records',
  goal: 'ratio >= 0.5',
  run,
}
