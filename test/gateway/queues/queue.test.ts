// Work queues over real sockets: each event to one connection, in order per conversation, again after silence, cut, restart and on other nodes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../../harness.ts'
import { grantsOf, idOf, ids, openSite, removeSite, type Site, type SiteOptions } from '../site.ts'
import { TestSocket, type Received } from '../socket.ts'

type Dealt = Received<'event'>

const bot = { grants: grantsOf({ kind: 'bot', role: 'bot', id: idOf('bot') }), expiresAt: null, source: null, origin: null }

const withSite = async (options: SiteOptions, act: (site: Site) => Promise<void>): Promise<void> => {
  const site = await openSite({ isAlone: true, ...options })
  site.tokens.set('bot', bot)
  try {
    await act(site)
  } finally {
    await site.close()
    await removeSite(site)
  }
}

const open = async (site: Site, subscription: object = {}, token = 'bot'): Promise<TestSocket> => {
  const socket = new TestSocket(site.url)
  socket.send({ frame: 'hello', token, subscriptions: [{ id: 'work', scope: { all: true }, queue: true, ...subscription }] })
  await socket.next('welcome')
  return socket
}
const isDealing = (frame: Received<'ephemeral'>): boolean => frame.kind === 'queue' && frame.state === 'dealing'
const dealt = (socket: TestSocket): Dealt[] => socket.events
const ack = (socket: TestSocket, { cursor }: Pick<Dealt, 'cursor'>): void => socket.send({ frame: 'ack', cursor, id: 'work' })
/** Acknowledges everything as it comes. */
const work = (socket: TestSocket, onEvent: (event: Dealt) => void = () => undefined): { stop: () => void } => {
  let at = 0
  const timer = setInterval(() => {
    const events = dealt(socket)
    while (at < events.length) {
      const event = events[at++] as Dealt
      onEvent(event)
      ack(socket, event)
    }
  }, 1).unref()
  return { stop: () => clearInterval(timer) }
}
const nameOf = ({ event }: Dealt): string => `${event.conversationId}/${event.seq}`
const fill = async (site: Site, conversations: readonly string[], rounds: number): Promise<void> => {
  for (let round = 0; round < rounds; round++)
    for (const id of conversations) await site.writer.events(id, site.writer.received(id, `text ${round}`))
}

test('each event goes to one of the connections, in order per conversation, and waits for the acknowledgement of the one before', () =>
  withSite({}, async (site) => {
    const conversations = Array.from({ length: 12 }, (_, n) => idOf('deal', n))
    const sockets = [await open(site, { from: 'earliest' }), await open(site)]
    await sockets[0]?.next('ephemeral', isDealing)
    const done: Dealt[] = []
    const working = sockets.map((socket) => work(socket, (event) => done.push(event)))
    for (const id of conversations) await site.writer.events(id, site.writer.created(id))
    await fill(site, conversations, 10)
    await until('all are done', () => done.length >= 132)
    const names = done.map(nameOf)
    assert.equal(new Set(names).size, 132)
    assert.equal(names.length, 132)
    for (const id of conversations) {
      const seqs = done.filter(({ event }) => event.conversationId === id).map(({ event }) => event.seq)
      assert.deepEqual(
        seqs,
        seqs.toSorted((one, other) => one - other),
      )
    }
    for (const socket of sockets) assert.ok(dealt(socket).length > 20, 'both have worked')
    assert.equal(
      done.every(({ attempt, redelivered }) => attempt === 1 && redelivered === undefined),
      true,
    )
    for (const { stop } of working) stop()
    for (const socket of sockets) socket.cut()
  }))

test('without an acknowledgement nothing more of that conversation comes, others go on, and in time it comes again', () =>
  withSite({ config: { queueAckTimeoutMs: 700 } }, async (site) => {
    const [stuck, free] = [idOf('stuck'), idOf('free')]
    const socket = await open(site)
    await socket.next('ephemeral', isDealing)
    for (const id of [stuck, free]) await site.writer.events(id, site.writer.created(id))
    await fill(site, [stuck, free], 3)
    for (const seq of [1, 2, 3, 4])
      ack(socket, await socket.next('event', ({ event }) => event.conversationId === free && event.seq === seq))
    const again = await socket.next('event', ({ event, attempt }) => event.conversationId === stuck && attempt === 2)
    assert.deepEqual([again.event.seq, again.redelivered, again.queue], [1, true, 'default'])
    assert.deepEqual(
      [
        ...new Set(
          dealt(socket)
            .filter(({ event }) => event.conversationId === stuck)
            .map(({ event }) => event.seq),
        ),
      ],
      [1],
    )
    ack(socket, again)
    assert.equal((await socket.next('event', ({ event }) => event.conversationId === stuck && event.seq === 2)).attempt, 1)
    socket.cut()
  }))

test('what a lost connection had goes to another one at once', () =>
  withSite({}, async (site) => {
    const conversation = idOf('lost')
    const first = await open(site)
    await first.next('ephemeral', isDealing)
    await site.writer.events(conversation, site.writer.created(conversation))
    await first.next('event')
    const second = await open(site)
    first.cut()
    const again = await second.next('event')
    assert.deepEqual([again.event.seq, again.redelivered, again.attempt], [1, true, 2])
    ack(second, again)
    second.cut()
  }))

