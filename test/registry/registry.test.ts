// The embedded registry: what the log keeps is checked both ways at start, the field at fault is named, newer nodes are learned from.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { decodeAny, encode, eventRecords, incompatibilities, registeredSchemas, schemaIdOf, schemaRecord } from '#schemas/log'
import { hasCode } from '#errors'
import { openEmbeddedLog, openTails, type Log } from '#log'
import { openRegistry, readSchemas } from '#registry'
import { removeDirectory, temporaryDirectory, until } from '../harness.ts'

interface Field {
  name: string
  type: unknown
  default?: unknown
}
interface RecordSchema {
  type: 'record'
  name: string
  fields: Field[]
}

const openLog = async (context: TestContext): Promise<Log> => {
  const directory = await temporaryDirectory()
  const log = await openEmbeddedLog({ directory: join(directory, 'log'), synchronous: 'OFF', cleanIntervalMs: 0 })
  context.after(async () => {
    await log.close()
    await removeDirectory(directory)
  })
  return log
}

const schemaOf = (subject: string): RecordSchema => {
  const found = registeredSchemas.find((each) => each.subject === subject)
  assert.ok(found !== undefined, subject)
  return JSON.parse(found.schema) as RecordSchema
}

const keep = async (log: Log, subject: string, schema: object, version = 1): Promise<number> => {
  const text = JSON.stringify(schema)
  const value = encode(schemaRecord, { subject, version, id: schemaIdOf(text), schema: text })
  await log.append([
    { topic: 'schemas', partition: 0, records: [{ key: `${subject}/${version}`, value, headers: { type: 'schema' }, time: 1 }] },
  ])
  return schemaIdOf(text)
}

/** What a start says to a log in which `change` was made to the kept form of a schema. */
const refusalOf = async (context: TestContext, subject: string, change: (schema: RecordSchema) => void): Promise<string> => {
  const log = await openLog(context)
  const schema = schemaOf(subject)
  change(schema)
  await keep(log, subject, schema)
  const before = (await log.bounds('schemas', 0)).end
  const error: unknown = await openRegistry(log, () => 1).then(
    () => undefined,
    (cause: unknown) => cause,
  )
  assert.ok(error instanceof Error && hasCode(error, 'schema_incompatible'), String(error))
  assert.equal((await log.bounds('schemas', 0)).end, before, 'nothing is registered by a start that is refused')
  return error.message
}

const fieldOf = (schema: RecordSchema, name: string): Field => {
  const found = schema.fields.find((field) => field.name === name)
  assert.ok(found !== undefined, name)
  return found
}

test('an added field without a default is refused at start, by its name', async (context) => {
  // The log knows a form that lacks what today's requires.
  const said = await refusalOf(context, 'outbox-EffectFetch', (schema) => {
    schema.fields = schema.fields.filter(({ name }) => name !== 'url')
  })
  assert.match(said, /outbox-EffectFetch: field url was added without a default/)
})

test('a removed field that older readers have no default for is refused at start, by its name', async (context) => {
  const said = await refusalOf(context, 'outbox-EffectFetch', (schema) => void schema.fields.push({ name: 'hurry', type: 'int' }))
  assert.match(said, /field hurry was removed, and its older readers have no default for it/)
})

test('a changed type is refused at start, by its path within records of records', async (context) => {
  const said = await refusalOf(context, 'events-MessageReceived', (schema) => {
    const data = fieldOf(schema, 'data').type as RecordSchema
    fieldOf(data, 'attachments').type = 'string'
  })
  assert.match(said, /events-MessageReceived: field data\.attachments changed from string to int/)
})

test('a removed symbol is refused at start, though Avro would read it as the default', async (context) => {
  const said = await refusalOf(context, 'config-Token', (schema) => {
    const role = fieldOf(schema, 'role').type as { symbols: string[] }
    role.symbols.push('janitor')
  })
  assert.match(said, /field role: the enum TokenRole has lost janitor/)
})

test('what is compatible both ways passes: a field with a default, a new symbol where readers have a default', () => {
  const older = schemaOf('config-Token')
  const newer = structuredClone(older)
  newer.fields.push({ name: 'colour', type: 'string', default: 'red' })
  ;(fieldOf(newer, 'role').type as { symbols: string[] }).symbols.push('janitor')
  assert.deepEqual(incompatibilities(JSON.stringify(older), JSON.stringify(newer)), [])
  const optional = structuredClone(older)
  fieldOf(optional, 'name').type = ['null', 'string']
  assert.deepEqual(incompatibilities(JSON.stringify(older), JSON.stringify(optional)), ['field name changed from string to null or string'])
})

test('a second start registers nothing, and versions count on where a subject has one', async (context) => {
  const log = await openLog(context)
  const schema = schemaOf('config-Label')
  schema.fields = schema.fields.filter(({ name }) => name !== 'description')
  const first = structuredClone(schema)
  first.fields.push({ name: 'description', type: 'string', default: '' })
  await keep(log, 'config-Label', first)
  const registry = await openRegistry(log, () => 1)
  assert.deepEqual(
    registry.versions('config-Label').map(({ version }) => version),
    [1, 2],
  )
  assert.equal(registry.subjects().length, new Set(registeredSchemas.map(({ subject }) => subject)).size)
  const { end } = await log.bounds('schemas', 0)
  await openRegistry(log, () => 1)
  assert.equal((await log.bounds('schemas', 0)).end, end)
})

test('two nodes of different versions that start at once keep both schemas', async (context) => {
  const log = await openLog(context)
  const other = {
    ...schemaOf('config-Label'),
    fields: [...schemaOf('config-Label').fields, { name: 'colour', type: 'string', default: '' }],
  }
  let isFirst = true
  // The other node's record lands between what this one read and what it appends.
  const raced: Log = {
    ...log,
    id: log.id,
    bounds: (topic, partition) => log.bounds(topic, partition),
    read: (from, options) => log.read(from, options),
    append: async (entries) => {
      await log.append(entries)
      if (isFirst) await keep(log, 'config-Label', other)
      isFirst = false
    },
  }
  await openRegistry(raced, () => 1)
  const { versions } = await readSchemas(log)
  const labels = versions.filter(({ subject }) => subject === 'config-Label')
  assert.deepEqual(
    labels.map(({ version }) => version).toSorted((a, b) => a - b),
    [1, 2],
  )
  assert.equal(new Set(labels.map(({ id }) => id)).size, 2)
})

test('what a newer node registers while this one runs is read here, without a restart', async (context) => {
  const log = await openLog(context)
  const tails = openTails({ log, onOutage: assert.ifError })
  const registry = await openRegistry(log, () => 1, { tails, onError: assert.ifError })
  const subject = 'events-ConversationLabeled'
  const newer = schemaOf(subject)
  newer.fields.push({ name: 'colour', type: 'string', default: 'red' })
  const id = await keep(log, subject, newer, 2)
  await until('the schema is learned', () => registry.withId(id).length === 1)
  const bytes = encode(eventRecords['conversation.labeled'], {
    organizationId: 'o',
    subjectId: 's',
    seq: 1,
    contactSeq: null,
    at: 1,
    by: { kind: 'system', id: null },
    commandId: 'c',
    ruleId: null,
    settingsOffset: 0,
    contents: 0,
    data: { added: [], removed: [] },
  })
  const written = Buffer.concat([bytes, Buffer.from([6]), Buffer.from('red')])
  written.writeUInt32BE(id, 1)
  assert.deepEqual({ ...(decodeAny(written) as object) }, { ...(decodeAny(bytes) as object) })
  await registry.close()
})
