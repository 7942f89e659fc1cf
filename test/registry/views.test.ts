// Views fold in threads of their own: what a newer version wrote is read there by the schema that this one has learned.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { learnSchema, registeredSchemas, schemaIdOf } from '#schemas/log'
import { partitionOf } from '#log'
import { openSite } from '../views/site.ts'

const SUBJECT = 'events-MessageReceived'

test('an event under the schema of a newer version is folded by the views as one of ours', async (context) => {
  const [plain, mixed] = [await openSite(context), await openSite(context)]
  for (const { world } of [plain, mixed]) {
    world.create('ann')
    world.receive('ann', 'one', 'hello from a newer node')
  }
  const own = registeredSchemas.find(({ subject }) => subject === SUBJECT)
  assert.ok(own !== undefined)
  const newer = JSON.parse(own.schema) as { fields: object[] }
  newer.fields.push({ name: 'mood', type: 'string', default: '' })
  const schema = JSON.stringify(newer)
  const id = schemaIdOf(schema)
  // Learned after the threads began, as from a node that starts beside this one.
  learnSchema({ subject: SUBJECT, id, schema })
  let rewritten = 0
  const entries = mixed.world.take().map((entry) => ({
    ...entry,
    records: entry.records.map((record) => {
      if (record.headers['type'] !== 'message.received' || record.value === null) return record
      const value = Buffer.concat([record.value, Buffer.from([4]), Buffer.from('hi')])
      value.writeUInt32BE(id, 1)
      rewritten++
      return { ...record, value }
    }),
  }))
  assert.equal(rewritten, 1)
  for (const entry of entries) {
    const lease = await mixed.log.lease(entry.topic === 'contact-events' ? 'contacts' : 'conversations', entry.partition)
    await lease.commit({ entries: [entry] })
  }
  assert.ok(entries.some(({ partition }) => partition === partitionOf(mixed.world.conversationId('ann'))))
  await plain.settle()
  await mixed.settle()
  assert.equal(await mixed.views.hash(), await plain.views.hash())
})
