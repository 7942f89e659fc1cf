// A model of joining: subscriptions begin anywhere while entries are appended, evicted, replayed and sent live.
// The real rings and the real progress; the log, the socket and the turns of the event loop are the test's.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { StoredRecord } from '#log'
import { STREAMS } from '../../src/gateway/cursor.ts'
import { Entry } from '../../src/gateway/tail/entry.ts'
import { Ring } from '../../src/gateway/tail/ring.ts'
import { headsOf, Progress, Subscription } from '../../src/gateway/sessions/progress.ts'
import type { Routing } from '../../src/gateway/scopes.ts'
import { grantsOf, idOf, ids } from './site.ts'

const grants = grantsOf()
const streams = [0, 1, 2]
const conversations = streams.flatMap((stream) => [idOf('join', stream, 'a'), idOf('join', stream, 'b')])

const entryOf = (stream: number, offset: number, which: number, seq: number): Entry => {
  const subjectId = conversations[stream * 2 + which] ?? ''
  const record: StoredRecord = {
    key: `${subjectId}/${seq}`,
    value: Buffer.from('x'),
    headers: { type: 'message.received' },
    time: offset,
    offset,
  }
  const routing: Routing = {
    kind: 'conversation',
    organizationId: ids.organization,
    subjectId,
    type: 'message.received',
    seq,
    contactSeq: seq,
    accountId: ids.account,
    teams: [],
    assignees: [],
  }
  return new Entry(stream, record, [], routing)
}

type Step =
  | { readonly do: 'append'; readonly stream: number; readonly which: number; readonly hole: number }
  | { readonly do: 'evict'; readonly stream: number }
  | { readonly do: 'work'; readonly room: number }
  | { readonly do: 'join'; readonly scope: number; readonly back: number }
  | { readonly do: 'slow' }
  | { readonly do: 'cut' }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant('append' as const), stream: fc.nat(2), which: fc.nat(1), hole: fc.nat(2) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('evict' as const), stream: fc.nat(2) }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('work' as const), room: fc.integer({ min: 0, max: 4 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('join' as const), scope: fc.nat(6), back: fc.nat(6) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('slow' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const) }) },
  ),
  { maxLength: 120 },
)

/** One client over all its sessions, and the log it follows. */
class Model {
  readonly rings = Array.from({ length: STREAMS }, () => new Ring(0))
  readonly log: Entry[][] = streams.map(() => [])
  readonly seqs = new Map<string, number>()
  /** Where each subscription began, for the verdict. */
  readonly starts = new Map<string, { subscription: Subscription; positions: Float64Array }>()
  readonly got = new Map<string, string[]>()
  /** The vector of the last checkpoint; subscriptions begun since are not in it. */
  checkpoint = headsOf(this.rings)
  covered = new Set<string>()
  slots = new Map<number, number>()
  progress = new Progress(this.rings, grants)
  isSlow = false
  joins = 0

  append(stream: number, which: number, hole: number): void {
    const ring = this.rings[stream] as Ring
    const subjectId = conversations[stream * 2 + which] ?? ''
    const seq = (this.seqs.get(subjectId) ?? 0) + 1
    this.seqs.set(subjectId, seq)
    const entry = entryOf(stream, ring.head + hole, which, seq)
    this.log[stream]?.push(entry)
    ring.append(entry)
    if (!this.progress.isLive) return
    if (![...this.progress.subscriptions.values()].some((subscription) => subscription.matches(entry, grants))) return
    if (this.isSlow) this.progress.fall(entry)
    else this.deliver(entry)
  }

  deliver(entry: Entry): void {
    for (const [id, { subscription, positions }] of this.starts) {
      // What the client does: it sorts the frame into its lists, and drops by seq what a list has.
      if (!subscription.matches(entry, grants) || entry.offset < (positions[entry.stream] as number)) continue
      const list = this.got.get(id) ?? []
      this.got.set(id, list)
      if (!list.includes(entry.record.key)) list.push(entry.record.key)
    }
    this.slots.set(entry.stream, entry.next)
  }

  /** The loop of catching up with room for so many frames; live at its end where nothing is left. */
  work(room: number): void {
    let left = room
    while (!this.progress.isLive) {
      const stream = this.progress.lagging()
      if (stream === undefined) {
        this.progress.settle()
        this.onLive()
        return
      }
      const position = this.progress.positionOf(stream)
      const ring = this.rings[stream] as Ring
      const isHeld = position >= ring.from
      const past = isHeld ? [...ring.since(position)] : (this.log[stream] ?? []).filter(({ offset }) => offset >= position).slice(0, 2)
      for (const entry of past) {
        if (left === 0) return
        if (this.progress.pass(entry)) {
          left--
          this.deliver(entry)
        }
      }
      this.progress.skip(stream, isHeld ? ring.head : (past.at(-1)?.next ?? ring.from))
    }
  }

  onLive(): void {
    this.isSlow = false
    this.checkpoint = headsOf(this.rings)
    this.slots.clear()
    this.covered = new Set(this.progress.subscriptions.keys())
  }

  join(scope: number, back: number): void {
    if (this.joins >= 8) return
    const id = `s${++this.joins}`
    const conversation = conversations[scope]
    const subscription = new Subscription({ id, scope: conversation === undefined ? { all: true } : { conversation } }, grants, undefined)
    const positions = headsOf(this.rings).map((head, stream) => {
      const entries = this.log[stream] ?? []
      return stream < streams.length && back > 0 ? (entries.at(-back)?.offset ?? 0) : head
    })
    this.starts.set(id, { subscription, positions })
    this.progress.join(subscription, positions.slice())
  }

  /** A new session: the covered resume where the client stands, the others where they began. */
  cut(): void {
    const resumed = this.checkpoint.map((offset, stream) => Math.max(offset, this.slots.get(stream) ?? 0))
    // Slots of a join in progress may lie beyond what others have had, never beyond what the covered have.
    this.progress = new Progress(this.rings, grants)
    this.isSlow = false
    for (const [id, { subscription, positions }] of this.starts)
      this.progress.join(subscription, this.covered.has(id) ? resumed.slice() : positions.slice())
    this.checkpoint = resumed
    this.slots.clear()
  }
}

test('no interleaving of append, evict, replay, live, slow and cut loses, doubles or disorders an event', () => {
  fc.assert(
    fc.property(steps, (list) => {
      const model = new Model()
      for (const step of list) {
        if (step.do === 'append') model.append(step.stream, step.which, step.hole)
        else if (step.do === 'evict') model.rings[step.stream]?.evictOldest()
        else if (step.do === 'work') model.work(step.room)
        else if (step.do === 'join') model.join(step.scope, step.back)
        else if (step.do === 'slow') model.isSlow = true
        else model.cut()
      }
      model.work(Number.POSITIVE_INFINITY)
      assert.equal(model.progress.isLive, true)
      for (const [id, { subscription, positions }] of model.starts) {
        const wanted = streams.map((stream) =>
          (model.log[stream] ?? [])
            .filter((entry) => entry.offset >= (positions[stream] as number) && subscription.matches(entry, grants))
            .map(({ record }) => record.key),
        )
        const got = model.got.get(id) ?? []
        // In the order of the log in each stream; none across.
        const byStream = streams.map((stream) => got.filter((key) => conversations.indexOf(key.split('/')[0] ?? '') >> 1 === stream))
        assert.deepEqual(byStream, wanted)
      }
    }),
    { numRuns: 1_000 },
  )
})
