// Links to files: how long each kind holds, and that nothing of one can be changed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openFileLinks } from '../src/file-links.ts'

const HOUR_MS = 3_600_000
const linkIn = (path: string) => {
  const url = new URL(path, 'https://confab.test')
  const text = (name: string): string => url.searchParams.get(name) ?? ''
  return {
    organizationId: text('organization'),
    fileId: url.pathname.split('/').at(-1) ?? '',
    expires: Number(text('expires')),
    signature: text('signature'),
  }
}

test('a browser has ten minutes, a provider a day: longer than a message can wait in its queue', () => {
  let now = Date.UTC(2026, 0, 5, 9, 59)
  const links = openFileLinks(Buffer.alloc(32, 1), () => now)
  const shown = linkIn(links.pathOf('organization', 'file'))
  const handed = linkIn(links.providerPathOf('organization', 'file'))
  assert.ok(links.isValid(shown) && links.isValid(handed))
  now += 16 * 60_000
  assert.equal(links.isValid(shown), false)
  now += 24 * HOUR_MS - 16 * 60_000
  assert.equal(links.isValid(handed), true)
  assert.equal(links.isValid({ ...handed, fileId: 'another' }), false)
  assert.equal(links.isValid({ ...shown, expires: handed.expires }), false)
  now += 2 * HOUR_MS
  assert.equal(links.isValid(handed), false)
})
