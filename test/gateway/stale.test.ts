// A log that cannot be read for a while: sockets stay, are told, miss nothing, and nothing promises that they are up to date.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Chunk, Log, TailFacts } from '#log'
import { idOf, openSite, removeSite, type Site } from './site.ts'
import { TestSocket } from './socket.ts'

/** Reads break and are refused from `breakReads` on until `mend`. */
const faults = { isBroken: false, wake: () => undefined as void }
const wrap = (log: Log): Log =>
  new Proxy(log, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (name !== 'read') return typeof value === 'function' ? value.bind(target) : value
      return async function* (from: Parameters<Log['read']>[0], options: Parameters<Log['read']>[1]): AsyncGenerator<Chunk> {
        if (faults.isBroken) throw new Error('the broker is away')
        const abort = new AbortController()
        faults.wake = () => abort.abort()
        yield* target.read(from, { ...options, signal: AbortSignal.any([options.signal, abort.signal]) })
        if (!options.signal.aborted) throw new Error('the line to the broker is cut')
      }
    },
  })

/** What the node's tails say beside the truth. */
const facts: { also: readonly TailFacts[] } = { also: [] }
let site: Site
before(async () => {
  site = await openSite({ wrap, alsoTails: () => facts.also })
})
after(async () => {
  await site.close()
  await removeSite(site)
})

test('sockets stay, are told that the log is stale, and get everything once it is read again', async () => {
  const conversation = idOf('stale')
  await site.writer.events(conversation, site.writer.created(conversation), site.writer.received(conversation, 'before'))
  const socket = new TestSocket(site.url)
  socket.send({ frame: 'hello', token: 'agent', subscriptions: [{ id: 'all', scope: { all: true } }] })
  await socket.next('checkpoint')
  faults.isBroken = true
  faults.wake()
  await socket.next('error', ({ code }) => code === 'log_stale')
  await site.writer.events(conversation, site.writer.received(conversation, 'meanwhile'))
  const late = new TestSocket(site.url)
  late.send({ frame: 'hello', token: 'agent', subscriptions: [{ id: 'all', scope: { all: true }, from: 'latest' }] })
  await late.next('error', ({ code }) => code === 'log_stale')
  assert.equal(late.frames.filter(({ frame }) => frame === 'checkpoint').length, 0)
  faults.isBroken = false
  const { event } = await socket.next('event')
  assert.equal((event.data['content'] as { text: string }).text, 'meanwhile')
  await socket.next('checkpoint')
  await late.next('checkpoint')
  assert.deepEqual(
    socket.events.map(({ event: { seq } }) => seq),
    [3],
  )
  socket.close()
  late.close()
})

test('an outage of a quiet log ends too', async () => {
  const socket = new TestSocket(site.url)
  socket.send({ frame: 'hello', token: 'agent', subscriptions: [{ id: 'all', scope: { all: true } }] })
  await socket.next('checkpoint')
  faults.isBroken = true
  faults.wake()
  await socket.next('error', ({ code }) => code === 'log_stale')
  faults.isBroken = false
  await socket.next('checkpoint')
  socket.close()
})

test('opens no session and takes no command once config has been unreadable for thirty seconds', async () => {
  const socket = new TestSocket(site.url)
  socket.send({ frame: 'hello', token: 'agent', subscriptions: [] })
  await socket.next('checkpoint')
  const failing = { name: 'settings', positions: [], passed: 1, state: 'failing' as const, failingSince: performance.now() - 31_000 }
  facts.also = [failing]
  socket.send({ frame: 'command', id: 'one', type: 'conversation.claim', conversationId: 'x' })
  assert.equal((await socket.next('result')).problem?.code, 'log_stale')
  const refused = new TestSocket(site.url)
  assert.equal((await refused.closed).code, 1006)
  facts.also = [{ ...failing, failingSince: performance.now() - 29_000 }]
  socket.send({ frame: 'command', id: 'two', type: 'conversation.claim', conversationId: 'x' })
  assert.equal((await socket.next('result')).problem?.code, 'conversation_taken')
  facts.also = []
  socket.cut()
})
