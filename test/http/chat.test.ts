// The web chat's paths and files: who may begin where, what a visitor may do, how files come in and go out.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { deriveKeyed } from '#schemas/log'
import { ids, openDoor, PUBLIC_URL, type Door, type Reply } from './door.ts'

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
const SHOP = 'https://shop.example'

let door: Door
let accountId: string
before(async () => {
  door = await openDoor()
  const made = await door.ask('POST', '/v1/accounts', {
    body: { channel: 'web', name: 'Shop', origins: [SHOP], options: { greeting: 'Hi' } },
  })
  assert.equal(made.status, 201, made.text)
  assert.equal(made.body.ingestUrl, null)
  accountId = made.body.id
})
after(() => door.close())

const begin = (body: object = {}, origin: string | undefined = SHOP): Promise<Reply> =>
  door.ask('POST', `/v1/chat/${accountId}/session`, { as: null, body, headers: origin === undefined ? {} : { origin } })

const send = (token: string, text: string, key: string, headers: Record<string, string> = {}): Promise<Reply> =>
  door.ask('POST', '/v1/chat/messages', { as: token, body: { text }, headers: { 'idempotency-key': key, origin: SHOP, ...headers } })

test('a visitor begins, and the secret brings back the same conversation; another text begins anew', async () => {
  const first = await begin()
  assert.equal(first.status, 200, first.text)
  assert.equal(first.headers['access-control-allow-origin'], SHOP)
  assert.deepEqual(first.body.account, { id: accountId, name: 'Shop', options: { greeting: 'Hi' } })
  const again = await begin({ resumeSecret: first.body.resumeSecret })
  assert.equal(again.body.conversationId, first.body.conversationId)
  for (const forged of [`${'0'.repeat(32)}.${'A'.repeat(43)}`, 'nonsense', `${first.body.resumeSecret}x`]) {
    assert.notEqual((await begin({ resumeSecret: forged })).body.conversationId, first.body.conversationId)
  }
  const who = await door.http.authenticate(first.body.token)
  assert.deepEqual([who.grants.kind, who.grants.conversationId, who.origin], ['contact', first.body.conversationId, SHOP])
})

test('a page that is not on the list is refused, by its Origin or as our panel heard it; our own page is not', async () => {
  const refused = await begin({}, 'https://evil.example')
  assert.equal(refused.status, 403)
  assert.equal(refused.body.code, 'origin_refused')
  assert.equal(refused.headers['access-control-allow-origin'], undefined)
  assert.equal((await begin({ origin: 'https://evil.example' }, PUBLIC_URL)).body.code, 'origin_refused')
  assert.equal((await begin({ origin: SHOP }, 'https://evil.example')).body.code, 'origin_refused')
  assert.equal((await begin({ origin: SHOP }, PUBLIC_URL)).status, 200)
  assert.equal((await begin({ origin: PUBLIC_URL }, PUBLIC_URL)).status, 200)
  assert.equal((await door.ask('POST', `/v1/chat/${ids.owner}/session`, { as: null, body: {} })).body.code, 'not_found')
})

test('a preflight from a listed page is answered with the headers a widget sends', async () => {
  const answer = await door.ask('OPTIONS', '/v1/chat/messages', {
    as: null,
    headers: { origin: SHOP, 'access-control-request-method': 'POST' },
  })
  assert.equal(answer.status, 204)
  assert.equal(answer.headers['access-control-allow-origin'], SHOP)
  assert.match(String(answer.headers['access-control-allow-headers']), /authorization.*idempotency-key/)
})

test("a visitor's message becomes a conversation under the id of visitor and client id, once however often it is sent", async () => {
  const { body } = await begin()
  const [one, two] = [await send(body.token, 'hello', 'c-1'), await send(body.token, 'hello', 'c-1')]
  assert.equal(one.status, 201, one.text)
  assert.deepEqual(two.body, one.body)
  const visitorId = String(body.resumeSecret).slice(0, 32)
  assert.equal(one.body.messageId, deriveKeyed(door.settings.idKey(ids.organization), 'message', [accountId, `${visitorId}/c-1`]))
  const shown = await door.ask('GET', `/v1/conversations/${body.conversationId}`)
  assert.equal(shown.body.channel, 'web')
  assert.equal(shown.body.contactId, body.contactId)
})

test('a visitor is limited to ten messages at once and one a second, and to 4,000 characters', async () => {
  const { body } = await begin()
  const statuses = []
  for (let count = 0; count < 12; count++) statuses.push((await send(body.token, 'x', `b-${count}`)).status)
  assert.deepEqual(statuses, [...Array.from({ length: 10 }, () => 201), 429, 429])
  door.now += 1_000
  assert.equal((await send(body.token, 'x', 'b-12')).status, 201)
  assert.match((await send(body.token, 'x'.repeat(4_001), 'b-13')).body.detail, /text must not have more than 4000 characters/)
})

test("a visitor's token reaches no path of agents, works on no other page, and ends after 15 minutes", async () => {
  const { body } = await begin()
  assert.equal((await door.ask('GET', '/v1/conversations', { as: body.token })).body.code, 'forbidden')
  assert.equal((await door.ask('GET', '/v1/chat/messages', { as: 'agent' })).body.code, 'forbidden')
  assert.equal((await send(body.token, 'x', 'd-1', { origin: 'https://evil.example' })).body.code, 'origin_refused')
  assert.equal((await send(body.token, 'x', 'd-2', { origin: PUBLIC_URL })).status, 201)
  door.now += 901_000
  assert.equal((await send(body.token, 'x', 'd-3')).body.code, 'token_invalid')
})

