// `idle`: what a socket costs that is subscribed and silent, beside bare ws and Socket.IO.

import { round, type Benchmark, type BenchmarkRun } from './benchmark.ts'
import { clientsWithin, cpuOf, openBare, openClients, openConfab, rssOf, withSite, type Site } from './socket-sites.ts'

interface Cost {
  /** Resident bytes of the server's process a connection; the kernel's own are not in it. */
  readonly bytes: number
  /** Percent of a core with all of them idle. */
  readonly cpuPercent: number
  readonly handshakesPerSecond: number
}

/** Smallest of several looks, a while after: garbage of the handshakes is not a connection's cost. */
const restingRss = async (pid: number, ms: number): Promise<number> => {
  let least = Number.POSITIVE_INFINITY
  const until = performance.now() + ms
  while (performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 250))
    least = Math.min(least, rssOf(pid))
  }
  return least
}

const measure = async (site: Site, clients: number, restMs: number, say: (line: string) => void): Promise<Cost> => {
  const hookOf = (): { onEvent: () => void } => ({ onEvent: () => undefined })
  // What the first connections load and compile is not theirs to pay.
  const warm = await openClients(site, 200, hookOf)
  for (const socket of warm) socket.close()
  const before = await restingRss(site.pid(), 1_500)
  const startedAt = performance.now()
  const sockets = await openClients(site, clients, hookOf)
  const handshakesPerSecond = (clients * 1_000) / (performance.now() - startedAt)
  const cpuBefore = await cpuOf(site.pid())
  const after = await restingRss(site.pid(), restMs)
  const cpuPercent = ((await cpuOf(site.pid())) - cpuBefore) / (restMs / 100)
  const bytes = (after - before) / clients
  say(
    `${site.dialect}: ${round(bytes / 1_024, 1)} KB a connection, ${round(cpuPercent, 1)} % CPU, ${round(handshakesPerSecond, 0)} handshakes/s`,
  )
  for (const socket of sockets) socket.close()
  return { bytes, cpuPercent, handshakesPerSecond }
}

const run = async ({ isQuick, say }: BenchmarkRun): Promise<Record<string, number>> => {
  const clients = clientsWithin(isQuick ? 2_000 : 10_000, say)
  const restMs = isQuick ? 3_000 : 30_000
  const confab = await withSite(openConfab(clients), (site) => measure(site, clients, restMs, say))
  const ws = await withSite(openBare('ws'), (site) => measure(site, clients, restMs, say))
  const socketio = await withSite(openBare('socketio'), (site) => measure(site, clients, restMs, say))
  return {
    ratio: round(confab.bytes / ws.bytes),
    socketioRatio: round(confab.bytes / socketio.bytes),
    clients,
    bytes: round(confab.bytes, 0),
    baselineBytes: round(ws.bytes, 0),
    socketioBytes: round(socketio.bytes, 0),
    cpuPercent: round(confab.cpuPercent, 1),
    baselineCpuPercent: round(ws.cpuPercent, 1),
    handshakesPerSecond: round(confab.handshakesPerSecond, 0),
    baselineHandshakesPerSecond: round(ws.handshakesPerSecond, 0),
    socketioHandshakesPerSecond: round(socketio.handshakesPerSecond, 0),
  }
}

export const idle: Benchmark = {
  name: 'idle',
  explains: 'Memory of the server for each of 10,000 sockets that are subscribed and silent; baselines: bare ws, Socket.IO.',
  fields: 'ratio (resident bytes a connection against bare ws), socketioRatio, bytes, cpuPercent, handshakesPerSecond',
  goal: 'ratio <= 1.5',
  run,
}
