// Two nodes over a real broker, each with half of the views: every list is whole at both, a write by the node that owns nothing of it is
// answered, and when a node dies lists say what they lack until the other has folded it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, leaseRecord } from '#schemas/log'
import { openKafkaLog, partitionOf } from '#log'
import { connectTwilio } from '../../bench/ingest.ts'
import { runLanes } from '../fault/lanes.ts'
import { removeDirectory, temporaryDirectory, until } from '../harness.ts'
import { openCluster, type Cluster, type Place } from '../ledger/cluster.ts'
import { messageSid, signedRequest } from '../twilio-webhooks.ts'

const PEOPLE = 40
const WRITES = 150

interface Listed {
  readonly status: number
  readonly partial: string | null
  readonly ids: readonly string[]
}

const listOf = async ({ url }: Place, token: string): Promise<Listed> => {
  const answer = await fetch(`${url}/v1/conversations?limit=100&sort=created`, { headers: { authorization: `Bearer ${token}` } })
  const { items = [] } = (await answer.json()) as { items?: { id: string }[] }
  return { status: answer.status, partial: answer.headers.get('confab-partial'), ids: items.map(({ id }) => id) }
}

/** Whose lease of each partition is the newest. */
const ownersOf = async ({ kafka }: Cluster): Promise<ReadonlyMap<number, string>> => {
  const directory = await temporaryDirectory()
  const log = await openKafkaLog({
    connection: { brokers: [kafka.bootstrap], clientId: 'test' },
    prefix: 'confab.',
    directory,
    createTopics: false,
    replication: 1,
  })
  const owners = new Map<number, string>()
  const { start, end } = await log.bounds('ownership', 0)
  const abort = new AbortController()
  for await (const { records, next } of log.read([{ topic: 'ownership', partition: 0, offset: start }], { signal: abort.signal })) {
    for (const { key, value } of records) {
      if (!key.startsWith('conversations/') || value === null) continue
      const { partition, url } = decode(leaseRecord, value)
      owners.set(partition, url)
    }
    if (next >= end) abort.abort()
  }
  await log.close()
  await removeDirectory(directory)
  return owners
}

const fill = async (cluster: Cluster, first: Place, token: string): Promise<void> => {
  const account = await connectTwilio({ url: first.url, api: cluster.api, token: () => Promise.resolve(token) } as Parameters<
    typeof connectTwilio
  >[0])
  const lane = Array.from({ length: PEOPLE }, (_, n) =>
    signedRequest(account, { sid: messageSid(1, n), from: `+1555${3_000_000 + n}`, text: `first of ${n}` }),
  )
  const whenUp = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50))
  await runLanes({ port: () => first.port, lanes: [lane], onAccepted: () => undefined, whenUp })
}

const write = async ({ url }: Place, token: string, conversationId: string, n: number): Promise<number> => {
  const startedAt = performance.now()
  const answer = await fetch(`${url}/v1/conversations/${conversationId}/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ internal: true, text: `note ${n}` }),
  })
  assert.ok(answer.ok, await answer.text())
  return performance.now() - startedAt
}

const quantiles = (latencies: number[]): string => {
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (q: number): string => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0).toFixed(1)
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`
}

test('two nodes with half of the views each answer as one', { timeout: 400_000 }, async (context) => {
  const cluster = await openCluster({
    nodes: 2,
    brokers: 1,
    client: 'kafkajs',
    environment: { CONFAB_STANDBYS: '0' },
    environmentOf: (url) => ({ CONFAB_NODE_URL: url }),
  })
  try {
    const token = await cluster.token()
    const [one, two] = cluster.places as [Place, Place]
    await fill(cluster, one, token)
    const isWhole = ({ status, partial, ids }: Listed): boolean => status === 200 && partial === null && ids.length === PEOPLE
    for (const place of [one, two]) await until('each node lists all', async () => isWhole(await listOf(place, token)), 120_000)
    const { ids } = await listOf(one, token)
    assert.deepEqual((await listOf(two, token)).ids, ids)

    const owners = await ownersOf(cluster)
    assert.equal(new Set(owners.values()).size, 2, 'both own partitions')
    const apart = ids.filter((id) => owners.get(partitionOf(id)) === two.url)
    const own = ids.filter((id) => owners.get(partitionOf(id)) === one.url)
    assert.ok(apart.length > 0 && own.length > 0)
    const latencies: { apart: number[]; own: number[] } = { apart: [], own: [] }
    for (let n = 0; n < WRITES; n++) {
      latencies.apart.push(await write(one, token, apart[n % apart.length] ?? '', n))
      latencies.own.push(await write(one, token, own[n % own.length] ?? '', n))
    }
    context.diagnostic(
      `a write through a node that does not own it: ${quantiles(latencies.apart)}; through its owner: ${quantiles(latencies.own)}`,
    )

    assert.equal(
      (await fetch(`${one.url}/v1/internal/views`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })).status,
      401,
    )

    await two.kill()
    const seen = new Set<string>()
    const startedAt = performance.now()
    await until(
      'the one that is left has folded the rest',
      async () => {
        const asked = performance.now()
        const list = await listOf(one, token)
        assert.ok(performance.now() - asked < 10_000, 'the wait is bounded')
        assert.ok(list.status === 200 || list.status === 503)
        if (list.ids.length < PEOPLE && list.status === 200) assert.match(list.partial ?? '', /^\d+ of 32 partitions missing$/)
        if (list.partial !== null) seen.add(list.partial)
        return isWhole(list)
      },
      180_000,
    )
    context.diagnostic(
      `whole again ${Math.round((performance.now() - startedAt) / 1000)} s after the kill; on the way: ${[...seen].join(', ')}`,
    )
    assert.deepEqual((await listOf(one, token)).ids.toSorted(), ids.toSorted())
  } finally {
    await cluster.stop()
  }
})
