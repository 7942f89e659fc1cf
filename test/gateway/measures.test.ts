// What the gateway measures, over one session's life: events, encodings, a resume, a resync, a close.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../harness.ts'
import { grantsOf, idOf, openSite, removeSite } from './site.ts'
import { TestSocket } from './socket.ts'

test('counts handshakes, pushes, encodings, resumes, resyncs and closes, and shows sessions and queues', async () => {
  const site = await openSite({ isAlone: true })
  const value = async (name: string): Promise<number> =>
    Number(/ (\S+)$/.exec((await site.metrics.text()).split('\n').find((line) => line.startsWith(name)) ?? '')?.[1] ?? 0)
  const open = async (resume?: TestSocket['resume']): Promise<TestSocket> => {
    const socket = new TestSocket(site.url)
    const subscriptions = [{ id: 'a', scope: { all: true } }]
    socket.send({ frame: 'hello', token: 'agent', ...(resume === undefined ? {} : { resume }), subscriptions })
    await socket.next('checkpoint')
    return socket
  }
  const conversation = idOf('measured')
  const [first, second] = [await open(), await open()]
  await site.writer.events(conversation, site.writer.created(conversation))
  for (const socket of [first, second]) await socket.next('event')
  assert.deepEqual([await value('confab_events_encoded_total'), await value('confab_events_pushed_total')], [1, 2])
  assert.ok((await value('confab_push_seconds_count')) > 0)
  await until('sessions are shown', async () => (await value('confab_sessions{state="live"}')) === 2)
  first.cut()
  ;(await open(first.resume)).cut()
  site.tokens.set('agent', { grants: grantsOf({ role: 'observer' }), expiresAt: null, source: null, origin: null })
  ;(await open(first.resume)).cut()
  assert.deepEqual([await value('confab_resumes_total{outcome="resumed"}'), await value('confab_resumes_total{outcome="grants"}')], [1, 1])
  assert.equal(await value('confab_resyncs_total{reason="grants"}'), 1)
  second.send({ frame: 'nonsense' })
  await second.closed
  assert.equal(await value('confab_session_closes_total{reason="badFrame"}'), 1)
  assert.equal(await value('confab_handshakes_total'), 4)
  await site.close()
  await removeSite(site)
})
