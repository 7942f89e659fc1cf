// The WebSocket door over a real socket: who gets in, what is refused, what a close code says.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createConnection } from 'node:net'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { textFrame, payloadOf } from '../../src/gateway/doors/frames.ts'
import { openCursors } from '../../src/gateway/cursor.ts'
import { openSecrets } from '#secrets'
import { partitionOf } from '#log'
import { contactOf, firstSettings, grantsOf, idOf, ids, openSite, removeSite, type Site } from './site.ts'
import { TestSocket } from './socket.ts'

const inbox = [{ id: 'inbox', scope: { all: true } }]
let now = Date.now()
let site: Site
before(async () => {
  site = await openSite({
    clock: () => now,
    config: { helloTimeoutMs: 150, frameBytesMax: 4_096, sessionsPerPrincipalMax: 6, commandsPerSecondMax: 5 },
  })
})
after(async () => {
  await site.close()
  await removeSite(site)
})

const hello = (token = 'agent', options: ConstructorParameters<typeof TestSocket>[1] = {}): TestSocket => {
  const socket = new TestSocket(site.url, options)
  socket.send({ frame: 'hello', token, subscriptions: inbox })
  return socket
}
const codeOf = async (socket: TestSocket): Promise<number> => (await socket.closed).code

test('frames are those of RFC 6455, whatever their length', () => {
  for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 100_000]) {
    const text = 'ä'.repeat(length / 2) + 'x'.repeat(length % 2)
    const frame = textFrame(text)
    assert.equal(frame[0], 0x81)
    assert.equal(payloadOf(frame).toString(), text)
  }
})

test('closes who says nothing, no hello, no JSON, bytes, too much, or the wrong token', async () => {
  assert.equal(await codeOf(new TestSocket(site.url)), 4002)
  for (const frame of [{ frame: 'subscribe', id: 'x', scope: { all: true } }, { frame: 'hello' }, { frame: 'nothing' }]) {
    const socket = new TestSocket(site.url)
    socket.send(frame)
    assert.equal(await codeOf(socket), 4500)
  }
  const second = hello()
  await second.next('checkpoint')
  second.send({ frame: 'hello', token: 'agent' })
  assert.equal(await codeOf(second), 4500)
  const binary = hello()
  await binary.next('checkpoint')
  binary.sendRaw(Buffer.from([1, 2, 3]))
  assert.equal(await codeOf(binary), 4500)
  const large = hello()
  await large.next('checkpoint')
  large.sendRaw(JSON.stringify({ frame: 'command', id: 'x', type: 'y', text: 'x'.repeat(5_000) }))
  assert.equal(await codeOf(large), 1009)
  assert.equal(await codeOf(hello('unknown')), 4501)
})

test('answers a broken frame by closing, never by falling', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ maxLength: 200 }), async (text) => {
      const socket = hello()
      await socket.next('checkpoint')
      socket.sendRaw(text)
      assert.equal(await codeOf(socket), 4500)
    }),
    { numRuns: 15 },
  )
})

test('checks the origin: own pages, programs, and for visitors the pages of their account', async () => {
  const conversation = idOf('origin')
  site.tokens.set('visitor', { grants: contactOf(conversation), expiresAt: null, source: null, origin: 'https://shop.test' })
  const own = hello('agent', { headers: { origin: 'http://confab.test' } })
  await own.next('checkpoint')
  own.cut()
  const shop = hello('visitor', { headers: { origin: 'https://shop.test' } })
  await shop.next('checkpoint')
  shop.cut()
  assert.equal(await codeOf(hello('agent', { headers: { origin: 'https://shop.test' } })), 4503)
  // Refused at the upgrade: the client sees no socket at all.
  assert.equal(await codeOf(hello('visitor', { headers: { origin: 'https://evil.test' } })), 1006)
  assert.equal(await codeOf(hello('agent', { protocol: 'other.v9' })), 1006)
})

test('bounds sessions a principal, subscriptions a session and commands a second', async () => {
  const sockets = Array.from({ length: 6 }, () => hello())
  for (const socket of sockets) await socket.next('checkpoint')
  assert.equal(await codeOf(hello()), 4505)
  const [socket] = sockets as [TestSocket]
  for (let count = 0; count < 64; count++) socket.send({ frame: 'subscribe', id: `s${count}`, scope: { all: true }, from: 'latest' })
  assert.deepEqual(await socket.next('error'), { frame: 'error', code: 'subscriptions_too_many', id: 's63' })
  for (let count = 0; count < 6; count++) socket.send({ frame: 'command', id: `c${count}`, type: 'conversation.claim' })
  const codes = new Map<string, number>()
  for (let count = 0; count < 6; count++) {
    const { problem } = await socket.next('result')
    codes.set(problem?.code ?? '', (codes.get(problem?.code ?? '') ?? 0) + 1)
  }
  assert.deepEqual(
    codes,
    new Map([
      ['conversation_taken', 5],
      ['rate_limited', 1],
    ]),
  )
  for (const each of sockets) each.cut()
  for (const each of sockets) await each.closed
})

