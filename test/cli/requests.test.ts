// Mistakes that reach a running server: bad credentials, bodies, keys and signatures; each answer names what is wrong and stores nothing.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openEmbeddedReader } from '#log'
import type { Topic } from '#topics'
import { startServer, removeDirectory, type RunningServer } from '../harness.ts'
import { inboundParameters, messageSid, signTwilio, testAccount, type TwilioAccount } from '../twilio-webhooks.ts'

let server: RunningServer
let account: TwilioAccount

before(async () => {
  server = await startServer({ environment: { CONFAB_INGEST_BYTES_MAX: '20000' } })
  const { accountSid, authToken } = testAccount('', '')
  const body = { channel: 'twilio', name: 'SMS', externalId: '+15550100', credentials: { accountSid, authToken } }
  const { ingestUrl } = await server.api<{ ingestUrl: string }>('/v1/accounts', { body })
  const url = new URL(ingestUrl)
  account = testAccount(url.pathname, url.origin)
})
after(async () => {
  assert.equal(await server.stop(), 0)
  await removeDirectory(server.dataDirectory)
})

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly code: string
  readonly detail: string
  readonly errors: readonly { readonly field: string }[]
}

const ask = async (
  path: string,
  { method = 'POST', body, headers = {} }: { method?: string; body?: string; headers?: Record<string, string> } = {},
): Promise<Answer> => {
  const authorization = { authorization: `Bearer ${await server.token()}` }
  const answer = await fetch(`${server.url}${path}`, {
    method,
    headers: { ...authorization, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body }),
  })
  const { code = '', detail = '', errors = [] } = (await answer.json().catch(() => ({}))) as Partial<Answer>
  return { status: answer.status, headers: answer.headers, code, detail, errors }
}

const count = (topic: Topic): number => {
  const reader = openEmbeddedReader({ directory: join(server.dataDirectory, 'log') })
  try {
    return reader.before(reader.latest(), { topics: [topic] }).records.length
  } finally {
    reader.close()
  }
}

const metric = async (line: string): Promise<number> => {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  const found = text.split('\n').find((each) => each.startsWith(line))
  return Number(found?.split(' ').at(-1) ?? 0)
}

const webhook = (text: string, changes: Record<string, string> = {}) => {
  const parameters = inboundParameters(account, { sid: messageSid(1, text.length), from: '+15550123', text })
  const signature = signTwilio(account.authToken, `${account.publicUrl}${account.path}`, parameters)
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature, ...changes }
  return { body: new URLSearchParams(parameters).toString(), headers }
}

test('a bad bearer token is 401 and says how to do better', async () => {
  const bad = await ask('/v1/me', { method: 'GET', headers: { authorization: 'Bearer nonsense' } })
  assert.deepEqual([bad.status, bad.code], [401, 'token_invalid'])
  assert.match(bad.headers.get('www-authenticate') ?? '', /Bearer/)
  const scheme = await ask('/v1/me', { method: 'GET', headers: { authorization: 'Basic abc' } })
  assert.deepEqual([scheme.status, scheme.code], [401, 'unauthenticated'])
})

test('JSON that is none says where it ends to be; a wrong field is named', async () => {
  const malformed = await ask('/v1/labels', { body: '{"name": "a",,}' })
  assert.deepEqual([malformed.status, malformed.code], [400, 'body_malformed'])
  assert.match(malformed.detail, /position 13/)
  const wrong = await ask('/v1/labels', { body: '{"name": 5, "colour": "#ffffff"}' })
  assert.deepEqual([wrong.status, wrong.code], [400, 'request_invalid'])
  assert.ok(wrong.errors.some(({ field }) => field === 'name') && wrong.errors.some(({ field }) => field === 'colour'), wrong.detail)
  const credentials = await ask('/v1/accounts', {
    body: JSON.stringify({ channel: 'twilio', name: 'x', externalId: '+15550177', credentials: { accountSid: 'nope' } }),
  })
  assert.ok(credentials.status === 400 || credentials.status === 422)
  assert.match(credentials.detail, /credentials\.(?:accountSid|authToken)/)
  const form = await ask('/v1/labels', { body: 'name=a', headers: { 'content-type': 'application/x-www-form-urlencoded' } })
  assert.deepEqual([form.status, form.code], [415, 'media_type_unsupported'])
})

test('an unknown account, ingest key, path or method is told apart', async () => {
  assert.deepEqual(
    await ask(`/v1/accounts/00000000-0000-8000-8000-000000000001`, { method: 'GET' }).then(({ status, code }) => [status, code]),
    [404, 'not_found'],
  )
  assert.deepEqual(await ask('/v1/ingest/twilio/nobody', webhook('hello')).then(({ status, code }) => [status, code]), [
    404,
    'unknown_ingest_key',
  ])
  assert.deepEqual(await ask('/v1/acounts', { method: 'GET' }).then(({ status, code }) => [status, code]), [404, 'path_unknown'])
  assert.deepEqual(await ask('/v1/me', { body: '{}' }).then(({ status, code }) => [status, code]), [405, 'method_not_allowed'])
})

test('a wrong signature is 403, counted, and leaves nothing in the log', async () => {
  const name = 'confab_ingest_refused_total{channel="twilio",code="signature_invalid"}'
  const before = await metric(name)
  for (const signature of ['AAAAAAAAAAAAAAAAAAAAAAAAAAA=', '']) {
    const answer = await ask(account.path, webhook('forged', { 'x-twilio-signature': signature }))
    assert.deepEqual([answer.status, answer.code], [403, 'signature_invalid'])
  }
  const altered = webhook('genuine')
  assert.equal((await ask(account.path, { ...altered, body: altered.body.replace('genuine', 'altered') })).status, 403)
  assert.equal((await metric(name)) - before, 3)
  assert.equal(count('raw'), 0)
  assert.equal(count('dead-letters'), 0)
  assert.equal((await ask(account.path, webhook('genuine'))).status, 200)
  assert.equal(count('raw'), 1)
})

test('a body beyond the limit is 413, of webhooks and of the API', async () => {
  const before = count('raw')
  const large = await ask(account.path, webhook('x'.repeat(30_000)))
  assert.deepEqual([large.status, large.code], [413, 'body_too_large'])
  assert.equal(count('raw'), before)
  const json = await ask('/v1/labels', { body: JSON.stringify({ name: 'x'.repeat(2_000_000) }) })
  assert.deepEqual([json.status, json.code], [413, 'body_too_large'])
})
