// `?asOf=` at the door: which moments it names, who answers it and who refuses it.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Moment } from '#views'
import { ConfabError } from '#errors'
import { ids, openDoor, type Door } from './door.ts'

let door: Door
const asked: Moment[] = []
const POSITION = 'a'.repeat(23)
const places = [{ topic: 'events', partition: 3, offset: 7 }] as const

before(async () => {
  const nothing = { item: null, asOf: [] }
  door = await openDoor(({ views, positions }) => ({
    positions: { ...positions, open: (text) => (text === POSITION ? places : assert.fail('another position')) },
    views: {
      ...views,
      conversation: (viewer) => Promise.resolve({ item: { id: viewer.grants.id } as never, asOf: [] }),
      conversationAt: (_viewer, _id, moment) => (asked.push(moment), Promise.resolve(nothing)),
      messagesAt: (_viewer, _id, _query, moment) => (asked.push(moment), Promise.resolve({ items: [], next: null, asOf: [] })),
      contactAt: (_viewer, _id, moment) => {
        asked.push(moment)
        return Promise.reject(new ConfabError('as_of_gone', { fields: { earliest: '2026-01-01T00:00:00.000Z' } }))
      },
    },
  }))
})
after(() => door.close())

const get = (path: string, as = 'agent') => door.ask('GET', path, { as })

test('a time, a seq and a position name a moment; anything else is 400 as_of_invalid', async () => {
  const path = `/v1/conversations/${ids.agent}`
  assert.equal((await get(`${path}?asOf=2026-01-02T03:04:05Z`)).status, 404)
  assert.equal((await get(`${path}/messages?asOf=seq:12`)).status, 200)
  assert.equal((await get(`${path}/messages?limit=2&asOf=${POSITION}`)).status, 200)
  assert.deepEqual(asked.splice(0), [
    { kind: 'time', at: Date.UTC(2026, 0, 2, 3, 4, 5) },
    { kind: 'seq', seq: 12 },
    { kind: 'places', places },
  ])
  for (const wrong of ['yesterday', 'seq:0', 'seq:1.5', '2026-13-45', '2026-01-02T03:04:05', `${'a'.repeat(30)}!`]) {
    const answer = await get(`${path}?asOf=${encodeURIComponent(wrong)}`)
    assert.equal(answer.body.code, 'as_of_invalid', wrong)
  }
  assert.deepEqual(asked, [])
})

test('before the kept events it is 410 with the earliest', async () => {
  const answer = await get(`/v1/contacts/${ids.agent}?asOf=2020-01-01`)
  assert.equal(answer.status, 410)
  assert.equal(answer.body.code, 'as_of_gone')
  assert.equal(answer.body.earliest, '2026-01-01T00:00:00.000Z')
})

test('every list refuses it, to who may ask it at all', async () => {
  const lists = ['conversations', 'contacts', 'search', 'counts', 'audit', `conversations/${ids.agent}/events`, 'labels']
  for (const list of lists) {
    const answer = await get(`/v1/${list}?asOf=seq:1&q=x`, 'owner')
    assert.equal(answer.body.code, 'as_of_list', list)
    assert.equal(answer.status, 400)
  }
  assert.equal((await door.ask('GET', '/v1/conversations?asOf=seq:1', { as: null })).status, 401)
})
