// The contact's socket: its own projection, and nothing from inside, however hard one looks.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Message } from '#schemas'
import { contactOf, idOf, ids, openSite, removeSite, type Site } from './site.ts'
import { TestSocket } from './socket.ts'

let site: Site
before(async () => {
  site = await openSite()
})
after(async () => {
  await site.close()
  await removeSite(site)
})

const CANARY = /canary/

test('sees its own messages in its own numbers, with the public name of who answers', async () => {
  const conversation = idOf('contact', 1)
  const { writer } = site
  site.tokens.set('visitor', { grants: contactOf(conversation), expiresAt: null, source: null, origin: null })
  await writer.events(
    conversation,
    writer.created(conversation),
    writer.received(conversation, 'hello'),
    writer.note(conversation, 'canary in the snapshot'),
  )
  const socket = new TestSocket(site.url)
  socket.send({ frame: 'hello', token: 'visitor', subscriptions: [{ id: 'chat', scope: { conversation } }] })
  const snapshot = await socket.next('snapshot')
  assert.deepEqual(
    (snapshot.messages as Message[]).map(({ seq, content }) => [seq, content?.text]),
    [[1, 'hello']],
  )
  assert.equal((snapshot.items[0] as { seq: number }).seq, 1)
  await socket.next('checkpoint')
  await writer.events(
    conversation,
    writer.note(conversation, 'canary live'),
    writer.queued(conversation, 'an answer', { clientKey: 'canary-key' }),
    writer.note(conversation, 'canary again'),
  )
  await writer.events(conversation, writer.received(conversation, 'thanks', { clientKey: 'my-own-key' }))
  await writer.mark(conversation, ids.agent, { rev: 1, draft: 'canary draft', draftRev: 1 })
  await writer.mark(conversation, ids.agent, { rev: 2, readUpTo: 5, readUpToContactSeq: 2, draft: 'canary draft', draftRev: 1 })
  await writer.mark(conversation, ids.agent, { rev: 3, readUpTo: 5, readUpToContactSeq: 2, draft: 'canary draft two', draftRev: 2 })
  await writer.mark(conversation, ids.colleague, { rev: 1, readUpTo: 7, readUpToContactSeq: 3 })
  const read = await socket.next('state', ({ rev }) => rev === 3)
  assert.deepEqual([read.kind, read.id, read.value], ['read', conversation, { readUpToContactSeq: 3 }])
  assert.deepEqual(
    socket.events.map(({ event }) => [event.type, event.seq, event.by, event.data['clientId']]),
    [
      ['message.queued', 2, { kind: 'agent', id: null, name: 'Anna' }, undefined],
      ['message.received', 3, { kind: 'contact', id: null }, 'my-own-key'],
    ],
  )
  // A draft saved is no frame at all: its timing would tell.
  assert.deepEqual(socket.frames.filter(({ frame }) => frame === 'state').length, 2)
  assert.doesNotMatch(JSON.stringify(socket.frames), CANARY)
  socket.cut()
})

test('never meets a byte from inside, live, in the snapshot or on replay', async () => {
  const conversation = idOf('contact', 2)
  const foreign = idOf('contact', 3)
  const { writer } = site
  site.tokens.set('second', { grants: contactOf(conversation), expiresAt: null, source: null, origin: null })
  await writer.events(conversation, writer.created(conversation), writer.received(conversation, 'hello'))
  const sockets: TestSocket[] = []
  const open = async (resume?: TestSocket['resume']): Promise<TestSocket> => {
    const socket = new TestSocket(site.url)
    sockets.push(socket)
    socket.send({
      frame: 'hello',
      token: 'second',
      ...(resume === undefined ? {} : { resume }),
      subscriptions: [{ id: 'chat', scope: { all: true } }],
    })
    await socket.next('checkpoint')
    return socket
  }
  const first = await open()
  first.send({ frame: 'subscribe', id: 'theirs', scope: { conversation: foreign } })
  assert.equal((await first.next('error')).code, 'forbidden')
  first.cut()
  await writer.events(foreign, writer.created(foreign), writer.received(foreign, 'canary of another contact'))
  for (let round = 0; round < 20; round++) {
    await writer.events(
      conversation,
      writer.note(conversation, `canary note ${round}`),
      writer.queued(conversation, `answer ${round}`, { clientKey: `canary-${round}` }),
    )
    await writer.mark(conversation, ids.agent, { rev: round, draft: 'canary draft', draftRev: round })
  }
  await writer.setting('label', {
    ...{ id: idOf('label'), organizationId: ids.organization, rev: 1, createdAt: 1, updatedAt: 1, uniqueKeys: [] },
    name: 'canary label',
    color: '#fff',
    description: '',
  } as never)
  await open(first.resume)
  const replayed = sockets.at(-1)
  assert.deepEqual(
    replayed?.events.map(({ event }) => event.seq),
    Array.from({ length: 20 }, (_, index) => index + 2),
  )
  await open()
  replayed?.send({ frame: 'subscribe', id: 'again', scope: { conversation }, from: 'earliest' })
  await replayed?.next('event', ({ event }) => event.seq === 21)
  for (const socket of sockets) assert.doesNotMatch(JSON.stringify(socket.frames), CANARY)
  for (const socket of sockets) socket.cut()
})

test("typing reaches the other side, a note's typing only colleagues", async () => {
  const conversation = idOf('contact', 4)
  site.tokens.set('third', { grants: contactOf(conversation), expiresAt: null, source: null, origin: null })
  site.tokens.set('colleague', {
    grants: { ...contactOf(conversation), kind: 'agent', role: 'agent', id: ids.colleague, accountIds: null },
    expiresAt: null,
    source: null,
    origin: null,
  })
  await site.writer.events(conversation, site.writer.created(conversation))
  const [visitor, agent, colleague] = ['third', 'agent', 'colleague'].map((token) => {
    const socket = new TestSocket(site.url)
    socket.send({ frame: 'hello', token, subscriptions: [{ id: 'x', scope: { all: true } }] })
    return socket
  }) as [TestSocket, TestSocket, TestSocket]
  for (const socket of [visitor, agent, colleague]) await socket.next('checkpoint')
  const isTyping = (frame: { kind: string }): boolean => frame.kind === 'typing'
  visitor.send({ frame: 'typing', conversationId: conversation, isTyping: true })
  assert.equal((await agent.next('ephemeral', isTyping)).conversationId, conversation)
  agent.send({ frame: 'typing', conversationId: conversation, isTyping: true, isNote: true })
  assert.equal((await colleague.next('ephemeral', (frame) => isTyping(frame) && frame.by?.kind === 'agent')).isNote, true)
  agent.send({ frame: 'typing', conversationId: conversation, isTyping: false })
  agent.send({ frame: 'typing', conversationId: conversation, isTyping: true })
  const shown = await visitor.next('ephemeral', isTyping)
  assert.deepEqual([shown.isTyping, shown.by, shown.isNote], [true, { kind: 'agent', name: 'Anna' }, undefined])
  for (const socket of [visitor, agent, colleague]) socket.cut()
})
