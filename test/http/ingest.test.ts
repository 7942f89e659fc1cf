// Provider webhooks at the door: what is stored before 2xx, and every mistake a user or provider makes, by its message.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import twilio from 'twilio'
import { ConfabError } from '#errors'
import type { DeadLetter, RawRequest } from '#schemas/log'
import { until } from '../harness.ts'
import { decodeRecord, openDoor, PUBLIC_URL, type Door, type Reply } from './door.ts'

const AUTH_TOKEN = '0123456789abcdef0123456789abcdef'
const ACCOUNT_SID = `AC${'a1'.repeat(16)}`
const parameters = (sid: string, change: Record<string, string> = {}): Record<string, string> => ({
  MessageSid: `SM${sid.padStart(32, '0')}`,
  AccountSid: ACCOUNT_SID,
  From: '+15550199',
  To: '+15550100',
  Body: 'hello there',
  NumMedia: '0',
  SmsStatus: 'received',
  ...change,
})

let door: Door
let path: string

const account = (name: string, externalId: string, authToken = AUTH_TOKEN): Promise<Reply> =>
  door.ask('POST', '/v1/accounts', { body: { channel: 'twilio', name, externalId, credentials: { accountSid: ACCOUNT_SID, authToken } } })

const post = (form: Record<string, string>, options: { path?: string; signature?: string; token?: string } = {}): Promise<Reply> => {
  const url = options.path ?? path
  const signature = options.signature ?? twilio.getExpectedTwilioSignature(options.token ?? AUTH_TOKEN, `${PUBLIC_URL}${url}`, form)
  return door.ask('POST', url, {
    as: null,
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature },
    body: new URLSearchParams(form).toString(),
  })
}

const refusals = async (code: string): Promise<number> => {
  const { values } = await door.metrics.ingestRefused.get()
  return values.filter(({ labels }) => labels.code === code).reduce((sum, { value }) => sum + value, 0)
}

before(async () => {
  door = await openDoor()
  const created = await account('Support', '+15550100')
  assert.equal(created.status, 201, created.text)
  assert.match(created.body.ingestUrl, /^https:\/\/confab\.test\/v1\/ingest\/twilio\/[0-9a-f-]{36}#rc=5&rp=5xx,ct,rt/)
  path = new URL(created.body.ingestUrl).pathname
})
after(() => door.close())

test('a signed webhook is answered with empty TwiML once raw and command are in the log, and decided', async () => {
  const answer = await post(parameters('1'))
  assert.equal(answer.status, 200, answer.text)
  assert.match(String(answer.headers['content-type']), /^text\/xml/)
  assert.equal(answer.text, '<Response/>')
  const raws = await door.records('raw')
  const raw = decodeRecord(raws[0] as never) as RawRequest
  assert.equal(raws[0]?.key, raw.requestId)
  assert.equal(raw.url, `${PUBLIC_URL}${path}`)
  assert.equal(new URLSearchParams(raw.body.toString()).get('Body'), 'hello there')
  await until('the message is decided', async () => (await door.ask('GET', '/v1/conversations')).body.items.length === 1, 5_000)
})

test('the same webhook three times at once is one message under one raw key', async () => {
  const before = (await door.records('raw')).length
  const answers = await Promise.all([1, 2, 3].map(() => post(parameters('2'))))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200],
  )
  const raws = await door.records('raw')
  assert.equal(raws.length, before + 3)
  assert.equal(new Set(raws.map(({ key }) => key)).size, 2)
  const { body } = await door.ask('GET', '/v1/conversations')
  const messages = await until(
    'it is decided',
    async () => {
      const answer = await door.ask('GET', `/v1/conversations/${body.items[0].id}/messages`)
      return answer.body.items.length >= 2 && answer.body.items
    },
    5_000,
  )
  assert.equal(messages.length, 2)
})

test('a wrong signature is 403 signature_invalid, stores nothing and is counted', async () => {
  const [before, counted] = [(await door.records('raw')).length, await refusals('signature_invalid')]
  for (const signature of ['', 'AAAA', twilio.getExpectedTwilioSignature('another token', `${PUBLIC_URL}${path}`, parameters('3'))]) {
    const answer = await post(parameters('3'), { signature })
    assert.equal(answer.status, 403)
    assert.equal(answer.body.code, 'signature_invalid')
    assert.match(String(answer.headers['content-type']), /^application\/problem\+json/)
  }
  assert.equal((await door.records('raw')).length, before)
  assert.equal(await refusals('signature_invalid'), counted + 3)
})

test('an unknown key or channel is 404 unknown_ingest_key', async () => {
  for (const url of ['/v1/ingest/twilio/nobody', '/v1/ingest/pigeon/x', '/v1/ingest/web/x']) {
    const answer = await post(parameters('4'), { path: url })
    assert.equal(answer.status, 404)
    assert.equal(answer.body.code, 'unknown_ingest_key')
  }
})

test('a signed body for a number that is not configured is kept as raw and dead letter, and answered 200', async () => {
  const before = (await door.records('commands')).length
  const answer = await post(parameters('5', { To: '+15550177' }))
  assert.equal(answer.status, 200)
  const letter = decodeRecord((await door.records('dead-letters')).at(-1) as never) as DeadLetter
  assert.equal(letter.code, 'unknown_account')
  assert.equal((await door.records('commands')).length, before)
})

