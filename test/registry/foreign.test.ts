// A foreign registry: today's schemas are registered there, its ids stand in records, and both kinds of ids are read.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { decode, encode, mark, registeredSchemas, withOwnId } from '#schemas/log'
import { hasCode } from '#errors'
import { openEmbeddedLog, type Log } from '#log'
import { openRegistry, type ForeignOptions } from '#registry'
import { freePort, removeDirectory, temporaryDirectory } from '../harness.ts'
import { openFakeConfluent, type FakeConfluent } from './fake-confluent.ts'

const avro = createRequire(import.meta.url)('avro-js') as { parse(schema: unknown): { fromBuffer(bytes: Buffer): unknown } }

let directory: string
let log: Log
let confluent: FakeConfluent
let foreign: ForeignOptions

before(async () => {
  directory = await temporaryDirectory()
  log = await openEmbeddedLog({ directory: join(directory, 'log'), synchronous: 'OFF', cleanIntervalMs: 0 })
  confluent = await openFakeConfluent({ user: 'confab', password: 'open sesame' })
  await writeFile(join(directory, 'password'), 'open sesame\n')
  foreign = { url: confluent.url, user: 'confab', passwordFile: join(directory, 'password') }
})
after(async () => {
  await confluent.close()
  await log.close()
  await removeDirectory(directory)
})

const value = {
  conversationId: 'c',
  organizationId: 'o',
  accountId: 'a',
  agentId: 'g',
  rev: 1,
  readUpTo: 2,
  readUpToContactSeq: 2,
  draft: null,
  isNoteDraft: false,
  draftRev: 0,
  at: 3,
}

const refusal = async (options: ForeignOptions): Promise<Error> => {
  const error: unknown = await openRegistry(log, () => 1, { foreign: options }).then(
    () => undefined,
    (cause: unknown) => cause,
  )
  assert.ok(error instanceof Error)
  return error
}

test('one that cannot be reached, or refuses who asks, is named at start', async () => {
  const gone = { ...foreign, url: `http://127.0.0.1:${await freePort()}` }
  const unreachable = await refusal(gone)
  assert.ok(hasCode(unreachable, 'registry_unreachable'))
  assert.match(unreachable.message, new RegExp(`CONFAB_SCHEMA_REGISTRY_URL is ${gone.url}: .*ECONNREFUSED`))
  const refused = await refusal({ ...foreign, user: 'somebody' })
  assert.ok(hasCode(refused, 'registry_refused'))
  assert.match(refused.message, /401.*Unauthorized/)
  assert.doesNotMatch(refused.message, /sesame/)
  const unread = await refusal({ ...foreign, passwordFile: join(directory, 'none') })
  assert.ok(hasCode(unread, 'config_invalid'))
})

test('a breaking change against what it holds is refused, with the field', async () => {
  const schema = { type: 'record', name: 'confab.Mark', fields: [{ name: 'mood', type: 'string' }] }
  confluent.subjects.set('marks-Mark', [JSON.stringify(schema)])
  const error = await refusal(foreign)
  assert.ok(hasCode(error, 'schema_incompatible'))
  assert.match(error.message, /marks-Mark: .*field mood was removed/)
  confluent.subjects.delete('marks-Mark')
})

test('records carry its ids, and a foreign reader that knows nothing but it reads them', async () => {
  const before = encode(mark, value)
  const registry = await openRegistry(log, () => 1, { foreign })
  assert.equal(confluent.subjects.size, new Set(registeredSchemas.map(({ subject }) => subject)).size)
  const after = encode(mark, value)
  const id = after.readUInt32BE(1)
  assert.notEqual(id, before.readUInt32BE(1))
  const schema = confluent.schemaOf(id)
  assert.ok(schema !== undefined)
  const read = avro.parse(JSON.parse(schema)).fromBuffer(Buffer.from(after.subarray(5)))
  assert.equal((read as { agentId: string }).agentId, 'g')
  assert.deepEqual({ ...decode(mark, after) }, value)
  assert.deepEqual({ ...decode(mark, before) }, value, 'what was written before is read still')
  assert.deepEqual(Buffer.from(withOwnId(after)), before, 'what leaves for elsewhere carries our own id')
  assert.deepEqual(
    registry.withId(id).map(({ subject }) => subject),
    ['marks-Mark'],
  )
  assert.equal(registry.versions('marks-Mark')[0]?.id, id)
})

test('a second start asks once for each schema and registers nothing', async () => {
  const held = JSON.stringify([...confluent.subjects])
  confluent.asked.length = 0
  await openRegistry(log, () => 1, { foreign })
  assert.equal(JSON.stringify([...confluent.subjects]), held)
  assert.equal(confluent.asked.length, new Set(registeredSchemas.map(({ subject }) => subject)).size)
})
