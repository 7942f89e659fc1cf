// Signing in and out: passwords, one-time links, cookies that another site cannot use, short tokens for the socket.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { derivePlain } from '#schemas/log'
import { hashToken } from '#secrets'
import { ids, openDoor, PASSWORD, PUBLIC_URL, type Door, type Reply } from './door.ts'

let door: Door
before(async () => {
  door = await openDoor()
})
after(() => door.close())

const signIn = (body: object, headers: Record<string, string> = {}): Promise<Reply> =>
  door.ask('POST', '/v1/sessions', { as: null, body, headers })
const cookieOf = (answer: Reply): string => String(answer.headers['set-cookie']).split(';', 1)[0] ?? ''

const link = async (code: string, expiresAt = door.now + 60_000): Promise<void> => {
  await door.settingWishes.put(
    { kind: 'system', id: null },
    ids.organization,
    { kind: 'session', action: 'create', id: derivePlain('setting', ['link', code]), expectedRev: null },
    { kind: 'link', agentId: ids.agent, hash: hashToken(code), expiresAt },
  )
}

test('a password gives an httpOnly, SameSite=Strict cookie and the CSRF text; the cookie reads, and ends with sign-out', async () => {
  const answer = await signIn({ email: 'Agent@Confab.test', password: PASSWORD })
  assert.equal(answer.status, 201, answer.text)
  const set = String(answer.headers['set-cookie'])
  for (const word of ['HttpOnly', 'SameSite=Strict', 'Secure', 'Path=/']) assert.match(set, new RegExp(word))
  assert.equal(answer.body.agentId, ids.agent)
  const cookie = cookieOf(answer)
  const me = await door.ask('GET', '/v1/me', { as: null, headers: { cookie } })
  assert.deepEqual(me.body.principal, { kind: 'agent', id: ids.agent, role: 'agent', organizationId: ids.organization })
  assert.equal(me.body.csrf, answer.body.csrf)
  const out = await door.ask('DELETE', '/v1/sessions', {
    as: null,
    headers: { cookie, 'x-confab-csrf': answer.body.csrf, origin: PUBLIC_URL },
  })
  assert.equal(out.status, 204, out.text)
  assert.equal((await door.ask('GET', '/v1/me', { as: null, headers: { cookie } })).body.code, 'token_invalid')
})

test('a change by cookie needs the CSRF text and a page of this server', async () => {
  const answer = await signIn({ email: 'agent@confab.test', password: PASSWORD })
  const cookie = cookieOf(answer)
  const csrf = answer.body.csrf as string
  const ask = (headers: Record<string, string>): Promise<Reply> =>
    door.ask('POST', '/v1/sessions/token', { as: null, headers: { cookie, ...headers } })
  for (const headers of [
    {},
    { 'x-confab-csrf': 'wrong' },
    { 'x-confab-csrf': csrf, origin: 'https://evil.example' },
    { 'x-confab-csrf': csrf, origin: 'null' },
    { 'x-confab-csrf': csrf, 'sec-fetch-site': 'cross-site' },
  ]) {
    const refused = await ask(headers)
    assert.equal(refused.status, 403, JSON.stringify(headers))
    assert.equal(refused.body.code, 'csrf_refused')
  }
  assert.equal((await ask({ 'x-confab-csrf': csrf, origin: PUBLIC_URL })).status, 200)
  assert.equal(
    (await signIn({ email: 'agent@confab.test', password: PASSWORD }, { origin: 'https://evil.example' })).body.code,
    'csrf_refused',
  )
})

test('a one-time link signs in once, even when two use it at the same time, and not after its end', async () => {
  await link('once-0123456789abcdef')
  const answers = await Promise.all([signIn({ code: 'once-0123456789abcdef' }), signIn({ code: 'once-0123456789abcdef' })])
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [201, 401],
  )
  assert.equal((await signIn({ code: 'once-0123456789abcdef' })).body.code, 'sign_in_refused')
  await link('late-0123456789abcdef', door.now - 1)
  assert.equal((await signIn({ code: 'late-0123456789abcdef' })).body.code, 'sign_in_refused')
})

test('a wrong password, an unknown e-mail and one without a password are told apart by nobody; then the tries run out', async () => {
  for (const [email, password] of [
    ['agent@confab.test', 'wrong'],
    ['nobody@confab.test', PASSWORD],
    ['owner@confab.test', PASSWORD],
  ] as const) {
    const answer = await signIn({ email, password })
    assert.equal(answer.status, 401)
    assert.equal(answer.body.code, 'sign_in_refused')
  }
  const answers = []
  for (let count = 0; count < 10; count++) answers.push(await signIn({ email: 'agent@confab.test', password: 'guess' }))
  const last = answers.at(-1)
  assert.equal(last?.status, 429)
  assert.equal(last?.body.code, 'rate_limited')
  assert.ok(Number(last?.headers['retry-after']) > 0)
  door.now += 900_001
  assert.equal((await signIn({ email: 'agent@confab.test', password: PASSWORD })).status, 201)
})

test('the short token opens what its session may, for ten minutes, and ends with the session', async () => {
  const answer = await signIn({ email: 'agent@confab.test', password: PASSWORD })
  const headers = { cookie: cookieOf(answer), 'x-confab-csrf': answer.body.csrf as string, origin: PUBLIC_URL }
  const short = await door.ask('POST', '/v1/sessions/token', { as: null, headers })
  const who = await door.http.authenticate(short.body.token)
  assert.deepEqual([who.grants.id, who.grants.role, who.source?.kind], [ids.agent, 'agent', 'session'])
  assert.ok((who.expiresAt ?? 0) <= door.now + 600_000)
  await assert.rejects(door.http.authenticate(`${String(short.body.token).slice(0, -2)}xx`), { code: 'token_invalid' })
  await door.ask('DELETE', '/v1/sessions', { as: null, headers })
  await assert.rejects(door.http.authenticate(short.body.token), { code: 'token_invalid' })
})

test('a session ends by time', async () => {
  const answer = await signIn({ email: 'agent@confab.test', password: PASSWORD })
  door.now += 31 * 86_400_000
  assert.equal((await door.ask('GET', '/v1/me', { as: null, headers: { cookie: cookieOf(answer) } })).body.code, 'token_invalid')
})

test('neither password, cookie nor code is in the log in clear', async () => {
  await link('seen-0123456789abcdef')
  const answer = await signIn({ code: 'seen-0123456789abcdef' })
  const secret = cookieOf(answer).split('=')[1] ?? ''
  for (const topic of ['commands', 'config', 'events'] as const) {
    const bytes = Buffer.concat((await door.records(topic)).map(({ value }) => value ?? new Uint8Array()))
    for (const text of [PASSWORD, secret, 'seen-0123456789abcdef']) assert.equal(bytes.includes(text), false, topic)
  }
  assert.doesNotMatch(JSON.stringify(door.logged), new RegExp(`${PASSWORD}|${secret}`))
})
