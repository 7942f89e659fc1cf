// Splitting: nothing is lost or cut inside a character, every piece fits, and seams are where people would make them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { channels } from '#channels'
import { blank } from './content.ts'

const split = channels.instagram.provider?.split ?? assert.fail('instagram splits')
const texts = (text: string): string[] => split({ ...blank, text }, '').map((part) => part.text ?? '')

test('every piece fits into 1000 bytes, is well formed, and together they say the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 3000 }), (text) => {
      const parts = texts(text)
      assert.equal(parts.join('').replaceAll(/\s/g, ''), text.replaceAll(/\s/g, ''))
      if (text.trim() === '') return
      for (const part of parts) assert.ok(Buffer.byteLength(part) <= 1000 && part.isWellFormed())
    }),
    { numRuns: 200 },
  )
})

test('a text that fits is left alone', () => assert.deepEqual(texts(' a '), [' a ']))

test('seams lie behind lines, then sentences, then words', () => {
  const line = 'x'.repeat(700)
  assert.deepEqual(texts(`${line}\n${line}`), [line, line])
  assert.deepEqual(texts(`${line}. ${line}`), [`${line}.`, line])
  assert.deepEqual(texts(`${line} ${line}`), [line, line])
  assert.deepEqual(
    texts('y'.repeat(2500)).map(({ length }) => length),
    [1000, 1000, 500],
  )
})
