// The same promises over every door: one set of scenarios, run over ws, Socket.IO in each of its transports, and server-sent events.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../harness.ts'
import { FaultProxy } from '../client/proxy.ts'
import { drivers, type Driver, type Follower, type Opening } from './drivers.ts'
import { grantsOf, idOf, ids, openSite, removeSite, type Site, type SiteOptions } from './site.ts'

const portOf = (site: Site): number => Number(new URL(site.url).port)

/** What a scenario that fails leaves open would keep the process alive. */
const left: (() => unknown)[] = []

const openProxy = async (site: Site): Promise<FaultProxy> => {
  const proxy = await FaultProxy.open(portOf(site))
  left.push(() => proxy.close())
  return proxy
}

const open = (driver: Driver, opening: Opening): Follower => {
  const follower = driver.open(opening)
  left.push(() => follower.leave())
  return follower
}

const withSite = async (options: SiteOptions, use: (site: Site) => Promise<void>): Promise<void> => {
  const site = await openSite(options)
  try {
    await use(site)
  } finally {
    await Promise.all(left.splice(0).map((end) => end()))
    await site.close()
    await removeSite(site)
  }
}

const live = async (driver: Driver, opening: Opening): Promise<Follower> => {
  const follower = open(driver, opening)
  await follower.next('checkpoint')
  return follower
}

const seqsOf = (follower: Follower, conversation: string): number[] =>
  follower.events.filter(({ event }) => event.conversationId === conversation).map(({ event }) => event.seq)
const countTo = (last: number, first = 1): number[] => Array.from({ length: last - first + 1 }, (_, index) => index + first)
const reasonsOf = (follower: Follower): string[] => follower.frames.flatMap((frame) => (frame.frame === 'resync' ? [frame.reason] : []))

const bot = (accountIds: readonly string[] | null = null) => ({
  grants: grantsOf({ kind: 'bot', role: 'bot', id: idOf('bot'), accountIds }),
  expiresAt: null,
  source: { kind: 'token' as const, id: idOf('bot') },
  origin: null,
})
const botSetting = (accountIds: readonly string[], rev = 2) => ({
  rev, createdAt: 1, updatedAt: 1, uniqueKeys: [], organizationId: ids.organization,
  id: idOf('bot'), name: 'bot', role: 'bot', agentId: null, hash: 'h', accountIds, expiresAt: null,
}) // prettier-ignore

const followsASnapshot = (driver: Driver): Promise<void> =>
  withSite({}, async (site) => {
    const conversation = idOf('snapshot')
    const { writer } = site
    await writer.events(conversation, writer.created(conversation), writer.received(conversation, 'before'))
    const follower = open(driver, { port: portOf(site) })
    const { items } = await follower.next('snapshot')
    assert.deepEqual(
      items.map((item) => [(item as { id: string }).id, (item as { seq: number }).seq]),
      [[conversation, 2]],
    )
    await follower.next('checkpoint')
    await writer.events(conversation, writer.received(conversation, 'hello'), writer.note(conversation, 'a note'))
    await follower.next('event', ({ event }) => event.seq === 4)
    assert.deepEqual(seqsOf(follower, conversation), [3, 4])
    const [{ event }] = follower.events as [Follower['events'][number]]
    assert.deepEqual([event.type, (event.data['content'] as { text: string }).text], ['message.received', 'hello'])
    follower.leave()
    await until('its session is gone', () => site.gateway.sessionsCount === 0)
  })

const startsWhereItSays = (driver: Driver): Promise<void> =>
  withSite({}, async (site) => {
    const conversation = idOf('from')
    const { writer } = site
    await writer.events(conversation, writer.created(conversation), writer.received(conversation, 'one'))
    const scope = { conversation }
    const [all, news] = [
      await live(driver, { port: portOf(site), from: 'earliest', scope }),
      await live(driver, { port: portOf(site), from: 'latest', scope }),
    ]
    await writer.events(conversation, writer.received(conversation, 'two'))
    await writer.events(idOf('from', 2), writer.created(idOf('from', 2)))
    for (const follower of [all, news]) await follower.next('event', ({ event }) => event.seq === 3)
    assert.deepEqual(
      [all, news].map((follower) => follower.events.map(({ event }) => event.seq)),
      [[1, 2, 3], [3]],
    )
  })

const SEED = 20_261_121
const CUTS = 15
/** A small generator, so that a seed tells where the cuts fell. */
const randomOf = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return (state >>> 0) / 2 ** 32
  }
}

