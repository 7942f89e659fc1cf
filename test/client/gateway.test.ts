// The client against a real gateway over a line that is cut again and again: what it applied is the log, once and in order.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, openStore } from '#client'
import type { EventShape } from '#schemas'
import { until } from '../harness.ts'
import { foldingViews, grantsOf, idOf, openSite, readLog, removeSite } from '../gateway/site.ts'
import { FaultProxy } from './proxy.ts'

const SEED = 20_260_101
/** A small generator, so that a seed tells where the cuts fell. */
const randomOf = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return (state >>> 0) / 2 ** 32
  }
}

test('across cuts at any byte the client applies the log, and its store equals the views', async () => {
  const random = randomOf(SEED)
  const site = await openSite({ log: { holes: { seed: SEED } }, config: { ringBytesMax: 20_000 } })
  const proxy = await FaultProxy.open(Number(new URL(site.url).port))
  const conversations = Array.from({ length: 6 }, (_, index) => idOf('client', index))
  const store = openStore()
  const applied: EventShape[] = []
  const client = connect({
    url: `ws://127.0.0.1:${proxy.port}/v1/socket`,
    token: () => Promise.resolve('agent'),
    subscriptions: [{ id: 'inbox', scope: { all: true } }],
    onFrame: (frame) => {
      store.apply(frame)
      if (frame.frame === 'event') applied.push(frame.event)
    },
    onError: (error) => assert.fail(String(error)),
    // Back at once: the cuts are the test's.
    platform: { random: () => 0 },
  })
  try {
    await until('the client is live', () => client.status.state === 'live')
    client.subscribe('open', { conversation: conversations[0] ?? '' })
    for (let round = 0; round < 150; round++) {
      const id = conversations[Math.floor(random() * conversations.length)] ?? ''
      const { writer } = site
      if (writer.seqOf(id) === 0) await writer.events(id, writer.created(id))
      await writer.events(id, writer.received(id, `in ${round}`), writer.queued(id, `out ${round}`), writer.note(id, `note ${round}`))
      if (random() < 0.1) proxy.cut()
      proxy.cutAfterBytes = Math.floor(3_000 + random() * 9_000)
      // So that lines live, catch up and are cut in all their states.
      if (round % 5 === 0)
        await until('the line is back', () => client.status.state !== 'reconnecting' && client.status.state !== 'connecting')
    }
    proxy.cutAfterBytes = undefined
    proxy.cut()
    const wanted = (await readLog(site.log)).events.map(({ full }) => `${full.subject.id}/${full.seq}`)
    await until(
      `seed ${SEED}: all ${wanted.length} events are applied`,
      () => applied.length >= wanted.length && client.status.state === 'live',
    )
    assert.deepEqual(applied.map(({ subject, seq }) => `${subject.id}/${seq}`).toSorted(), wanted.toSorted(), `seed ${SEED}`)
    for (const id of conversations) {
      const seqs = applied.filter(({ subject }) => subject.id === id).map(({ seq }) => seq)
      assert.deepEqual(
        seqs,
        seqs.toSorted((one, other) => one - other),
        `seed ${SEED}`,
      )
    }
    assert.equal(client.gaps, 0)
    assert.ok(proxy.cuts > 5, `${proxy.cuts} lines were cut in mid-frame`)
    const { items } = await foldingViews(site.log).conversations({ grants: grantsOf() }, { limit: 100 })
    for (const row of items) assert.deepEqual(store.getState().conversations.get(row.id), row)
    const thread = await foldingViews(site.log).messages({ grants: grantsOf() }, conversations[0] ?? '', { limit: 1_000 })
    const shown = store.getState().messages.get(conversations[0] ?? '') ?? []
    const first = shown[0]?.seq ?? 0
    assert.ok(shown.length > 0)
    assert.deepEqual(
      shown,
      thread.items.filter(({ seq }) => seq >= first),
    )
  } finally {
    client.close()
    await proxy.close()
    await site.close()
    await removeSite(site)
  }
})

test('a command whose answer was cut off is sent again under its id and answered once', async () => {
  const seen: string[] = []
  const proxyOf: { current?: FaultProxy } = {}
  const site = await openSite({
    execute: (_grants, { id }) => {
      seen.push(id)
      // The first answer is lost with its line.
      if (seen.length === 1) proxyOf.current?.cut()
      return Promise.resolve({ accepted: { seq: 9 }, position: 'p' })
    },
  })
  const proxy = await FaultProxy.open(Number(new URL(site.url).port))
  proxyOf.current = proxy
  const client = connect({
    url: `ws://127.0.0.1:${proxy.port}/v1/socket`,
    token: () => Promise.resolve('agent'),
    platform: { random: () => 0.01 },
  })
  try {
    const result = await client.command('conversation.claim', { conversationId: idOf('client', 1) }, 'one-click')
    assert.deepEqual(result, { ok: { seq: 9 }, position: 'p' })
    assert.deepEqual(seen, ['one-click', 'one-click'])
  } finally {
    client.close()
    await proxy.close()
    await site.close()
    await removeSite(site)
  }
})
