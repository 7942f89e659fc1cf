// The widget stands on strangers' pages: its size in bytes is a promise, and so is what the pages are made of.

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { spawnSync } from 'node:child_process'

const root = join(import.meta.dirname, '..', '..')
const LOADER_BYTES_MAX = 5 * 1024
const PANEL_BYTES_MAX = 60 * 1024
/** The inbox is loaded once a day by people at a desk; still, a library that slips in should be noticed. */
const INBOX_BYTES_MAX = 160 * 1024

const gzipped = (pattern: string): number =>
  globSync(pattern, { cwd: root }).reduce((sum, file) => sum + gzipSync(readFileSync(join(root, file))).length, 0)

before(() => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/build-web.ts'], { cwd: root, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
})

test('the loader is one classic script of at most 5 KB, gzipped', () => {
  const text = readFileSync(join(root, 'dist/chat/chat.js'), 'utf8')
  assert.doesNotMatch(text, /^\s*(?:import|export)\b/m)
  const size = gzipped('dist/chat/chat.js')
  assert.ok(size > 0 && size <= LOADER_BYTES_MAX, `${size} bytes`)
})

test('the panel is at most 60 KB, gzipped, all its files together', () => {
  const size = gzipped('dist/chat/panel.html') + gzipped('dist/chat/assets/*')
  assert.ok(size > 1_024 && size <= PANEL_BYTES_MAX, `${size} bytes`)
})

test('the inbox is at most 160 KB, gzipped', () => {
  const size = gzipped('dist/inbox/assets/*')
  assert.ok(size > 1_024 && size <= INBOX_BYTES_MAX, `${size} bytes`)
})

test('no page has an inline script or a foreign asset', () => {
  for (const file of ['dist/inbox/index.html', 'dist/chat/panel.html']) {
    const page = readFileSync(join(root, file), 'utf8')
    for (const [, attributes = '', body = ''] of page.matchAll(/<script\b([^>]*)>([\s\S]*?)<\/script>/g)) {
      assert.match(attributes, /\bsrc="\//)
      assert.equal(body.trim(), '')
    }
    assert.doesNotMatch(page, /(?:src|href)="(?:https?:)?\/\//)
  }
})
