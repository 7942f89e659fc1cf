// The published vectors of derived ids: what every site has stored under them can never change.
// schemas/ids.vectors.json is for whoever derives them elsewhere; a number among the parts is hashed as its decimal text.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deriveKeyed, derivePlain, type KeyedKind, type PlainKind } from '#schemas/log'
import vectors from '../../schemas/ids.vectors.json' with { type: 'json' }

test('ids under a key and plain ones are those of the vectors', () => {
  const idKey = Buffer.from(vectors.idKey, 'hex')
  for (const { kind, parts, id } of vectors.keyed) assert.equal(deriveKeyed(idKey, kind as KeyedKind, parts), id)
  for (const { kind, parts, id } of vectors.plain) assert.equal(derivePlain(kind as PlainKind, parts), id)
  assert.ok(vectors.keyed.length > 0 && vectors.plain.length > 0)
})
