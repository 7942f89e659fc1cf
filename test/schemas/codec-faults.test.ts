// What the codec says of a value or of bytes that do not fit: fields and types, never the value.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contentRecords, decodeAny, encode } from '#schemas/log'
import { faultOf } from '#errors'

const SECRET = 'meet me at 12 Elm Street'
const ids = { organizationId: '00000000-0000-8000-8000-00000000000a', subjectId: '00000000-0000-8000-8000-00000000000b' }

const thrownBy = (work: () => unknown): Error => {
  try {
    work()
  } catch (error) {
    return error as Error
  }
  return assert.fail('nothing was thrown')
}

test('a value that does not fit is named by its field, a key of a map by none', () => {
  const wrong = thrownBy(() => encode(contentRecords.text, { ...ids, seq: 1, n: SECRET as never, body: { text: SECRET } }))
  assert.equal(wrong.name, 'CodecError')
  assert.match(wrong.message, /^\w*[\w.]*ContentText: n is no int$/)
  const map = thrownBy(() => encode(contentRecords.attributes, { ...ids, seq: 1, n: 0, body: { values: { [SECRET]: 5 as never } } }))
  assert.match(map.message, /ContentAttributes: body\.values\.\* is no string$/)
  for (const error of [wrong, map]) assert.ok(!`${error.stack} ${faultOf(error)}`.includes('Elm'), error.stack ?? '')
})

test('bytes that are no record are not quoted', () => {
  const bytes = Buffer.from(encode(contentRecords.text, { ...ids, seq: 1, n: 0, body: { text: SECRET } }))
  for (let cut = 6; cut < bytes.length; cut += 3) {
    const error = thrownBy(() => decodeAny(bytes.subarray(0, cut)))
    assert.equal(error.name, 'CodecError')
    assert.ok(!error.message.includes('Elm'))
  }
})

test('a fault that nobody foresaw is written down by kind and place, without its message', () => {
  const parse = thrownBy(() => JSON.parse(`{"${SECRET}`))
  assert.ok(parse.message.includes('12 Elm') || parse.message !== '')
  assert.match(faultOf(parse), /^SyntaxError in \S+ at codec-faults\.test\.ts:\d+$|^SyntaxError at codec-faults\.test\.ts:\d+$/)
  // A message may look like a place.
  const crafted = new Error(`\n    at ${SECRET.replaceAll(' ', '')} (/x/secret-place.ts:1:1)`)
  assert.match(faultOf(crafted), /codec-faults\.test\.ts/)
  assert.ok(!faultOf(crafted).includes('secret'))
  assert.equal(faultOf(SECRET), 'no error of a known kind')
})
