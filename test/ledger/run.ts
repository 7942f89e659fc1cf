// The ledger under fire: webhooks, notes by the API and following sockets while nodes and brokers are hurt, then everything is compared.
// Between the parts beside it and both ways to run it: `npm run ledger -- --cluster`, minutes long, and a shorter test.

import { connectTwilio } from '../../bench/ingest.ts'
import { followLog, type Follower } from '../fault/follower.ts'
import { runLanes } from '../fault/lanes.ts'
import { until } from '../harness.ts'
import { messageSid, signedRequest } from '../twilio-webhooks.ts'
import { openCluster, type Cluster, type ClusterOptions } from './cluster.ts'
import { startFaults, type FaultName } from './faults.ts'
import { faultsOf, notOnce, readEvents, type JudgedEvent } from './judge.ts'
import { pick, randomOf } from './random.ts'
import { writeNotes, type Notes } from './writers.ts'

export interface LedgerOptions extends ClusterOptions {
  readonly seconds: number
  readonly seed: number
  readonly faults: readonly FaultName[]
  /** Webhooks a second, about. */
  readonly webhooksPerSecond: number
  readonly sockets: number
  readonly say: (line: string) => void
}

export interface LedgerResult {
  readonly webhooks: number
  readonly notes: number
  readonly events: number
  readonly sockets: number
  readonly faults: Readonly<Record<string, number>>
  readonly noteP50Ms: number
  readonly noteP99Ms: number
  /** Everything that breaks a promise, in words; empty = the ledger is exact. */
  readonly broken: readonly string[]
}

const CONVERSATIONS = 60
const LANES = 20
/** A node that stands still is asked no longer than this. */
const ANSWER_MS = 10_000
/** After the faults: how long all may take to catch up. */
const SETTLE_MS = 120_000

const quantile = (sorted: readonly number[], q: number): number =>
  Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0)

const phoneOf = (n: number): string => `+1555${String(3_000_000 + (n % CONVERSATIONS))}`

/** One lane a conversation group, so that order is defined within it. */
const webhooksOf = (account: Parameters<typeof signedRequest>[0], run: number, count: number): Buffer[][] =>
  Array.from({ length: LANES }, (_, lane) =>
    Array.from({ length: Math.ceil(count / LANES) }, (_none, index) => {
      const sid = messageSid(run, lane * 1_000_000 + index)
      return signedRequest(account, { sid, from: phoneOf(lane + (index % (CONVERSATIONS / LANES)) * LANES), text: `text of ${sid}` })
    }),
  )

const conversationsOf = async (cluster: Cluster): Promise<string[]> =>
  (await cluster.api<{ items: { id: string }[] }>('/v1/conversations?limit=100')).items.map(({ id }) => id)

/** What the log holds against what each part was told. */
const compare = (events: readonly JudgedEvent[], told: { webhooks: number; notes: Notes; followers: readonly Follower[] }): string[] => {
  const broken = faultsOf(events)
  const received = events.filter(({ type }) => type === 'message.received').length
  if (received !== told.webhooks) broken.push(`${told.webhooks} webhooks were accepted, ${received} messages are in the log`)
  const ids = told.notes.acknowledged.map(({ commandId }) => commandId)
  broken.push(...notOnce(events, ids, 'note.added').map((fault) => `note ${fault}`))
  broken.push(...told.notes.odd.map((answer) => `a note was answered ${answer}`))
  const seqs = new Map<string, number[]>()
  for (const { subject, seq } of events) seqs.set(subject, [...(seqs.get(subject) ?? []), seq])
  for (const [index, follower] of told.followers.entries()) {
    broken.push(...follower.faults().map((fault) => `socket ${index}: ${fault}`))
    for (const [subject, wanted] of seqs) {
      const applied = follower.applied(subject)
      const isOther = !events.some((event) => event.subject === subject && event.type === 'message.received')
      if (!isOther && applied.join() !== wanted.join())
        broken.push(`socket ${index}: ${subject} ${applied.length} of ${wanted.length} events`)
    }
  }
  return broken
}

