// The API at the door: list, messages, send, settings; who may, and what a mistake is told.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { deriveKeyed } from '#schemas/log'
import { until } from '../harness.ts'
import { ids, openDoor, type Door } from './door.ts'

let door: Door
let accountId: string
let conversationId: string

before(async () => {
  door = await openDoor()
  const credentials = { accountSid: `AC${'a1'.repeat(16)}`, authToken: '0123456789abcdef0123456789abcdef' }
  const account = await door.ask('POST', '/v1/accounts', {
    body: { channel: 'twilio', name: 'Support', externalId: '+15550100', credentials },
  })
  accountId = account.body.id
  const started = await door.ask('POST', '/v1/conversations', {
    as: 'agent',
    body: { accountId, to: '+15550199', content: { text: 'Hello' } },
  })
  assert.equal(started.status, 201, started.text)
  conversationId = started.body.subject.id
})
after(() => door.close())

const messages = async (): Promise<any[]> => (await door.ask('GET', `/v1/conversations/${conversationId}/messages`)).body.items // oxlint-disable-line typescript/no-explicit-any -- as it came

test('a conversation started by an agent is listed, shown by id, and stands under the id derived from account and address', async () => {
  assert.equal(conversationId, deriveKeyed(door.settings.idKey(ids.organization), 'conversation', [accountId, '+15550199']))
  const list = await door.ask('GET', '/v1/conversations?state=open,snoozed&limit=10', { as: 'observer' })
  assert.deepEqual(
    list.body.items.map(({ id }: { id: string }) => id),
    [conversationId],
  )
  assert.equal(list.headers['confab-position'], 'v-1')
  const one = await door.ask('GET', `/v1/conversations/${conversationId}`)
  assert.equal(one.body.contactId, deriveKeyed(door.settings.idKey(ids.organization), 'contact', [accountId, '+15550199']))
})

test('the same key and body send once and answer the same; another body under it is 422 idempotency_mismatch', async () => {
  const send = (text: string) =>
    door.ask('POST', `/v1/conversations/${conversationId}/messages`, { as: 'agent', body: { text }, headers: { 'idempotency-key': 'k-1' } })
  const [first, second] = [await send('once'), await send('once')]
  assert.equal(first.status, 201, first.text)
  assert.equal(first.headers['confab-position'], 'p-1')
  assert.deepEqual(second.body, first.body)
  assert.equal(
    first.body.messageId,
    deriveKeyed(door.settings.idKey(ids.organization), 'outbound', [conversationId, 'agent', ids.agent, 'k-1']),
  )
  assert.equal((await messages()).filter(({ content }) => content?.text === 'once').length, 1)
  const other = await send('another')
  assert.equal(other.status, 422)
  assert.equal(other.body.code, 'idempotency_mismatch')
})

test('who types says so without a socket; an observer may not, and a stranger’s conversation is not there', async () => {
  const type = (id: string, as: 'agent' | 'observer', body: object = { isTyping: true, internal: true }) =>
    door.ask('POST', `/v1/conversations/${id}/typing`, { as, body })
  assert.equal((await type(conversationId, 'agent')).status, 204)
  assert.deepEqual(door.typed, [{ conversationId, isTyping: true, isNote: true }])
  assert.equal((await type(conversationId, 'observer')).status, 403)
  assert.equal((await type(ids.agent, 'agent')).status, 404)
  assert.equal((await type(conversationId, 'agent', { typing: 1 })).status, 400)
  assert.equal(door.typed.length, 1)
})

test('claim, resolve, reopen, snooze, label, priority, read and draft are one path each', async () => {
  const label = await door.ask('POST', '/v1/labels', { body: { name: 'VIP', color: '#ff0000' } })
  const steps: [string, object?][] = [
    ['POST claim'],
    ['POST resolve'],
    ['POST reopen'],
    ['POST snooze', { until: 'reply' }],
    ['POST reopen'],
    ['POST label', { add: [label.body.id] }],
    ['POST priority', { priority: 'high' }],
    ['POST read', { upToSeq: 1 }],
    ['PUT draft', { text: 'half a', rev: 1 }],
    ['POST release'],
    ['POST assign', { agentId: ids.agent }],
  ]
  for (const [step, body] of steps) {
    const [method = '', path] = step.split(' ')
    const answer = await door.ask(method, `/v1/conversations/${conversationId}/${path}`, {
      as: 'agent',
      ...(body === undefined ? {} : { body }),
    })
    assert.equal(answer.status, 200, `${step}: ${answer.text}`)
    assert.equal(answer.body.subject.id, conversationId)
  }
  const { body } = await door.ask('GET', `/v1/conversations/${conversationId}`)
  assert.equal(body.priority, 'high')
  assert.deepEqual(body.labels, [label.body.id])
  assert.deepEqual(body.assignee, { kind: 'agent', id: ids.agent })
})

