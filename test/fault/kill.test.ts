// G1, G3, G5, G9 under SIGKILL: 20,000 webhooks at full speed while the server is killed at random moments.
// What got a 2xx is in the log and in the views once, in order per conversation; a socket client has applied exactly the log.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeAny, type ContentBody, type Event } from '#schemas/log'
import { openEmbeddedLog } from '#log'
import { PARTITIONS } from '#topics'
import { connectTwilio } from '../../bench/ingest.ts'
import { freePort, removeDirectory, startServer, temporaryDirectory, until, type RunningServer } from '../harness.ts'
import { messageSid, signedRequest, type TwilioAccount } from '../twilio-webhooks.ts'
import { runLanes } from './lanes.ts'
import { followLog, type Follower } from './follower.ts'

const WEBHOOKS = 20_000
const KILLS = 10
const LANES = 40
/** Conversations a lane writes to, in turn: order is defined within a lane. */
const CONVERSATIONS_PER_LANE = 5
const seed = Number(process.env['CONFAB_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** mulberry32: small, seeded. */
const randomOf = (state: number) => (): number => {
  state = (state + 0x6d2b79f5) | 0
  let t = Math.imul(state ^ (state >>> 15), 1 | state)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}

interface Sent {
  readonly sid: string
  readonly from: string
}

const planOf = (lanes: number, perLane: number): Sent[][] =>
  Array.from({ length: lanes }, (_, lane) =>
    Array.from({ length: perLane }, (_, index) => ({
      sid: messageSid(9, lane * perLane + index),
      from: `+1555${String(2_000_000 + lane * CONVERSATIONS_PER_LANE + (index % CONVERSATIONS_PER_LANE))}`,
    })),
  )

/** The log as a foreign reader finds it after the server is gone: conversation → message.received in order, and every seq. */
const readLog = async (dataDirectory: string): Promise<{ received: Map<string, string[]>; seqs: Map<string, number[]> }> => {
  const log = await openEmbeddedLog({ directory: join(dataDirectory, 'log') })
  const received = new Map<string, string[]>()
  const seqs = new Map<string, number[]>()
  try {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const { start, end } = await log.bounds('events', partition)
      if (start >= end) continue
      const abort = new AbortController()
      let sid: string | null = null
      for await (const chunk of log.read([{ topic: 'events', partition, offset: start }], { signal: abort.signal })) {
        for (const record of chunk.records) {
          if (record.value === null) continue
          const type = record.headers['type'] ?? ''
          if (type === 'content.message') sid = (decodeAny(record.value) as { body: ContentBody['message'] }).body.providerMessageId
          if (type.startsWith('content.')) continue
          const event = decodeAny(record.value) as Event
          const list = seqs.get(event.subjectId) ?? []
          seqs.set(event.subjectId, list)
          list.push(event.seq)
          if (type !== 'message.received' || sid === null) continue
          const messages = received.get(event.subjectId) ?? []
          received.set(event.subjectId, messages)
          messages.push(sid)
        }
        if (chunk.next >= end) abort.abort()
      }
    }
    return { received, seqs }
  } finally {
    await log.close()
  }
}

/** Kills and restarts the server each time another share of the webhooks has been accepted. */
const chaos = (server: RunningServer, random: () => number) => {
  let current = server
  let up = Promise.withResolvers<void>()
  up.resolve()
  let accepted = 0
  let kills = 0
  let nextKillAt = 0
  let busy: Promise<void> | undefined
  const plan = (total: number): void => void (nextKillAt = accepted + Math.floor((total / (KILLS + 2)) * (0.5 + random())))
  const strike = async (total: number): Promise<void> => {
    up = Promise.withResolvers()
    const { port, dataDirectory } = current
    await current.kill()
    kills++
    current = await startServer({ port, dataDirectory })
    plan(total)
    up.resolve()
    busy = undefined
  }
  return {
    server: () => current,
    kills: () => kills,
    whenUp: () => Promise.race([up.promise, new Promise<void>((resolve) => setTimeout(resolve, 50))]),
    begin: plan,
    onAccepted(total: number): void {
      accepted++
      if (accepted >= nextKillAt && kills < KILLS + 1 && busy === undefined) busy = strike(total)
    },
    settled: async () => {
      await busy
    },
  }
}

const conversationsInViews = async (server: RunningServer): Promise<Map<string, string[]>> => {
  const found = new Map<string, string[]>()
  let next: string | null = ''
  while (next !== null) {
    const page: { items: { id: string }[]; next: string | null } = await server.api(
      `/v1/conversations?limit=100&sort=created${next === '' ? '' : `&cursor=${encodeURIComponent(next)}`}`,
    )
    for (const { id } of page.items) {
      const sids: string[] = []
      let after: string | null = ''
      while (after !== null) {
        const messages: { items: { direction: string; providerMessageId?: string }[]; next: string | null } = await server.api(
          `/v1/conversations/${id}/messages?limit=100${after === '' ? '' : `&cursor=${encodeURIComponent(after)}`}`,
        )
        sids.push(...messages.items.filter(({ direction }) => direction === 'in').map(({ providerMessageId }) => providerMessageId ?? ''))
        after = messages.next
      }
      found.set(id, sids)
    }
    next = page.next
  }
  return found
}

const assertExact = (plan: readonly (readonly Sent[])[], log: Awaited<ReturnType<typeof readLog>>, isOrdered: boolean): void => {
  const wanted = new Map<string, string[]>()
  for (const { sid, from } of plan.flat()) wanted.set(from, [...(wanted.get(from) ?? []), sid])
  const bySid = new Map([...log.received].flatMap(([id, sids]) => sids.map((sid) => [sid, id] as const)))
  assert.equal([...log.received.values()].flat().length, plan.flat().length, 'messages in the log')
  for (const sids of wanted.values()) {
    const conversationId = bySid.get(sids[0] ?? '')
    const found = log.received.get(conversationId ?? '') ?? []
    assert.deepEqual(isOrdered ? found : found.toSorted(), isOrdered ? sids : sids.toSorted())
  }
  for (const [subject, seqs] of log.seqs)
    assert.deepEqual(
      seqs,
      Array.from(seqs, (_, index) => index + 1),
      `seq of ${subject} is dense`,
    )
}

const run = async (options: { plan: Sent[][]; lanesOf: (account: TwilioAccount) => Buffer[][]; isOrdered: boolean }): Promise<void> => {
  const random = randomOf(seed)
  const port = await freePort()
  const dataDirectory = await temporaryDirectory()
  const first = await startServer({ port, dataDirectory })
  const storm = chaos(first, random)
  let follower: Follower | undefined
  try {
    const account = await connectTwilio(first)
    follower = await followLog(first.url, () => first.token())
    const lanes = options.lanesOf(account)
    const total = lanes.flat().length
    storm.begin(total)
    const result = await runLanes({ port: () => port, lanes, onAccepted: () => storm.onAccepted(total), whenUp: storm.whenUp })
    await storm.settled()
    assert.deepEqual(result.odd, [], 'answers other than 2xx and 503')
    assert.ok(storm.kills() >= KILLS, `${storm.kills()} kills`)
    const server = storm.server()
    const messages = options.plan.flat().length
    await until('the socket client has applied every message', () => follower?.received() === messages, 120_000)
    const views = await conversationsInViews(server)
    assert.equal(await server.stop(), 0)
    const log = await readLog(dataDirectory)
    assertExact(options.plan, log, options.isOrdered)
    for (const [id, sids] of log.received) {
      assert.deepEqual((views.get(id) ?? []).toSorted(), sids.toSorted(), `messages of ${id} in the views`)
      assert.deepEqual(follower.applied(id), log.seqs.get(id), `what the socket client applied of ${id}`)
    }
    assert.equal(follower.faults().length, 0, follower.faults().join('; '))
  } finally {
    await follower?.close()
    await storm.server().kill()
    await removeDirectory(dataDirectory)
  }
}

test(`20,000 webhooks through ${KILLS} kills arrive once and in order (seed ${seed})`, { timeout: 600_000 }, async () => {
  const plan = planOf(LANES, WEBHOOKS / LANES)
  await run({
    plan,
    isOrdered: true,
    lanesOf: (account) => plan.map((lane) => lane.map((sent) => signedRequest(account, { ...sent, text: `text of ${sent.sid}` }))),
  })
})

test(
  `each webhook three times, concurrently and reordered, through ${KILLS} kills arrives once (seed ${seed})`,
  { timeout: 600_000 },
  async () => {
    const plan = planOf(LANES, (WEBHOOKS / 3 / LANES) | 0)
    const random = randomOf(seed + 1)
    const shuffled = <T>(items: readonly T[]): T[] =>
      items
        .map((item) => [random(), item] as const)
        .toSorted((a, b) => a[0] - b[0])
        .map(([, item]) => item)
    await run({
      plan,
      isOrdered: false,
      lanesOf(account) {
        const requests = plan.flat().map((sent) => signedRequest(account, { ...sent, text: `text of ${sent.sid}` }))
        const thrice = shuffled([...requests, ...requests, ...requests])
        return Array.from({ length: LANES }, (_, lane) => thrice.filter((_request, index) => index % LANES === lane))
      },
    })
  },
)
