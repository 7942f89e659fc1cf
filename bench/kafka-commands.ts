// `kafka-commands`: commands decided a second by one node, against the bare client's transactions with the very same records.

import { randomUUID } from 'node:crypto'
import { until } from '../test/harness.ts'
import { openBareProducer } from './bare-kafkajs.ts'
import { round, type Benchmark, type BenchmarkRun } from './benchmark.ts'
import { appendCommands, openKafkaSite, type KafkaSite } from './kafka-site.ts'

const CONVERSATIONS = 2_000

const decidedIn = ({ commits }: Pick<KafkaSite, 'commits'>): number =>
  commits.reduce(
    (sum, { batch }) =>
      sum +
      batch.entries
        .filter(({ topic }) => topic === 'events')
        .reduce((count, { records }) => count + records.filter(({ headers }) => headers['type'] === 'message.received').length, 0),
    0,
  )

/** The same batches, one producer a partition, one transaction after the other. */
const replayBare = async (site: KafkaSite, commits: KafkaSite['commits']): Promise<number> => {
  const byPartition = Map.groupBy(commits, ({ partition }) => partition)
  const open = async (partition: number) => [partition, await openBareProducer(site.kafka.bootstrap, `bare-${randomUUID()}`)] as const
  const producers = new Map(await Promise.all([...byPartition.keys()].map(open)))
  const startedAt = performance.now()
  await Promise.all(
    [...byPartition].map(async ([partition, list]) => {
      for (const { batch } of list)
        await producers.get(partition)?.commit(batch.entries.map((entry) => ({ ...entry, topic: `confab.${entry.topic}` })))
    }),
  )
  const seconds = (performance.now() - startedAt) / 1000
  await Promise.all([...producers.values()].map((producer) => producer.close()))
  return seconds
}

const run = async ({ isQuick, say }: BenchmarkRun): Promise<Record<string, number>> => {
  const count = isQuick ? 10_000 : 50_000
  const site = await openKafkaSite()
  try {
    // Warm first: conversations, producers, compiled code.
    await appendCommands(site.log, 0, CONVERSATIONS, CONVERSATIONS)
    const owners = await site.openOwners()
    await until('the warm-up is decided', () => decidedIn(site) === CONVERSATIONS, 120_000)
    const before = site.commits.length
    const startedAt = performance.now()
    await appendCommands(site.log, CONVERSATIONS, CONVERSATIONS + count, CONVERSATIONS)
    await until('all commands are decided', () => decidedIn(site) === CONVERSATIONS + count, 300_000)
    const seconds = (performance.now() - startedAt) / 1000
    await owners.close()
    const commits = site.commits.slice(before)
    say(`${count} commands decided in ${round(seconds, 2)} s, ${commits.length} transactions`)
    const bareSeconds = await replayBare(site, commits)
    return {
      ratio: round(bareSeconds / seconds),
      perSecond: round(count / seconds, 0),
      baselinePerSecond: round(count / bareSeconds, 0),
      transactions: commits.length,
    }
  } finally {
    await site.close()
  }
}

export const kafkaCommands: Benchmark = {
  name: 'kafka-commands',
  explains:
    'Commands appended and decided by one node on a real broker; baseline: kafkajs by itself commits the same records in the same transactions.',
  fields: 'ratio, perSecond, baselinePerSecond, transactions',
  goal: 'ratio >= 0.30',
  run,
}