/** Each line is cut after so many bytes, wherever in a frame that is, while events come. */
const resumesAfterCuts = (driver: Driver): Promise<void> =>
  withSite({ config: { ringBytesMax: 20_000, sessionsPerPrincipalMax: 100 } }, async (site) => {
    const random = randomOf(SEED)
    const conversations = [idOf('cuts', 1), idOf('cuts', 2), idOf('cuts', 3)]
    const { writer } = site
    for (const id of conversations) await writer.events(id, writer.created(id))
    const proxy = await openProxy(site)
    const got: Follower['events'] = []
    const first = await live(driver, { port: proxy.port })
    let { place } = first
    first.leave()
    let cuts = 0
    const written = (async () => {
      for (let round = 0; cuts < CUTS && round < 1_000; round++)
        for (const id of conversations) await writer.events(id, writer.received(id, `text ${round}`))
    })()
    for (; cuts < CUTS; cuts++) {
      proxy.cutAfterBytes = Math.floor(200 + random() * 12_000)
      const follower = open(driver, { port: proxy.port, place })
      const enough = Math.floor(1 + random() * 20)
      // A line a request: none may carry so many bytes, so it is cut when enough has come, too.
      let isClosed = false
      const closed = follower.closed.then(() => (isClosed = true))
      await until('it is cut', () => {
        if (follower.events.length >= enough) proxy.cut()
        return isClosed
      })
      await closed
      got.push(...follower.events)
      place = placeOf(follower, place)
    }
    await written
    proxy.cutAfterBytes = undefined
    const last = await live(driver, { port: proxy.port, place })
    got.push(...last.events)
    assert.deepEqual(reasonsOf(last), [])
    for (const id of conversations)
      assert.deepEqual(
        got.filter(({ event }) => event.conversationId === id).map(({ event }) => event.seq),
        countTo(writer.seqOf(id), 2),
        `seed ${SEED}: none is missing, twice or out of order`,
      )
  })

/** A follower that was cut before its welcome stands where it was opened. */
const placeOf = (follower: Follower, before: unknown): unknown =>
  typeof follower.place === 'object' && (follower.place as { checkpoint: string }).checkpoint === '' ? before : follower.place

const resumesAfterARestart = async (driver: Driver): Promise<void> => {
  const first = await openSite()
  const conversation = idOf('restart')
  await first.writer.events(conversation, first.writer.created(conversation))
  const follower = await live(driver, { port: portOf(first) })
  await first.writer.events(conversation, first.writer.received(conversation, 'before'))
  await follower.next('event', ({ event }) => event.seq === 2)
  await first.writer.events(conversation, first.writer.received(conversation, 'as it closes'))
  await first.close()
  assert.deepEqual(await follower.closed, { code: 4000, mayReturn: true })
  assert.ok(follower.frames.some(({ frame }) => frame === 'reconnect'))
  const again = await openSite({ directory: first.directory })
  const other = idOf('restart', 2)
  await again.writer.events(other, again.writer.created(other))
  const resumed = await live(driver, { port: portOf(again), place: follower.place })
  assert.deepEqual([...seqsOf(follower, conversation), ...seqsOf(resumed, conversation)], [2, 3])
  assert.deepEqual(seqsOf(resumed, other), [1])
  assert.deepEqual(reasonsOf(resumed), [])
  resumed.leave()
  await again.close()
  await removeSite(again)
}

const losesAnAccount = (driver: Driver): Promise<void> =>
  withSite({}, async (site) => {
    const { writer } = site
    const [kept, lost] = [idOf('flip', 1), idOf('flip', 2)]
    await writer.setting('token', botSetting([]))
    site.tokens.set('bot', bot())
    const narrow = { accountId: ids.second }
    await writer.events(kept, writer.created(kept))
    await writer.events(lost, writer.created(lost, narrow))
    const follower = await live(driver, { port: portOf(site), token: 'bot' })
    await writer.events(lost, writer.received(lost, 'still seen', narrow))
    await follower.next('event', ({ event }) => event.conversationId === lost)
    await writer.setting('token', botSetting([ids.account], 3))
    assert.deepEqual(await follower.closed, { code: 4000, mayReturn: true })
    site.tokens.set('bot', bot([ids.account]))
    await writer.events(lost, writer.received(lost, 'canary', narrow))
    await writer.events(kept, writer.received(kept, 'shown'))
    const back = await live(driver, { port: portOf(site), token: 'bot', place: follower.place })
    assert.deepEqual(reasonsOf(back), ['grants'])
    await writer.events(lost, writer.received(lost, 'canary', narrow))
    await writer.events(kept, writer.received(kept, 'shown too'))
    await back.next('event', ({ event }) => event.conversationId === kept && event.seq === 3)
    assert.doesNotMatch(JSON.stringify(back.frames), new RegExp(`canary|${lost}`))
  })

