// Keyed ids are plain HMAC-SHA256 (RFC 2104) over the framed parts, whatever the key's length and the parts' text.
// Anybody with the key can compute them with any library.

import assert from 'node:assert/strict'
import { createHmac, createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { bodyHashOf, deriveKeyed, derivePlain, isId } from '#schemas/log'

const frame = (pieces: readonly string[]): Buffer =>
  Buffer.concat(
    pieces.flatMap((piece) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(Buffer.byteLength(piece))
      return [length, Buffer.from(piece)]
    }),
  )

const uuidOf = (digest: Buffer): string => {
  const hex = digest.toString('hex')
  const variant = ((Number.parseInt(hex[16] ?? '0', 16) & 3) | 8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

test('an id under a key is the HMAC of its framed parts, and a plain one their SHA-256', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 100 }),
      fc.array(fc.string({ unit: 'grapheme', maxLength: 80 }), { maxLength: 5 }),
      (key, parts) => {
        const mac = createHmac('sha256', key)
          .update(frame(['message', ...parts]))
          .digest()
        assert.equal(deriveKeyed(key, 'message', parts), uuidOf(mac))
        assert.equal(isId(deriveKeyed(key, 'message', parts)), true)
        assert.equal(
          derivePlain('event', parts),
          uuidOf(
            createHash('sha256')
              .update(frame(['event', ...parts]))
              .digest(),
          ),
        )
        const body = parts.join('')
        assert.equal(
          bodyHashOf(key, body),
          createHmac('sha256', key)
            .update(frame(['body', body]))
            .digest('hex')
            .slice(0, 32),
        )
      },
    ),
  )
})

test('two keys give two ids, and one key the same id each time', () => {
  const [one, other] = [randomBytes(32), randomBytes(32)]
  assert.equal(deriveKeyed(one, 'contact', ['a', '+15550100']), deriveKeyed(one, 'contact', ['a', '+15550100']))
  assert.notEqual(deriveKeyed(one, 'contact', ['a', '+15550100']), deriveKeyed(other, 'contact', ['a', '+15550100']))
})