test("a body of another provider account is nobody's, even when signed", async () => {
  const answer = await post(parameters('6', { AccountSid: `AC${'b2'.repeat(16)}` }))
  assert.equal(answer.status, 200)
  const letters = (await door.records('dead-letters')).map((record) => decodeRecord(record) as DeadLetter)
  assert.equal(
    letters.some(({ code, bytes }) => code === 'unknown_account' && bytes.includes('b2b2')),
    true,
  )
})

test('a signed body without a MessageSid is kept as webhook_unreadable and answered 200', async () => {
  const { MessageSid: _sid, ...rest } = parameters('7')
  const answer = await post(rest)
  assert.equal(answer.status, 200)
  const letters = (await door.records('dead-letters')).map((record) => decodeRecord(record) as DeadLetter)
  assert.equal(
    letters.some(({ code }) => code === 'webhook_unreadable'),
    true,
  )
})

test('a body beyond CONFAB_INGEST_BYTES_MAX is 413 body_too_large', async () => {
  const answer = await post(parameters('8', { Body: 'x'.repeat(70_000) }))
  assert.equal(answer.status, 413)
  assert.equal(answer.body.code, 'body_too_large')
})

test('two numbers of one provider account share the ingest path, and a second token of it counts at once', async () => {
  const second = await account('Sales', '+15550101', 'rotated-token-rotated-token-0000')
  assert.equal(second.status, 201, second.text)
  assert.equal(new URL(second.body.ingestUrl).pathname, path)
  assert.equal((await post(parameters('9', { To: '+15550101' }), { token: 'rotated-token-rotated-token-0000' })).status, 200)
})

test('a log that refuses is 503 with Retry-After, is told to who reads back, and logs neither text nor number', async () => {
  let refusals = 0
  const refusing = await openDoor(({ log }) => ({
    onWebhookRefused: () => void refusals++,
    log: {
      append: (entries) =>
        entries.some(({ topic }) => topic === 'raw') ? Promise.reject(new ConfabError('append_refused')) : log.append(entries),
    },
  }))
  try {
    const { body } = await refusing.ask('POST', '/v1/accounts', {
      body: { channel: 'twilio', name: 'x', externalId: '+15550100', credentials: { accountSid: ACCOUNT_SID, authToken: AUTH_TOKEN } },
    })
    const url = new URL(body.ingestUrl).pathname
    const form = parameters('1')
    const answer = await refusing.ask('POST', url, {
      as: null,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-twilio-signature': twilio.getExpectedTwilioSignature(AUTH_TOKEN, `${PUBLIC_URL}${url}`, form),
      },
      body: new URLSearchParams(form).toString(),
    })
    assert.equal(answer.status, 503)
    assert.equal(answer.body.code, 'append_refused')
    assert.equal(answer.headers['retry-after'], '1')
    assert.equal(refusals, 1)
    assert.doesNotMatch(JSON.stringify(refusing.logged), /hello|15550|0123456789abcdef/)
  } finally {
    await refusing.close()
  }
})

test('an append slower than 2 s is 503, and the late success answers nobody', async (context) => {
  const held = Promise.withResolvers<void>()
  const slow = await openDoor(() => ({ log: { append: () => held.promise } }))
  try {
    const { body } = await slow.ask('POST', '/v1/accounts', {
      body: { channel: 'twilio', name: 'x', externalId: '+15550100', credentials: { accountSid: ACCOUNT_SID, authToken: AUTH_TOKEN } },
    })
    const url = new URL(body.ingestUrl).pathname
    const form = parameters('1')
    context.mock.timers.enable({ apis: ['setTimeout'] })
    const asked = slow.ask('POST', url, {
      as: null,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-twilio-signature': twilio.getExpectedTwilioSignature(AUTH_TOKEN, `${PUBLIC_URL}${url}`, form),
      },
      body: new URLSearchParams(form).toString(),
    })
    let answer: Reply | undefined
    const noted = asked.then((reply) => void (answer = reply))
    while (answer === undefined) {
      context.mock.timers.tick(1_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.equal(answer.status, 503)
    assert.equal(answer.body.code, 'append_unknown')
    held.resolve()
    await noted
  } finally {
    context.mock.timers.reset()
    await slow.close()
  }
})

test('a webhook that comes again by the fallback URL, signed over what Twilio adds, is the same message once', async () => {
  const received = async (): Promise<number> =>
    (await door.records('events')).filter(({ headers }) => headers['type'] === 'message.received').length
  const before = await received()
  const first = parameters('e')
  assert.equal((await post(first)).status, 200)
  assert.equal((await post({ ...first, ErrorCode: '11200', ErrorUrl: `${PUBLIC_URL}${path}` })).status, 200)
  // Behind both in the same conversation: what they led to is decided once this one is.
  assert.equal((await post(parameters('f'))).status, 200)
  await until('the last one is decided', async () => (await received()) >= before + 2, 5_000)
  assert.equal(await received(), before + 2)
})