test('never has more out than allowed, and puts aside what nobody acknowledges so that the conversation goes on', () =>
  withSite({ config: { queueInFlightMax: 5, queueAckTimeoutMs: 300, queueAttemptsMax: 2 } }, async (site) => {
    const conversations = Array.from({ length: 9 }, (_, n) => idOf('aside', n))
    const socket = await open(site)
    await socket.next('ephemeral', isDealing)
    for (const id of conversations) await site.writer.events(id, site.writer.created(id))
    await until('five are out', () => dealt(socket).length >= 5)
    socket.send({ frame: 'ping' })
    await socket.next('pong')
    assert.equal(new Set(dealt(socket).map(nameOf)).size, 5)
    const [first = ''] = conversations
    await site.writer.events(first, site.writer.received(first, 'the next'))
    await socket.next('event', ({ event }) => event.conversationId === first && event.seq === 2)
    const bounds = await Promise.all(Array.from({ length: 32 }, (_, partition) => site.log.bounds('dead-letters', partition)))
    assert.ok(bounds.reduce((sum, { start, end }) => sum + end - start, 0) > 0)
    socket.cut()
  }))

test('goes on after a restart where it stood: nothing twice that was acknowledged and written down, nothing left out', async () => {
  const conversations = Array.from({ length: 6 }, (_, n) => idOf('restart', n))
  let site = await openSite({ isAlone: true })
  site.tokens.set('bot', bot)
  for (const id of conversations) await site.writer.events(id, site.writer.created(id))
  await fill(site, conversations, 6)
  const total = conversations.length * 7
  const done: string[] = []
  for (let life = 0; life < 3; life++) {
    const socket = await open(site, { from: 'earliest' })
    const enough = done.length + 10
    const working = work(socket, (event) => {
      done.push(nameOf(event))
      if (done.length >= enough) working.stop()
    })
    await until('some are done', () => done.length >= enough)
    working.stop()
    await site.close()
    site = await openSite({ isAlone: true, directory: site.directory })
    site.tokens.set('bot', bot)
  }
  const socket = await open(site)
  const working = work(socket, (event) => done.push(nameOf(event)))
  await until('all are done', () => new Set(done).size === total)
  working.stop()
  // Closed in good order: what was acknowledged before the close was written down, but for those whose ack was still on its way.
  assert.ok(done.length - total <= 3 * conversations.length, `${done.length} for ${total}`)
  socket.cut()
  await site.close()
  await removeSite(site)
})

test('one node deals out at a time, and another takes over what it had when it gives the queue up', () =>
  withSite({ isAlone: false, config: { queueLeaseMs: 1_500 } }, async (site) => {
    const other = await openSite({ beside: site, config: { queueLeaseMs: 1_500 } })
    const conversation = idOf('nodes')
    const here = await open(site)
    await here.next('ephemeral', isDealing)
    const there = await open(other)
    await site.writer.events(conversation, site.writer.created(conversation))
    ack(here, await here.next('event'))
    await site.writer.events(conversation, site.writer.received(conversation, 'out as it leaves'))
    await here.next('event', ({ event }) => event.seq === 2)
    assert.equal(dealt(there).length, 0)
    here.cut()
    const taken = await there.next('event')
    assert.deepEqual([taken.event.seq, taken.redelivered], [2, true])
    ack(there, taken)
    const back = await open(site)
    await site.writer.events(conversation, site.writer.received(conversation, 'still there'))
    ack(there, await there.next('event', ({ event }) => event.seq === 3))
    assert.equal(dealt(back).length, 0)
    there.cut()
    await back.next('ephemeral', isDealing)
    await site.writer.events(conversation, site.writer.received(conversation, 'and back'))
    assert.equal((await back.next('event', ({ event }) => event.seq === 4)).redelivered, undefined)
    back.cut()
    await other.close()
  }))

test('takes only what its scope and types name, and refuses a connection that would take others', () =>
  withSite({}, async (site) => {
    const conversation = idOf('filter')
    const socket = await open(site, { types: ['message.received'], queue: 'received' })
    await socket.next('ephemeral', isDealing)
    const second = await open(site, { types: ['note.added'], queue: 'received' })
    assert.equal((await second.next('error')).code, 'queue_differs')
    await site.writer.events(
      conversation,
      site.writer.created(conversation),
      site.writer.note(conversation, 'x'),
      site.writer.received(conversation, 'y'),
    )
    const event = await socket.next('event')
    assert.deepEqual([event.event.type, event.queue, event.id], ['message.received', 'received', 'work'])
    const person = await open(site, {}, 'agent')
    assert.equal((await person.next('error')).code, 'forbidden')
    site.tokens.set('elsewhere', { ...bot, grants: { ...bot.grants, id: idOf('other bot'), accountIds: [ids.second] } })
    const confined = await open(site, { from: 'earliest' }, 'elsewhere')
    await confined.next('ephemeral', isDealing)
    const seen = idOf('seen')
    await site.writer.events(seen, site.writer.created(seen, { accountId: ids.second }))
    assert.equal((await confined.next('event')).event.conversationId, seen)
    for (const each of [socket, second, person, confined]) each.cut()
  }))
