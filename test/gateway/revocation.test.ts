// Lost trust ends live sockets: a changed password, a shortened or removed token, over a whole server and real sockets.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { removeDirectory, startServer, until, type RunningServer } from '../harness.ts'
import { TestSocket } from './socket.ts'

/** The promise of docs/security.md, in milliseconds. */
const WITHIN_MS = 1_000

let server: RunningServer
before(async () => {
  server = await startServer()
})
after(async () => {
  await server.stop()
  await removeDirectory(server.dataDirectory)
})

interface Browser {
  readonly headers: Record<string, string>
  readonly ask: (path: string, body: unknown, method?: string) => Promise<Response>
}

const signIn = async (email: string, password: string): Promise<Browser> => {
  const own = { origin: server.url, 'content-type': 'application/json' }
  const answer = await fetch(`${server.url}/v1/sessions`, { method: 'POST', headers: own, body: JSON.stringify({ email, password }) })
  assert.equal(answer.status, 201)
  const cookie = (answer.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? ''
  const headers = { ...own, cookie, 'x-confab-csrf': ((await answer.json()) as { csrf: string }).csrf }
  return { headers, ask: (path, body, method = 'POST') => fetch(`${server.url}${path}`, { method, headers, body: JSON.stringify(body) }) }
}

const open = async (token: string): Promise<TestSocket> => {
  const socket = new TestSocket(`${server.url.replace(/^http/, 'ws')}/v1/socket`)
  socket.send({ frame: 'hello', token, subscriptions: [{ id: 'all', scope: { all: true } }] })
  await socket.next('checkpoint')
  return socket
}

const shortToken = async ({ ask }: Browser): Promise<string> =>
  ((await (await ask('/v1/sessions/token', {})).json()) as { token: string }).token

/** The code, and how long it took after `act` was answered. */
const closedBy = async (socket: TestSocket, act: () => Promise<unknown>): Promise<{ code: number; ms: number }> => {
  let ended = Number.POSITIVE_INFINITY
  const closed = socket.closed.then((how) => ((ended = performance.now()), how))
  await act()
  const answeredAt = performance.now()
  const { code } = await closed
  return { code, ms: ended - answeredAt }
}

test('a changed password ends the other sessions of that person and their sockets, and not the one that changed it', async () => {
  const email = 'anna@confab.test'
  const { id } = await server.api<{ id: string }>('/v1/agents', {
    body: { name: 'Anna', email, role: 'admin', password: 'first password 1' },
  })
  const [here, there] = [await signIn(email, 'first password 1'), await signIn(email, 'first password 1')]
  const [hereSocket, thereSocket] = [await open(await shortToken(here)), await open(await shortToken(there))]
  const { code, ms } = await closedBy(thereSocket, async () => {
    const changed = await here.ask(`/v1/agents/${id}`, { password: 'second password 2' }, 'PATCH')
    assert.equal(changed.status, 200, await changed.text())
  })
  assert.equal(code, 4502)
  assert.ok(ms < WITHIN_MS, `${ms} ms`)
  assert.equal((await there.ask('/v1/sessions/token', {})).status, 401)
  assert.equal((await here.ask('/v1/sessions/token', {})).status, 200)
  hereSocket.send({ frame: 'ping' })
  await hereSocket.next('pong')
  hereSocket.cut()
})

test('a changed role asks the sockets of that person to come back, and they come back as what they are now', async () => {
  const email = 'ben@confab.test'
  const { id } = await server.api<{ id: string }>('/v1/agents', {
    body: { name: 'Ben', email, role: 'admin', password: 'first password 1' },
  })
  const browser = await signIn(email, 'first password 1')
  const { code, ms } = await closedBy(await open(await shortToken(browser)), () =>
    server.api(`/v1/agents/${id}`, { method: 'PATCH', body: { role: 'observer' } }),
  )
  assert.equal(code, 4000)
  assert.ok(ms < WITHIN_MS, `${ms} ms`)
  const back = await open(await shortToken(browser))
  assert.equal(back.frames.flatMap((frame) => (frame.frame === 'welcome' ? [frame.principal.role] : []))[0], 'observer')
  back.cut()
})

test('a token that is removed, or made to end sooner, ends its sockets, the ones by its short tokens too, for good', async () => {
  const make = (name: string) =>
    server.api<{ id: string; token: string }>('/v1/tokens', { body: { name, role: 'integration', expiresAt: '2999-01-01T00:00:00Z' } })
  const removed = await make('removed')
  const gone = await closedBy(await open(removed.token), () => server.api(`/v1/tokens/${removed.id}`, { method: 'DELETE' }))
  assert.equal(gone.code, 4502)
  assert.ok(gone.ms < WITHIN_MS, `${gone.ms} ms`)
  const shortened = await make('shortened')
  const headers = { authorization: `Bearer ${shortened.token}` }
  const { token } = await server.api<{ token: string }>('/v1/sessions/token', { method: 'POST', headers })
  const [direct, short] = [await open(shortened.token), await open(token)]
  const end = new Date(Date.now() + 300)
  const both = Promise.all([direct, short].map((socket) => closedBy(socket, () => Promise.resolve())))
  await server.api(`/v1/tokens/${shortened.id}`, { method: 'PATCH', body: { expiresAt: end.toISOString() } })
  for (const { code } of await both) assert.equal(code, 4502)
  const lateMs = Date.now() - end.getTime()
  // The sockets are looked at once a second.
  assert.ok(lateMs >= 0 && lateMs < WITHIN_MS + 200, `${lateMs} ms late`)
  await until('it is refused', async () => (await fetch(`${server.url}/v1/me`, { headers })).status === 401)
})
