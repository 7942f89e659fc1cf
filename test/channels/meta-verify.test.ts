// X-Hub-Signature-256 and the handshake by their vectors: bytes as they came, a token in constant time, a challenge that stays a text.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { channels } from '#channels'

interface Case {
  readonly name?: string
  readonly header: string
  readonly secret: string
  readonly body: string
  readonly signature: string
}
interface Handshake {
  readonly name: string
  readonly query: Record<string, string>
  readonly verifyToken: string
  readonly status: number
  readonly body?: string
}
const vectors = JSON.parse(readFileSync(new URL('../fixtures/channels/meta-signatures.json', import.meta.url), 'utf8')) as {
  readonly published: Case[]
  readonly publishedInvalid: Case[]
  readonly computed: { readonly cases: Case[] }
  readonly handshake: Handshake[]
}

const webhook = channels.messenger.webhook ?? assert.fail('messenger has a webhook')
const URL_OF_OURS = 'https://confab.example/v1/ingest/messenger/key'
const isProved = (body: string, signature: string, secrets: readonly string[]): boolean =>
  webhook.verify({ method: 'POST', url: URL_OF_OURS, headers: { 'x-hub-signature-256': signature }, body: Buffer.from(body), secrets })

for (const { name, header, secret, body, signature } of [...vectors.published, ...vectors.computed.cases])
  test(`vector: ${name ?? body}`, () => assert.equal(isProved(body, signature, [secret]), header === 'X-Hub-Signature-256'))

for (const { name, secret, body, signature } of vectors.publishedInvalid)
  test(`no proof: ${name ?? body}`, () => assert.ok(!isProved(body, signature, [secret])))

test('a body beyond ASCII passes as Meta escaped it, and fails written anew', () => {
  const escaped = vectors.computed.cases.find(({ name }) => name?.startsWith('escaped') === true) ?? assert.fail('no such vector')
  assert.ok(isProved(escaped.body, escaped.signature, [escaped.secret]))
  assert.ok(!isProved(JSON.stringify(JSON.parse(escaped.body)), escaped.signature, [escaped.secret]))
})

test('URL and other headers are outside of the proof', () => {
  const { body, signature, secret } = vectors.computed.cases[0] ?? assert.fail('no vector')
  const headers = { 'x-hub-signature-256': signature, 'x-hub-signature': 'sha1=0', host: 'elsewhere' }
  assert.ok(
    webhook.verify({ method: 'POST', url: 'https://other.example/x?y', headers, body: Buffer.from(body), secrets: ['other', secret] }),
  )
})

for (const { name, query, verifyToken, status, body } of vectors.handshake)
  test(`handshake: ${name}`, () => {
    const url = `${URL_OF_OURS}?${new URLSearchParams(query).toString()}`
    const answer = webhook.challenge?.({ method: 'GET', url }, ['another', verifyToken]) ?? null
    assert.deepEqual(answer, status === 200 ? { status, contentType: 'text/plain; charset=utf-8', body } : null)
  })

test('a handshake is answered to GET alone, in full, with a challenge that is a text', () => {
  const ask = (query: string, method = 'GET', tokens = ['t']) =>
    webhook.challenge?.({ method, url: `${URL_OF_OURS}?${query}` }, tokens) ?? null
  const good = 'hub.mode=subscribe&hub.challenge=123456789012345678901234567890&hub.verify_token=t'
  assert.equal(ask(good)?.body, '123456789012345678901234567890')
  assert.equal(ask(good, 'POST'), null)
  assert.equal(ask(good, 'GET', []), null)
  assert.equal(ask(good.replace('=t', '='), 'GET', ['']), null, 'an empty token is none')
  assert.equal(ask(good.replace('subscribe', 'unsubscribe')), null)
  assert.equal(ask('hub.mode=subscribe&hub.verify_token=t'), null)
  assert.equal(ask(`hub.mode=subscribe&hub.verify_token=t&hub.challenge=${encodeURIComponent('a\r\nb')}`), null)
  assert.deepEqual(webhook.challengeTokensOf?.({ verifyToken: 't' }), ['t'])
})

test('during a rotation both secrets of the app count', () =>
  assert.deepEqual(webhook.secretsOf({ appId: '1', appSecret: 'new', previousAppSecret: 'old' }), ['new', 'old']))
