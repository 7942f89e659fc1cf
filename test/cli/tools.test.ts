// The operator's tools against a real server: tail, find, token, sign-in and dead-letters, beside it and after it.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { commandRecords, decode, deadLetter, encode, parkedMark, type Command } from '#schemas/log'
import { openEmbeddedLog, openEmbeddedReader, partitionOf } from '#log'
import { removeDirectory, startServer, until, type RunningServer } from '../harness.ts'
import { inboundParameters, messageSid, signTwilio, testAccount, type TwilioAccount } from '../twilio-webhooks.ts'
import { confab, startConfab, type Ran } from './command.ts'

let server: RunningServer
let account: TwilioAccount
let sent = 0

const environment = (): Record<string, string> => ({ CONFAB_DATA_DIR: server.dataDirectory, CONFAB_PORT: String(server.port) })
const run = (...parameters: string[]): Promise<Ran> => confab(parameters, { environment: environment() })
const lines = ({ out }: Ran): string[] => out.split('\n').filter((line) => line !== '')

const say = async (text: string): Promise<void> => {
  const parameters = inboundParameters(account, { sid: messageSid(7, ++sent), from: '+15550123', text })
  const signature = signTwilio(account.authToken, `${account.publicUrl}${account.path}`, parameters)
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature }
  const answer = await fetch(`${server.url}${account.path}`, { method: 'POST', headers, body: new URLSearchParams(parameters).toString() })
  assert.equal(answer.status, 200)
}

before(async () => {
  server = await startServer()
  const { accountSid, authToken } = testAccount('', '')
  const body = { channel: 'twilio', name: 'SMS', externalId: '+15550100', credentials: { accountSid, authToken } }
  const { ingestUrl } = await server.api<{ ingestUrl: string }>('/v1/accounts', { body })
  const url = new URL(ingestUrl)
  account = testAccount(url.pathname, url.origin)
})
after(async () => {
  await server.stop()
  await removeDirectory(server.dataDirectory)
})

test('tail follows a running server; find sees what was said, wherever it lies, and no secret', async () => {
  const tail = startConfab(['tail', '--topic', 'events', '--topic', 'commands', '--json', '--from', 'earliest'], {
    environment: environment(),
  })
  await until('tail has begun', () => tail.out().includes('setting.changed'))
  await say('Where are my Turnips?')
  await until('the event is there', () => tail.out().includes('message.received') && tail.out().includes('Turnips'))
  tail.process.kill('SIGKILL')
  const { out } = await tail.ended
  const records = out
    .trim()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { topic: string; type: string; key: string; partition: number; offset: number })
  assert.deepEqual([...new Set(records.map(({ topic }) => topic))].toSorted(), ['commands', 'events'])
  assert.doesNotMatch(out, /"(?:hash|sealedIdKey|sealedCredentials|passwordHash)":"(?!\(masked\)|")/)
  const found = lines(await run('find', 'my turnips', '--json')).map((line) => JSON.parse(line) as { topic: string; key: string })
  assert.deepEqual([...new Set(found.map(({ topic }) => topic))].toSorted(), ['commands', 'events', 'messages', 'raw'])
  const conversation = found.find(({ topic }) => topic === 'commands')?.key ?? ''
  const mine = lines(await run('tail', '--from', 'earliest', '--once', '--key', conversation))
  assert.ok(mine.length >= 3 && mine.every((line) => line.includes(conversation)))
  assert.equal((await run('tail', '--once')).out, '')
  const byId = await run('find', messageSid(7, sent), '--topic', 'raw', '--limit', '1')
  assert.match(byId.out, /MessageSid/)
  const none = await run('find', 'no such words')
  assert.deepEqual([none.code, none.out], [1, ''])
  const secret = await run('find', account.authToken)
  assert.equal(secret.out, '', 'credentials are sealed')
})