test('an upload is stored under its sniffed type, sent by no visitor but its own, and served by a link that ends', async () => {
  const upload = await door.ask('POST', '/v1/attachments?name=chart.html', {
    as: 'agent',
    headers: { 'content-type': 'text/html' },
    body: PNG,
  })
  assert.equal(upload.status, 201, upload.text)
  assert.deepEqual([upload.body.contentType, upload.body.kind, upload.body.sizeBytes], ['image/png', 'image', PNG.length])
  const file = await door.ask('GET', upload.body.url, { as: null })
  assert.equal(file.status, 200)
  assert.deepEqual(
    [file.headers['content-type'], file.headers['x-content-type-options'], file.headers['content-length']],
    ['image/png', 'nosniff', String(PNG.length)],
  )
  assert.match(String(file.headers['content-disposition']), /^inline; filename="chart\.html"/)
  const altered = String(upload.body.url).replace(/signature=.{4}/, 'signature=AAAA')
  assert.equal((await door.ask('GET', altered, { as: null })).body.code, 'link_expired')
  door.now += 1_000_000
  assert.equal((await door.ask('GET', upload.body.url, { as: null })).body.code, 'link_expired')
  const { body } = await begin()
  await send(body.token, 'hello', 'e-1')
  const by = (as: string): Promise<Reply> =>
    door.ask('POST', `/v1/conversations/${body.conversationId}/messages`, {
      as,
      body: { attachments: [{ fileId: upload.body.fileId }], override: true },
    })
  assert.equal((await by('agent')).status, 201)
  const other = await door.ask('POST', '/v1/chat/messages', {
    as: body.token,
    headers: { origin: SHOP },
    body: { attachments: [{ fileId: upload.body.fileId }] },
  })
  assert.equal(other.body.code, 'attachment_not_found')
})

test('an active type is a download, whatever it claims; multipart works; too large and empty are refused', async () => {
  const html = Buffer.from('<!doctype html><script>alert(1)</script>')
  const boundary = 'xxx'
  const form = Buffer.concat([
    Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="päge.html"\r\ncontent-type: text/html\r\n\r\n`),
    html,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ])
  const upload = await door.ask('POST', '/v1/attachments', {
    as: 'agent',
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: form,
  })
  assert.equal(upload.status, 201, upload.text)
  const file = await door.ask('GET', upload.body.url, { as: null })
  assert.equal(file.headers['content-type'], 'application/octet-stream')
  assert.match(String(file.headers['content-disposition']), /^attachment; filename="p_ge\.html"; filename\*=UTF-8''p%C3%A4ge\.html/)
  const large = await door.ask('POST', '/v1/attachments', {
    as: 'agent',
    headers: { 'content-type': 'application/octet-stream' },
    body: Buffer.alloc(100_001),
  })
  assert.equal(large.status, 413)
  const empty = await door.ask('POST', '/v1/attachments', { as: 'agent', headers: { 'content-type': 'application/octet-stream' } })
  assert.ok(empty.status >= 400 && empty.status < 500, empty.text)
})

test('a visitor may upload and send the file', async () => {
  const { body } = await begin()
  const upload = await door.ask('POST', '/v1/chat/attachments', {
    as: body.token,
    headers: { 'content-type': 'image/png', origin: SHOP },
    body: PNG,
  })
  assert.equal(upload.status, 201, upload.text)
  const sent = await door.ask('POST', '/v1/chat/messages', {
    as: body.token,
    headers: { origin: SHOP },
    body: { attachments: [{ fileId: upload.body.fileId }] },
  })
  assert.equal(sent.status, 201, sent.text)
})

test('new chats and files are counted by who asks, as a trusted proxy tells it and nobody else', async () => {
  const plain = await openDoor()
  const proxied = await openDoor(({ config }) => ({ config: { ...config, trustedProxies: ['127.0.0.0/8'] } }))
  try {
    for (const each of [plain, proxied]) {
      const { body: account } = await each.ask('POST', '/v1/accounts', { body: { channel: 'web', name: 'Shop' } })
      const from = (address: string): Promise<Reply> =>
        each.ask('POST', `/v1/chat/${account.id}/session`, { as: null, body: {}, headers: { 'x-forwarded-for': address } })
      const first = await from('203.0.113.1')
      for (let count = 1; count < 60; count++) await from('203.0.113.1')
      assert.equal((await from('203.0.113.1')).status, 429)
      assert.equal((await from('203.0.113.2')).status, each === proxied ? 200 : 429)
      const upload = (): Promise<Reply> =>
        each.ask('POST', '/v1/chat/attachments', {
          as: first.body.token,
          body: PNG,
          headers: { 'content-type': 'image/png' },
        })
      for (let count = 0; count < 10; count++) assert.equal((await upload()).status, 201)
      assert.equal((await upload()).body.code, 'rate_limited')
    }
  } finally {
    await plain.close()
    await proxied.close()
  }
})
