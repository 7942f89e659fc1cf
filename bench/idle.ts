// `idle`: what a socket costs that is subscribed and silent, beside bare ws and Socket.IO.

import { round, type Benchmark, type BenchmarkRun } from './benchmark.ts'
import { clientsWithin, cpuOf, openBare, openClients, openConfab, rssOf, withSite, type Site } from './socket-sites.ts'

/** None falls silent here: as many as the server lets a principal have, and two to spare. */
const SOCKETS_PER_TOKEN = 18

interface Cost {
  /** Resident bytes of the server's process for each connection after the first ones; the kernel's own are not in it. */
  readonly bytes: number
  /** The first ones counted too: what they load and compile, and the heap's slack that they leave, are in it. */
  readonly wholeBytes: number
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
  const unused = await restingRss(site.pid(), 1_500)
  const first = Math.round(clients / 4)
  const open = await openClients(site, first, hookOf)
  const before = await restingRss(site.pid(), 1_500)
  const startedAt = performance.now()
  open.push(...(await openClients(site, clients - first, hookOf, first)))
  const handshakesPerSecond = ((clients - first) * 1_000) / (performance.now() - startedAt)
  const cpuBefore = await cpuOf(site.pid())
  const after = await restingRss(site.pid(), restMs)
  const cpuPercent = ((await cpuOf(site.pid())) - cpuBefore) / (restMs / 100)
  const bytes = (after - before) / (clients - first)
  const wholeBytes = (after - unused) / clients
  say(
    `${site.dialect}: ${round(bytes / 1_024, 1)} KB each connection after the first ${first}, ${round(wholeBytes / 1_024, 1)} KB with them, ${round(cpuPercent, 1)} % CPU, ${round(handshakesPerSecond, 0)} handshakes/s`,
  )
  for (const socket of open) socket.close()
  return { bytes, wholeBytes, cpuPercent, handshakesPerSecond }
}

const run = async ({ isQuick, say }: BenchmarkRun): Promise<Record<string, number>> => {
  const clients = clientsWithin(isQuick ? 4_000 : 10_000, say)
  const restMs = isQuick ? 3_000 : 30_000
  const confab = await withSite(openConfab(clients, SOCKETS_PER_TOKEN), (site) => measure(site, clients, restMs, say))
  const ws = await withSite(openBare('ws'), (site) => measure(site, clients, restMs, say))
  const socketio = await withSite(openBare('socketio'), (site) => measure(site, clients, restMs, say))
  return {
    ratio: round(confab.bytes / ws.bytes),
    socketioRatio: round(confab.bytes / socketio.bytes),
    wholeRatio: round(confab.wholeBytes / ws.wholeBytes),
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
  fields:
    'ratio (resident bytes of each connection after the first quarter, against bare ws), socketioRatio, wholeRatio (the first counted too), bytes, cpuPercent, handshakesPerSecond',
  goal: 'ratio <= 1.5',
  run,
}