test('token makes, lists and removes tokens; sign-in prints a link that works once', async () => {
  const made = await run('token', 'create', 'CRM', '--role', 'integration')
  assert.equal(made.code, 0, made.err)
  const headers = { authorization: `Bearer ${made.out.trim()}` }
  assert.equal((await fetch(`${server.url}/v1/me`, { headers })).status, 200)
  const listed = lines(await run('token', 'list')).find((line) => line.endsWith('CRM'))
  assert.ok(listed)
  assert.doesNotMatch(listed, new RegExp(made.out.trim()))
  assert.equal((await run('token', 'remove', listed.split(' ')[0] ?? '')).code, 0)
  assert.equal((await fetch(`${server.url}/v1/me`, { headers })).status, 401)
  const link = await run('token', 'sign-in', 'OWNER@localhost')
  const code = /#code=(\S+)/.exec(link.out)?.[1]
  const signIn = () =>
    fetch(`${server.url}/v1/sessions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ code }) })
  assert.equal((await signIn()).status, 201)
  assert.equal((await signIn()).status, 401)
  const nobody = await run('token', 'sign-in', 'nobody@localhost')
  assert.equal(nobody.code, 1)
  assert.match(nobody.err, /nobody@localhost.*owner@localhost/)
})

/** What a server leaves behind whose machine could not decide the next commands of a conversation. */
const park = async (texts: readonly string[]): Promise<string> => {
  const log = await openEmbeddedLog({ directory: join(server.dataDirectory, 'log') })
  const reader = openEmbeddedReader({ directory: join(server.dataDirectory, 'log') })
  const last = reader
    .before(reader.latest(), { topics: ['commands'] })
    .records.find(({ record }) => record.headers['type'] === 'message.receive')?.record
  reader.close()
  const shape = commandRecords['message.receive']
  const template = decode(shape, last?.value ?? new Uint8Array()) as Command<'message.receive'>
  const { actor, organizationId, data } = template
  const partition = partitionOf(actor.id)
  const first = (last?.offset ?? 0) - texts.length + 1
  const at = Date.now()
  const other = (id: string, n: number): string => id.slice(0, -1) + ((Number.parseInt(id.slice(-1), 16) + n + 1) % 16).toString(16)
  const letters = texts.map((text, n) => {
    const command = {
      ...template,
      commandId: other(template.commandId, n),
      data: { ...data, messageId: other(data.messageId, n), content: { ...data.content, text } },
    }
    const letter = {
      organizationId,
      topic: 'commands',
      partition,
      offset: first + n,
      key: actor.id,
      code: n === 0 ? 'poison' : 'conversation_parked',
      error: n === 0 ? 'Error: cannot go on' : '',
      at,
      isPoison: n === 0,
      bytes: encode(shape, command),
    }
    return {
      key: `${actor.id}/commands/${partition}/${first + n}`,
      value: encode(deadLetter, letter),
      headers: { type: 'dead-letter' },
      time: at,
    }
  })
  const mark = {
    key: `${actor.id}/parked`,
    value: encode(parkedMark, { actor, offset: first, at, letters: letters.length, replay: null }),
    headers: { type: 'parked' },
    time: at,
  }
  const lease = await log.lease('conversations', partition)
  const entries = [
    { topic: 'dead-letters', partition, records: letters },
    { topic: 'conversations', partition, records: [mark] },
  ] as const
  await lease.commit({ entries }, lease.position)
  await log.close()
  return actor.id
}

test('dead letters are listed, shown, sent again in their order, and then gone', async () => {
  await say('first of all')
  await until('it is decided', async () => (await run('find', 'first of all', '--topic', 'events')).code === 0)
  await server.stop()
  const key = await park(['second', 'third'])
  server = await startServer({ dataDirectory: server.dataDirectory, port: server.port })
  await say('fourth')
  await until('it waits behind them', async () => (await run('dead-letters', 'list')).out.includes('3 waiting'))
  const listed = await run('dead-letters', 'list')
  assert.match(listed.out, new RegExp(`^${key}  conversation, parked`))
  const shown = await run('dead-letters', 'show', key)
  assert.match(shown.out, /cannot go on[\s\S]+second[\s\S]+third[\s\S]+fourth/)
  const replayed = await run('dead-letters', 'replay', key)
  assert.equal(replayed.code, 0, replayed.err)
  assert.match(replayed.out, /3 sent again, 0 discarded/)
  const said = lines(await run('tail', '--from', 'earliest', '--once', '--json', '--key', key))
    .map((line) => JSON.parse(line) as { type: string; value: { body: { text: string } } })
    .filter(({ type }) => type === 'content.message')
    .map(({ value }) => value.body.text)
  assert.deepEqual(said, ['Where are my Turnips?', 'first of all', 'second', 'third', 'fourth'])
  assert.match((await run('dead-letters', 'list')).err, /no dead letters/)
  const gone = await run('dead-letters', 'discard', key)
  assert.equal(gone.code, 1)
  assert.match(gone.err, /404 not_found/)
})

test('a reader that has seen enough is no fault', async () => {
  const tail = startConfab(['tail', '--from', 'earliest', '--topic', 'commands', '--topic', 'schemas', '--json'], {
    environment: environment(),
  })
  await until('it has begun', () => tail.out() !== '')
  tail.process.stdout?.destroy()
  await say('one more')
  const { code, err } = await tail.ended
  assert.deepEqual([code, err], [0, ''])
})
