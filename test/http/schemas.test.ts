// `/schemas` in Confluent's words: subjects, versions, ids, compatibility; and a foreign Avro library that reads our topics by it.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { registeredSchemas } from '#schemas/log'
import { ids, openDoor, type Door } from './door.ts'

let door: Door
before(async () => {
  door = await openDoor()
})
after(() => door.close())

const TYPE = 'application/vnd.schemaregistry.v1+json'
const SUBJECT = 'events-SettingChanged'

const own = registeredSchemas.find(({ subject }) => subject === SUBJECT)
const id = own?.id ?? 0
const schema = own?.schema ?? ''
const post = (url: string, body: unknown, as: string | null = 'owner') =>
  door.ask('POST', url, { as, body: JSON.stringify(body), headers: { 'content-type': TYPE } })

/** Apache's own JavaScript library: another reader than the one that wrote. */
interface Avro {
  parse(schema: unknown): { fromBuffer(bytes: Buffer): unknown }
}
const avro = createRequire(import.meta.url)('avro-js') as Avro

test('subjects, versions and ids answer as Confluent does', async () => {
  const subjects = await door.ask('GET', '/schemas/subjects')
  assert.equal(subjects.status, 200)
  assert.equal(subjects.headers['content-type'], TYPE)
  assert.ok((subjects.body as string[]).includes(SUBJECT))
  assert.deepEqual((await door.ask('GET', `/schemas/subjects/${SUBJECT}/versions`)).body, [1])
  const version = { subject: SUBJECT, version: 1, id, schema }
  for (const name of ['1', 'latest'])
    assert.deepEqual((await door.ask('GET', `/schemas/subjects/${SUBJECT}/versions/${name}`)).body, version)
  assert.equal((await door.ask('GET', `/schemas/subjects/${SUBJECT}/versions/1/schema`)).text, schema)
  assert.deepEqual((await door.ask('GET', `/schemas/schemas/ids/${id}`)).body, { schema })
  assert.deepEqual((await door.ask('GET', `/schemas/schemas/ids/${id}/versions`)).body, [{ subject: SUBJECT, version: 1 }])
  assert.deepEqual((await door.ask('GET', `/schemas/schemas/ids/${id}/subjects`)).body, [SUBJECT])
  assert.deepEqual((await door.ask('GET', '/schemas/config')).body, { compatibilityLevel: 'FULL_TRANSITIVE' })
  assert.deepEqual((await door.ask('GET', `/schemas/config/${SUBJECT}`)).body, { compatibilityLevel: 'FULL_TRANSITIVE' })
  assert.deepEqual((await door.ask('GET', '/schemas/schemas/types')).body, ['AVRO'])
})

test('what is not there is refused with the codes that clients know', async () => {
  const cases = [
    ['/schemas/subjects/nothing/versions', 404, 40401],
    ['/schemas/subjects/nothing/versions/1', 404, 40401],
    [`/schemas/subjects/${SUBJECT}/versions/9`, 404, 40402],
    [`/schemas/subjects/${SUBJECT}/versions/first`, 422, 42202],
    ['/schemas/schemas/ids/1', 404, 40403],
    ['/schemas/config/nothing', 404, 40401],
  ] as const
  for (const [url, status, code] of cases) {
    const answer = await door.ask('GET', url)
    assert.deepEqual([answer.status, answer.body.error_code, typeof answer.body.message], [status, code, 'string'], url)
  }
})

test('a schema is looked up however it is spelled, and judged without being registered', async () => {
  const spelled = JSON.stringify(JSON.parse(schema), null, 2)
  assert.deepEqual((await post(`/schemas/subjects/${SUBJECT}`, { schema: spelled })).body, { subject: SUBJECT, version: 1, id, schema })
  const changed = { ...JSON.parse(schema), fields: [...JSON.parse(schema).fields, { name: 'colour', type: 'string' }] }
  const other = JSON.stringify(changed)
  assert.equal((await post(`/schemas/subjects/${SUBJECT}`, { schema: other })).body.error_code, 40403)
  assert.equal((await post(`/schemas/subjects/${SUBJECT}`, { schema: '{"type":"nothing"}' })).body.error_code, 42201)
  assert.equal((await post(`/schemas/subjects/${SUBJECT}`, '')).body.error_code, 42201)
  const judge = (text: string) => post(`/schemas/compatibility/subjects/${SUBJECT}/versions/latest?verbose=true`, { schema: text })
  assert.deepEqual((await judge(spelled)).body, { is_compatible: true, messages: [] })
  assert.deepEqual((await judge(other)).body, { is_compatible: false, messages: ['field colour was added without a default'] })
})

