// Request telemetry: gathered into few appends, and given up rather than waited for.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, requestLog } from '#schemas/log'
import type { Entry } from '#log'
import { openTelemetry } from '../src/telemetry.ts'

const request = (n: number) => ({
  requestId: `r-${n}`,
  at: n,
  method: 'GET',
  route: '/v1/me',
  status: 200,
  durationMs: 1.5,
  organizationId: null,
  principalId: null,
})

const open = (append: (entries: readonly Entry[]) => Promise<void>) => {
  const planned: (() => void)[] = []
  let dropped = 0
  const telemetry = openTelemetry({
    log: { append },
    node: 'one',
    after: (_ms, callback) => {
      planned.push(callback)
      return () => undefined
    },
    onDropped: (records) => void (dropped += records),
  })
  return { telemetry, fire: () => planned.shift()?.(), planned, dropped: () => dropped }
}

test('what comes within a second is one append, and the rest goes at the end', async () => {
  const taken: Entry[] = []
  const { telemetry, fire } = open((entries) => Promise.resolve(void taken.push(...entries)))
  for (let n = 0; n < 5; n++) telemetry.note(request(n))
  fire()
  telemetry.note(request(5))
  await telemetry.close()
  assert.deepEqual(
    taken.map(({ topic, records }) => [topic, records.length]),
    [
      ['logs', 5],
      ['logs', 1],
    ],
  )
  const value = taken[0]?.records[0]?.value
  assert.ok(value)
  assert.equal(decode(requestLog, value).route, '/v1/me')
})

test('a log that hangs holds up nobody: what exceeds the bound is dropped and counted', async () => {
  const hanging = Promise.withResolvers<void>()
  const { telemetry, fire, dropped, planned } = open(() => hanging.promise)
  telemetry.note(request(0))
  fire()
  for (let n = 0; n < 10_005; n++) telemetry.note(request(n))
  assert.equal(dropped(), 5)
  assert.equal(planned.length, 0, 'no second append while one is under way')
  hanging.reject(new Error('gone'))
  await telemetry.close()
  assert.equal(dropped(), 10_006)
})
