// What operators ask over HTTP: dead letters by key, sign-in links; who may, and what comes of it.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { deadLetter, derivePlain, encode } from '#schemas/log'
import { partitionOf } from '#log'
import { ids, openDoor, type Door } from './door.ts'

let door: Door
before(async () => {
  door = await openDoor()
})
after(() => door.close())

const webhook = derivePlain('event', ['dead-letter', 'a webhook'])

const bury = async (): Promise<void> => {
  const letter = {
    organizationId: ids.organization,
    topic: 'raw',
    partition: 0,
    offset: null,
    key: 'place/0',
    code: 'unknown_account',
    error: 'no account',
    at: door.now,
    isPoison: false,
    bytes: Buffer.from('Body=hello'),
  }
  const records = [{ key: webhook, value: encode(deadLetter, letter), headers: { type: 'dead-letter' }, time: door.now }]
  await door.log.append([{ topic: 'dead-letters', partition: partitionOf(webhook), records }])
}

test('dead letters are for owners and admins, of their own organization', async () => {
  await bury()
  for (const as of ['agent', 'observer', 'bot', 'integration'])
    assert.equal((await door.ask('GET', '/v1/dead-letters', { as })).body.code, 'forbidden', as)
  assert.deepEqual((await door.ask('GET', '/v1/dead-letters', { as: 'stranger' })).body, { items: [], next: null, total: 0 })
  assert.equal((await door.ask('POST', `/v1/dead-letters/${webhook}/discard`, { as: 'stranger', body: {} })).body.code, 'not_found')
  const { body } = await door.ask('GET', '/v1/dead-letters')
  assert.equal(body.total, 1)
  assert.equal(body.items[0].key, webhook)
  assert.equal(body.items[0].letters[0].code, 'unknown_account')
})

test('a webhook is shown and discarded; it cannot be replayed', async () => {
  const shown = await door.ask('GET', `/v1/dead-letters/${webhook}`)
  assert.equal(shown.body.contents[0].body, 'Body=hello')
  assert.equal((await door.ask('POST', `/v1/dead-letters/${webhook}/replay`, { body: {} })).body.code, 'dead_letter_not_replayable')
  assert.deepEqual((await door.ask('POST', `/v1/dead-letters/${webhook}/discard`, { body: {} })).body, {
    replayed: 0,
    discarded: 1,
    parked: 0,
  })
  assert.equal((await door.ask('GET', '/v1/dead-letters')).body.total, 0)
  assert.equal((await door.ask('GET', `/v1/dead-letters/${webhook}`)).body.code, 'not_found')
})

test('a sign-in link lets its agent in once', async () => {
  const made = await door.ask('POST', `/v1/agents/${ids.agent}/sign-in-link`)
  assert.equal(made.status, 201)
  const code = /#code=(.+)$/.exec(made.body.url)?.[1]
  const first = await door.ask('POST', '/v1/sessions', { as: null, body: { code } })
  assert.equal(first.status, 201)
  assert.equal(first.body.agentId, ids.agent)
  assert.equal((await door.ask('POST', '/v1/sessions', { as: null, body: { code } })).body.code, 'sign_in_refused')
})

test('nobody makes a link for an agent of another organization, nor without the permission', async () => {
  assert.equal((await door.ask('POST', `/v1/agents/${ids.owner}/sign-in-link`, { as: 'agent' })).body.code, 'forbidden')
  assert.equal((await door.ask('POST', `/v1/agents/${ids.stranger}/sign-in-link`)).body.code, 'not_found')
})

test('an admin makes no link for an owner', async () => {
  const { body: admin } = await door.ask('POST', '/v1/agents', { body: { name: 'Admin', email: 'admin@confab.test', role: 'admin' } })
  const { body: made } = await door.ask('POST', '/v1/tokens', { body: { name: 'admin', role: 'admin', agentId: admin.id } })
  assert.equal((await door.ask('POST', `/v1/agents/${ids.owner}/sign-in-link`, { as: made.token })).body.code, 'forbidden')
  assert.equal((await door.ask('POST', `/v1/agents/${ids.agent}/sign-in-link`, { as: made.token })).status, 201)
})