/** Lists and messages of each node that runs, for the comparison of owner and standby. */
const viewOf = async (url: string, token: string): Promise<string> => {
  const headers = { authorization: `Bearer ${token}` }
  const get = async (path: string): Promise<{ items: { id: string; seq: number; state: string }[] }> =>
    (await (await fetch(`${url}${path}`, { headers })).json()) as { items: { id: string; seq: number; state: string }[] }
  const { items } = await get('/v1/conversations?limit=100&sort=created')
  const threads = await Promise.all(items.map(({ id }) => get(`/v1/conversations/${id}/messages?limit=100`)))
  return JSON.stringify(items.map(({ id, seq, state }, index) => [id, seq, state, threads[index]?.items.map((message) => message.id)]))
}

const underFire = async (cluster: Cluster, options: LedgerOptions): Promise<Omit<LedgerResult, 'broken'> & { broken: string[] }> => {
  const { say, seconds, seed } = options
  const random = randomOf(seed)
  const token = await cluster.token()
  const [first] = cluster.places
  if (first === undefined) throw new Error('a cluster without nodes')
  const account = await connectTwilio({ url: first.url, api: cluster.api, token: () => Promise.resolve(token) } as Parameters<
    typeof connectTwilio
  >[0])
  const anyUrl = (): string => pick(random, cluster.up().length === 0 ? cluster.places : cluster.up()).url
  const anyPort = (): number => Number(new URL(anyUrl()).port)
  const followers = await Promise.all(Array.from({ length: options.sockets }, () => followLog(anyUrl, () => Promise.resolve(token))))
  const whenUp = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50))
  // One message of each person first: the notes need conversations to be written in.
  const opening = Array.from({ length: CONVERSATIONS }, (_, n) =>
    signedRequest(account, { sid: messageSid(1, n), from: phoneOf(n), text: 'first' }),
  )
  await runLanes({ port: anyPort, lanes: [opening], onAccepted: () => undefined, whenUp, answerMs: ANSWER_MS })
  await until('all conversations are listed', async () => (await conversationsOf(cluster)).length === CONVERSATIONS)
  const conversations = await conversationsOf(cluster)
  const lanes = webhooksOf(account, 2, seconds * options.webhooksPerSecond)
  const endsAt = performance.now() + seconds * 1000
  const latencies: number[] = []
  say(`${lanes.flat().length} webhooks, ${options.sockets} sockets, faults for ${seconds} s (seed ${seed})`)
  const faults = startFaults(cluster, {
    random,
    kinds: options.faults,
    restMs: () => 3000 + random() * 5000,
    downMs: () => 1000 + random() * 8000,
    say: (line) => say(`  ${Math.round((performance.now() - endsAt) / 1000 + seconds)} s: ${line}`),
  })
  const [webhooks, notes] = await Promise.all([
    runLanes({ port: anyPort, lanes, onAccepted: () => undefined, whenUp, answerMs: ANSWER_MS }),
    writeNotes(cluster, {
      conversations,
      lanes: 8,
      token,
      random,
      goesOn: () => performance.now() < endsAt,
      onLatency: (ms) => latencies.push(ms),
    }),
  ])
  await faults.stop()
  say('faults have ended; waiting for everything to catch up')
  const accepted = webhooks.accepted + CONVERSATIONS
  const broken: string[] = webhooks.odd.map((status) => `a webhook was answered ${status}`)
  for (const [index, follower] of followers.entries())
    await until(`socket ${index} has every message`, () => follower.received() === accepted, SETTLE_MS).catch(() =>
      broken.push(`socket ${index} has ${follower.received()} of ${accepted} messages`),
    )
  await until(
    'the views of all nodes agree',
    async () => new Set(await Promise.all(cluster.places.map(({ url }) => viewOf(url, token)))).size === 1,
    SETTLE_MS,
  ).catch(() => broken.push('the views of the nodes differ'))
  const events = await readEvents(cluster.kafka.bootstrap, 'confab.events')
  broken.push(...compare(events, { webhooks: accepted, notes, followers }))
  for (const follower of followers) await follower.close()
  latencies.sort((a, b) => a - b)
  return {
    webhooks: accepted,
    notes: notes.acknowledged.length,
    events: events.length,
    sockets: followers.length,
    faults: faults.done(),
    noteP50Ms: quantile(latencies, 0.5),
    noteP99Ms: quantile(latencies, 0.99),
    broken,
  }
}

/** Starts a cluster, hurts it, compares. The cluster is gone afterwards. */
export const runLedger = async (options: LedgerOptions): Promise<LedgerResult> => {
  const cluster = await openCluster(options)
  try {
    return await underFire(cluster, options)
  } finally {
    await cluster.stop()
  }
}
