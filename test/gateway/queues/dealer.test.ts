// Dealing out, over random histories: one of a conversation at a time, in order, each done once, and what is written down is true.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { StoredRecord } from '#log'
import { Claim } from '../../../src/gateway/queues/claim.ts'
import { Dealer } from '../../../src/gateway/queues/dealer.ts'
import { holds, joinMarks, marksIn, recordOf, type Marks } from '../../../src/gateway/queues/marks.ts'
import { Entry } from '../../../src/gateway/tail/entry.ts'

const limits = { inFlightMax: 4, ackTimeoutMs: 30, attemptsMax: 3, windowMax: 8 }
const entryOf = (offset: number, subjectId: string): Entry =>
  new Entry(0, { key: `${subjectId}/${offset}`, value: null, headers: {}, time: 1, offset } satisfies StoredRecord, [], {
    kind: 'conversation', organizationId: 'o', subjectId, type: 'message.received', seq: offset, contactSeq: null, teams: [], assignees: [],
  }) // prettier-ignore
const begin = (): Marks => new Map([[0, { next: 0, acknowledged: new Set(), sent: new Set() }]])

type Step = { readonly act: 'deal' | 'ack' | 'lose' | 'wait' | 'restart'; readonly n: number }
const steps = fc.array(fc.record({ act: fc.constantFrom('deal', 'deal', 'ack', 'ack', 'lose', 'wait', 'restart'), n: fc.nat(9) }), {
  maxLength: 120,
}) as fc.Arbitrary<Step[]>

test('at most one of a conversation is out, in its order, nothing is left out, and marks name only what is done', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 40 }), steps, (subjects, history) => {
      const log = subjects.map((subject, offset) => entryOf(offset * 2, subject))
      let now = 0
      let dealer = new Dealer<string>(limits, begin())
      const done = new Set<number>()
      let out = new Map<number, { entry: Entry; consumer: string }>()
      const deal = (consumer: string): void => {
        for (const entry of log) if (entry.offset >= (dealer.wants(0) ?? Infinity)) dealer.take(entry, true, now)
        const item = dealer.next()
        if (item === undefined) return
        const { entry } = item
        assert.ok(out.size < limits.inFlightMax)
        assert.equal(
          [...out.values()].some((other) => other.entry.routing?.subjectId === entry.routing?.subjectId),
          false,
        )
        const earlier = log.filter((other) => other.routing?.subjectId === entry.routing?.subjectId && other.offset < entry.offset)
        assert.equal(
          earlier.every(({ offset }) => done.has(offset)),
          true,
          'in order',
        )
        assert.equal(done.has(entry.offset), false, 'never again once done')
        dealer.sent(item, consumer, now)
        out.set(entry.offset, { entry, consumer })
      }
      const giveUp = (items: readonly { entry: Entry }[]): void => {
        for (const item of items) {
          dealer.done(item as never)
          done.add(item.entry.offset)
        }
      }
      for (const { act, n } of history) {
        if (act === 'deal') deal(`consumer ${n % 3}`)
        else if (act === 'ack') {
          const offset = [...out.keys()][n % Math.max(1, out.size)]
          if (offset === undefined) continue
          assert.equal(dealer.acknowledge(0, offset), true)
          assert.equal(dealer.acknowledge(0, offset), false)
          out.delete(offset)
          done.add(offset)
        } else if (act === 'lose') {
          giveUp(dealer.lost(`consumer ${n % 3}`))
          out = new Map([...out].filter(([, { consumer }]) => consumer !== `consumer ${n % 3}`))
        } else if (act === 'wait') {
          now += limits.ackTimeoutMs
          giveUp(dealer.expire(now))
          out = new Map()
        } else {
          const marks = marksIn({ marks: recordOf(dealer.marks()) })
          const { next = 0, acknowledged = new Set() } = marks.get(0) ?? {}
          for (const { offset } of log) if (offset < next || acknowledged.has(offset)) assert.ok(done.has(offset), 'marks are true')
          for (const offset of done) assert.ok(offset < next || acknowledged.has(offset), 'marks are whole')
          dealer = new Dealer<string>(limits, marks)
          out = new Map()
        }
        assert.equal(dealer.inFlight, out.size)
        for (const consumer of ['consumer 0', 'consumer 1', 'consumer 2'])
          assert.equal(dealer.loadOf(consumer), [...out.values()].filter((each) => each.consumer === consumer).length)
      }
      giveUp(dealer.expire(now + 1e9))
      out.clear()
      for (let round = 0; round < 10 * log.length + 10 && done.size < log.length; round++) {
        deal('last')
        for (const offset of out.keys()) {
          dealer.acknowledge(0, offset)
          done.add(offset)
        }
        out.clear()
      }
      assert.equal(done.size, log.length)
    }),
    { numRuns: 300 },
  )
})

