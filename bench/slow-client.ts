// `slow-client`: clients that read 1 KB a second beside 1,000 fast ones; the fast must not notice, memory must not grow, the slow end complete.

import { FaultProxy } from '../test/fault/proxy.ts'
import { round, type Benchmark, type BenchmarkRun } from './benchmark.ts'
import { quantile } from './load.ts'
import { numberOf, openBare, openClients, openConfab, rssOf, withSite, type Site } from './socket-sites.ts'

const SLOW = 10
const SLOW_BYTES_PER_SECOND = 1_024
/** Characters of each text: what the kernel holds for a slow socket fills sooner. */
const FILL = 1_400
const QUIET_MS = 5_000
const COMPLETE_MS = 20_000

interface Outcome {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly withP50Ms: number
  readonly withP99Ms: number
  readonly growthMb: number
  readonly slowCompletePercent: number
}

interface Plan {
  readonly fast: number
  readonly perSecond: number
  readonly seconds: number
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)))

const measure = async (site: Site, { fast, perSecond, seconds }: Plan, say: (line: string) => void): Promise<Outcome> => {
  const sentAt: number[] = []
  let latencies: number[] = []
  const onEvent = (bytes: Buffer, start: number, end: number): void => {
    const at = sentAt[numberOf(bytes, start, end)]
    if (at !== undefined) latencies.push(performance.now() - at)
  }
  const clients = await openClients(site, fast, () => ({ onEvent }))
  const phase = async (): Promise<Float64Array> => {
    latencies = []
    const startedAt = performance.now()
    for (let n = 0; n < perSecond * seconds; n++) {
      await pause(startedAt + (n * 1_000) / perSecond - performance.now())
      const number = sentAt.length
      sentAt[number] = performance.now()
      site.publish(number, { fill: FILL }).catch(() => undefined)
    }
    await pause(1_000)
    return Float64Array.from(latencies).sort()
  }
  await phase()
  const before = await phase()
  const proxy = await FaultProxy.open(() => site.port)
  const had = Array.from({ length: SLOW }, () => new Set<number>())
  const first = sentAt.length
  const slow = had.map((set, n) =>
    site.dial(fast + n, {
      port: proxy.port,

      onEvent: (bytes, start, end) => void set.add(numberOf(bytes, start, end)),
    }),
  )
  await pause(1_000)
  for (const line of proxy.lines) line.throttle(SLOW_BYTES_PER_SECOND)
  const rssBefore = rssOf(site.pid())
  const beside = await phase()
  const growthMb = (rssOf(site.pid()) - rssBefore) / 1_048_576
  for (const line of proxy.lines) line.throttle(Number.POSITIVE_INFINITY)
  const wanted = sentAt.length - first
  const count = (): number => had.reduce((sum, set) => sum + [...set].filter((number) => number >= first).length, 0)
  const startedAt = performance.now()
  for (let last = -1, since = startedAt; performance.now() - startedAt < COMPLETE_MS && count() < wanted * SLOW;) {
    if (count() !== last) [last, since] = [count(), performance.now()]
    if (performance.now() - since > QUIET_MS) break
    await pause(100)
  }
  for (const client of slow) client.close()
  // Before and after, so that what warms up or drifts is in both.
  const alone = Float64Array.from([...before, ...(await phase())]).sort()
  const outcome = {
    p50Ms: quantile(alone, 0.5),
    p99Ms: quantile(alone, 0.99),
    withP50Ms: quantile(beside, 0.5),
    withP99Ms: quantile(beside, 0.99),
    growthMb,
    slowCompletePercent: Math.floor((100_000 * count()) / (wanted * SLOW)) / 1_000,
  }
  for (const client of clients) client.close()
  await proxy.close()
  say(
    `${site.dialect}: fast p99 ${round(outcome.p99Ms, 1)} ms alone, ${round(outcome.withP99Ms, 1)} ms beside ${SLOW} slow; server grew by ${round(growthMb, 1)} MB; the slow have ${outcome.slowCompletePercent} % once they read again`,
  )
  return outcome
}

const run = async ({ isQuick, say }: BenchmarkRun): Promise<Record<string, number>> => {
  const plan: Plan = isQuick ? { fast: 200, perSecond: 20, seconds: 2 } : { fast: 1_000, perSecond: 40, seconds: 60 }
  const confab = await withSite(openConfab(plan.fast + SLOW), (site) => measure(site, plan, say))
  const ws = await withSite(openBare('ws'), (site) => measure(site, plan, say))
  const socketio = await withSite(openBare('socketio'), (site) => measure(site, plan, say))
  return {
    ratio: round(confab.withP99Ms / confab.p99Ms),
    p99Ms: round(confab.p99Ms, 2),
    withSlowP99Ms: round(confab.withP99Ms, 2),
    p50Ms: round(confab.p50Ms, 2),
    withSlowP50Ms: round(confab.withP50Ms, 2),
    growthMb: round(confab.growthMb, 1),
    slowCompletePercent: confab.slowCompletePercent,
    baselineRatio: round(ws.withP99Ms / ws.p99Ms),
    baselineGrowthMb: round(ws.growthMb, 1),
    socketioRatio: round(socketio.withP99Ms / socketio.p99Ms),
    socketioGrowthMb: round(socketio.growthMb, 1),
  }
}

export const slowClient: Benchmark = {
  name: 'slow-client',
  explains: `${SLOW} clients that read 1 KB a second beside 1,000 fast ones at 40 events a second; baselines: bare ws, Socket.IO.`,
  fields: 'ratio (p99 of the fast beside the slow against alone), p99Ms, withSlowP99Ms, growthMb (of the server), slowCompletePercent',
  goal: 'ratio <= 1.1, slowCompletePercent 100',
  run,
}