test('another agent’s claim is 409 conversation_taken and names the holder', async () => {
  const answer = await door.ask('POST', `/v1/conversations/${conversationId}/claim`, { as: 'owner' })
  assert.equal(answer.status, 409)
  assert.equal(answer.body.code, 'conversation_taken')
  assert.equal(answer.body.holder.id, ids.agent)
})

test('an agent of another organization is nobody here', async () => {
  const answer = await door.ask('POST', `/v1/conversations/${conversationId}/assign`, { as: 'owner', body: { agentId: ids.stranger } })
  assert.equal(answer.body.code, 'assignee_unknown')
})

test('a wrong field is named, and its value is not repeated', async () => {
  const cases: [string, string, unknown, RegExp][] = [
    ['POST', `/v1/conversations/${conversationId}/messages`, { txt: 'secret words' }, /txt is not a field here/],
    ['POST', `/v1/conversations/${conversationId}/messages`, { text: 5 }, /text must be string/],
    [
      'POST',
      `/v1/conversations/${conversationId}/messages`,
      {},
      /text, attachments, location, template, choice, cards, vcards or native is required/,
    ],
    ['POST', `/v1/conversations/${conversationId}/messages`, { native: { x: 'y'.repeat(131_072) } }, /native is longer than 131072/],
    ['POST', `/v1/conversations/${conversationId}/snooze`, {}, /until is required/],
    [
      'POST',
      `/v1/conversations/${conversationId}/priority`,
      { priority: 'huge' },
      /priority must be one of none, low, medium, high, urgent/,
    ],
    ['GET', '/v1/conversations?limit=1000', undefined, /the query: limit must be <= 100/],
    ['GET', '/v1/conversations/nonsense', undefined, /the path: id must match format "uuid"/],
    ['POST', '/v1/accounts', { channel: 'twilio', name: 'x', externalId: '+1', credentials: { accountSid: 'AC' } }, /credentials/],
    ['POST', '/v1/accounts', { channel: 'twilio', name: 'x' }, /externalId is required/],
  ]
  for (const [method, url, body, expected] of cases) {
    const answer = await door.ask(method, url, body === undefined ? {} : { body })
    assert.equal(answer.status, 400, `${url}: ${answer.text}`)
    assert.equal(answer.body.code, 'request_invalid')
    assert.match(answer.body.detail, expected)
    assert.doesNotMatch(answer.text, /secret words/)
  }
})

test('malformed JSON is 400 body_malformed with the place and without the text', async () => {
  const answer = await door.ask('POST', `/v1/conversations/${conversationId}/messages`, {
    headers: { 'content-type': 'application/json' },
    body: '{"text": "hush" oops}',
  })
  assert.equal(answer.status, 400)
  assert.equal(answer.body.code, 'body_malformed')
  assert.match(answer.body.detail, /position 16/)
  assert.doesNotMatch(answer.text, /hush|oops/)
})

test('a body of another type is 415, one that is too large 413, an unknown path 404, another method 405 with Allow', async () => {
  const url = `/v1/conversations/${conversationId}/messages`
  assert.equal((await door.ask('POST', url, { headers: { 'content-type': 'text/csv' }, body: 'a,b' })).body.code, 'media_type_unsupported')
  assert.equal((await door.ask('POST', url, { body: { text: 'x'.repeat(1_100_000) } })).body.code, 'body_too_large')
  assert.equal((await door.ask('GET', '/v1/nothing')).body.code, 'path_unknown')
  const wrong = await door.ask('DELETE', url)
  assert.equal(wrong.status, 405)
  assert.equal(wrong.headers['allow'], 'GET, HEAD, POST')
})

