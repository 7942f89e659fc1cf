// The Socket.IO door as unmodified socket.io-client uses it: hello by auth or event, acks, bytes, namespaces, coming back by itself.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client'
import { ConfabError } from '#errors'
import type { ServerFrame } from '#schemas'
import { until } from '../harness.ts'
import { grantsOf, idOf, ids, openSite, removeSite, type Site } from './site.ts'
import { Recorder } from './recorder.ts'

let site: Site
before(async () => {
  site = await openSite({
    config: { helloTimeoutMs: 300, frameBytesMax: 8_192, handshakesMax: 12, handshakesPerAddressMax: 3, commandsPerSecondMax: 5 },
    execute: (_grants, frame) =>
      frame.id === 'refused'
        ? Promise.reject(new ConfabError('forbidden'))
        : Promise.resolve({ accepted: { seq: 1, said: frame }, position: 'a-position' }),
  })
})
after(async () => {
  await site.close()
  await removeSite(site)
})

const portOf = ({ url }: Site): string => new URL(url).port

class Client extends Recorder {
  readonly socket: Socket
  readonly reasons: string[] = []

  constructor(options: Partial<ManagerOptions & SocketOptions>, namespace = '/', port = portOf(site)) {
    super()
    const base = { path: '/v1/socket.io', forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 50 }
    this.socket = io(`http://127.0.0.1:${port}${namespace}`, { ...base, ...options })
    this.socket.onAny((_name: string, frame: ServerFrame) => this.note(frame))
    this.socket.on('disconnect', (reason) => this.reasons.push(reason))
  }

  /** What the ack was called with. */
  ask(name: string, ...body: object[]): Promise<Record<string, unknown>> {
    return this.socket.timeout(5_000).emitWithAck(name, ...body) as Promise<Record<string, unknown>>
  }
}

const subscriptions = [{ id: 'all', scope: { all: true } }]

const last = (client: Client): object | undefined => client.frames.findLast(({ frame }) => frame === 'error')

test('socket.io is loaded by the first request for it, no sooner', async () => {
  const loaded = (): boolean => Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('/socket.io/dist/'))
  assert.equal(loaded(), false)
  const client = new Client({ auth: { token: 'agent', subscriptions } })
  await client.next('checkpoint')
  assert.equal(loaded(), true)
  client.socket.disconnect()
})

test('acks take results, refusals, subscriptions and pongs, and nobody is sent these twice', async () => {
  const client = new Client({ auth: { token: 'agent', subscriptions: [] } })
  await client.next('welcome')
  const result = await client.ask('command', { id: 'one', type: 'conversation.claim', conversationId: 'c' })
  assert.deepEqual([result['frame'], result['id'], result['position']], ['result', 'one', 'a-position'])
  const refused = await client.ask('command', { id: 'refused', type: 'conversation.claim' })
  assert.equal((refused['problem'] as { code: string }).code, 'forbidden')
  const subscribed = await client.ask('subscribe', { id: 'late', scope: { all: true } })
  assert.deepEqual([subscribed['frame'], subscribed['id']], ['subscribed', 'late'])
  assert.equal((await client.next('snapshot')).id, 'late')
  const partial = await client.ask('subscribe', { id: 'bad', scope: { all: true }, from: 'a'.repeat(23) })
  assert.equal(partial['frame'], 'subscribed', 'an altered cursor begins anew')
  assert.deepEqual(await client.ask('ping'), { frame: 'pong' })
  assert.equal(await client.ask('unsubscribe', { id: 'late' }), undefined, 'nothing to say but that it came')
  const named = client.frames.map(({ frame }) => frame)
  for (const name of ['result', 'pong'] as const) assert.equal(named.includes(name), false)
  // Without an ack they are events.
  client.socket.emit('command', { id: 'two', type: 'conversation.claim' })
  assert.equal((await client.next('result')).id, 'two')
  client.socket.disconnect()
})

test('bytes within a frame are read as base64, and too many bytes are too large', async () => {
  const client = new Client({ auth: { token: 'agent', subscriptions: [] } })
  await client.next('welcome')
  const bytes = Buffer.from([0, 1, 2, 255])
  const { ok } = await client.ask('command', { id: 'bytes', type: 'x', file: bytes })
  assert.deepEqual((ok as { said: object }).said, { id: 'bytes', type: 'x', file: bytes.toString('base64') })
  client.socket.emit('command', { id: 'large', type: 'x', parts: [Buffer.alloc(5_000), Buffer.alloc(5_000)] })
  await until('it is sent away', () => client.reasons.length > 0)
  assert.deepEqual(last(client), { frame: 'error', code: 'too_large', close: 1009, mayReturn: false })
  assert.deepEqual(client.reasons, ['io server disconnect'])
})

