// `broadcast`: one event to 1,000 subscribers of the conversation list, one and sixteen in flight, beside bare ws and Socket.IO.

import { round, type Benchmark, type BenchmarkRun } from './benchmark.ts'
import { quantile } from './load.ts'
import { openBare, openClients, openConfab, withSite, type Site } from './socket-sites.ts'

const IN_FLIGHT = 16

interface Rate {
  /** Deliveries a second. */
  readonly perSecond: number
  /** Of one event: publish → its last delivery, and its first → its last. */
  readonly p50Ms: number
  readonly fanoutMs: number
}

/** As many events under way as said: the next goes out when so many deliveries as there are clients have come. */
const drive = async (
  site: Site,
  counter: { count: number; onCount: () => void },
  options: { clients: number; inFlight: number; ms: number },
): Promise<Rate> => {
  const { clients, inFlight, ms } = options
  const times: number[] = []
  const fanouts: number[] = []
  counter.count = 0
  let published = 0
  let failed: unknown
  let sentAt = 0
  let firstAt = 0
  const startedAt = performance.now()
  const publish = (): void => {
    published++
    sentAt = performance.now()
    site.publish(published).catch((error: unknown) => (failed ??= error))
  }
  const { promise, resolve } = Promise.withResolvers<number>()
  counter.onCount = () => {
    const now = performance.now()
    if (inFlight === 1 && counter.count % clients === 1) firstAt = now
    if (counter.count % clients !== 0) return
    if (inFlight === 1) {
      times.push(now - sentAt)
      fanouts.push(now - firstAt)
    }
    if (now - startedAt < ms) publish()
    else if (counter.count === published * clients) resolve(now)
  }
  for (let n = 0; n < inFlight; n++) publish()
  const stuck = setTimeout(() => resolve(Number.NaN), ms + 15_000)
  const endedAt = await promise
  clearTimeout(stuck)
  if (Number.isNaN(endedAt)) throw new Error(`${counter.count} of ${published * clients} deliveries came: ${String(failed)}`)
  const median = (values: number[]): number => quantile(Float64Array.from(values).sort(), 0.5)
  return { perSecond: (counter.count * 1_000) / (endedAt - startedAt), p50Ms: median(times), fanoutMs: median(fanouts) }
}

const measure = async (site: Site, clients: number, ms: number, say: (line: string) => void): Promise<{ one: Rate; backlog: Rate }> => {
  const counter = { count: 0, onCount: () => undefined as void }
  const onEvent = (): void => {
    counter.count++
    counter.onCount()
  }
  const sockets = await openClients(site, clients, () => ({ onEvent }))
  await drive(site, counter, { clients, inFlight: 1, ms: ms / 4 })
  const one = await drive(site, counter, { clients, inFlight: 1, ms })
  const backlog = await drive(site, counter, { clients, inFlight: IN_FLIGHT, ms })
  say(
    `${site.dialect}: ${round(one.perSecond, 0)}/s one in flight (event p50 ${round(one.p50Ms, 2)} ms, fan-out ${round(one.fanoutMs, 2)} ms), ${round(backlog.perSecond, 0)}/s with ${IN_FLIGHT}`,
  )
  for (const socket of sockets) socket.close()
  return { one, backlog }
}

const run = async ({ isQuick, say }: BenchmarkRun): Promise<Record<string, number>> => {
  const clients = 1_000
  const ms = isQuick ? 2_500 : 10_000
  const confab = await withSite(openConfab(clients), (site) => measure(site, clients, ms, say))
  const ws = await withSite(openBare('ws'), (site) => measure(site, clients, ms, say))
  const socketio = await withSite(openBare('socketio'), (site) => measure(site, clients, ms, say))
  return {
    ratio: round(confab.one.perSecond / ws.one.perSecond),
    socketioRatio: round(confab.one.perSecond / socketio.one.perSecond),
    backlogRatio: round(confab.backlog.perSecond / ws.backlog.perSecond),
    fanoutRatio: round(ws.one.fanoutMs / confab.one.fanoutMs),
    perSecond: round(confab.one.perSecond, 0),
    backlogPerSecond: round(confab.backlog.perSecond, 0),
    baselinePerSecond: round(ws.one.perSecond, 0),
    baselineBacklogPerSecond: round(ws.backlog.perSecond, 0),
    socketioPerSecond: round(socketio.one.perSecond, 0),
    socketioBacklogPerSecond: round(socketio.backlog.perSecond, 0),
    eventP50Ms: round(confab.one.p50Ms, 2),
    baselineEventP50Ms: round(ws.one.p50Ms, 2),
  }
}

export const broadcast: Benchmark = {
  name: 'broadcast',
  explains:
    'One event to 1,000 sockets that follow the conversation list, from webhook (others: a publishing route) to the last delivery; baselines: bare ws and Socket.IO, the same client, as many bytes.',
  fields:
    'ratio and socketioRatio (deliveries a second, one event in flight), backlogRatio (16 in flight), fanoutRatio (first to last delivery alone)',
  goal: 'ratio >= 0.9, socketioRatio > 1, backlogRatio >= 3',
  run,
}
