// Resume, from ring and from log, on this node and after a restart; and every reason for which it is refused.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grantsOf, idOf, ids, openSite, removeSite, type Site, type SiteOptions } from './site.ts'
import { TestSocket } from './socket.ts'

const inbox = [{ id: 'inbox', scope: { all: true } }]

const withSite = async (options: SiteOptions, use: (site: Site) => Promise<void>): Promise<void> => {
  const site = await openSite(options)
  try {
    await use(site)
  } finally {
    await site.close()
    await removeSite(site)
  }
}

const open = async (site: Site, token = 'agent', resume?: TestSocket['resume']): Promise<TestSocket> => {
  const socket = new TestSocket(site.url)
  socket.send({ frame: 'hello', token, ...(resume === undefined ? {} : { resume }), subscriptions: inbox })
  await socket.next('checkpoint')
  return socket
}

const reasonOf = (socket: TestSocket): string | undefined =>
  socket.frames.flatMap((frame) => (frame.frame === 'resync' ? [frame.reason] : []))[0]
const seqsOf = (socket: TestSocket, conversation: string): number[] =>
  socket.events.filter(({ event }) => event.conversationId === conversation).map(({ event }) => event.seq)

test('resumes from the log what the rings no longer hold, with its contents, over holes and cut chunks', () =>
  withSite({ log: { holes: { seed: 5 } }, config: { ringBytesMax: 2_000 } }, async (site) => {
    const conversations = [idOf('log', 1), idOf('log', 2), idOf('log', 3)]
    for (const id of conversations) await site.writer.events(id, site.writer.created(id))
    const first = await open(site)
    first.cut()
    for (let round = 0; round < 60; round++)
      for (const id of conversations) await site.writer.events(id, site.writer.received(id, `text ${round}`), site.writer.note(id, 'note'))
    const second = await open(site, 'agent', first.resume)
    for (const id of conversations)
      assert.deepEqual(
        seqsOf(second, id),
        Array.from({ length: 120 }, (_, index) => index + 2),
      )
    const texts = second.events
      .filter(({ event }) => event.type === 'message.received')
      .map(({ event }) => (event.data['content'] as { text: string } | undefined)?.text)
    assert.equal(
      texts.every((text) => text?.startsWith('text ') === true),
      true,
    )
    assert.equal(
      second.events.some(({ event }) => event.erased === true),
      false,
    )
    second.cut()
  }))

test('resumes after the gateway was closed and the process began anew', async () => {
  const first = await openSite()
  const conversation = idOf('restart', 1)
  await first.writer.events(conversation, first.writer.created(conversation))
  const socket = await open(first)
  await first.writer.events(conversation, first.writer.received(conversation, 'before'))
  await socket.next('event', ({ event }) => event.seq === 2)
  await first.writer.events(conversation, first.writer.received(conversation, 'as it closes'))
  await first.close()
  assert.equal((await socket.closed).code, 4000)
  const again = await openSite({ directory: first.directory })
  await again.writer.events(conversation, again.writer.received(idOf('restart', 2), 'after'))
  const resumed = await open(again, 'agent', socket.resume)
  const seen = new Set([...socket.events, ...resumed.events].map(({ event }) => event.id))
  assert.deepEqual([...seqsOf(socket, conversation), ...seqsOf(resumed, conversation)], [2, 3])
  assert.equal(seen.size, 3)
  assert.equal(reasonOf(resumed), undefined)
  resumed.cut()
  await again.close()
  await removeSite(again)
})

test('answers another log, other permissions, a foreign or an altered cursor with its reason and a snapshot', () =>
  withSite({}, async (site) => {
    const conversation = idOf('reasons', 1)
    await site.writer.events(conversation, site.writer.created(conversation))
    const first = await open(site)
    first.cut()
    const refusals: [string, string, TestSocket['resume']][] = []
    site.tokens.set('observer', { grants: grantsOf({ role: 'observer' }), expiresAt: null, source: null, origin: null })
    site.tokens.set('other', { grants: grantsOf({ id: ids.colleague }), expiresAt: null, source: null, origin: null })
    refusals.push(
      ['grants', 'observer', first.resume],
      ['cursor', 'other', first.resume],
      ['cursor', 'agent', { checkpoint: `${first.resume.checkpoint}A`, slots: {} }],
    )
    refusals.push(['cursor', 'agent', { ...first.resume, slots: { '3': 'aAAAAAAAAAAAAAAAAAAAAAAA'.slice(0, 23) } }])
    await withSite({}, async (elsewhere) => {
      const foreign = await open(elsewhere)
      refusals.push(['generation', 'agent', foreign.resume])
      foreign.cut()
    })
    for (const [reason, token, resume] of refusals) {
      const socket = await open(site, token, resume)
      assert.equal(reasonOf(socket), reason)
      assert.equal(socket.frames.filter(({ frame }) => frame === 'snapshot').length, 1)
      socket.cut()
    }
  }))