test('nobody registers from outside; who registers what is there already is told its id', async () => {
  assert.deepEqual((await post(`/schemas/subjects/${SUBJECT}/versions`, { schema })).body, { id })
  const fresh = await post('/schemas/subjects/mine/versions', { schema: '"string"' })
  assert.deepEqual([fresh.status, fresh.body.error_code], [422, 42205])
  assert.match(fresh.body.message, /read-only/)
  for (const [method, url] of [
    ['PUT', '/schemas/config'],
    ['DELETE', `/schemas/subjects/${SUBJECT}`],
  ] as const)
    assert.equal((await door.ask(method, url, { headers: { 'content-type': TYPE }, body: '{}' })).body.error_code, 42205, url)
  assert.deepEqual((await door.ask('GET', `/schemas/subjects/${SUBJECT}/versions`)).body, [1])
})

test('an owner reads them, by bearer token or as the password that registry clients send; others where the operator says so', async () => {
  const url = '/schemas/subjects'
  const nobody = await door.ask('GET', url, { as: null })
  assert.deepEqual([nobody.status, nobody.body.error_code], [401, 40101])
  assert.deepEqual([(await door.ask('GET', url, { as: 'wrong' })).body.error_code], [40101])
  for (const as of ['agent', 'bot', 'integration']) assert.equal((await door.ask('GET', url, { as })).body.error_code, 40301, as)
  const basic = Buffer.from(`confab:${door.tokens.owner}`).toString('base64')
  assert.equal((await door.ask('GET', url, { as: null, headers: { authorization: `Basic ${basic}` } })).status, 200)
  const open = await openDoor(({ config }) => ({ config: { ...config, schemasAccess: 'open' } }))
  try {
    assert.equal((await open.ask('GET', url, { as: null })).status, 200)
  } finally {
    await open.close()
  }
})

test('another Avro library reads events, contents and settings with nothing but /schemas', async () => {
  const known = new Map<number, ReturnType<Avro['parse']>>()
  const read = async (bytes: Uint8Array): Promise<Record<string, unknown>> => {
    const buffer = Buffer.from(bytes)
    assert.equal(buffer[0], 0, 'the magic byte of the wire format')
    const schemaId = buffer.readUInt32BE(1)
    const { body } = await door.ask('GET', `/schemas/schemas/ids/${schemaId}`)
    const type = known.get(schemaId) ?? avro.parse(JSON.parse(body.schema))
    known.set(schemaId, type)
    return type.fromBuffer(buffer.subarray(5)) as Record<string, unknown>
  }
  const started = await door.ask('POST', '/v1/accounts', { body: { channel: 'web', name: 'Foreign shop' } })
  assert.equal(started.status, 201)
  const facts: Record<string, unknown>[] = []
  const contents: Record<string, unknown>[] = []
  for (const { value, headers } of await door.records('events')) {
    if (value === null) continue
    ;(headers['kind'] === 'content' ? contents : facts).push(await read(value))
  }
  assert.ok(facts.length >= 10 && contents.length === facts.length)
  const made = facts.find(({ data }) => (data as { entityId: string }).entityId === started.body.id)
  assert.equal(made?.['organizationId'], ids.organization)
  assert.ok(contents.some(({ body }) => (body as { json: string }).json.includes('Foreign shop')))
  for (const { value, headers } of await door.records('config')) {
    const { id: settingId } = value === null ? {} : await read(value)
    assert.ok(headers['type'] === 'unique' || typeof settingId === 'string')
  }
  assert.ok(known.size >= 4)
})
