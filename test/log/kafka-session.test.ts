// A fetch session: whole once, then only what has changed; begun anew when the broker has lost it or nobody knows what it has seen.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FetchSession, type Wanted } from '../../src/log/kafka/fetch-session.ts'

const at = (partition: number, offset: number, topic = 'events'): Wanted => ({ topic, partition, offset, maxBytes: 1000 })
const named = (topics: readonly { topic: string; partitions: readonly unknown[] }[]): string[] =>
  topics.flatMap(({ topic, partitions }) =>
    partitions.map((each) => (typeof each === 'number' ? `${topic}/${each}` : `${topic}/${(each as { partition: number }).partition}`)),
  )

test('the first request names all, later ones what has moved, come or gone', () => {
  const session = new FetchSession()
  const first = session.request([at(0, 5), at(1, 0), at(0, 7, 'marks')])
  assert.deepEqual([first.sessionId, first.sessionEpoch, named(first.topics)], [0, 0, ['events/0', 'events/1', 'marks/0']])
  assert.ok(session.accept(0, 42))
  assert.equal(session.offsetOf('events', 0), 5)
  const second = session.request([at(0, 9), at(1, 0), at(0, 7, 'marks')])
  assert.deepEqual([second.sessionId, second.sessionEpoch, named(second.topics), second.forgottenTopics], [42, 1, ['events/0'], []])
  assert.ok(session.accept(0, 42))
  const third = session.request([at(0, 9), at(2, 0), at(0, 7, 'marks')])
  assert.deepEqual([third.sessionEpoch, named(third.topics), named(third.forgottenTopics)], [2, ['events/2'], ['events/1']])
})

test('a session that the broker has lost, or a request without an answer, is followed by a whole one', () => {
  for (const lose of [(session: FetchSession) => assert.ok(!session.accept(70, 0)), (session: FetchSession) => session.reset()]) {
    const session = new FetchSession()
    session.request([at(0, 5), at(1, 0)])
    session.accept(0, 42)
    session.request([at(0, 6), at(1, 0)])
    lose(session)
    const next = session.request([at(0, 6), at(1, 0)])
    assert.deepEqual([next.sessionId, next.sessionEpoch, named(next.topics)], [0, 0, ['events/0', 'events/1']])
  }
})

test('a broker without room for sessions is asked for everything each time', () => {
  const session = new FetchSession()
  session.request([at(0, 5), at(1, 0)])
  assert.ok(session.accept(0, 0))
  assert.deepEqual(named(session.request([at(0, 5), at(1, 0)]).topics), ['events/0', 'events/1'])
})