test('no token, an unknown one, an expired one, a malformed header: 401, each by its code', async () => {
  for (const [as, code] of [
    [null, 'unauthenticated'],
    ['confab_nonsense', 'token_invalid'],
    ['expired', 'token_invalid'],
  ] as const) {
    const answer = await door.ask('GET', '/v1/conversations', { as })
    assert.equal(answer.status, 401)
    assert.equal(answer.body.code, code)
    assert.equal(answer.headers['www-authenticate'], 'Bearer realm="confab"')
  }
  const basic = await door.ask('GET', '/v1/conversations', { as: null, headers: { authorization: 'Basic abc' } })
  assert.equal(basic.body.code, 'unauthenticated')
})

test('an observer may not write, a bot may not claim, an agent may not make tokens: 403 forbidden', async () => {
  const cases: [string, string, string, object][] = [
    ['observer', 'POST', `/v1/conversations/${conversationId}/messages`, { text: 'x' }],
    ['bot', 'POST', `/v1/conversations/${conversationId}/claim`, {}],
    ['bot', 'POST', `/v1/conversations/${conversationId}/messages`, { text: 'x', internal: true }],
    ['agent', 'POST', '/v1/tokens', { name: 'x', role: 'bot' }],
    ['agent', 'GET', `/v1/conversations/${conversationId}/events`, {}],
  ]
  for (const [as, method, url, body] of cases) {
    const answer = await door.ask(method, url, { as, ...(method === 'GET' ? {} : { body }) })
    assert.equal(answer.status, 403, `${as} ${url}: ${answer.text}`)
    assert.equal(answer.body.code, 'forbidden')
  }
})

test("another organization's conversation and account do not exist for it", async () => {
  for (const [method, url, body] of [
    ['GET', `/v1/conversations/${conversationId}`],
    ['GET', `/v1/conversations/${conversationId}/messages`],
    ['POST', `/v1/conversations/${conversationId}/messages`, { text: 'x' }],
    ['GET', `/v1/accounts/${accountId}`],
    ['PATCH', `/v1/accounts/${accountId}`, { name: 'mine' }],
  ] as [string, string, object?][]) {
    const answer = await door.ask(method, url, { as: 'stranger', ...(body === undefined ? {} : { body }) })
    assert.equal(answer.status, 404, `${url}: ${answer.text}`)
    assert.equal(answer.body.code, 'not_found')
  }
  assert.deepEqual((await door.ask('GET', '/v1/conversations', { as: 'stranger' })).body.items, [])
})

test('cursors page without a gap and are refused when altered, for another filter, by another principal', async () => {
  for (const to of ['+15550201', '+15550202']) await door.ask('POST', '/v1/conversations', { as: 'agent', body: { accountId, to } })
  const seen: string[] = []
  let next: string | null = ''
  let first = ''
  while (next !== null) {
    const page: { body: { items: { id: string }[]; next: string | null } } = await door.ask(
      'GET',
      `/v1/conversations?limit=1${next === '' ? '' : `&cursor=${next}`}`,
    )
    seen.push(...page.body.items.map(({ id }) => id))
    next = page.body.next
    if (first === '' && next !== null) first = next
  }
  assert.equal(new Set(seen).size, 3)
  const altered = `${first.slice(0, -2)}${first.endsWith('AA') ? 'BB' : 'AA'}`
  for (const [cursor, rest, as] of [
    [altered, '', 'owner'],
    [first, '&state=open', 'owner'],
    [first, '', 'stranger'],
    [first, '', 'agent'],
  ] as const) {
    const answer = await door.ask('GET', `/v1/conversations?limit=1&cursor=${cursor}${rest}`, { as })
    assert.equal(answer.status, 400)
    assert.equal(answer.body.code, 'cursor_invalid')
  }
})

test('an account answers its ingest URL and never its credentials; PATCH merges; If-Match guards', async () => {
  const shown = await door.ask('GET', `/v1/accounts/${accountId}`)
  assert.equal(shown.headers['etag'], '"1"')
  assert.equal(shown.body.hasCredentials, true)
  assert.doesNotMatch(shown.text, /0123456789abcdef|a1a1a1|sealed|ingestKey/)
  const changed = await door.ask('PATCH', `/v1/accounts/${accountId}`, { body: { name: 'Help' }, headers: { 'if-match': '"1"' } })
  assert.equal(changed.status, 200, changed.text)
  assert.deepEqual(
    [changed.body.name, changed.body.externalId, changed.body.hasCredentials, changed.headers['etag']],
    ['Help', '+15550100', true, '"2"'],
  )
  const late = await door.ask('PATCH', `/v1/accounts/${accountId}`, { body: { name: 'Late' }, headers: { 'if-match': '"1"' } })
  assert.equal(late.status, 412)
  assert.equal(late.body.code, 'rev_mismatch')
  assert.equal(late.body.rev, 2)
  const stored = door.settings.account(accountId)?.sealedCredentials
  assert.deepEqual(JSON.parse(door.secrets.open('credentials', stored ?? Buffer.alloc(0), accountId).toString()), {
    accountSid: `AC${'a1'.repeat(16)}`,
    authToken: '0123456789abcdef0123456789abcdef',
  })
  const twice = await door.ask('POST', '/v1/accounts', {
    body: {
      channel: 'twilio',
      name: 'Again',
      externalId: '+15550100',
      credentials: { accountSid: `AC${'c3'.repeat(16)}`, authToken: 'x'.repeat(32) },
    },
  })
  assert.equal(twice.status, 409)
  assert.equal(twice.body.code, 'setting_not_unique')
})

