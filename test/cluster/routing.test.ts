// The routing table by what is heard, and whom it has asked: silence, farewells, old epochs; hints, hops and standbys that lag.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode, leaseRecord, nodeRecord } from '#schemas/log'
import { loadConfig } from '#config'
import { ConfabError, hasCode } from '#errors'
import type { Chunk, StoredRecord } from '#log'
import type { FoldedViews } from '#views'
import { Asking } from '../../src/cluster/asking.ts'
import type { NodeCalls } from '../../src/cluster/calls.ts'
import { Routing } from '../../src/cluster/routing.ts'

const [A, B, C] = ['http://a', 'http://b', 'http://c'] as const

/** A table that is told records by hand, on a clock that is moved by hand. */
const openTable = async () => {
  const queue: Chunk[] = []
  let wake: () => void = () => undefined
  let offset = 0
  let now = 1_000_000
  async function* follow(_name: string, _from: unknown, { signal }: { readonly signal: AbortSignal }): AsyncGenerator<Chunk> {
    signal.addEventListener('abort', () => wake())
    while (!signal.aborted) {
      const next = queue.shift()
      if (next === undefined) await new Promise<void>((resolve) => (wake = resolve))
      else yield next
    }
  }
  const routing = new Routing({
    log: { bounds: () => Promise.resolve({ start: 0, end: 0 }) },
    tails: { follow },
    now: () => now,
    clock: () => now,
    onError: (error) => assert.fail(String(error)),
  })
  await routing.start()
  const tell = async (key: string, value: Uint8Array | null): Promise<void> => {
    const heard = new Promise<void>((resolve) => routing.onHeard(resolve))
    const record: StoredRecord = { key, value, headers: {}, time: now, offset: offset++ }
    queue.push({ topic: 'ownership', partition: 0, records: [record], next: offset, end: offset })
    wake()
    await heard
  }
  return {
    routing,
    pass: (ms: number): void => void (now += ms),
    now: () => now,
    node: (url: string, serves: Readonly<Record<number, number>> = {}) =>
      tell(
        `node/${url}`,
        encode(nodeRecord, {
          url,
          instance: 'one',
          at: now,
          serves: Object.entries(serves).map(([partition, applied]) => ({ partition: Number(partition), applied })),
        }),
      ),
    farewell: (url: string) => tell(`node/${url}`, null),
    lease: (partition: number, url: string, epoch: number) =>
      tell(`conversations/${partition}`, encode(leaseRecord, { owner: 'conversations', partition, epoch, node: url, url, at: now })),
  }
}

const urlsOf = (routing: Routing): string[] => routing.live().map(({ url }) => url)

test('a node dies by its silence while others are heard, and by its farewell at once', async () => {
  const table = await openTable()
  await table.node(A)
  await table.node(B)
  await table.node(C)
  table.pass(60_000)
  assert.deepEqual(urlsOf(table.routing), [A, B, C], 'a log that is silent says nothing of anybody')
  await table.node(A)
  assert.deepEqual(urlsOf(table.routing), [A])
  await table.node(B)
  assert.deepEqual(urlsOf(table.routing), [A, B])
  await table.farewell(A)
  assert.deepEqual(urlsOf(table.routing), [B])
  await table.routing.close()
})

test('of two leases the higher epoch counts, in whichever order they come', async () => {
  const table = await openTable()
  await table.lease(3, A, 5)
  await table.lease(3, B, 4)
  assert.deepEqual(table.routing.ownerOf(3), { url: A, epoch: 5 })
  await table.lease(3, B, 6)
  assert.deepEqual(table.routing.ownerOf(3), { url: B, epoch: 6 })
  await table.routing.close()
})

/** Asks as a node that holds nothing itself. */
const openAsking = (table: Awaited<ReturnType<typeof openTable>>, call: NodeCalls['call']) => {
  const asked: string[] = []
  const unreachable: string[] = []
  const asking = new Asking({
    views: { held: () => new Set<number>() } as unknown as FoldedViews,
    routing: table.routing,
    calls: {
      call: (url, ...rest) => {
        asked.push(url)
        return call(url, ...rest)
      },
      close: () => Promise.resolve(),
    },
    url: 'http://self',
    now: table.now,
    onUnreachable: (url) => unreachable.push(url),
  })
  return { asking, asked, unreachable }
}

const said = (partitions: readonly number[], offset: number) => ({
  partitions,
  answer: null,
  asOf: partitions.map((partition) => ({ topic: 'events' as const, partition, offset })),
  moved: [],
})
const question = { name: 'counts', values: [] } as const

test('a node that has it no more names who has; two hops at most', async () => {
  const table = await openTable()
  await table.lease(1, A, 1)
  await table.node(A, { 1: 10 })
  const { asking, asked } = openAsking(table, (url) =>
    Promise.resolve(url === B ? said([1], 10) : { ...said([], 0), moved: [{ partition: 1, url: B }] }),
  )
  const { missing } = await asking.ask(question, [1])
  assert.deepEqual(asked, [A, B])
  assert.deepEqual(missing, [])
  const lost = openAsking(table, (url) => Promise.resolve({ ...said([], 0), moved: [{ partition: 1, url: `${url}x` }] }))
  assert.deepEqual((await lost.asking.ask(question, [1])).missing, [1])
  assert.equal(lost.asked.length, 2)
  await table.routing.close()
})

test('a standby is asked where the owner does not answer, and says when it lags; who did not answer is asked last for a while', async () => {
  const table = await openTable()
  await table.lease(1, A, 1)
  await table.node(A, { 1: 100 })
  await table.node(B, { 1: 90 })
  let applied = 90
  const { asking, asked, unreachable } = openAsking(table, (url) =>
    url === A ? Promise.reject(new ConfabError('partition_unreachable')) : Promise.resolve(said([1], applied)),
  )
  const first = await asking.ask(question, [1])
  assert.deepEqual([first.missing, first.isStale], [[], true])
  applied = 100
  assert.equal((await asking.ask(question, [1])).isStale, false)
  assert.deepEqual(asked, [A, B, B])
  assert.deepEqual(unreachable, [A])
  table.pass(6_000)
  await asking.ask(question, [1])
  assert.deepEqual(asked, [A, B, B, A, B])
  await table.routing.close()
})

test('what a holder refuses for good is refused, and no other is asked', async () => {
  const table = await openTable()
  await table.node(A, { 1: 1 })
  await table.node(B, { 1: 1 })
  const { asking, asked } = openAsking(table, () => Promise.reject(new ConfabError('position_invalid')))
  await assert.rejects(asking.ask(question, [1]), (error) => hasCode(error, 'position_invalid'))
  assert.equal(asked.length, 1)
  await table.routing.close()
})

test('standbys by number need a way to reach each node', () => {
  assert.throws(() => loadConfig({ CONFAB_STANDBYS: '1' }), /CONFAB_NODE_URL is needed/)
  assert.throws(() => loadConfig({ CONFAB_STANDBYS: 'some' }), /CONFAB_STANDBYS expects all, or a number/)
  assert.equal(loadConfig({ CONFAB_STANDBYS: '1', CONFAB_NODE_URL: 'http://10.0.0.1:8080' }).standbys, 1)
  assert.equal(loadConfig({}).standbys, 'all')
})
