// The colours as numbers: every pair of text and ground that the style sheets put together can be read, in both schemes.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { contrast } from '../../src/chat/panel/colors.ts'

const sheet = readFileSync(join(import.meta.dirname, '..', '..', 'src', 'inbox', 'styles', 'tokens.css'), 'utf8')
const colors = new Map(
  [...sheet.matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(([, name = '', light = '', dark = '']) => [
    name,
    { light, dark },
  ]),
)
const grounds = ['ground-frame', 'ground-pane', 'ground', 'ground-raised', 'ground-sunken', 'ground-hover', 'ground-selected', 'bubble-in']

const assertContrast = (text: string, ground: string, ratio: number): void => {
  const [one, other] = [colors.get(text), colors.get(ground)]
  assert.ok(one !== undefined && other !== undefined, `${text} or ${ground} is no colour`)
  for (const scheme of ['light', 'dark'] as const) {
    const reached = contrast(one[scheme], other[scheme])
    assert.ok(reached >= ratio, `${text} on ${ground}, ${scheme}: ${reached.toFixed(2)}`)
  }
}

test('text reaches 4.5 on every ground it stands on', () => {
  for (const text of ['text', 'text-soft', 'text-faint', 'accent-text', 'warning-text', 'danger-text', 'positive-text'])
    for (const ground of grounds) assertContrast(text, ground, 4.5)
  for (const meaning of ['warning', 'danger', 'positive', 'accent', 'note']) assertContrast(`${meaning}-text`, `${meaning}-ground`, 4.5)
  assertContrast('text-on-accent', 'accent', 4.5)
  assertContrast('text-on-accent', 'accent-strong', 4.5)
  assertContrast('bubble-out-meta', 'bubble-out', 4.5)
  assertContrast('text', 'bubble-out', 4.5)
})

test('what rings the focus, and the border of a field, reaches 3 on every ground', () => {
  for (const ground of grounds.filter((name) => name !== 'bubble-in')) assertContrast('ring', ground, 3)
  for (const ground of ['ground', 'ground-pane', 'ground-raised']) assertContrast('line-strong', ground, 3)
})
