// A topic moves to its second generation, step by step, on an embedded log; ends with code 0 when every step held.

import assert from 'node:assert/strict'
import { decodeAny, encode, generations, keys, schemaIdOf, mark, schemaRecord, type Generation, type Mark } from '#schemas/log'
import { openEmbeddedLog, partitionOf, type Log } from '#log'
import { openRegistry } from '#registry'
import type { Topic } from '#topics'
import { join } from 'node:path'
import { StagedBatch } from '../../src/runtime/staged.ts'
import { removeDirectory } from '../harness.ts'
import { conversationOf, ids, openSite } from '../runtime/site.ts'
import { MARKS_2, newerMark } from './generation.preload.ts'

type NewerMark = Omit<Mark, 'draft' | 'isNoteDraft'> & { draft: { text: string; isNote: boolean } | null }

const conversationId = conversationOf(1)
const partition = partitionOf(conversationId)
const base = {
  conversationId,
  organizationId: ids.organization,
  accountId: ids.account,
  rev: 1,
  readUpTo: 2,
  readUpToContactSeq: 2,
  draftRev: 1,
  at: 3,
}
const older = (agentId: string, draft: string): Mark => ({ ...base, agentId, draft, isNoteDraft: true })
const newer = (agentId: string, text: string): NewerMark => ({ ...base, agentId, draft: { text, isNote: false } })
const keyOf = (agentId: string): string => keys.mark(conversationId, agentId)

const generation = (stage: Generation['stage']): Generation => ({
  topic: MARKS_2,
  succeeds: 'marks',
  stage,
  types: {
    mark: {
      older: mark,
      newer: newerMark,
      down: ({ draft, ...rest }: NewerMark) => ({ ...rest, draft: draft?.text ?? null, isNoteDraft: draft?.isNote ?? false }),
      up: ({ draft, isNoteDraft, ...rest }: Mark) => ({ ...rest, draft: draft === null ? null : { text: draft, isNote: isNoteDraft } }),
    },
  },
})
const enter = (stage: Generation['stage']): void => void (generations as Generation[]).splice(0, generations.length, generation(stage))

const write = async (log: Log, topic: Topic, values: readonly { agentId: string; value: object | null }[]): Promise<void> => {
  const batch = new StagedBatch(partition)
  const shape = topic === 'marks' ? mark : newerMark
  for (const { agentId, value } of values) batch.put(topic, keyOf(agentId), { shape, value, time: 1 })
  const lease = await log.lease('conversations', partition)
  await lease.commit({ entries: batch.entries(1) })
}

/** What a reader of a topic sees of two agents' marks. */
const seen = async (log: Log, topic: Topic): Promise<unknown[]> => {
  const records = await log.latest(topic, partition, [keyOf(ids.agent), keyOf(ids.other)])
  return records.map((record) => (record === null || record.value === null ? null : JSON.parse(JSON.stringify(decodeAny(record.value)))))
}

const site = await openSite()
await openRegistry(site.log, () => 1)
await write(site.log, 'marks', [
  { agentId: ids.agent, value: older(ids.agent, 'an old draft') },
  { agentId: ids.other, value: older(ids.other, 'another') },
])
assert.deepEqual(await seen(site.log, MARKS_2), [null, null], 'nothing moves before the table says so')
await site.close()

enter('both')
const both = await openSite({ directory: site.directory })
await write(both.log, MARKS_2, [{ agentId: ids.agent, value: newer(ids.agent, 'a new draft') }])
assert.deepEqual(await seen(both.log, MARKS_2), [
  newer(ids.agent, 'a new draft'),
  { ...newer(ids.other, 'another'), draft: { text: 'another', isNote: true } },
])
assert.deepEqual(await seen(both.log, 'marks'), [{ ...older(ids.agent, 'a new draft'), isNoteDraft: false }, older(ids.other, 'another')])
await both.close()
const again = await openSite({ directory: site.directory })
assert.deepEqual((await seen(again.log, MARKS_2))[0], newer(ids.agent, 'a new draft'), 'a restart copies nothing over what is newer')
await write(again.log, MARKS_2, [{ agentId: ids.other, value: null }])
assert.deepEqual((await seen(again.log, 'marks'))[1], null, 'a tombstone reaches both')
await again.close()

enter('moved')
const log = await openEmbeddedLog({ directory: join(site.directory, 'log'), cleanIntervalMs: 0 })
const { end } = await log.bounds('marks', partition)
await write(log, MARKS_2, [{ agentId: ids.agent, value: newer(ids.agent, 'the newest') }])
assert.equal((await log.bounds('marks', partition)).end, end, 'the older topic gets nothing more')
assert.deepEqual((await seen(log, MARKS_2))[0], newer(ids.agent, 'the newest'))
// A version that knows a retired topic no more starts all the same, and reads what it left.
const schema = JSON.stringify({ type: 'record', name: 'confab.Gone', fields: [{ name: 'word', type: 'string' }] })
const gone = { subject: 'marks.v0-Mark', version: 1, id: schemaIdOf(schema), schema }
const value = encode(schemaRecord, gone)
await log.append([{ topic: 'schemas', partition: 0, records: [{ key: 'marks.v0-Mark/1', value, headers: { type: 'schema' }, time: 1 }] }])
const registry = await openRegistry(log, () => 1)
assert.deepEqual(
  registry.subjects().filter((subject) => subject.startsWith('marks')),
  ['marks-Mark', 'marks.v0-Mark', 'marks.v2-Mark'],
)
const left = Buffer.concat([Buffer.alloc(5), Buffer.from([4]), Buffer.from('hi')])
left.writeUInt32BE(gone.id, 1)
assert.equal((decodeAny(left) as { word: string }).word, 'hi')
await log.close()
await removeDirectory(site.directory)
console.log('moved')
