// A replay after a restart: what is erased and not yet tombstoned is read from the log, and sent to nobody.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Chunk, StoredRecord } from '#log'
import { contactSnapshot, derivePlain, encode } from '#schemas/log'
import { Replay } from '../../src/gateway/tail/replay.ts'
import { routingOf } from '../../src/gateway/scopes.ts'

const id = derivePlain('setting', ['replay', 'contact'])
const organization = derivePlain('setting', ['replay', 'organization'])

const record = (offset: number, key: string, headers: Record<string, string>): StoredRecord => ({
  offset,
  key,
  value: Buffer.from('said'),
  headers: { organization, ...headers },
  time: 1,
})

test('contents up to where the snapshot says it is erased are withheld, later ones are not', async () => {
  const records = [
    record(0, `${id}/1/0`, { type: 'content.profile', kind: 'content' }),
    record(1, `${id}/1`, { type: 'contact.created', seq: '1' }),
    record(2, `${id}/2`, { type: 'contact.erased', seq: '2' }),
    record(3, `${id}/3/0`, { type: 'content.profile', kind: 'content' }),
    record(4, `${id}/3`, { type: 'contact.changed', seq: '3' }),
  ]
  const value = encode(contactSnapshot, {
    version: 1,
    id,
    organizationId: organization,
    state: 'active',
    seq: 3,
    at: 1,
    createdAt: 1,
    generation: 2,
    identities: [],
    profile: null,
    isProfileEdited: false,
    attributes: null,
    labels: [],
    erasedUpTo: 1,
    parkedAt: null,
  })
  const replay = new Replay({
    log: {
      bounds: () => Promise.resolve({ start: 0, end: 5 }),
      latest: (topic, _partition, keys) =>
        Promise.resolve(keys.map((key) => (topic === 'contacts' && key === id ? { offset: 9, key, value, headers: {}, time: 1 } : null))),
    },
    tails: {
      past: async function* () {
        yield await Promise.resolve({ topic: 'contact-events', partition: 0, records, next: 5, end: 5 } satisfies Chunk)
      },
    },
    route: (stream, each) => routingOf(stream, each),
    signal: new AbortController().signal,
  })
  // The streams of contact events come behind those of conversations.
  const { entries } = await replay.read(32, 0)
  assert.deepEqual(
    entries.map(({ routing, isErased, contents }) => [routing?.type, isErased, contents.length]),
    [
      ['contact.created', true, 0],
      ['contact.erased', false, 0],
      ['contact.changed', false, 1],
    ],
  )
})