const marksArbitrary: fc.Arbitrary<Marks> = fc
  .array(fc.tuple(fc.nat(3), fc.nat(20), fc.array(fc.nat(30), { maxLength: 6 })), { maxLength: 4 })
  .map(
    (parts) =>
      new Map(
        parts.map(([stream, next, more]) => [
          stream,
          { next, acknowledged: new Set(more.filter((offset) => offset >= next)), sent: new Set() },
        ]),
      ),
  )

test('joins of marks take no side and lose nothing', () => {
  fc.assert(
    fc.property(marksArbitrary, marksArbitrary, (one, other) => {
      const joined = joinMarks(one, other)
      assert.deepEqual(
        recordOf(joined).toSorted((a, b) => a.partition - b.partition),
        recordOf(joinMarks(other, one)).toSorted((a, b) => a.partition - b.partition),
      )
      assert.ok(holds(joined, one) && holds(joined, other))
    }),
  )
})

test('whatever order nodes hear the records in, the same one holds the queue', () => {
  const record = fc.record({ holder: fc.constantFrom('a', 'b', 'c'), ballot: fc.nat(5), isHeld: fc.boolean() })
  fc.assert(
    fc.property(fc.uniqueArray(record, { selector: ({ holder }) => holder, maxLength: 3 }), fc.nat(), (records, seed) => {
      const shuffled = records.toSorted((x, y) => ((x.holder.charCodeAt(0) * 31 + seed) % 7) - ((y.holder.charCodeAt(0) * 31 + seed) % 7))
      const ours = (order: typeof records): string[] =>
        ['a', 'b', 'c'].filter((holder) => {
          const claim = new Claim({ holder, leaseMs: 15_000, isAlone: false })
          for (const each of order) claim.hear(each.holder, { organizationId: 'o', botId: 'b', name: 'n', marks: [], at: 1, ...each }, 0)
          claim.confirm(0)
          return claim.isOurs(1)
        })
      assert.ok(ours(records).length <= 1)
      assert.deepEqual(ours(records), ours(shuffled))
    }),
  )
})

test('a holder that falls silent stops before another may take the queue, and who comes back has to claim it anew', () => {
  const record = (ballot: number) => ({ organizationId: 'o', botId: 'b', name: 'n', marks: [], at: 1, isHeld: true, ballot, holder: '' })
  const [a, b] = ['a', 'b'].map((holder) => new Claim({ holder, leaseMs: 15_000, isAlone: false })) as [Claim, Claim]
  for (const claim of [a, b]) claim.hear('a', record(1), 100)
  a.confirm(0)
  assert.ok(a.isOurs(9_000) && !b.isFree(9_000))
  assert.ok(!a.isOurs(10_000) && !b.isFree(10_000))
  assert.ok(b.isFree(15_200))
  const ballot = b.nextBallot
  for (const claim of [a, b]) claim.hear('b', record(ballot), 15_300)
  b.confirm(15_200)
  a.confirm(15_300)
  assert.ok(b.isOurs(15_400) && !a.isOurs(15_400) && !a.isFree(15_400))
})
