// `kafka-latency`: an API write to its decided reply at a steady 100 a second, against the bare client's transaction with one such record set.

import { randomUUID } from 'node:crypto'
import { openKafkaClient } from '../src/log/kafka/index.ts'
import { openCluster } from '../test/ledger/cluster.ts'
import { until } from '../test/harness.ts'
import { messageSid, signedRequest } from '../test/twilio-webhooks.ts'
import { openBareProducer } from './bare-kafkajs.ts'
import { round, type Benchmark, type BenchmarkRun } from './benchmark.ts'
import { connectTwilio } from './ingest.ts'
import { load, quantile } from './load.ts'

const PER_SECOND = 100
const CONVERSATIONS = 50

/** Calls `act` at a fixed rate, whether or not earlier ones have ended; lateness counts. */
const steadily = async (count: number, act: (n: number) => Promise<unknown>): Promise<Float64Array> => {
  const startedAt = performance.now()
  const latencies = await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const due = startedAt + (n * 1000) / PER_SECOND
      await new Promise((resolve) => setTimeout(resolve, due - performance.now()))
      await act(n)
      return performance.now() - due
    }),
  )
  return Float64Array.from(latencies).sort()
}

/** What one note commits: content, event, snapshot, message row, outcome. */
const recordsOf = (prefix: string, partition: number, n: number) =>
  (['events', 'conversations', 'messages', 'outcomes'] as const).map((topic) => ({
    topic: `${prefix}${topic}`,
    partition,
    records: [{ key: `bench/${n}`, value: Buffer.alloc(300, n % 251), headers: { type: 'bench' }, time: Date.now() }],
  }))

const bare = async (bootstrap: string, count: number): Promise<Float64Array> => {
  const client = await openKafkaClient({ brokers: bootstrap.split(','), clientId: 'confab-bare' })
  // Topics of its own: what is no event of ours must not lie among them.
  const prefix = 'bare.'
  await client.createTopics(
    ['events', 'conversations', 'messages', 'outcomes'].map((name) => ({
      name: `${prefix}${name}`,
      partitions: 32,
      replication: 1,
      settings: {},
    })),
  )
  await client.close()
  const producers = await Promise.all(Array.from({ length: 32 }, () => openBareProducer(bootstrap, `bare-${randomUUID()}`)))
  const queues = producers.map(() => Promise.resolve())
  const commit = (n: number): Promise<void> => {
    const partition = n % 32
    const next = (queues[partition] ?? Promise.resolve()).then(() => producers[partition]?.commit(recordsOf(prefix, partition, n)))
    queues[partition] = next
    return next
  }
  for (let n = 0; n < 64; n++) await commit(n)
  const latencies = await steadily(count, commit)
  await Promise.all(producers.map((producer) => producer.close()))
  return latencies
}

const run = async ({ isQuick, say }: BenchmarkRun): Promise<Record<string, number>> => {
  const count = PER_SECOND * (isQuick ? 8 : 60)
  const cluster = await openCluster({ nodes: 1, brokers: 1, client: 'kafkajs', environment: { CONFAB_LOG_LEVEL: 'error' } })
  try {
    const [place] = cluster.places
    if (place === undefined) throw new Error('no node')
    const token = await cluster.token()
    const account = await connectTwilio({ url: place.url, api: cluster.api } as Parameters<typeof connectTwilio>[0])
    const people = Array.from({ length: CONVERSATIONS }, (_, n) =>
      signedRequest(account, { sid: messageSid(1, n), from: `+1555${3_000_000 + n}`, text: 'first' }),
    )
    await load({ host: '127.0.0.1', port: place.port, connections: 4, next: (n) => people[n] })
    const list = (): Promise<{ items: { id: string }[] }> => cluster.api('/v1/conversations?limit=100')
    await until('the conversations are listed', async () => (await list()).items.length === CONVERSATIONS)
    const ids = (await list()).items.map(({ id }) => id)
    const write = async (n: number): Promise<void> => {
      const answer = await fetch(`${place.url}/v1/conversations/${ids[n % ids.length]}/messages`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ internal: true, text: `note ${n}` }),
      })
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
      await answer.arrayBuffer()
    }
    for (let n = 0; n < 100; n++) await write(n)
    const ours = await steadily(count, write)
    say(`API write to decided reply at ${PER_SECOND}/s: p50 ${round(quantile(ours, 0.5), 1)} ms, p99 ${round(quantile(ours, 0.99), 1)} ms`)
    await place.kill()
    const baseline = await bare(cluster.kafka.bootstrap, count)
    return {
      ratioP99: round(quantile(ours, 0.99) / quantile(baseline, 0.99)),
      ratioP50: round(quantile(ours, 0.5) / quantile(baseline, 0.5)),
      p50Ms: round(quantile(ours, 0.5), 2),
      p99Ms: round(quantile(ours, 0.99), 2),
      baselineP50Ms: round(quantile(baseline, 0.5), 2),
      baselineP99Ms: round(quantile(baseline, 0.99), 2),
    }
  } finally {
    await cluster.stop()
  }
}

export const kafkaLatency: Benchmark = {
  name: 'kafka-latency',
  explains: `Notes by the API at ${PER_SECOND}/s on one node and one broker, request to decided reply; baseline: a transaction of kafkajs by itself at the same rate.`,
  fields: 'ratioP99, ratioP50, p50Ms, p99Ms, baselineP50Ms, baselineP99Ms',
  goal: 'ratioP99 < 3',
  run,
}
