// The tail of open effects: what one record cannot say keeps no other from its carrier.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { openOutbox, type Carrier } from '#effects'
import type { Chunk, Log } from '#log'
import { derivePlain, effectTimer, encode, type EffectTimer } from '#schemas/log'

const id = derivePlain('setting', ['outbox'])
const timer: EffectTimer = { effectId: id, organizationId: id, conversationId: id, kind: 'wake', setBySeq: 1, dueAt: 1 }

test('a record that cannot be read is told of, and those behind it are handed out', async () => {
  const values = [Buffer.from('nonsense'), encode(effectTimer, timer)]
  const records = values.map((value, offset) => ({ key: `${id}/${offset}`, value, headers: { type: 'timer' }, time: 1, offset }))
  async function* read(...[, { signal }]: Parameters<Log['read']>): AsyncGenerator<Chunk> {
    yield { topic: 'outbox', partition: 0, records, next: 2, end: 2 }
    await once(signal, 'abort')
  }
  async function* assignment(...[, signal]: Parameters<Log['assignment']>): AsyncGenerator<ReadonlySet<number>> {
    yield new Set([0])
    await once(signal, 'abort')
  }
  const log = { read, assignment, bounds: () => Promise.resolve({ start: 0, end: 2 }) } as Pick<Log, 'read' | 'bounds' | 'assignment'>
  const keys: string[] = []
  const errors: unknown[] = []
  const carrier: Carrier = { types: ['timer'], put: ({ key }) => void keys.push(key), end: () => undefined, release: () => undefined }
  const outbox = openOutbox({ log, carriers: [carrier], onError: (error) => void errors.push(error) })
  await outbox.ready
  assert.deepEqual(keys, [`${id}/1`])
  assert.equal(errors.length, 1)
  await outbox.close()
})
