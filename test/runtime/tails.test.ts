// Settings, command door and outbox over a log whose reads break: none of them stays deaf.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { openOutbox, type Carrier } from '#effects'
import { partitionOf, type Chunk, type Log, type LogRecord } from '#log'
import { openCommands, openSettings } from '#runtime'
import { effectTimer, encode, settingRecords, type Agent, type EffectTimer } from '#schemas/log'
import { until } from '../harness.ts'
import { ids, inbound, openSite, wish } from './site.ts'

/** Every read of the log breaks after its first chunk with records, once. */
const breaking = (log: Log): { log: Log; breaks: number } => {
  const state = { log, breaks: 0 }
  let isDue = true
  state.log = new Proxy(log, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (name !== 'read') return typeof value === 'function' ? value.bind(target) : value
      return async function* (...given: Parameters<Log['read']>): AsyncGenerator<Chunk> {
        for await (const chunk of target.read(...given)) {
          yield chunk
          if (!isDue || chunk.records.length === 0) continue
          isDue = false
          state.breaks++
          throw new Error('the reader has gone')
        }
      }
    },
  })
  return state
}

const write = async (log: Log, topic: 'config' | 'outbox', partition: number, records: readonly LogRecord[]): Promise<void> => {
  const lease = await log.lease('conversations', partition)
  await lease.commit({ entries: [{ topic, partition, records }] })
}

test('settings go on after a read error: what is written afterwards is in effect, and nothing twice', async () => {
  const site = await openSite()
  const state = breaking(site.log)
  const errors: unknown[] = []
  const settings = await openSettings({
    log: state.log,
    openIdKey: ({ sealedIdKey }) => sealedIdKey,
    onError: (error) => errors.push(error),
  })
  const changes: number[] = []
  settings.onChange(({ offset }) => changes.push(offset))
  try {
    await until('the read has broken', () => state.breaks === 1)
    const agent = settings.agent(ids.agent) as Agent
    const value = encode(settingRecords.agent, { ...agent, name: 'Renamed', rev: 2 })
    await write(site.log, 'config', partitionOf(ids.organization), [
      { key: `agent/${agent.id}`, value, headers: { type: 'agent' }, time: 2 },
    ])
    await until('the change is in effect', () => settings.agent(ids.agent)?.name === 'Renamed')
    assert.equal(new Set(changes).size, changes.length)
    assert.equal(errors.length, 1)
  } finally {
    await settings.close()
    await site.close()
    await site.remove()
  }
})

test('the command door goes on after a read error: commands are answered', async () => {
  const site = await openSite()
  const state = breaking(site.log)
  const errors: unknown[] = []
  const drawKey = (): string => randomBytes(16).toString('hex')
  const onError = (error: unknown): void => void errors.push(error)
  const commands = await openCommands({ log: state.log, settings: site.settings, clock: Date.now, drawKey, onError })
  try {
    await commands.post([inbound(1, 'a', 'hello')])
    const first = await commands.submit(wish('conversation.claim', 1, { expectedHolder: null, isTakeover: false }))
    assert.equal(first.subject.kind, 'conversation')
    assert.equal(state.breaks, 1)
    const second = await commands.submit(wish('conversation.release', 1, {}))
    assert.ok(second.seq > first.seq)
    assert.equal(errors.length, 1)
  } finally {
    await commands.close()
    await site.close()
    await site.remove()
  }
})

test('the outbox goes on after a read error, and after a carrier that fails on one effect', async () => {
  const site = await openSite()
  const state = breaking(site.log)
  const keys: string[] = []
  const errors: unknown[] = []
  const carrier: Carrier = {
    types: ['timer'],
    put({ key }) {
      if (key.endsWith('bad')) throw new Error('cannot carry')
      keys.push(key)
    },
    end: (_partition, key) => void keys.push(`end ${key}`),
    release: () => undefined,
  }
  const outbox = openOutbox({ log: state.log, carriers: [carrier], onError: (error) => errors.push(error) })
  const id = ids.organization
  const timer: EffectTimer = { effectId: id, organizationId: id, conversationId: id, kind: 'wake', setBySeq: 1, dueAt: 1 }
  const put = (key: string, value: Uint8Array | null = encode(effectTimer, timer)): Promise<void> =>
    write(site.log, 'outbox', 0, [{ key: `${id}/${key}`, value, headers: { type: 'timer' }, time: 1 }])
  try {
    await outbox.ready
    await put('one')
    await until('the read has broken', () => state.breaks === 1)
    await put('bad')
    await put('two')
    await put('one', null)
    await until('all are handed out', () => keys.length === 3)
    assert.deepEqual(keys, [`${id}/one`, `${id}/two`, `end ${id}/one`])
    assert.equal(errors.length, 2)
  } finally {
    await outbox.close()
    await site.close()
    await site.remove()
  }
})