const endsWithItsToken = (driver: Driver): Promise<void> =>
  withSite({}, async (site) => {
    await site.writer.setting('token', botSetting([]))
    site.tokens.set('bot', bot())
    const follower = await live(driver, { port: portOf(site), token: 'bot' })
    await site.writer.setting('token', null, idOf('bot'))
    assert.deepEqual(await follower.closed, { code: 4502, mayReturn: false })
    site.tokens.delete('bot')
    assert.deepEqual(await open(driver, { port: portOf(site), token: 'bot', place: follower.place }).closed, {
      code: 4501,
      mayReturn: false,
    })
    await until('its session is gone', () => site.gateway.sessionsCount === 0)
  })

const refusesForeignPagesAndCrowds = (driver: Driver): Promise<void> =>
  withSite({ config: { sessionsPerPrincipalMax: 2 } }, async (site) => {
    const port = portOf(site)
    const own = await live(driver, { port, headers: { origin: 'http://confab.test' } })
    const foreign = open(driver, { port, headers: { origin: 'https://evil.test' } })
    await foreign.closed
    assert.deepEqual(foreign.events, [])
    // A page of a chat's site may open, for its visitors; an agent's token is not for it.
    assert.deepEqual(await open(driver, { port, headers: { origin: 'https://shop.test' } }).closed, { code: 4503, mayReturn: false })
    const second = await live(driver, { port })
    assert.deepEqual(await open(driver, { port }).closed, { code: 4505, mayReturn: false })
    assert.equal(site.gateway.sessionsCount, 2)
    for (const follower of [own, second]) follower.leave()
    await until('their sessions are gone', () => site.gateway.sessionsCount === 0)
  })

const refusesOversizeFrames = (driver: Driver): Promise<void> =>
  withSite({ config: { frameBytesMax: 4_096 } }, async (site) => {
    const follower = await live(driver, { port: portOf(site) })
    follower.send?.({ frame: 'command', id: 'large', type: 'x', text: 'x'.repeat(5_000) } as { frame: string })
    assert.deepEqual(await follower.closed, { code: 1009, mayReturn: false })
    const second = await live(driver, { port: portOf(site) })
    second.send?.({ frame: 'nothing' })
    assert.deepEqual(await second.closed, { code: 4500, mayReturn: false })
    assert.deepEqual(site.commands, [])
  })

/** More than all buffers of the kernel on the way hold. */
const keepsUpWithSlowReaders = (driver: Driver): Promise<void> =>
  withSite({}, async (site) => {
    const conversation = idOf('slow')
    const { writer } = site
    await writer.events(conversation, writer.created(conversation))
    const proxy = await openProxy(site)
    const [slow, fast] = [await live(driver, { port: proxy.port }), await live(driver, { port: portOf(site) })]
    proxy.hold()
    const text = 'x'.repeat(30_000)
    for (let round = 0; round < 40; round++) {
      await writer.events(conversation, ...Array.from({ length: 10 }, () => writer.received(conversation, text)))
      await fast.next('event', ({ event }) => event.seq === writer.seqOf(conversation))
    }
    assert.deepEqual(seqsOf(fast, conversation), countTo(401, 2))
    assert.ok(slow.events.length < 400)
    proxy.release()
    await slow.next('event', ({ event }) => event.seq === 401)
    assert.deepEqual(seqsOf(slow, conversation), countTo(401, 2))
  })

for (const driver of drivers) {
  const { name, isReadOnly } = driver
  test(`${name}: a snapshot comes first, then what happens`, () => followsASnapshot(driver))
  test(`${name}: starts where it is told to, in its scope alone`, () => startsWhereItSays(driver))
  test(`${name}: cut at any byte, it goes on without a hole and without a duplicate`, () => resumesAfterCuts(driver))
  test(`${name}: goes on after the gateway was closed and another opened`, () => resumesAfterARestart(driver))
  test(`${name}: what it may no longer see is neither resumed nor sent`, () => losesAnAccount(driver))
  test(`${name}: ends with its token, for good`, () => endsWithItsToken(driver))
  test(`${name}: refuses foreign pages, and too many of one principal`, () => refusesForeignPagesAndCrowds(driver))
  test(`${name}: who does not read holds nobody up, and ends complete`, () => keepsUpWithSlowReaders(driver))
  if (!isReadOnly) test(`${name}: refuses frames that are too large, or none of the protocol`, () => refusesOversizeFrames(driver))
}
