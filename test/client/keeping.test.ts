// Commands that outlive the page: sent by the next one under the same ids, once, by whom they were made.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CommandStorage } from '#client'
import { settled, World } from './world.ts'

const openStorage = (isSlow = false): CommandStorage & { values: Map<string, string> } => {
  const values = new Map<string, string>()
  const later = <T>(value: T): T | Promise<T> => (isSlow ? new Promise((resolve) => setImmediate(() => resolve(value))) : value)
  return {
    values,
    get: (key) => later(values.get(key) ?? null),
    set: (key, value) => later(void values.set(key, value)),
    remove: (key) => later(void values.delete(key)),
  }
}
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}
/** Its page ends before it has an answer. */
const forget = (answer: Promise<unknown>): void => void answer.catch(() => undefined)
const fields = { conversationId: 'a', text: 'hello', seenSeq: 7 }

for (const isSlow of [false, true]) {
  test(`a command queued while offline is sent by the next page, with its id and seenSeq (${isSlow ? 'slow' : 'quick'} storage)`, async () => {
    const storage = openStorage(isSlow)
    const before = new World()
    const first = before.connect({ storage })
    await before.welcome()
    before.socket.cut()
    forget(first.command('message.send', fields, 'click-1'))
    forget(first.command('conversation.resolve', { conversationId: 'a' }, 'click-2'))
    await turns()
    first.close()

    const world = new World()
    const outcomes: unknown[] = []
    const client = world.connect({ storage, onOutcome: (command, result) => outcomes.push([command.id, result.ok]) })
    const socket = await world.welcome()
    await turns()
    assert.deepEqual(socket.sentOf('command'), [
      { ...fields, frame: 'command', id: 'click-1', type: 'message.send' },
      { conversationId: 'a', frame: 'command', id: 'click-2', type: 'conversation.resolve' },
    ])
    assert.deepEqual(
      client.pendingCommands.map(({ id }) => id),
      ['click-1', 'click-2'],
    )
    for (const id of ['click-1', 'click-2']) socket.say({ frame: 'result', id, ok: { id } })
    await turns()
    assert.deepEqual(outcomes, [
      ['click-1', { id: 'click-1' }],
      ['click-2', { id: 'click-2' }],
    ])
    assert.equal(storage.values.size, 0)
    client.close()
  })
}

test("another person's commands stay, and are never sent for them", async () => {
  const storage = openStorage()
  const before = new World()
  const first = before.connect({ storage })
  await before.welcome()
  before.socket.cut()
  forget(first.command('message.send', fields, 'click-1'))
  await turns()
  first.close()
  storage.values.set('confab.commands', (storage.values.get('confab.commands') ?? '').replace('o/agent/me', 'o/agent/other'))
  const world = new World()
  const client = world.connect({ storage })
  const socket = await world.welcome()
  await turns()
  assert.deepEqual(socket.sentOf('command'), [])
  assert.match(storage.values.get('confab.commands') ?? '', /click-1/)
  client.close()
})

test('what is a day old is dropped, nonsense in the storage is nothing, and a storage that fails stops no command', async () => {
  const storage = openStorage()
  storage.values.set('confab.commands', '{"not": "a list"')
  const world = new World()
  const client = world.connect({ storage })
  await world.welcome()
  world.socket.cut()
  forget(client.command('message.send', fields, 'old'))
  await turns()
  client.close()
  const later = new World()
  later.now = world.now + 86_400_000
  later.connect({ storage }).close()
  const next = later.connect({ storage })
  const socket = await later.welcome()
  await turns()
  assert.deepEqual(socket.sentOf('command'), [])
  assert.equal(storage.values.size, 0)
  next.close()
  const errors: unknown[] = []
  const broken: CommandStorage = { get: () => Promise.reject(new Error('quota')), set: () => undefined, remove: () => undefined }
  const last = new World()
  const without = last.connect({ storage: broken, onError: (error) => errors.push(error) })
  const line = await last.welcome()
  const answer = without.command('message.send', fields, 'click')
  line.say({ frame: 'result', id: 'click', ok: {} })
  assert.deepEqual((await answer).ok, {})
  await settled()
  await turns()
  assert.ok(errors.length > 0)
  without.close()
})
