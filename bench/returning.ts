// Clients that come back: the same back-off for every server, hints heeded, what was missed asked for by place.
// Between single sockets and the benchmarks that take all of them away at once.

import { quantile } from './load.ts'
import { numberOf, type Site } from './socket-sites.ts'
import type { BenchSocket, Place } from './sockets.ts'

/** Back-off: full jitter below 250 ms × 2ⁿ, at most this. */
const FIRST_MS = 250
const MOST_MS = 5_000
/** Close codes from here on say: stay away. */
const STAY_AWAY = 4_500

/** What all clients share. */
export interface Tally {
  refused: number
  /** When each came back, on the clock of performance.now(). */
  readonly backAt: number[]
  delivered: number
  duplicates: number
}

export const newTally = (): Tally => ({ refused: 0, backAt: [], delivered: 0, duplicates: 0 })

export class ReturningClient {
  readonly #site: Site
  readonly #number: number
  readonly #tally: Tally
  readonly #seen = new Set<number>()
  #socket: BenchSocket | undefined
  #place: Place = { slots: {} }
  #failures = 0
  #isClosed = false

  constructor(site: Site, number: number, tally: Tally) {
    this.#site = site
    this.#number = number
    this.#tally = tally
    this.#dial()
  }

  get isLive(): boolean {
    return this.#socket?.isLive === true
  }
  cut(): void {
    this.#socket?.cut()
  }
  close(): void {
    this.#isClosed = true
    this.#socket?.close()
  }

  #dial(): void {
    if (this.#isClosed) return
    const socket = this.#site.dial(this.#number, {
      place: this.#place,
      isTracking: true,
      onLive: () => {
        this.#failures = 0
        this.#tally.backAt.push(performance.now())
      },
      onEvent: (bytes, start, end) => this.#onEvent(numberOf(bytes, start, end)),
      onClose: ({ status, code }) => {
        if (status === 503 || (code >= 4_000 && code < STAY_AWAY && !socket.hasBeenLive)) this.#tally.refused++
        if (code >= STAY_AWAY) return
        setTimeout(() => this.#dial(), Math.random() * Math.min(MOST_MS, FIRST_MS * 2 ** this.#failures++))
      },
    })
    this.#socket = socket
    this.#place = socket.place
  }

  #onEvent(number: number): void {
    if (number < 0) return
    if (this.#seen.has(number)) this.#tally.duplicates++
    else this.#tally.delivered++
    this.#seen.add(number)
  }
}

export interface Storm {
  readonly p50Ms: number
  readonly p95Ms: number
  readonly allMs: number
  readonly neverBackPercent: number
  readonly refused: number
  readonly deliveredPercent: number
  readonly duplicates: number
}

const until = async (check: () => boolean, ms: number): Promise<void> => {
  const end = performance.now() + ms
  while (!check() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20))
}

const BACK_MS = 30_000
const SETTLE_MS = 2_000
const PUBLISH_MS = 200

/** Opens clients, publishes on and on, does what takes them away, and says how they came back: milliseconds since the act began. */
export const storm = async (site: Site, count: number, act: (clients: readonly ReturningClient[]) => Promise<void>): Promise<Storm> => {
  const tally = newTally()
  const clients: ReturningClient[] = []
  for (let n = 0; n < count; n++) {
    clients.push(new ReturningClient(site, n, tally))
    if (n % 100 === 99) await until(() => clients.slice(-100).every(({ isLive }) => isLive), BACK_MS)
  }
  await until(() => clients.every(({ isLive }) => isLive), BACK_MS)
  let published = 0
  let isOver = false
  const publishing = (async (): Promise<void> => {
    while (!isOver) {
      await site.publish(published).then(
        () => published++,
        () => undefined,
      )
      await new Promise((resolve) => setTimeout(resolve, PUBLISH_MS))
    }
  })()
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  tally.refused = 0
  tally.backAt.length = 0
  const startedAt = performance.now()
  await act(clients)
  await until(() => tally.backAt.length >= count && clients.every(({ isLive }) => isLive), BACK_MS)
  isOver = true
  await publishing
  await until(() => tally.delivered >= published * count, SETTLE_MS)
  const back = Float64Array.from(tally.backAt, (at) => at - startedAt).sort()
  const alive = clients.filter(({ isLive }) => isLive).length
  for (const client of clients) client.close()
  return {
    p50Ms: quantile(back, 0.5),
    p95Ms: quantile(back, 0.95),
    allMs: back.at(-1) ?? 0,
    neverBackPercent: (100 * (count - alive)) / count,
    refused: tally.refused,
    deliveredPercent: Math.floor((100_000 * tally.delivered) / (published * count)) / 1_000,
    duplicates: tally.duplicates,
  }
}

export const words = (storm: Storm): string =>
  `back p50 ${Math.round(storm.p50Ms)} p95 ${Math.round(storm.p95Ms)} all ${Math.round(storm.allMs)} ms, ${storm.neverBackPercent} % never, ${storm.refused} refused at first, ${storm.deliveredPercent} % delivered, ${storm.duplicates} duplicates`