test('the first event opens: hello with a token of its own, resume or any frame by that of the handshake', async () => {
  const conversation = idOf('resume')
  await site.writer.events(conversation, site.writer.created(conversation))
  const hello = new Client({})
  hello.socket.on('connect', () => hello.socket.emit('hello', { token: 'agent', subscriptions }))
  await hello.next('checkpoint')
  const { resume } = hello
  hello.socket.disconnect()
  await site.writer.events(conversation, site.writer.received(conversation, 'missed'))
  const resumed = new Client({ auth: { token: 'agent' } })
  resumed.socket.on('connect', () => resumed.socket.emit('resume', { resume, subscriptions }))
  await resumed.next('checkpoint')
  assert.deepEqual(
    resumed.events.filter(({ event }) => event.conversationId === conversation).map(({ event }) => event.seq),
    [2],
  )
  const names = resumed.frames.map(({ frame }) => frame)
  assert.equal(names.indexOf('checkpoint') > names.indexOf('event'), true, 'no checkpoint before what it missed')
  resumed.socket.disconnect()
  const plain = new Client({ auth: { token: 'agent' } })
  plain.socket.on('connect', () => {
    for (let count = 0; count < 3; count++) plain.socket.emit('subscribe', { id: `s${count}`, scope: { conversation }, from: 'earliest' })
  })
  for (let count = 0; count < 3; count++) await plain.next('subscribed', ({ id }) => id === `s${count}`)
  plain.socket.disconnect()
})

test('sends away who says nothing, another word first, or what nobody can read; an event called error breaks nothing', async () => {
  const ends: [string, (client: Client) => void, object, object][] = [
    ['silence', () => undefined, {}, { code: 'silent', close: 4002, mayReturn: true }],
    ['a frame first', ({ socket }) => socket.emit('ping'), {}, { code: 'bad_frame', close: 4500, mayReturn: false }],
    ['a wrong token', ({ socket }) => socket.emit('hello', { token: 'x' }), {}, { code: 'token_refused', close: 4501, mayReturn: false }],
    ['a wrong token in auth', () => undefined, { token: 'x', subscriptions }, { code: 'token_refused', close: 4501, mayReturn: false }],
    ['two arguments', ({ socket }) => socket.emit('ping', {}, {}), { token: 'agent' }, { code: 'bad_frame', close: 4500, mayReturn: false }],
    ['a name of its own', ({ socket }) => socket.emit('error', { message: 'x' }), { token: 'agent', subscriptions }, { code: 'bad_frame', close: 4500, mayReturn: false }],
    ['a second hello', ({ socket }) => socket.emit('hello', { token: 'agent' }), { token: 'agent', subscriptions }, { code: 'bad_frame', close: 4500, mayReturn: false }],
    ['a broken hello', () => undefined, { token: 'agent', subscriptions: 'all' }, { code: 'bad_frame', close: 4500, mayReturn: false }],
  ] // prettier-ignore
  for (const [what, act, auth, expected] of ends) {
    const client = new Client({ auth, reconnection: false })
    client.socket.on('connect', () => act(client))
    await until(`${what} ends`, () => client.reasons.length > 0)
    assert.deepEqual(last(client), { frame: 'error', ...expected }, what)
  }
  await until('no session is left', () => site.gateway.sessionsCount === 0)
})