test('bounds frames of other kinds, and ends a session that does not stop', async () => {
  now += 60_000
  const socket = hello()
  await socket.next('checkpoint')
  for (let count = 0; count < 101; count++) socket.send({ frame: 'ping' })
  assert.deepEqual(await socket.next('error'), { frame: 'error', code: 'rate_limited' })
  for (let count = 0; count < 100; count++) socket.send({ frame: 'subscribe', id: 'again', scope: { all: true } })
  assert.equal(await codeOf(socket), 4505)
})

test('passes a command on with its id as the key, and its refusal back as a problem', async () => {
  now += 60_000
  const socket = hello()
  await socket.next('checkpoint')
  site.commands.length = 0
  socket.send({ frame: 'command', id: 'click-1', type: 'conversation.claim', conversationId: 'c' })
  const { problem = { code: '', status: 0 }, ok } = await socket.next('result', ({ id }) => id === 'click-1')
  assert.equal(ok, undefined)
  const { code, status, holder } = problem as typeof problem & { holder?: string }
  assert.deepEqual([code, status, holder], ['conversation_taken', 409, ids.colleague])
  assert.deepEqual(
    site.commands.map(({ frame }) => frame),
    [{ id: 'click-1', type: 'conversation.claim', conversationId: 'c' }],
  )
  socket.cut()
  await socket.closed
})

test('closes the sockets of a removed session, token or agent, and of a changed role', async () => {
  const session = idOf('session')
  const base = { rev: 2, createdAt: 1, updatedAt: 1, uniqueKeys: [], organizationId: ids.organization }
  site.tokens.set('browser', { grants: grantsOf(), expiresAt: null, source: { kind: 'session', id: session }, origin: null })
  site.tokens.set('colleague', { grants: grantsOf({ id: ids.colleague }), expiresAt: null, source: null, origin: null })
  site.tokens.set('bot', {
    grants: grantsOf({ kind: 'bot', role: 'bot', id: idOf('bot') }),
    expiresAt: null,
    source: { kind: 'token', id: idOf('bot') },
    origin: null,
  })
  const [browser, colleague, bot] = [hello('browser'), hello('colleague'), hello('bot')]
  for (const socket of [browser, colleague, bot]) await socket.next('checkpoint')
  await site.writer.setting('session', { ...base, id: session, kind: 'browser', agentId: ids.agent, hash: 'h', expiresAt: 9e12 } as never)
  await site.writer.setting('token', {
    ...base,
    id: idOf('bot'),
    name: 'bot',
    role: 'bot',
    agentId: null,
    hash: 'h2',
    accountIds: [],
    expiresAt: null,
  } as never)
  await site.writer.setting('session', null, session)
  assert.equal(await codeOf(browser), 4502)
  await site.writer.setting('token', null, idOf('bot'))
  assert.equal(await codeOf(bot), 4502)
  const agent = firstSettings.find(([, { id }]) => id === ids.colleague)?.[1]
  const source = { kind: 'token', id: idOf('token') } as const
  site.tokens.set('token', { grants: grantsOf({ id: ids.colleague }), expiresAt: null, source, origin: null })
  site.tokens.set('weaker', { grants: grantsOf({ id: ids.colleague, role: 'observer' }), expiresAt: null, source, origin: null })
  const [token, weaker] = [hello('token'), hello('weaker')]
  for (const socket of [token, weaker]) await socket.next('checkpoint')
  await site.writer.setting('agent', { ...agent, rev: 2, role: 'observer' } as never)
  assert.equal(await codeOf(colleague), 4000)
  assert.equal(await codeOf(token), 4000)
  // Its token allows no more than that anyway.
  weaker.send({ frame: 'ping' })
  await weaker.next('pong')
  const again = hello('colleague')
  await again.next('checkpoint')
  await site.writer.setting('agent', { ...agent, rev: 3, isActive: false } as never)
  assert.equal(await codeOf(again), 4502)
})

test('settings reach agents in their public form alone, and their removal too', async () => {
  const socket = hello()
  await socket.next('checkpoint')
  const [, account] = firstSettings.find(([, { id }]) => id === ids.account) ?? []
  await site.writer.setting('account', { ...account, rev: 2, name: 'Renamed' } as never)
  const { value, rev, slot } = await socket.next('state', ({ kind }) => kind === 'account')
  assert.deepEqual(
    [value, rev, slot],
    [{ id: ids.account, name: 'Renamed', channel: 'web', externalId: '', replyGuard: 'guarded', isActive: true }, 2, 96],
  )
  const label = {
    id: idOf('door label'),
    organizationId: ids.organization,
    rev: 1,
    createdAt: 1,
    updatedAt: 1,
    uniqueKeys: [],
    name: 'VIP',
    color: '#f00',
    description: '',
  }
  await site.writer.setting('label', label)
  await site.writer.setting('label', null, label.id)
  assert.equal((await socket.next('state', ({ kind, value: shown }) => kind === 'label' && shown === null)).id, label.id)
  assert.doesNotMatch(JSON.stringify(socket.frames), /canary/)
  socket.cut()
  await socket.closed
})

