// What an operator's tool may print of a record: everything said, nothing that opens a door.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandRecords, deadLetter, derivePlain, encode, rawRequest, readableValue, recordTypeIn, settingRecords } from '#schemas/log'

const id = derivePlain('setting', ['readable'])
const read = (topic: string, type: string, value: Uint8Array | null): any => readableValue({ topic, headers: { type }, value }) // oxlint-disable-line typescript/no-explicit-any -- tests read whatever came

const write = encode(commandRecords['setting.write'], {
  commandId: id,
  organizationId: id,
  actor: { kind: 'organization', id },
  by: { kind: 'system', id: null },
  asksOutcome: true,
  bodyHash: 'feed',
  at: 1,
  data: {
    kind: 'token',
    action: 'create',
    entityId: id,
    expectedRev: null,
    json: '{"name":"CRM","hash":"beef","sealedIdKey":"cafe"}',
    uniqueKeys: [],
  },
})

test('masks hashes and sealed bytes, also inside JSON that a command carries as text', () => {
  const shown = read('commands', 'setting.write', write)
  assert.deepEqual(shown.data.json, { name: 'CRM', hash: '(masked)', sealedIdKey: '(masked)' })
  assert.equal(shown.bodyHash, '(masked)')
  const account = read(
    'config',
    'organization',
    encode(settingRecords.organization, {
      id,
      organizationId: id,
      uniqueKeys: [],
      rev: 1,
      createdAt: 1,
      updatedAt: 1,
      name: 'Shop',
      sealedIdKey: Buffer.from('sealed'),
      reopenToAgentHours: 24,
    }),
  )
  assert.equal(account.name, 'Shop')
  assert.equal(account.sealedIdKey, '(masked)')
  assert.doesNotMatch(JSON.stringify([shown, account]), /beef|cafe|feed|sealed"/)
})

test("shows a provider's form as its fields, without the proofs of its headers", () => {
  const value = encode(rawRequest, {
    requestId: id,
    organizationId: id,
    channel: 'twilio',
    key: 'k',
    source: 'webhook',
    receivedAt: 1,
    method: 'POST',
    url: 'https://confab.test/x',
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': 'proof', authorization: 'Basic abc' },
    body: Buffer.from('Body=Hello+there&From=%2B15550100'),
  })
  const shown = read('raw', 'request', value)
  assert.deepEqual(shown.body, { Body: 'Hello there', From: '+15550100' })
  assert.doesNotMatch(JSON.stringify(shown), /proof|Basic/)
})

test('shows the command in a dead letter, and knows its type without the headers that are gone', () => {
  assert.equal(recordTypeIn(write), 'setting.write')
  const letter = encode(deadLetter, {
    organizationId: id,
    topic: 'commands',
    partition: 1,
    offset: 2,
    key: id,
    code: 'poison',
    error: 'Error: no',
    at: 1,
    isPoison: true,
    bytes: Buffer.from(write),
  })
  const shown = read('dead-letters', 'dead-letter', letter)
  assert.equal(shown.command.data.json.name, 'CRM')
  assert.doesNotMatch(JSON.stringify(shown), /beef/)
})

test('a tombstone is null, strange bytes are told by their size', () => {
  assert.equal(read('config', 'label', null), null)
  assert.match(read('config', 'label', Buffer.from('junk')), /4 bytes/)
})
