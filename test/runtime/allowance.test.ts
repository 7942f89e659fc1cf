// The allowance of an organization: a burst passes, more waits, others and the system do not notice.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConfabError } from '#errors'
import { limitCommands, type Commands } from '#runtime'

const openDoor = () => {
  let now = 1_000_000
  const taken: string[] = []
  const door = {
    submit: (submission: { organizationId: string }) => Promise.resolve(void taken.push(submission.organizationId)),
  } as unknown as Commands
  const limited = limitCommands(door, { perSecond: 5, clock: () => now })
  const ask = (organizationId: string, kind = 'agent') =>
    limited.submit({ organizationId, by: { kind, id: 'a' } } as unknown as Parameters<Commands['submit']>[0])
  return { ask, taken, pass: (ms: number): void => void (now += ms) }
}

test('two seconds of commands pass at once, then as many as a second allows', async () => {
  const { ask, taken, pass } = openDoor()
  for (let n = 0; n < 10; n++) await ask('one')
  await assert.rejects(ask('one'), (error: ConfabError) => error.code === 'rate_limited' && error.retryAfterSeconds === 1)
  pass(200)
  await ask('one')
  await assert.rejects(ask('one'), (error: ConfabError) => error.code === 'rate_limited')
  assert.equal(taken.length, 11)
})

test('neither another organization nor the system is held back by it', async () => {
  const { ask, taken } = openDoor()
  for (let n = 0; n < 10; n++) await ask('one')
  await ask('two')
  await ask('one', 'system')
  assert.deepEqual(taken.slice(-2), ['two', 'one'])
})
