// `replay`: a bot that missed 1,000, 10,000 and 100,000 events comes back; how fast it has them, beside bare ws sends of as many bytes.

import { round, type Benchmark, type BenchmarkRun } from './benchmark.ts'
import { openBare, openClients, openConfab, withSite, type Site } from './socket-sites.ts'
import type { BenchSocket, Place } from './sockets.ts'

const WRITERS = 64
/** The best of so many: a replay of 1,000 takes milliseconds, in which anything may come between. */
const ROUNDS = 3

/** Publishes so many events, many at a time. */
const fill = async (site: Site, count: number): Promise<void> => {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) await site.publish(next++)
  }
  await Promise.all(Array.from({ length: WRITERS }, lane))
}

/** Where the log's end is now. */
const placeNow = async (site: Site): Promise<Place> => {
  const [socket] = await openClients(site, 1, () => ({ isTracking: true, onEvent: () => undefined }))
  if (socket === undefined) throw new Error('no client')
  const { place } = socket
  socket.close()
  return place
}

/** Milliseconds from the call to connect until the last of `count` is held; and bytes of them. */
const catchUp = async (site: Site, place: Place, count: number): Promise<{ ms: number; bytes: number }> => {
  const { promise, resolve } = Promise.withResolvers<number>()
  let held = 0
  let bytes = 0
  const startedAt = performance.now()
  const onEvent = (_bytes: Buffer, start: number, end: number): void => {
    bytes += end - start
    if (++held === count) resolve(performance.now() - startedAt)
  }
  const socket: BenchSocket = site.dial(0, { place: { ...place, slots: { ...place.slots } }, isTracking: true, onEvent })
  const stuck = setTimeout(() => resolve(Number.NaN), 60_000)
  const ms = await promise
  clearTimeout(stuck)
  socket.close()
  if (Number.isNaN(ms)) throw new Error(`${held} of ${count} events came back`)
  return { ms, bytes }
}

/** Milliseconds of `count` sends to one socket. */
const bareSends = async (site: Site, count: number, fillBytes: number): Promise<number> => {
  let held = 0
  let resolve: (at: number) => void = () => undefined
  const [socket] = await openClients(site, 1, () => ({
    onEvent: () => {
      if (++held === count) resolve(performance.now())
    },
  }))
  const ended = new Promise<number>((done) => (resolve = done))
  const startedAt = performance.now()
  await site.publish(0, { times: count, fill: fillBytes })
  const endedAt = await ended
  socket?.close()
  return endedAt - startedAt
}

const best = async (rounds: number, measure: () => Promise<number>): Promise<number> => {
  let least = Number.POSITIVE_INFINITY
  for (let n = 0; n < rounds; n++) least = Math.min(least, await measure())
  return least
}

const run = async ({ isQuick, say }: BenchmarkRun): Promise<Record<string, number>> => {
  const counts = isQuick ? ([1_000, 4_000, 10_000] as const) : ([1_000, 10_000, 100_000] as const)
  const ours = await withSite(openConfab(10), async (site) => {
    const rates: number[] = []
    let size = 0
    for (const count of counts) {
      const place = await placeNow(site)
      await fill(site, count)
      const ms = await best(ROUNDS, async () => {
        const caught = await catchUp(site, place, count)
        size = caught.bytes / count
        return caught.ms
      })
      rates.push((count * 1_000) / ms)
      say(`confab: ${count} missed, held after ${round(ms, 1)} ms: ${round((count * 1_000) / ms, 0)}/s of ${round(size, 0)} B`)
    }
    return { rates, size }
  })
  const bare = await withSite(openBare('ws'), async (site) => {
    const rates: number[] = []
    for (const count of counts)
      rates.push((count * 1_000) / (await best(ROUNDS, () => bareSends(site, count, Math.max(0, Math.round(ours.size) - 650)))))
    return rates
  })
  const socketio = await withSite(openBare('socketio'), async (site) => {
    const [count] = counts
    return (count * 1_000) / (await best(ROUNDS, () => bareSends(site, count, Math.max(0, Math.round(ours.size) - 650))))
  })
  say(`ws sends: ${bare.map((rate) => `${round(rate, 0)}/s`).join(', ')}; socket.io: ${round(socketio, 0)}/s`)
  const ratios = ours.rates.map((rate, index) => rate / (bare[index] ?? Number.NaN))
  const names = ['1k', '10k', '100k']
  return {
    ratio: round(Math.min(...ratios)),
    ...Object.fromEntries(ratios.map((ratio, index) => [`ratio${names[index]}`, round(ratio)])),
    ...Object.fromEntries(ours.rates.map((rate, index) => [`perSecond${names[index]}`, round(rate, 0)])),
    ...Object.fromEntries(bare.map((rate, index) => [`baselinePerSecond${names[index]}`, round(rate, 0)])),
    socketioPerSecond: round(socketio, 0),
    /** Of the largest: fewer in a quick run. */
    largest: counts[2],
  }
}

export const replay: Benchmark = {
  name: 'replay',
  explains:
    'A bot back after 1,000, 10,000 and 100,000 missed events (quick: 1,000, 4,000, 10,000), from its call to connect to the last; baseline: bare ws sending as many of the same size to a socket that is open.',
  fields: 'ratio (worst of the three), ratio1k, ratio10k, ratio100k, perSecond…, baselinePerSecond…',
  goal: 'ratio >= 0.3',
  run,
}
