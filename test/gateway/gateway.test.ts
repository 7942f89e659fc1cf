// The gateway over real sockets: hello, subscribe, push, resume, grants.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { idOf, ids, openSite, removeSite, type Site } from './site.ts'
import { TestSocket } from './socket.ts'

const inbox = [{ id: 'inbox', scope: { all: true } }]
let site: Site
before(async () => {
  site = await openSite()
})
after(async () => {
  await site.close()
  await removeSite(site)
})

test('welcomes, sends the snapshot, then each new event once', async () => {
  const conversation = idOf('conversation', 1)
  await site.writer.events(conversation, site.writer.created(conversation), site.writer.received(conversation, 'first'))
  const socket = new TestSocket(site.url)
  socket.send({ frame: 'hello', token: 'agent', subscriptions: [...inbox, { id: 'open', scope: { conversation } }] })
  const welcome = await socket.next('welcome')
  assert.equal(welcome.principal.organizationId, ids.organization)
  const snapshot = await socket.next('snapshot', ({ id }) => id === 'inbox')
  assert.equal((snapshot.items[0] as { id: string }).id, conversation)
  await socket.next('checkpoint')
  const thread = socket.frames.find((frame) => frame.frame === 'snapshot' && frame.id === 'open')
  assert.ok(thread?.frame === 'snapshot')
  assert.deepEqual(
    (thread.messages as { content: { text: string } }[]).map(({ content }) => content.text),
    ['first'],
  )
  await site.writer.events(conversation, site.writer.received(conversation, 'second'), site.writer.note(conversation, 'a note'))
  await socket.next('event', ({ event }) => event.type === 'note.added')
  assert.deepEqual(
    socket.events.map(({ event }) => [event.type, event.seq]),
    [
      ['message.received', 3],
      ['note.added', 4],
    ],
  )
  socket.cut()
})

test('resumes after a cut without a gap or a duplicate', async () => {
  const conversation = idOf('conversation', 2)
  await site.writer.events(conversation, site.writer.created(conversation))
  const first = new TestSocket(site.url)
  first.send({ frame: 'hello', token: 'agent', subscriptions: inbox })
  await first.next('checkpoint')
  await site.writer.events(conversation, site.writer.received(conversation, 'while there'))
  await first.next('event', ({ event }) => event.conversationId === conversation)
  first.cut()
  await first.closed
  await site.writer.events(conversation, site.writer.received(conversation, 'while away'), site.writer.received(conversation, 'and again'))
  const second = new TestSocket(site.url)
  second.send({ frame: 'hello', token: 'agent', resume: first.resume, subscriptions: inbox })
  await second.next('checkpoint')
  assert.deepEqual(
    second.events.map(({ event }) => event.seq),
    [3, 4],
  )
  assert.equal(
    second.frames.some(({ frame }) => frame === 'snapshot' || frame === 'resync'),
    false,
  )
  second.cut()
})
