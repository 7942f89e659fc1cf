// Reads while the log is away: served at once, and said to be old; writes are another matter.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDoor } from './door.ts'

test('while the log cannot be read, reads say so and since when; afterwards no more', async () => {
  const door = await openDoor()
  try {
    const fresh = await door.ask('GET', '/v1/me')
    assert.equal(fresh.headers['confab-stale'], undefined)
    door.staleMs = 12_300
    const stale = await door.ask('GET', '/v1/me')
    assert.equal(stale.status, 200)
    assert.equal(stale.headers['confab-stale'], 'true')
    assert.equal(stale.headers['confab-stale-seconds'], '13')
    door.staleMs = null
    assert.equal((await door.ask('GET', '/v1/me')).headers['confab-stale'], undefined)
  } finally {
    await door.close()
  }
})
