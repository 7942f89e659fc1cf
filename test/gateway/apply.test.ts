// apply(snapshot@v, events v..w) = snapshot@w: over random histories, with permissions that flip while sockets are open and while they are not.
// Beside it: cursors altered, foreign, of another generation or principal are never taken for good.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { emptyState, foldFrame, type ClientState } from '#client'
import { until } from '../harness.ts'
import { grantsOf, idOf, ids, openSite, removeSite, type Site } from './site.ts'
import { TestSocket } from './socket.ts'

type Step =
  | { readonly act: 'write'; readonly conversation: number; readonly kind: 'received' | 'queued' | 'note' }
  | { readonly act: 'cut' }
  | { readonly act: 'grants'; readonly accounts: number }
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ act: fc.constant('write' as const), conversation: fc.nat(3), kind: fc.constantFrom('received' as const, 'queued' as const, 'note' as const) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('cut' as const) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('grants' as const), accounts: fc.nat(2) }) },
) // prettier-ignore

const accountsOf = [null, [ids.account], [ids.second]] as const
const shown = ({ conversations, messages }: ClientState): unknown => ({
  conversations: [...conversations].toSorted(([one], [other]) => (one < other ? -1 : 1)),
  messages: [...messages].filter(([, list]) => list.length > 0).toSorted(([one], [other]) => (one < other ? -1 : 1)),
})

/** A client as simple as one can be: it folds, drops what it knows, and resumes. */
class Follower {
  state = emptyState
  readonly #known = new Map<string, number>()
  socket: TestSocket
  #at = 0
  #resume: TestSocket['resume'] | undefined
  readonly #site: Site
  readonly #subscriptions: readonly object[]

