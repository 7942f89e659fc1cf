// A short run of the realtime ledger: sockets cut, blackholed and throttled, permissions changed, the server killed; and a judge that is not blind.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wsDriver } from '../ledger/realtime/bare.ts'
import { confabDriver } from '../ledger/realtime/confab.ts'
import type { FaultName } from '../ledger/realtime/faults.ts'
import { runRealtime } from '../ledger/realtime/run.ts'

const lines: readonly FaultName[] = ['cut', 'cut', 'cut-after', 'drop', 'blackhole', 'throttle', 'delay']

test('followers of every sight apply their part of the log once and in order through cuts, kills and changed permissions', async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  t.diagnostic(`seed ${seed}`)
  const result = await runRealtime({
    driver: confabDriver,
    seconds: 10,
    seed,
    faults: [...lines, ...lines, 'flip', 'flip', 'kill'],
    writesPerSecond: 40,
    restMs: 500,
    say: (line) => t.diagnostic(line),
  })
  assert.deepEqual(result.broken, [], `seed ${seed}`)
  assert.equal(result.neverBack, 0)
  assert.ok(result.applied > 0 && result.reconnects > 0)
  for (const reason of Object.keys(result.resyncs)) assert.equal(reason, 'grants')
})

test('the judge sees what a bare broadcast loses when its lines are cut', async (t) => {
  const seed = 1
  const result = await runRealtime({
    driver: wsDriver,
    seconds: 3,
    seed,
    faults: ['cut', 'blackhole'],
    writesPerSecond: 200,
    restMs: 100,
    say: (line) => t.diagnostic(line),
  })
  assert.ok(result.missing > 0)
  assert.equal(result.unauthorised, 0)
})
