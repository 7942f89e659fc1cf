// The stream of server-sent events: what its ids say and when, its filters, heartbeats, refusals before and after it began.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { resumeOf, scopeOf } from '../../src/gateway/doors/sse-text.ts'
import { until } from '../harness.ts'
import { SseFollower } from './drivers.ts'
import { grantsOf, idOf, openSite, removeSite, type Site } from './site.ts'

let now = Date.now()
let site: Site
before(async () => {
  site = await openSite({ clock: () => now, config: { streamHeartbeatMs: 30, sessionAgeMs: 60_000 } })
})
after(async () => {
  await site.close()
  await removeSite(site)
})

const portOf = ({ url }: Site): number => Number(new URL(url).port)
const open = (over: Partial<ConstructorParameters<typeof SseFollower>[0]> = {}): SseFollower =>
  new SseFollower({ port: portOf(site), ...over })
const fetchStream = (query = '', headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${portOf(site)}/v1/stream${query}`, { headers: { authorization: 'Bearer agent', ...headers } })

/** The stream's first bytes, as curl shows them, up to what they must hold. */
const textUntil = async (answer: Response, wanted: RegExp): Promise<string> => {
  let text = ''
  const decoder = new TextDecoder()
  for await (const bytes of answer.body ?? []) {
    text += decoder.decode(bytes as Uint8Array, { stream: true })
    if (wanted.test(text)) break
  }
  return text
}

test('says what it is, and gives an id only from where a client could go on', async () => {
  const conversation = idOf('ids')
  await site.writer.events(conversation, site.writer.created(conversation))
  const answer = await fetchStream()
  assert.equal(answer.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  assert.equal(answer.headers.get('cache-control'), 'no-store, no-transform')
  assert.equal(answer.headers.get('x-request-id'), 'test', 'headers of every answer')
  const text = await textUntil(answer, /event: checkpoint\ndata: .*\n\n/)
  assert.match(text, /^retry: 2000\n\n/)
  const names = [...text.matchAll(/(id: \S+\n)?event: (\S+)\ndata: \{/g)].map(([, id, name]) => [name, id !== undefined])
  assert.deepEqual(
    names.filter(([name]) => name !== 'ephemeral'),
    [
      ['welcome', false],
      // Who went on from here would never see the snapshot.
      ['subscribed', false],
      ['snapshot', true],
      ['checkpoint', true],
    ],
  )
})

test('an event has its type as its name, the event as its data, and in its id the whole place', async () => {
  const conversation = idOf('shape')
  await site.writer.events(conversation, site.writer.created(conversation))
  const answer = await fetchStream(`?scope=conversation:${conversation}&from=latest&types=message.received`)
  const read = textUntil(answer, /event: message.received\n.*\n\n/)
  await until('it is there', () => site.gateway.sessionsCount > 0)
  await site.writer.events(
    conversation,
    site.writer.note(conversation, 'left out'),
    site.writer.received(conversation, 'line one\nline two'),
  )
  const text = await read
  assert.doesNotMatch(text, /note.added/)
  const [, id = '', data = ''] = /id: (\S+)\nevent: message.received\ndata: (.*)\n\n/.exec(text) ?? []
  const event = JSON.parse(data) as { type: string; seq: number; data: { content: { text: string } } }
  assert.deepEqual([event.type, event.seq, event.data.content.text], ['message.received', 3, 'line one\nline two'])
  const { checkpoint, slots } = resumeOf(id)
  assert.match(checkpoint, /^A[\w-]+$/)
  assert.deepEqual(
    Object.values(slots).map((cursor) => cursor.length),
    [23],
  )
  const again = open({ scope: { conversation }, place: id })
  await again.next('checkpoint')
  assert.deepEqual(again.events, [], 'nothing twice')
  again.leave()
  const url = open({ scope: { conversation }, from: id })
  await url.next('checkpoint')
  assert.deepEqual(
    url.frames.map(({ frame }) => frame).filter((name) => name === 'snapshot'),
    [],
    'an id is a from, too',
  )
  url.leave()
})

test('a quiet stream says so in comments', async () => {
  const follower = open()
  await follower.next('checkpoint')
  await until('comments come', () => follower.comments.length > 2)
  assert.equal(
    follower.comments.every((comment) => comment === ''),
    true,
  )
  follower.leave()
})

test('an altered id, and the id of another, begin anew with the reason', async () => {
  site.tokens.set('other', { grants: grantsOf({ id: idOf('other') }), expiresAt: null, source: null, origin: null })
  const first = open()
  await first.next('checkpoint')
  first.leave()
  const place = first.place ?? ''
  for (const [token, id] of [['agent', 'nonsense'], ['agent', `${place}.x`], ['agent', `${place.slice(0, -1)}`], ['other', place]] as const) {
    const follower = open({ token, place: id })
    assert.equal((await follower.next('resync')).reason, 'cursor')
    await follower.next('snapshot')
    await follower.next('checkpoint')
    assert.notEqual(follower.place, id)
    follower.leave()
  }
}) // prettier-ignore

test('refuses with a status before it begins, and with a problem where its only subscription is refused', async () => {
  for (const [query, status] of [['?scope=everything', 400], ['?scope=account:', 400]] as const)
    assert.equal((await fetchStream(query)).status, status, query)
  assert.equal((await fetchStream('', { authorization: 'Bearer nobody' })).status, 401)
  // One slot's cursor cannot begin a scope that has many.
  const conversation = idOf('partial')
  const follower = open({ scope: { conversation }, from: 'latest' })
  await follower.next('checkpoint')
  await site.writer.events(conversation, site.writer.created(conversation))
  await follower.next('event')
  const cursor = Object.values(resumeOf(follower.place ?? '').slots)[0] ?? ''
  follower.leave()
  const partial = open({ from: cursor })
  assert.deepEqual(await partial.next('error'), { frame: 'error', code: 'cursor_partial', id: 'stream' })
  await partial.closed
  const exact = open({ scope: { conversation }, from: cursor })
  await exact.next('checkpoint')
  exact.leave()
}) // prettier-ignore

test('asks to come anew when it is old or its token has ended, and ends', async () => {
  site.tokens.set('short', { grants: grantsOf(), expiresAt: now + 1_000, source: null, origin: null })
  const short = open({ token: 'short' })
  await short.next('checkpoint')
  now += 27_000
  assert.deepEqual(await short.closed, { code: 4010, mayReturn: true })
  const old = open()
  await old.next('checkpoint')
  now += 67_000
  assert.equal((await old.next('reconnect')).afterMs, 0)
  now += 1_000
  assert.deepEqual(await old.closed, { code: 4003, mayReturn: true })
  await until('no session is left', () => site.gateway.sessionsCount === 0)
})

test('a scope is a word, or a kind and an id', () => {
  assert.deepEqual(scopeOf('all'), { all: true })
  assert.deepEqual(scopeOf('assignee:me'), { assignee: 'me' })
  for (const text of ['', 'all:1', 'account:', 'account:a b', 'other:1']) assert.equal(scopeOf(text), undefined, text)
})
