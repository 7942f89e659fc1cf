// `scale`: what a decided command costs in CPU with three nodes, against one: sharing the work must not multiply it.

import { readFileSync } from 'node:fs'
import { until } from '../test/harness.ts'
import { openCluster, type Cluster } from '../test/ledger/cluster.ts'
import { messageSid, signedRequest } from '../test/twilio-webhooks.ts'
import { round, type Benchmark, type BenchmarkRun } from './benchmark.ts'
import { connectTwilio } from './ingest.ts'
import { load } from './load.ts'

const CONVERSATIONS = 500
const CONNECTIONS = 16
/** Clock ticks of /proc/PID/stat, in microseconds. */
const TICK_US = 10_000

/** User and system time of a process with all its threads. */
const cpuUs = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_US
}

/** CPU microseconds a webhook of all nodes together, from the request until it is decided and listed everywhere. */
const costWith = async (nodes: number, count: number): Promise<number> => {
  const cluster: Cluster = await openCluster({ nodes, brokers: 1, client: 'kafkajs', environment: { CONFAB_LOG_LEVEL: 'error' } })
  try {
    const account = await connectTwilio({ url: cluster.places[0]?.url ?? '', api: cluster.api } as Parameters<typeof connectTwilio>[0])
    const drive = async (run: number, wanted: number): Promise<void> => {
      const requests = Array.from({ length: wanted }, (_, n) =>
        signedRequest(account, { sid: messageSid(run, n), from: `+1555${4_000_000 + (n % CONVERSATIONS)}`, text: `text w${run}x${n}` }),
      )
      const share = Math.ceil(wanted / nodes)
      await Promise.all(
        cluster.places.map((place, index) => {
          const own = requests.slice(index * share, (index + 1) * share)
          return load({ host: '127.0.0.1', port: place.port, connections: CONNECTIONS / nodes, next: (n) => own[n] })
        }),
      )
      const token = await cluster.token()
      for (const { url } of cluster.places)
        await until(`all is searchable at ${url}`, async () => {
          const answer = await fetch(`${url}/v1/search?q=w${run}x${wanted - 1}&type=message`, {
            headers: { authorization: `Bearer ${token}` },
          })
          return ((await answer.json()) as { items: unknown[] }).items.length > 0
        })
    }
    await drive(1, CONVERSATIONS * 2)
    const pids = cluster.places.map((place) => place.pid())
    const before = pids.reduce((sum, pid) => sum + cpuUs(pid), 0)
    await drive(2, count)
    return (pids.reduce((sum, pid) => sum + cpuUs(pid), 0) - before) / count
  } finally {
    await cluster.stop()
  }
}

const run = async ({ isQuick, say }: BenchmarkRun): Promise<Record<string, number>> => {
  const count = isQuick ? 3_000 : 20_000
  const one = await costWith(1, count)
  say(`one node: ${round(one, 0)} µs a webhook`)
  const three = await costWith(3, count)
  say(`three nodes: ${round(three, 0)} µs a webhook, together`)
  return { costRatio: round(three / one), oneUs: round(one, 0), threeUs: round(three, 0), count }
}

export const scale: Benchmark = {
  name: 'scale',
  explains: 'CPU of all nodes for each webhook from HTTP to decided and searchable on every node, three nodes against one, on one broker.',
  fields: 'costRatio, oneUs, threeUs, count',
  goal: 'costRatio <= 1.3',
  run,
}
