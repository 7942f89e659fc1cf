// Partitions move and nodes die while lists are read: nothing is missing, nothing comes twice, what cannot be had is said.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode } from '#errors'
import { partitionOf } from '#log'
import type { Viewer } from '#views'
import { grantsOf, idOf } from '../views/world.ts'
import { openClusterSite, until, type ClusterSite, type TestNode } from './site.ts'

const agent: Viewer = { grants: grantsOf('agent') }
const patient: Viewer = { ...agent, mayBePartial: true }

const fill = (site: ClusterSite, count: number): string[] => {
  const names = Array.from({ length: count }, (_, index) => `c${index}`)
  for (const name of names) {
    site.world.create(name)
    site.world.receive(name, `hello ${name}`, `hello from ${name}`)
  }
  return names
}

const idsOf = async (site: ClusterSite, between: (page: number) => Promise<void>): Promise<string[]> => {
  const ids: string[] = []
  let after: readonly (string | number)[] | undefined
  for (let page = 0; ; page++) {
    const { views } = site.nodes[page % site.nodes.length] as TestNode
    const { items, next } = await views.conversations(agent, { sort: 'created', limit: 9, ...(after === undefined ? {} : { after }) })
    ids.push(...items.map(({ id }) => id))
    if (next === null) return ids
    after = next
    await between(page)
  }
}

test('a list is whole while its partitions move from node to node, and new ones come', async (context) => {
  const site = await openClusterSite(context)
  const urls = [(await site.open(0)).url, (await site.open(0)).url]
  await site.own(urls)
  await site.shared(1)
  const names = fill(site, 60)
  await site.level()
  const ids = await idsOf(site, async (page) => {
    // Not awaited: pages are read while files are folded anew.
    if (page === 0) await site.own(urls.toReversed(), 2)
    if (page === 2) urls.push((await site.open(0)).url)
    if (page === 2) await site.own(urls, 3)
  })
  assert.deepEqual(
    ids,
    names.map((name) => site.world.conversationId(name)),
  )
  await site.shared(1)
  for (const { views } of site.nodes) assert.equal(await views.hash(), await site.views.hash())
  site.world.receive('c1', 'later', 'and then')
  await site.level()
  for (const { views } of site.nodes) assert.equal(await views.hash(), await site.views.hash(), 'what moved goes on being folded')
})

test('a lease of a lower epoch is dropped', async (context) => {
  const site = await openClusterSite(context)
  const [one, two] = [await site.open(0), await site.open(0)]
  await site.own([one.url], 7)
  await until(() => one.node.held().size === 32 && two.node.held().size === 0, 'the first holds all')
  await site.own([two.url], 6)
  fill(site, 4)
  await site.level()
  assert.equal(one.node.held().size, 32)
  assert.equal(two.node.held().size, 0)
})

test('with standbys a dead owner costs a moment and nothing else', async (context) => {
  const site = await openClusterSite(context)
  const [one, two, three] = [await site.open(1), await site.open(1), await site.open(1)]
  await site.own([one.url, two.url, three.url])
  await site.shared(2)
  const names = fill(site, 40)
  await site.level()
  await three.kill()
  const page = await one.views.conversations(agent, { sort: 'created', limit: 100 })
  assert.equal(page.items.length, names.length)
  assert.equal(page.missing, undefined)
  for (const name of names) assert.notEqual((await two.views.conversation(agent, site.world.conversationId(name))).item, null)
  // A node that hangs is waited for once, then asked last.
  two.hang()
  const before = performance.now()
  await assert.rejects(one.views.conversations(agent, {}), (error) => hasCode(error, 'partition_unreachable'))
  assert.ok(performance.now() - before < 12_000, 'the wait is bounded')
})