test('ends a session when its token does, unless a fresh one came', async () => {
  site.tokens.set('short', { grants: grantsOf(), expiresAt: now + 1_000, source: null, origin: null })
  site.tokens.set('fresh', { grants: grantsOf(), expiresAt: now + 10_000_000, source: null, origin: null })
  site.tokens.set('foreign', { grants: grantsOf({ id: ids.colleague }), expiresAt: null, source: null, origin: null })
  const [kept, lost, wrong] = [hello('short'), hello('short'), hello('short')]
  for (const socket of [kept, lost, wrong]) await socket.next('checkpoint')
  kept.send({ frame: 'refresh', token: 'fresh' })
  kept.send({ frame: 'ping' })
  await kept.next('pong')
  wrong.send({ frame: 'refresh', token: 'foreign' })
  assert.equal(await codeOf(wrong), 4501)
  now += 27_000
  assert.equal(await codeOf(lost), 4010)
  kept.send({ frame: 'ping' })
  await kept.next('pong')
  // The heartbeat, due by now, was a checkpoint.
  assert.equal(kept.frames.filter(({ frame }) => frame === 'checkpoint').length, 2)
  kept.cut()
  await kept.closed
})

test('a place that the log never reached, or reached with another record, is truncated; one too old is expired', async () => {
  const cursors = openCursors(openSecrets(Buffer.alloc(32, 7)), site.log.id, partitionOf)
  const conversation = idOf('truncated')
  await site.writer.events(conversation, site.writer.created(conversation))
  const first = hello()
  await first.next('checkpoint')
  await site.writer.events(conversation, site.writer.received(conversation, 'text'))
  const { cursor, slot } = await first.next('event')
  first.cut()
  await first.closed
  const place = cursors.openSlot(cursor)
  assert.ok(place.ok)
  const reasonOf = async (changed: typeof place.value): Promise<string> => {
    const socket = new TestSocket(site.url)
    socket.send({
      frame: 'hello',
      token: 'agent',
      resume: { checkpoint: first.resume.checkpoint, slots: { [slot]: cursors.sealSlot(changed) } },
      subscriptions: inbox,
    })
    await socket.next('checkpoint')
    socket.cut()
    await socket.closed
    return socket.frames.flatMap((frame) => (frame.frame === 'resync' ? [frame.reason] : []))[0] ?? 'resumed'
  }
  assert.equal(await reasonOf(place.value), 'resumed')
  assert.equal(await reasonOf({ ...place.value, fingerprint: place.value.fingerprint ^ 1 }), 'truncated')
  assert.equal(await reasonOf({ ...place.value, next: place.value.next + 1_000 }), 'truncated')
  now += 24 * 3_600_000
  assert.equal(await reasonOf(place.value), 'expired')
})

test('closing leaves time to open another socket elsewhere, events go on meanwhile, and ends early where all have gone', async () => {
  const closing = await openSite({ config: { drainMs: 3_000 } })
  const conversation = idOf('drain')
  const sockets = Array.from({ length: 12 }, () => new TestSocket(closing.url))
  for (const socket of sockets) socket.send({ frame: 'hello', token: 'agent', subscriptions: inbox })
  for (const socket of sockets) await socket.next('checkpoint')
  const startedAt = performance.now()
  const closed = closing.gateway.close()
  const [first] = sockets as [TestSocket]
  const { afterMs } = await first.next('reconnect')
  assert.ok(afterMs <= 150, `${afterMs} ms`)
  assert.equal((await new TestSocket(closing.url).closed).code, 1006)
  await closing.writer.events(conversation, closing.writer.created(conversation))
  await first.next('event')
  for (const socket of sockets.slice(1)) await socket.next('reconnect')
  for (const socket of sockets) socket.close()
  await closed
  assert.ok(performance.now() - startedAt < 2_900, 'it waited for nobody')
  await closing.close()
  await removeSite(closing)
})

test('closing tells who is there to come back, cuts who never spoke, and does not wait for the deaf', async () => {
  const closing = await openSite({ config: { helloTimeoutMs: 60_000 } })
  const [there, mute] = [new TestSocket(closing.url), new TestSocket(closing.url)]
  there.send({ frame: 'hello', token: 'agent', subscriptions: inbox })
  await there.next('checkpoint')
  mute.send({ frame: 'ping' })
  const deaf = createConnection(Number(new URL(closing.url).port), '127.0.0.1')
  deaf.on('error', () => undefined)
  deaf.write(
    'GET /v1/socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  await once(deaf, 'data')
  await closing.close()
  assert.deepEqual(
    there.frames.slice(-2).map(({ frame }) => frame),
    ['checkpoint', 'reconnect'],
  )
  assert.equal(await codeOf(there), 4000)
  assert.ok((await mute.closed).code >= 1000)
  assert.equal(await codeOf(new TestSocket(`${site.url}/elsewhere`)), 1006)
  await removeSite(closing)
})
