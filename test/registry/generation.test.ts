// One migration of a topic to its second generation: both written, the older down-converted, readers moved, the older one retired.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

test('a topic moves to v2: begun with what v1 holds, both written while readers move, v1 gets nothing once they have', async () => {
  const preload = join(import.meta.dirname, 'generation.preload.ts')
  const child = join(import.meta.dirname, 'generation.child.ts')
  // A process of its own: the topic exists in all of its threads, and in no other test.
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', preload, child], { timeout: 60_000 })
  assert.equal(stdout.trim(), 'moved')
})
