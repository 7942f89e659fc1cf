// What an answer of several nodes lacks stands in its headers; where nothing of it can be had it is refused. Only nodes ask at the nodes' path.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfabError } from '#errors'
import { openDoor } from './door.ts'

test('a list says what it lacks and that it may be old; a conversation out of reach is 503 with Retry-After', async () => {
  const door = await openDoor(({ views }) => ({
    views: {
      ...views,
      conversationBytes: (viewer) => {
        assert.equal(viewer.mayBePartial, true)
        return Promise.resolve({ items: Buffer.from('[]'), next: null, asOf: [], missing: 3, isStale: true })
      },
      conversation: (viewer) => {
        assert.equal(viewer.mayBePartial, undefined)
        return Promise.reject(new ConfabError('partition_unreachable', { fields: { missing: 1 }, retryAfterSeconds: 2 }))
      },
    },
  }))
  try {
    const list = await door.ask('GET', '/v1/conversations')
    assert.equal(list.status, 200)
    assert.equal(list.headers['confab-partial'], '3 of 32 partitions missing')
    assert.equal(list.headers['confab-stale'], 'true')
    const one = await door.ask('GET', '/v1/conversations/00000000-0000-8000-8000-000000000001')
    assert.equal(one.status, 503)
    assert.equal(one.headers['retry-after'], '2')
    assert.equal(one.body['code'], 'partition_unreachable')
    assert.equal((await door.ask('POST', '/v1/internal/views', { body: {} })).status, 404, 'a node alone has no such path')
  } finally {
    await door.close()
  }
})

test("the nodes' path takes bytes as they came, within a bound, and asks nobody's token", async () => {
  const heard: { time: unknown; signature: unknown; body: string }[] = []
  const door = await openDoor(() => ({
    nodeDoor: {
      path: '/v1/internal/views',
      bytesMax: 100,
      timeHeader: 'confab-node-time',
      signatureHeader: 'confab-node-signature',
      answer: ({ time, signature, body }) => {
        heard.push({ time, signature, body: Buffer.from(body).toString() })
        return signature === 'good'
          ? Promise.resolve({ partitions: [], answer: null, asOf: [], moved: [] })
          : Promise.reject(new ConfabError('node_call_refused'))
      },
    },
  }))
  try {
    const ask = (payload: string, signature: string) =>
      door.http.app.inject({
        method: 'POST',
        url: '/v1/internal/views',
        payload,
        headers: { 'content-type': 'application/json', 'confab-node-time': '5', 'confab-node-signature': signature },
      })
    assert.equal((await ask('{ "a" :1}', 'good')).statusCode, 200)
    assert.deepEqual(heard, [{ time: '5', signature: 'good', body: '{ "a" :1}' }])
    const refused = await ask('{}', 'bad')
    assert.equal(refused.statusCode, 401)
    assert.equal(refused.json<{ code: string }>().code, 'node_call_refused')
    assert.equal((await ask(`"${'x'.repeat(200)}"`, 'good')).statusCode, 413)
    assert.equal(heard.length, 2, 'what is too large is read by nobody')
    const document = (await door.http.app.inject({ url: '/openapi.json' })).body
    assert.ok(!document.includes('/v1/internal'), 'no document names it')
  } finally {
    await door.close()
  }
})
