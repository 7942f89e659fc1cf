// One migration of a topic to its second generation: both written, the older down-converted, readers moved, the older one retired.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const PRELOAD = fileURLToPath(new URL('./generation.preload.ts', import.meta.url))
const CHILD = fileURLToPath(new URL('./generation.child.ts', import.meta.url))

test('a topic moves to v2: begun with what v1 holds, both written while readers move, v1 gets nothing once they have', async () => {
  // A process of its own: the topic exists in all of its threads, and in no other test.
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', PRELOAD, CHILD], { timeout: 60_000 })
  assert.equal(stdout.trim(), 'moved')
})
