// The way out through a CONNECT proxy: everything goes through it, and what it refuses was provably not sent.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { openOutgoing, type OutgoingRequest } from '#effects'
import { hasCode } from '#errors'

type Manner = 'tunnel' | 'refuse' | 'hang' | 'drop' | 'cut'

const listen = async (t: TestContext, server: Server): Promise<string> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const openProxied = async (t: TestContext, manner: Manner = 'tunnel') => {
  const asked: string[] = []
  const bodies: string[] = []
  const sockets = new Set<Socket>()
  t.after(() => sockets.forEach((socket) => socket.destroy()))
  const target = await listen(
    t,
    createServer((request, response) => {
      let body = ''
      request.setEncoding('utf8').on('data', (text: string) => (body += text))
      request.on('end', () => {
        bodies.push(body)
        // The proxy loses the tunnel before the answer is through.
        if (manner === 'cut') for (const socket of sockets) socket.destroy()
        else response.end('answered')
      })
    }),
  )
  const proxy = createServer((_request, response) => response.writeHead(400).end())
  proxy.on('connect', (request, client: Socket) => {
    asked.push(request.url ?? '')
    sockets.add(client)
    client.on('error', () => undefined)
    if (manner === 'refuse') return void client.end('HTTP/1.1 403 Forbidden\r\n\r\n')
    if (manner === 'drop') return void client.destroy()
    if (manner === 'hang') return
    const upstream = connect(Number(new URL(target).port), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.pipe(client)
      client.pipe(upstream)
    })
    sockets.add(upstream)
    upstream.on('error', () => client.destroy())
  })
  const outgoing = openOutgoing({ allow: ['127.0.0.0/8'], trustedOrigins: ['http://provider.test'], proxyUrl: await listen(t, proxy) })
  t.after(() => outgoing.close())
  return { outgoing, asked, bodies, target }
}

const post = (url: string, fields: Partial<OutgoingRequest> = {}): OutgoingRequest => ({
  method: 'POST',
  url,
  body: 'secret',
  timeoutMs: 10_000,
  responseBytesMax: 1000,
  ...fields,
})

test('goes through the tunnel, names unresolved, to providers too', async (t) => {
  const { outgoing, asked, bodies, target } = await openProxied(t)
  const provider = await outgoing.request(post('http://provider.test/create', { isToProvider: true }))
  const other = await outgoing.request(post(target))
  assert.deepEqual([provider.status, provider.body.toString(), other.status], [200, 'answered', 200])
  assert.deepEqual(asked, ['provider.test:80', new URL(target).host])
  assert.deepEqual(bodies, ['secret', 'secret'])
})

test('refuses what the URL alone gives away, and names in clear, without asking the proxy', async (t) => {
  const { outgoing, asked } = await openProxied(t)
  for (const url of ['http://169.254.169.254/', 'https://localhost/', 'https://10.0.0.1/', 'http://shop.test/'])
    await assert.rejects(outgoing.request(post(url)), (error) => hasCode(error, 'egress_refused'), url)
  await assert.rejects(outgoing.request(post('http://provider.test/')), (error) => hasCode(error, 'egress_refused'))
  assert.deepEqual(asked, [])
})

for (const manner of ['refuse', 'drop', 'hang'] as const)
  test(`a proxy that does ${manner} proves that nothing was sent`, async (t) => {
    const { outgoing, bodies } = await openProxied(t, manner)
    await assert.rejects(
      outgoing.request(post('http://provider.test/', { isToProvider: true, timeoutMs: manner === 'hang' ? 300 : 10_000 })),
      (error) => hasCode(error, 'request_not_sent'),
    )
    assert.deepEqual(bodies, [])
  })

test('a proxy that cannot be reached proves that nothing was sent', async (t) => {
  const outgoing = openOutgoing({ allow: [], trustedOrigins: ['http://provider.test'], proxyUrl: 'http://127.0.0.1:1' })
  t.after(() => outgoing.close())
  await assert.rejects(outgoing.request(post('http://provider.test/', { isToProvider: true })), (error) =>
    hasCode(error, 'request_not_sent'),
  )
})

test('a tunnel that breaks after the request leaves its fate open, and the request is made once', async (t) => {
  const { outgoing, bodies } = await openProxied(t, 'cut')
  await assert.rejects(outgoing.request(post('http://provider.test/', { isToProvider: true })), (error) =>
    hasCode(error, 'request_cut_off'),
  )
  assert.deepEqual(bodies, ['secret'])
})