test('what nobody answers for is named in lists and refused in points', async (context) => {
  const site = await openClusterSite(context)
  const [one, two] = [await site.open(0), await site.open(0)]
  await site.own([one.url, two.url])
  await site.shared(1)
  const names = fill(site, 40)
  await site.level()
  const lost = two.node.held()
  await two.kill()
  const { items, missing, asOf } = await one.views.conversations(patient, { limit: 100 })
  assert.equal(missing, lost.size)
  assert.deepEqual(
    new Set(items.map(({ id }) => id)),
    new Set(names.map((name) => site.world.conversationId(name)).filter((id) => !lost.has(partitionOf(id)))),
  )
  for (const { topic, partition, offset } of asOf)
    if (topic === 'events' && lost.has(partition)) assert.equal(offset, 0, 'nothing of it was seen')
  assert.equal((await one.views.counts(patient)).missing, lost.size)
  assert.equal((await one.views.search(patient, { text: 'hello', type: 'message', limit: 100 })).missing, lost.size)
  // Who has not said that a part will do gets none.
  await assert.rejects(one.views.conversations(agent, {}), (error) => hasCode(error, 'partition_unreachable'))
  const far = names.map((name) => site.world.conversationId(name)).find((id) => lost.has(partitionOf(id))) ?? ''
  const refused = await one.views.conversation(agent, far).catch((error: unknown) => error)
  assert.ok(hasCode(refused, 'partition_unreachable'))
  assert.ok(((refused as { retryAfterSeconds?: number }).retryAfterSeconds ?? 0) > 0)
  await assert.rejects(one.views.rows([far]), (error) => hasCode(error, 'partition_unreachable'))
  assert.equal(await one.views.waitFor([{ topic: 'events', partition: partitionOf(far), offset: 1 }], 50), false)
  // The one that is left folds what the dead one held, once it counts as dead.
  await site.own([one.url], 2)
  await until(() => one.node.held().size === 32, 'the last node holds all')
  assert.equal(await one.views.hash(), await site.views.hash())
})

test('a node whose every partition is here asks nobody', async (context) => {
  const site = await openClusterSite(context)
  const [all, part] = [await site.open('all'), await site.open(0)]
  await site.own([part.url, all.url])
  fill(site, 20)
  await site.level()
  await until(() => all.node.held().size === 32 && part.node.held().size === 16, 'both hold what they should')
  const list = async (views: typeof all.views) => (await views.conversations(agent, { limit: 100 })).items
  await until(
    () =>
      list(part.views).then(
        () => true,
        () => false,
      ),
    'the part has heard of the other',
  )
  assert.deepEqual(await list(part.views), await list(site.views))
  await part.kill()
  assert.deepEqual(await list(all.views), await list(site.views))
})

test('rows of a partition that is folded no longer are taken out whole, and come back when it does', async (context) => {
  const site = await openClusterSite(context)
  fill(site, 30)
  site.world.mark('c1', 'agent', 2)
  site.world.event('c2', 'conversation.labeled', { added: [idOf('vip')], removed: [] })
  await site.settle()
  const whole = await site.views.hash()
  const { fold } = site.views as unknown as { fold: (partitions: ReadonlySet<number>, forget: readonly number[]) => Promise<void> }
  const half = new Set(Array.from({ length: 16 }, (_, partition) => partition))
  const rest = Array.from({ length: 16 }, (_, partition) => partition + 16)
  await fold.call(site.views, half, rest)
  await until(() => site.views.isReady(), 'half of it is read')
  const { items } = await site.views.conversations(agent, { limit: 100 })
  assert.ok(items.length > 0 && items.every(({ id }) => partitionOf(id) < 16), 'the others are gone')
  assert.equal(
    Object.values((await site.views.counts(agent)).counts.byState).reduce((sum, count) => sum + count, 0),
    items.length,
  )
  const hits = await site.views.search(agent, { text: 'hello', type: 'message', limit: 100 })
  assert.equal(hits.items.length, items.length)
  await fold.call(site.views, new Set([...half, ...rest]), [])
  await site.settle()
  await until(async () => (await site.views.hash()) === whole, 'it is as it was')
})
