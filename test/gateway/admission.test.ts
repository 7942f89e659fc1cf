// Handshakes under way are bounded, an address's and all: who floods keeps nobody else out, and silence ends by itself.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { WebSocket } from 'ws'
import { Attempts, partyOf } from '../../src/http/attempts.ts'
import { openAddresses } from '../../src/node/addresses.ts'
import { Admission } from '../../src/gateway/doors/admission.ts'
import { until } from '../harness.ts'
import { openSite, removeSite, type Site } from './site.ts'
import { TestSocket } from './socket.ts'

let site: Site
before(async () => {
  site = await openSite({ config: { handshakesMax: 4, handshakesPerAddressMax: 2, helloTimeoutMs: 400 } })
})
after(async () => {
  await site.close()
  await removeSite(site)
})

/** A socket that says nothing: resolves with 101 once it is open, else with the status of the refusal. */
const silent = (address: string): Promise<{ status: number; socket: WebSocket; retryAfter: string | undefined }> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(site.url, 'confab.v1', { headers: { 'x-test-address': address } })
    socket.on('open', () => resolve({ status: 101, socket, retryAfter: undefined }))
    socket.on('unexpected-response', (_request, response) =>
      resolve({ status: response.statusCode ?? 0, socket, retryAfter: response.headers['retry-after'] }),
    )
    socket.on('error', reject)
  })

test('an address that opens and says nothing is refused, others are not; all together are bounded', async () => {
  const statuses: number[] = []
  for (const address of ['a', 'a', 'a', 'b', 'b', 'c']) {
    const { status, retryAfter } = await silent(address)
    statuses.push(status)
    if (status === 503) assert.equal(retryAfter, '2')
  }
  assert.deepEqual(statuses, [101, 101, 503, 101, 101, 503])
  // The deadline of hello gives their places back.
  await until('there is room again', async () => (await silent('a')).status === 101, 5_000)
})

test('who has said hello holds no place', async () => {
  const sockets: TestSocket[] = []
  for (let count = 0; count < 6; count++) {
    const socket = await until('it is let in', async () => {
      const next = new TestSocket(site.url, { headers: { 'x-test-address': 'd' } })
      next.send({ frame: 'hello', token: 'agent' })
      return Promise.race([next.next('welcome').then(() => next), next.closed.then(() => undefined)])
    })
    sockets.push(socket)
  }
  assert.equal(site.gateway.sessionsCount, 6)
  for (const socket of sockets) socket.cut()
  await until('they are gone', () => site.gateway.sessionsCount === 0)
})

test('counts are exact and forget who has gone', () => {
  const admission = new Admission({ handshakesMax: 3, handshakesPerAddressMax: 2, handshakesPerSecondMax: 1_000 }, () => 0)
  const [one, two] = [admission.begin('a'), admission.begin('a')]
  assert.equal(admission.begin('a'), undefined)
  one?.()
  one?.()
  assert.equal(admission.count, 1)
  assert.notEqual(admission.begin('a'), undefined)
  assert.notEqual(admission.begin('b'), undefined)
  assert.equal(admission.begin('c'), undefined)
  two?.()
  assert.notEqual(admission.begin('c'), undefined)
  assert.equal(admission.refused, 2)
})

test('a party is an IPv4 address, or an IPv6 network of 64 bits however it is written', () => {
  assert.equal(partyOf('::ffff:192.0.2.1'), '192.0.2.1')
  assert.equal(partyOf('192.0.2.1'), '192.0.2.1')
  for (const address of ['2001:db8:1:2::1', '2001:0db8:0001:0002:ffff::', '2001:DB8:1:2:3:4:5:6'])
    assert.equal(partyOf(address), '2001:db8:1:2')
  assert.equal(partyOf('::1'), '0:0:0:0')
  assert.notEqual(partyOf('2001:db8:1:3::1'), partyOf('2001:db8:1:2::1'))
})

test('proxies are believed as far as they are trusted, and nobody else', () => {
  const addressOf = openAddresses(['10.0.0.0/8', '192.0.2.7'])
  const from = (remoteAddress: string, forwarded?: string): string =>
    addressOf({ headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }, socket: { remoteAddress } as never })
  assert.equal(from('203.0.113.9', '198.51.100.1'), '203.0.113.9')
  assert.equal(from('10.1.2.3', '198.51.100.1'), '198.51.100.1')
  assert.equal(from('::ffff:10.1.2.3', '6.6.6.6, 198.51.100.1, 192.0.2.7'), '198.51.100.1')
  assert.equal(from('10.1.2.3', 'nonsense'), '10.1.2.3')
  assert.equal(from('10.1.2.3'), '10.1.2.3')
})

test('attempts are counted by window, and one that was no guess is given back', () => {
  let now = 0
  const attempts = new Attempts(() => now, 1_000)
  for (let count = 0; count < 10; count++) {
    attempts.take('a', 3)
    attempts.giveBack('a')
  }
  for (let count = 0; count < 3; count++) attempts.take('a', 3)
  assert.throws(() => attempts.take('a', 3), { code: 'rate_limited' })
  now = 1_000
  attempts.take('a', 3)
})

test('an address begins so many handshakes a second, and others are not held up', () => {
  let now = 0
  const admission = new Admission({ handshakesMax: 1_000, handshakesPerAddressMax: 1_000, handshakesPerSecondMax: 20 }, () => now)
  const begun = (party: string): number =>
    Array.from({ length: 30 }, () => admission.begin(party)).filter((end) => end !== undefined).length
  assert.deepEqual([begun('a'), begun('b'), begun('a')], [20, 20, 0])
  now += 1_000
  assert.equal(begun('a'), 20)
})