test('takes people up anew when too much lies behind, and replays all of it to a token', () =>
  withSite({ config: { replayFramesMax: 50 } }, async (site) => {
    site.tokens.set('token', {
      grants: grantsOf({ kind: 'token', role: 'integration', id: idOf('token') }),
      expiresAt: null,
      source: null,
      origin: null,
    })
    const conversation = idOf('behind', 1)
    await site.writer.events(conversation, site.writer.created(conversation))
    const [person, token] = [await open(site), await open(site, 'token')]
    person.cut()
    token.cut()
    for (let round = 0; round < 100; round++) await site.writer.events(conversation, site.writer.received(conversation, 'text'))
    const back = await open(site, 'agent', person.resume)
    assert.equal(reasonOf(back), 'behind')
    const all = await open(site, 'token', token.resume)
    assert.equal(reasonOf(all), undefined)
    assert.equal(seqsOf(all, conversation).length, 100)
    back.cut()
    all.cut()
  }))

test('starts where a subscription asks: latest, earliest, a time, an event of its conversation', () =>
  withSite({}, async (site) => {
    let now = Date.now()
    const conversation = idOf('from', 1)
    const { writer } = site
    await writer.events(conversation, writer.created(conversation), writer.received(conversation, 'one'))
    const socket = await open(site)
    await writer.events(conversation, writer.received(conversation, 'two'))
    const two = await socket.next('event', ({ event }) => event.seq === 3)
    while (Date.now() <= now + 2) await new Promise((resolve) => setImmediate(resolve))
    now = Date.now()
    await writer.events(conversation, writer.received(conversation, 'three'))
    socket.cut()
    for (const [from, expected] of [
      ['latest', []],
      ['earliest', [1, 2, 3, 4]],
      [new Date(now).toISOString(), [4]],
      [two.cursor, [4]],
    ] as const) {
      const other = new TestSocket(site.url)
      other.send({ frame: 'hello', token: 'agent', subscriptions: [{ id: 'one', scope: { conversation }, from }] })
      await other.next('checkpoint')
      assert.deepEqual(seqsOf(other, conversation), expected, from)
      other.send({ frame: 'subscribe', id: 'two', scope: { all: true }, from: two.cursor })
      assert.equal((await other.next('error')).code, 'cursor_partial')
      other.cut()
    }
  }))

test('sends erased contents to nobody, from ring or log', () =>
  withSite({ config: { ringBytesMax: 4_000 } }, async (site) => {
    const conversation = idOf('erased', 1)
    const { writer } = site
    await writer.events(conversation, writer.created(conversation))
    const first = await open(site)
    first.cut()
    for (let round = 0; round < 30; round++) await writer.events(conversation, writer.received(conversation, 'canary'))
    // The contents lie in the log still: the fact alone counts.
    await writer.events(conversation, writer.records(conversation, 'conversation.erased', { upToSeq: 31 }))
    const second = await open(site, 'agent', first.resume)
    assert.equal(second.events.filter(({ event }) => event.erased === true).length, 30)
    assert.doesNotMatch(JSON.stringify(second.events), /canary/)
    second.cut()
  }))

test('a slow socket is read to at its own pace and ends complete', () =>
  withSite({ config: { bufferedBytesHigh: 4_096, bufferedBytesLow: 1_024 } }, async (site) => {
    const conversation = idOf('slow', 1)
    await site.writer.events(conversation, site.writer.created(conversation))
    const socket = await open(site)
    const text = 'x'.repeat(1_000)
    for (let round = 0; round < 20; round++)
      await site.writer.events(conversation, ...Array.from({ length: 50 }, () => site.writer.received(conversation, text)))
    await socket.next('event', ({ event }) => event.seq === 1_001)
    assert.deepEqual(
      seqsOf(socket, conversation),
      Array.from({ length: 1_000 }, (_, index) => index + 2),
    )
    socket.cut()
  }))

test('filters by account: an event of another account is neither sent nor replayed nor counted', () =>
  withSite({}, async (site) => {
    site.tokens.set('narrow', {
      grants: grantsOf({ kind: 'bot', role: 'bot', id: idOf('bot'), accountIds: [ids.account] }),
      expiresAt: null,
      source: null,
      origin: null,
    })
    const [mine, theirs, foreign] = [idOf('filter', 1), idOf('filter', 2), idOf('filter', 3)]
    const { writer } = site
    await writer.events(mine, writer.created(mine))
    const socket = await open(site, 'narrow')
    const write = async (): Promise<void> => {
      await writer.events(theirs, writer.received(theirs, 'canary', { accountId: ids.second }))
      await writer.events(foreign, writer.received(foreign, 'canary', { organizationId: ids.other }))
      await writer.events(mine, writer.note(mine, 'canary'), writer.received(mine, 'shown'))
    }
    await write()
    await socket.next('event', ({ event }) => event.seq === 3)
    socket.cut()
    await write()
    const again = await open(site, 'narrow', socket.resume)
    assert.deepEqual(
      [...socket.events, ...again.events].map(({ event }) => [event.conversationId, event.seq]),
      [
        [mine, 3],
        [mine, 5],
      ],
    )
    assert.doesNotMatch(JSON.stringify([socket.frames, again.frames]), /canary/)
    again.cut()
  }))