  constructor(site: Site, conversation: string) {
    this.#site = site
    this.#subscriptions = [
      { id: 'all', scope: { all: true } },
      { id: 'thread', scope: { conversation } },
    ]
    this.socket = this.#open()
  }

  #open(resume?: TestSocket['resume']): TestSocket {
    const socket = new TestSocket(this.#site.url)
    const subscriptions = this.#subscriptions
    socket.send({ frame: 'hello', token: 'follower', ...(resume === undefined ? {} : { resume }), subscriptions })
    this.#at = 0
    return socket
  }

  /** Applies what has come, up to a checkpoint that covers the end of the log. */
  async settle(end: { conversation: string; seq: number } | undefined): Promise<void> {
    await this.socket.next('checkpoint')
    if (end !== undefined) await until('the last event', () => (this.fold(), (this.#known.get(end.conversation) ?? 0) >= end.seq), 5_000)
    this.fold()
  }

  fold(): void {
    for (; this.#at < this.socket.frames.length; this.#at++) {
      const frame = this.socket.frames[this.#at]
      if (frame === undefined) return
      if (frame.frame === 'event') {
        const { subject, seq } = frame.event
        if (seq <= (this.#known.get(subject.id) ?? 0)) continue
        this.#known.set(subject.id, seq)
        this.state = foldFrame(this.state, frame)
      } else if (frame.frame === 'snapshot') {
        for (const row of frame.items as { id: string; seq: number }[])
          this.#known.set(row.id, frame.conversationId === undefined ? Math.max(row.seq, this.#known.get(row.id) ?? 0) : row.seq)
        this.state = foldFrame(this.state, frame)
      } else if (frame.frame === 'resync') this.state = foldFrame(this.state, frame)
    }
  }

  return(): void {
    this.fold()
    // Until a checkpoint the older place counts: a cut may have swallowed the resync.
    if (this.socket.frames.some(({ frame }) => frame === 'checkpoint')) this.#resume = this.socket.resume
    this.socket.cut()
    this.socket = this.#open(this.#resume)
  }
}

test('what a client holds is what a fresh snapshot shows, for all histories of events, cuts and permissions', async () => {
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
      const site = await openSite({ isAlone: true })
      run++
      let grants = grantsOf({ id: idOf('follower') })
      const become = (): void => void site.tokens.set('follower', { grants, expiresAt: null, source: null, origin: null })
      become()
      const conversations = [0, 1, 2, 3].map((n) => ({ id: idOf('apply', run, n), accountId: n % 2 === 0 ? ids.account : ids.second }))
      for (const { id, accountId } of conversations) await site.writer.events(id, site.writer.created(id, { accountId }))
      const [first] = conversations as [(typeof conversations)[number]]
      const follower = new Follower(site, first.id)
      await follower.settle(undefined)
      for (const each of steps) {
        if (each.act === 'cut') follower.return()
        else if (each.act === 'grants') {
          // A change of accounts ends the sockets of the principal: it comes back, and its cursor is of other grants.
          grants = { ...grants, accountIds: accountsOf[each.accounts] ?? null }
          become()
          follower.return()
        } else {
          const { id, accountId } = conversations[each.conversation] as (typeof conversations)[number]
          const records = each.kind === 'note' ? site.writer.note(id, 'n') : site.writer[each.kind](id, 'text', { accountId })
          const placed = records.map((record) =>
            'account' in record.headers ? { ...record, headers: { ...record.headers, account: accountId } } : record,
          )
          await site.writer.events(id, placed)
        }
      }
      follower.return()
      await follower.settle(undefined)
      const fresh = new Follower(site, first.id)
      await fresh.settle(undefined)
      assert.deepEqual(shown(follower.state), shown(fresh.state))
      for (const [, row] of follower.state.conversations) assert.ok(grants.accountIds === null || grants.accountIds.includes(row.accountId))
      for (const each of [follower, fresh]) each.socket.cut()
      await site.close()
      await removeSite(site)
    }),
    { numRuns: 12 },
  )
})

test('a cursor that was altered anywhere, or is another organization’s or principal’s, resyncs and never resumes', async () => {
  const site = await openSite({ isAlone: true })
  const conversation = idOf('fuzz')
  await site.writer.events(conversation, site.writer.created(conversation), site.writer.received(conversation, 'x'))
  const who = (over: Parameters<typeof grantsOf>[0]) => ({ grants: grantsOf(over), expiresAt: null, source: null, origin: null })
  site.tokens.set('other', who({ id: ids.colleague }))
  site.tokens.set('foreign', who({ organizationId: ids.other }))
  const open = async (token: string, resume?: TestSocket['resume']): Promise<TestSocket> => {
    const socket = new TestSocket(site.url)
    socket.send({ frame: 'hello', token, ...(resume === undefined ? {} : { resume }), subscriptions: [{ id: 'a', scope: { all: true } }] })
    await socket.next('checkpoint')
    return socket
  }
  const first = await open('agent')
  await site.writer.events(conversation, site.writer.received(conversation, 'y'))
  const { cursor, slot } = await first.next('event')
  const good = first.resume
  first.cut()
  const isRefused = async (token: string, resume: TestSocket['resume']): Promise<void> => {
    const socket = await open(token, resume)
    const reasons = socket.frames.flatMap((frame) => (frame.frame === 'resync' ? [frame.reason] : []))
    assert.deepEqual(reasons, ['cursor'])
    assert.equal(socket.frames.filter(({ frame }) => frame === 'snapshot').length, 1)
    socket.cut()
  }
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const altered = (text: string, at: number, to: number): string => {
    const place = at % text.length
    const letter = alphabet[to % alphabet.length] ?? 'A'
    return text.slice(0, place) + (letter === text[place] ? (letter === 'A' ? 'B' : 'A') : letter) + text.slice(place + 1)
  }
  await fc.assert(
    fc.asyncProperty(fc.nat(4_000), fc.nat(63), fc.boolean(), async (at, to, isSlot) => {
      await isRefused(
        'agent',
        isSlot
          ? { ...good, slots: { [String(slot)]: altered(cursor, at, to) } }
          : { ...good, checkpoint: altered(good.checkpoint, at, to) },
      )
    }),
    { numRuns: 40 },
  )
  await isRefused('other', good)
  await isRefused('foreign', good)
  await site.close()
  await removeSite(site)
})