test('a token shows its text once, the same text for a repeated request, works, and ends with its removal', async () => {
  const create = () =>
    door.ask('POST', '/v1/tokens', { body: { name: 'CRM', role: 'integration' }, headers: { 'idempotency-key': 'token-1' } })
  const [made, again] = [await create(), await create()]
  assert.equal(made.status, 201, made.text)
  assert.equal(again.body.token, made.body.token)
  assert.equal((await door.ask('GET', '/v1/conversations', { as: made.body.token })).status, 200)
  const shown = await door.ask('GET', `/v1/tokens/${made.body.id}`)
  assert.equal(shown.body.token, undefined)
  assert.doesNotMatch(shown.text, /hash/)
  assert.equal((await door.ask('DELETE', `/v1/tokens/${made.body.id}`)).status, 204)
  assert.equal((await door.ask('GET', '/v1/conversations', { as: made.body.token })).body.code, 'token_invalid')
})

test('nobody hands out a role above their own, and a token of an agent never exceeds the agent', async () => {
  const admin = await door.ask('POST', '/v1/agents', { body: { name: 'Ada', email: 'Ada@Confab.test', role: 'admin' } })
  assert.equal(admin.body.email, 'ada@confab.test')
  const token = await door.ask('POST', '/v1/tokens', { body: { name: 'ada', role: 'owner', agentId: admin.body.id } })
  const as = token.body.token as string
  assert.equal(
    (await door.ask('POST', '/v1/agents', { as, body: { name: 'Eve', email: 'eve@confab.test', role: 'owner' } })).body.code,
    'forbidden',
  )
  assert.equal((await door.ask('PATCH', `/v1/agents/${ids.owner}`, { as, body: { role: 'agent' } })).body.code, 'forbidden')
  await door.ask('PATCH', `/v1/agents/${admin.body.id}`, { body: { role: 'observer' } })
  assert.equal((await door.ask('POST', `/v1/conversations/${conversationId}/claim`, { as })).body.code, 'forbidden')
  await door.ask('DELETE', `/v1/agents/${admin.body.id}`)
  assert.equal((await door.ask('GET', '/v1/conversations', { as })).body.code, 'token_invalid')
  assert.equal((await door.ask('DELETE', `/v1/agents/${ids.owner}`)).body.code, 'last_owner')
})

test('a key of 65 characters, or one with a space, is 400 idempotency_key_invalid', async () => {
  for (const key of ['x'.repeat(65), 'a b']) {
    const answer = await door.ask('POST', `/v1/conversations/${conversationId}/claim`, { headers: { 'idempotency-key': key } })
    assert.equal(answer.body.code, 'idempotency_key_invalid')
  }
})

test('a failed send can be retried, an unknown one settled, and a message that nobody can see is not_found', async () => {
  const row = (await messages()).find(({ content }) => content?.text === 'Hello')
  const retry = await door.ask('POST', `/v1/conversations/${conversationId}/messages/${row.id}/retry`, { as: 'agent' })
  assert.equal(retry.body.code, 'send_not_retryable')
  const nobody = await door.ask('POST', `/v1/conversations/${conversationId}/messages/${ids.owner}/edit`, { body: { text: 'x' } })
  assert.equal(nobody.body.code, 'not_found')
})

test('nothing that was typed, no token and no number is in the logs', async () => {
  await until('requests were logged', () => door.logged.length > 10)
  assert.doesNotMatch(JSON.stringify(door.logged), /Hello|once|half a|\+1555|confab_/)
})