test('an agent of two organizations has a session in each over one connection; no namespace is open to others', async () => {
  site.tokens.set('there', {
    grants: grantsOf({ organizationId: ids.other, id: idOf('there') }),
    expiresAt: null,
    source: null,
    origin: null,
  })
  const here = new Client({ forceNew: false, auth: { token: 'agent', subscriptions } }, `/organizations/${ids.organization}`)
  const there = new Client({ forceNew: false, auth: { token: 'there', subscriptions } }, `/organizations/${ids.other}`)
  assert.equal((await here.next('welcome')).principal.organizationId, ids.organization)
  assert.equal((await there.next('welcome')).principal.organizationId, ids.other)
  assert.equal(here.socket.io.engine, there.socket.io.engine)
  const conversation = idOf('elsewhere')
  await there.next('checkpoint')
  await here.next('checkpoint')
  await site.writer.events(conversation, site.writer.created(conversation, { organizationId: ids.other }))
  await there.next('event')
  assert.deepEqual(here.events, [])
  const wrong = new Client({ auth: { token: 'agent', subscriptions } }, `/organizations/${ids.other}`)
  await until('it is sent away', () => wrong.reasons.length > 0)
  assert.equal((last(wrong) as { code: string }).code, 'token_refused')
  const unknown = new Client({ auth: { token: 'agent' }, reconnection: false }, '/admin')
  await new Promise((resolve) => unknown.socket.on('connect_error', resolve))
  for (const client of [here, there, unknown]) client.socket.disconnect()
  await until('their sessions are gone', () => site.gateway.sessionsCount === 0)
})

test('handshakes under way are bounded for an address, polling or not; a session holds no place', async () => {
  const ask = async (): Promise<number> => {
    const answer = await fetch(`http://127.0.0.1:${portOf(site)}/v1/socket.io/?EIO=4&transport=polling`, {
      headers: { 'x-test-address': 'flood' },
    })
    await answer.text()
    return answer.status
  }
  assert.deepEqual([await ask(), await ask(), await ask(), await ask()], [200, 200, 200, 503])
  await until('the deadline gives their places back', async () => (await ask()) === 200, 10_000)
  const clients = Array.from({ length: 6 }, () => undefined as Client | undefined)
  for (const index of clients.keys()) {
    const client = (clients[index] = new Client({
      auth: { token: 'agent', subscriptions },
      extraHeaders: { 'x-test-address': 'sessions' },
    }))
    await client.next('welcome')
  }
  for (const client of clients) client?.socket.disconnect()
  const foreign = await fetch(`http://127.0.0.1:${portOf(site)}/v1/socket.io/?EIO=4&transport=polling`, {
    headers: { origin: 'https://evil.test' },
  })
  assert.equal(foreign.status, 403)
  const page = { headers: { origin: 'https://shop.test' }, method: 'OPTIONS' }
  const asked = await fetch(`http://127.0.0.1:${portOf(site)}/v1/socket.io/?EIO=4&transport=polling`, page)
  assert.deepEqual([asked.status, asked.headers.get('access-control-allow-origin')], [204, 'https://shop.test'])
  assert.equal((await fetch(`http://127.0.0.1:${portOf(site)}/v1/socket.io/?EIO=4&transport=polling&sid=unknown`)).status, 400)
})

test('a connection on which no session is left is closed', async () => {
  const client = new Client({ auth: { token: 'agent', subscriptions }, transports: ['websocket'] })
  await client.next('welcome')
  const { engine } = client.socket.io
  // Only the namespace is left: the line is the client's to keep, until it is nobody's.
  engine.write('1')
  await new Promise((resolve) => engine.once('close', resolve))
  client.socket.disconnect()
})

for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']]) {
  test(`an unmodified client comes back by itself and resumes, over ${transports.join(' and ')}`, async () => {
    const first = await openSite()
    const port = Number(portOf(first))
    const conversation = idOf('reconnection')
    await first.writer.events(conversation, first.writer.created(conversation))
    const client: Client = new Client(
      { transports, auth: (send) => send({ token: 'agent', subscriptions, ...(client.resume.checkpoint === '' ? {} : { resume: client.resume }) }) },
      '/',
      String(port),
    ) // prettier-ignore
    await client.next('checkpoint')
    await first.writer.events(conversation, first.writer.received(conversation, 'before'))
    await client.next('event')
    await first.writer.events(conversation, first.writer.received(conversation, 'as it closes'))
    await first.close()
    assert.equal(client.socket.active, true, 'it means to come back')
    const again = await openSite({ directory: first.directory, port })
    await client.next('welcome')
    await again.writer.events(idOf('reconnection', 2), again.writer.created(idOf('reconnection', 2)))
    await client.next('event', ({ event }) => event.conversationId === idOf('reconnection', 2))
    assert.deepEqual(
      client.events.map(({ event }) => [event.conversationId, event.seq]),
      [
        [conversation, 2],
        [conversation, 3],
        [idOf('reconnection', 2), 1],
      ],
    )
    assert.notEqual(client.socket.recovered, true)
    client.socket.disconnect()
    await again.close()
    await removeSite(again)
  })
}
