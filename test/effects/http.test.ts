// The outgoing guard: its table of addresses, literal and through names, and how failures are told apart.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSocketServer, type AddressInfo, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { openOutgoing, type Outgoing, type OutgoingOptions } from '#effects'
import { ConfabError } from '#errors'

const LIMITS = { timeoutMs: 2000, responseBytesMax: 4096 } as const

const open = (t: TestContext, options: Partial<OutgoingOptions> = {}): Outgoing => {
  const outgoing = openOutgoing({ allow: [], trustedOrigins: [], ownAddresses: () => [], ...options })
  t.after(() => outgoing.close())
  return outgoing
}

const listen = async (t: TestContext, listener: RequestListener): Promise<string> => {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const failure = async (promise: Promise<unknown>): Promise<ConfabError> => {
  try {
    await promise
  } catch (error) {
    assert.ok(error instanceof ConfabError, String(error))
    return error
  }
  return assert.fail('it should have been refused')
}

const refusedUrls: readonly (readonly [string, string])[] = [
  ['http://example.com/', 'plain http, once the name is resolved'],
  ['ftp://example.com/', 'another scheme'],
  ['https://user:password@example.com/', 'credentials in the URL'],
  ['https://localhost/', 'localhost'],
  ['https://LOCALHOST./', 'localhost with a dot'],
  ['https://api.localhost/', 'a name under localhost'],
  ['https://example.com:25/', 'a port of another protocol'],
  ['https://127.0.0.1/', 'loopback'],
  ['https://2130706433/', 'decimal'],
  ['https://0x7f.1/', 'hexadecimal'],
  ['https://0177.0.0.1/', 'octal'],
  ['https://127.1/', 'short form'],
  ['https://１２７.0.0.1/', 'full-width digits'],
  ['https://0.0.0.0/', 'this network'],
  ['https://10.1.2.3/', 'private'],
  ['https://100.64.0.1/', 'shared'],
  ['https://169.254.169.254/latest/meta-data', 'link-local, where clouds answer'],
  ['https://172.31.255.255/', 'private'],
  ['https://192.168.1.1/', 'private'],
  ['https://192.0.2.1/', 'documentation'],
  ['https://198.19.0.1/', 'benchmarks'],
  ['https://224.0.0.1/', 'multicast'],
  ['https://255.255.255.255/', 'broadcast'],
  ['https://168.63.129.16/', "a cloud's host service"],
  ['https://[::]/', 'unspecified'],
  ['https://[::1]/', 'loopback'],
  ['https://[::ffff:127.0.0.1]/', 'mapped'],
  ['https://[::ffff:7f00:1]/', 'mapped, in hex'],
  ['https://[::10.0.0.1]/', 'compatible'],
  ['https://[64:ff9b::10.0.0.1]/', 'NAT64 of a private address'],
  ['https://[64:ff9b:1::1]/', 'local NAT64'],
  ['https://[fe80::1]/', 'link-local'],
  ['https://[fc00::1]/', 'unique local'],
  ['https://[fec0::1]/', 'site-local'],
  ['https://[ff02::1]/', 'multicast'],
  ['https://[2001:db8::1]/', 'documentation'],
  ['https://[2001::1]/', 'Teredo'],
  ['https://[2002:7f00:1::]/', '6to4'],
  ['https://[3fff::1]/', 'documentation'],
  ['https://[100::1]/', 'discard'],
  ['https://[5f00::1]/', 'segment routing'],
]

for (const [url, what] of refusedUrls)
  test(`refuses ${url}: ${what}`, async (t) => {
    const error = await failure(open(t, { resolve: () => Promise.resolve(['93.184.216.34']) }).request({ method: 'GET', url, ...LIMITS }))
    assert.equal(error.code, 'egress_refused')
    assert.match(error.message, /Rule: .+CONFAB_EGRESS_ALLOW/)
  })

const answers: readonly (readonly [string[], boolean, string])[] = [
  [['127.0.0.1'], false, 'an inside address'],
  [['93.184.216.34', '10.0.0.1'], false, 'one bad among good ones'],
  [['::ffff:169.254.169.254'], false, 'a mapped one'],
  [['64:ff9b::a00:1'], false, 'NAT64 of a private one'],
  [['fe80::1%eth0'], false, 'a zone id'],
  [['nonsense'], false, 'no address at all'],
  [['203.0.114.7'], false, "the machine's own public address"],
]

for (const [addresses, , what] of answers)
  test(`refuses a name that resolves to ${what}`, async (t) => {
    const outgoing = open(t, { resolve: () => Promise.resolve(addresses), ownAddresses: () => ['203.0.114.7'] })
    const error = await failure(outgoing.request({ method: 'GET', url: 'https://hook.example/', ...LIMITS }))
    assert.equal(error.code, 'egress_refused')
  })

test('lets public addresses pass: the name is resolved once and its answer connected to, so rebinding gets no second look', async (t) => {
  let lookups = 0
  const base = await listen(t, (_, response) => void response.end('inside'))
  const { port } = new URL(base)
  // First answer allow-listed, the second one an inside address: only the first may ever be asked for.
  const outgoing = open(t, { allow: ['127.0.0.1/32'], resolve: () => Promise.resolve(lookups++ === 0 ? ['127.0.0.1'] : ['127.0.0.2']) })
  const answer = await outgoing.request({ method: 'GET', url: `http://rebinding.example:${port}/`, ...LIMITS })
  assert.equal(answer.body.toString(), 'inside')
  assert.equal(lookups, 1)
})

test('allows http to allow-listed addresses alone, literal and mapped', async (t) => {
  const base = await listen(t, (_, response) => void response.end('ok'))
  const allowed = open(t, { allow: ['127.0.0.0/8'] })
  assert.equal((await allowed.request({ method: 'GET', url: base, ...LIMITS })).status, 200)
  const mapped = await allowed.request({ method: 'GET', url: base.replace('127.0.0.1', '[::ffff:127.0.0.1]'), ...LIMITS })
  assert.equal(mapped.status, 200)
  assert.equal((await failure(open(t).request({ method: 'GET', url: base, ...LIMITS }))).code, 'egress_refused')
})

test('names the setting when a CIDR cannot be read', () =>
  assert.throws(() => openOutgoing({ allow: ['10.0.0.0/40'], trustedOrigins: [] }), /CONFAB_EGRESS_ALLOW/))

test('trusts a configured provider origin for requests to the provider, and for nothing else', async (t) => {
  const base = await listen(t, (_, response) => void response.end('ok'))
  const outgoing = open(t, { trustedOrigins: [base] })
  assert.equal((await outgoing.request({ method: 'GET', url: `${base}/x`, isToProvider: true, ...LIMITS })).status, 200)
  assert.equal((await failure(outgoing.request({ method: 'GET', url: `${base}/x`, ...LIMITS }))).code, 'egress_refused')
  const elsewhere = outgoing.request({ method: 'GET', url: 'http://127.0.0.1:9999/', isToProvider: true, ...LIMITS })
  assert.equal((await failure(elsewhere)).code, 'egress_refused')
})

test('follows no redirect by default, and for media only to the hosts given, without credentials', async (t) => {
  const seen: (string | undefined)[] = []
  const target = await listen(t, (request, response) => {
    seen.push(request.headers.authorization)
    response.end('file')
  })
  const start = await listen(t, (request, response) => {
    seen.push(request.headers.authorization)
    const to = { '/out': `${target}/file`, '/inside': 'http://10.0.0.1/', '/loop': '/loop' }[request.url ?? ''] ?? '/'
    response.writeHead(307, { location: to }).end()
  })
  const outgoing = open(t, { trustedOrigins: [start, target] })
  const headers = { authorization: 'Basic c2VjcmV0' }
  const request = { method: 'GET', isToProvider: true, headers, ...LIMITS } as const
  assert.equal((await outgoing.request({ ...request, url: `${start}/out` })).status, 307)
  const redirects = { max: 3, mayVisit: (url: URL) => url.hostname === '127.0.0.1' }
  assert.equal((await outgoing.request({ ...request, url: `${start}/out`, redirects })).body.toString(), 'file')
  assert.deepEqual(seen.slice(-2), ['Basic c2VjcmV0', undefined])
  assert.equal((await failure(outgoing.request({ ...request, url: `${start}/loop`, redirects }))).code, 'egress_refused')
  const everywhere = { max: 3, mayVisit: () => true }
  assert.equal((await failure(outgoing.request({ ...request, url: `${start}/inside`, redirects: everywhere }))).code, 'egress_refused')
})

test('ends a dripping answer at the total deadline, and a large one at its size', async (t) => {
  const timers: NodeJS.Timeout[] = []
  t.after(() => timers.forEach((timer) => clearInterval(timer)))
  const base = await listen(t, (request, response) => {
    if (request.url === '/drip') timers.push(setInterval(() => response.write('x'), 20))
    else response.end(Buffer.alloc(100_000))
  })
  const outgoing = open(t, { allow: ['127.0.0.1'] })
  const drip = await failure(outgoing.request({ method: 'GET', url: `${base}/drip`, timeoutMs: 300, responseBytesMax: 4096 }))
  assert.deepEqual([drip.code, drip.fields['reason']], ['request_cut_off', 'timed_out'])
  const large = await failure(outgoing.request({ method: 'GET', url: `${base}/large`, ...LIMITS }))
  assert.deepEqual([large.code, large.fields['reason']], ['request_cut_off', 'response_too_large'])
})

const listenRaw = async (t: TestContext, onSocket: (socket: Socket) => void): Promise<string> => {
  const server = createSocketServer(onSocket).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('tells what was not sent from what may have been', async (t) => {
  const outgoing = open(t, { allow: ['127.0.0.1'], resolve: () => Promise.reject(new Error('ENOTFOUND')) })
  const post = { method: 'POST', body: 'To=1', ...LIMITS } as const
  assert.equal((await failure(outgoing.request({ ...post, url: 'https://nowhere.example/' }))).code, 'request_not_sent')

  const closed: Server = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as AddressInfo
  await new Promise((resolve) => closed.close(resolve))
  assert.equal((await failure(outgoing.request({ ...post, url: `http://127.0.0.1:${port}/` }))).code, 'request_not_sent')

  let requests = 0
  const dropping = await listenRaw(t, (socket) => socket.on('error', () => undefined).once('data', () => (requests++, socket.destroy())))
  const dropped = await failure(outgoing.request({ ...post, url: dropping }))
  assert.deepEqual([dropped.code, dropped.fields['reason'], requests], ['request_cut_off', 'connection_lost', 1])

  const silent = await listenRaw(t, (socket) => void socket.on('error', () => undefined).on('data', () => undefined))
  const late = await failure(outgoing.request({ ...post, url: silent, timeoutMs: 200 }))
  assert.deepEqual([late.code, late.fields['reason']], ['request_cut_off', 'timed_out'])

  const tls = await listenRaw(t, (socket) => void socket.on('error', () => undefined).end('no TLS here'))
  assert.equal((await failure(outgoing.request({ ...post, url: tls.replace('http:', 'https:') }))).code, 'request_not_sent')
})

test('sends a request once when a kept connection is closed under it', async (t) => {
  let requests = 0
  const base = await listenRaw(t, (socket) => {
    let answered = false
    socket
      .on('error', () => undefined)
      .on('data', () => {
        requests++
        if (answered) return socket.destroy()
        answered = true
        return socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok')
      })
  })
  const outgoing = open(t, { allow: ['127.0.0.1'] })
  const post = { method: 'DELETE', url: base, ...LIMITS } as const
  // Whether the pool takes the kept connection is its own choice: ask until it did.
  for (let calls = 1; calls <= 50; calls++) {
    const ending = await outgoing.request(post).catch((error: unknown) => error)
    assert.equal(requests, calls, 'one request on the wire for each call')
    if (ending instanceof ConfabError) return assert.equal(ending.code, 'request_cut_off')
  }
  return assert.fail('no kept connection was ever used')
})
