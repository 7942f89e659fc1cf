// Owners that follow an assignment: partitions come and go, one that stands still holds up no other, and a broken tail goes on.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { partitionOf, type Chunk, type Log, type Position } from '#log'
import { until } from '../harness.ts'
import { conversationOf, ids, inbound, openSite, readAll } from './site.ts'

/** A log whose assignment is said from outside. */
const openAssigned = (first: ReadonlySet<number>) => {
  let wake: (() => void) | undefined
  const said = [first]
  const wrap = (log: Log): Log => ({
    ...bound(log),
    async *assignment(_duty, signal) {
      for (;;) {
        const next = said.shift()
        if (next !== undefined) {
          yield next
          continue
        }
        if (signal.aborted) return
        await new Promise<void>((resolve) => {
          wake = resolve
          signal.addEventListener('abort', () => resolve(), { once: true })
        })
      }
    },
  })
  const say = (set: ReadonlySet<number>): void => {
    said.push(set)
    wake?.()
  }
  return { wrap, say }
}

const bound = (log: Log): Log => ({
  id: log.id,
  append: (entries) => log.append(entries),
  read: (from, options) => log.read(from, options),
  latest: (topic, partition, keys) => log.latest(topic, partition, keys),
  bounds: (topic, partition) => log.bounds(topic, partition),
  offsetAt: (topic, partition, time) => log.offsetAt(topic, partition, time),
  assignment: (duty, signal) => log.assignment(duty, signal),
  lease: (owner, partition) => log.lease(owner, partition),
  close: () => log.close(),
})

const decided = async (log: Log, person: number): Promise<number> =>
  (await readAll(log, 'events')).filter(
    ({ key, headers }) => key.startsWith(`${conversationOf(person)}/`) && headers['type'] === 'message.received',
  ).length

const all = new Set(Array.from({ length: 32 }, (_, partition) => partition))

test('what is assigned is decided, what is taken away is left to others, what comes back goes on where it stood', async () => {
  const here = partitionOf(conversationOf(1))
  const there = [2, 3, 4, 5, 6].find((person) => partitionOf(conversationOf(person)) !== here) ?? 0
  const { wrap, say } = openAssigned(new Set([here, partitionOf(ids.organization)]))
  const site = await openSite({ wrap })
  try {
    await site.commands.post([inbound(1, 'SM1', 'mine'), inbound(there, 'SM2', 'not mine yet')])
    await until('the assigned one is decided', async () => (await decided(site.log, 1)) === 1)
    assert.equal(await decided(site.log, there), 0)
    say(new Set([...all].filter((partition) => partition !== here)))
    await until('the other one is decided', async () => (await decided(site.log, there)) === 1)
    await until('the first is let go', () => site.owners.states()['conversations']?.ready === 31)
    await site.commands.post([inbound(1, 'SM3', 'left alone'), inbound(there, 'SM4', 'goes on')])
    await until('the other goes on', async () => (await decided(site.log, there)) === 2)
    assert.equal(await decided(site.log, 1), 1)
    say(all)
    await until('the first goes on', async () => (await decided(site.log, 1)) === 2)
    assert.deepEqual(site.troubles, [])
  } finally {
    await site.close()
    await site.remove()
  }
})

test('a partition that cannot commit holds up no other, however much waits for it', async () => {
  const here = partitionOf(conversationOf(1))
  const there = [2, 3, 4, 5, 6].find((person) => partitionOf(conversationOf(person)) !== here) ?? 0
  let isStuck = true
  const wrap = (log: Log): Log => ({
    ...bound(log),
    async lease(owner, partition) {
      const lease = await log.lease(owner, partition)
      const isHere = owner === 'conversations' && partition === here
      return {
        ...lease,
        commit: async (batch, position) => {
          await until('it may commit', () => !isHere || !isStuck)
          return lease.commit(batch, position)
        },
        release: () => lease.release(),
      }
    },
  })
  const site = await openSite({ wrap })
  try {
    const many = Array.from({ length: 6000 }, (_, n) => inbound(1, `SMa${n}`, 'waits'))
    for (let from = 0; from < many.length; from += 500) await site.commands.post(many.slice(from, from + 500))
    await site.commands.post([inbound(there, 'SMb', 'does not wait')])
    await until('the other is decided', async () => (await decided(site.log, there)) === 1)
    isStuck = false
    await until('all of the first are decided', async () => (await decided(site.log, 1)) === many.length)
  } finally {
    isStuck = false
    await site.close()
    await site.remove()
  }
})

test('a tail that breaks is taken up again where it stood', async () => {
  let breaks = 3
  const wrap = (log: Log): Log => ({
    ...bound(log),
    async *read(from: readonly Position[], options): AsyncGenerator<Chunk> {
      for await (const chunk of log.read(from, options)) {
        yield chunk
        if (breaks-- > 0) throw new Error('the disk coughs')
      }
    },
  })
  const site = await openSite({ wrap })
  try {
    for (let n = 0; n < 20; n++) await site.commands.post([inbound(n % 3, `SM${n}`, 'text')])
    await until(
      'all are decided',
      async () => (await decided(site.log, 0)) + (await decided(site.log, 1)) + (await decided(site.log, 2)) === 20,
    )
    assert.ok(site.troubles.length >= 3)
  } finally {
    await site.close()
    await site.remove()
  }
})
