// `jitter`: a broadcast to clients whose TCP is killed every so often, by reset and silently, beside Socket.IO with connection state recovery.

import { round, type Benchmark, type BenchmarkRun } from './benchmark.ts'
import { quantile } from './load.ts'
import { clientsWithin, numberOf, openBare, openConfab, withSite, type Site } from './socket-sites.ts'
import type { BenchSocket, Place } from './sockets.ts'

type Kill = 'reset' | 'silent'

interface Schedule {
  readonly clients: number
  readonly messages: number
  readonly perSecond: number
  /** Each client's line is killed after 0.5 to 1.5 of these. */
  readonly killMs: number
  readonly offlineMs: number
}

interface Outcome {
  readonly deliveredPercent: number
  readonly duplicates: number
  readonly kills: number
  /** From the call to connect until everything missed is held. */
  readonly replayP50Ms: number
  readonly replayP99Ms: number
  /** Publish → receipt over all messages, offline time included. */
  readonly latencyP99Ms: number
  readonly neverBack: number
}

const HANDSHAKE_RETRY_MS = 100
/** After the last message: nothing new for so long, or so long in all. */
const QUIET_MS = 1_500
const SETTLE_MS = 20_000

/** What all clients of a run share. */
class Board {
  readonly sentAt: number[] = []
  /** Messages below this number are acknowledged. */
  published = 0
  readonly replays: number[] = []
  readonly latencies: number[] = []
  delivered = 0
  duplicates = 0
  kills = 0
  lastAt = performance.now()
}

class JitterClient {
  readonly #site: Site
  readonly #number: number
  readonly #board: Board
  readonly #seen = new Set<number>()
  #socket: BenchSocket | undefined
  #place: Place = { slots: {} }
  /** What was missed when it called to connect. */
  #missed: Set<number> | undefined
  #dialedAt = 0
  readonly #mute: BenchSocket[] = []

  constructor(site: Site, number: number, board: Board) {
    this.#site = site
    this.#number = number
    this.#board = board
  }

  get isLive(): boolean {
    return this.#socket?.isLive === true
  }

  /** Resolves when it is live. */
  dial(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const attempt = (): void => {
      this.#socket = this.#site.dial(this.#number, {
        place: this.#place,
        isTracking: true,
        onLive: resolve,
        onEvent: (bytes, start, end) => this.#onEvent(numberOf(bytes, start, end)),
        onClose: () => setTimeout(attempt, Math.random() * HANDSHAKE_RETRY_MS),
      })
      this.#place = this.#socket.place
    }
    attempt()
    return promise
  }

  async kill(how: Kill, offlineMs: number): Promise<void> {
    const old = this.#socket
    if (old === undefined || !old.isLive) return
    this.#board.kills++
    // Frozen here: nothing is applied of what the dead line still holds.
    this.#place = { ...old.place, slots: { ...old.place.slots } }
    old.silence()
    if (how === 'reset') old.cut()
    else this.#mute.push(old)
    await new Promise((resolve) => setTimeout(resolve, offlineMs))
    const missed = new Set<number>()
    for (let n = 0; n < this.#board.published; n++) if (!this.#seen.has(n)) missed.add(n)
    this.#missed = missed.size === 0 ? undefined : missed
    this.#dialedAt = performance.now()
    await this.dial()
  }

  close(): void {
    this.#socket?.close()
    for (const socket of this.#mute) socket.close()
  }

  #onEvent(number: number): void {
    const board = this.#board
    if (number < 0) return
    if (this.#seen.has(number)) return void board.duplicates++
    this.#seen.add(number)
    const now = performance.now()
    board.delivered++
    board.lastAt = now
    board.latencies.push(now - (board.sentAt[number] ?? now))
    if (this.#missed?.delete(number) !== true || this.#missed.size > 0) return
    this.#missed = undefined
    board.replays.push(now - this.#dialedAt)
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)))

const killAgain = async (client: JitterClient, how: Kill, schedule: Schedule, isOver: () => boolean): Promise<void> => {
  await pause(Math.random() * schedule.killMs)
  while (!isOver()) {
    await client.kill(how, schedule.offlineMs)
    await pause((0.5 + Math.random()) * schedule.killMs - schedule.offlineMs)
  }
}

const drive = async (site: Site, how: Kill, schedule: Schedule): Promise<Outcome> => {
  const board = new Board()
  const clients = Array.from({ length: schedule.clients }, (_, n) => new JitterClient(site, n, board))
  for (let n = 0; n < clients.length; n += 200) await Promise.all(clients.slice(n, n + 200).map((client) => client.dial()))
  let isOver = false
  const kills = clients.map((client) => killAgain(client, how, schedule, () => isOver))
  const startedAt = performance.now()
  for (let n = 0; n < schedule.messages; n++) {
    await pause(startedAt + (n * 1_000) / schedule.perSecond - performance.now())
    board.sentAt[n] = performance.now()
    await site.publish(n)
    board.published = n + 1
  }
  isOver = true
  await Promise.race([Promise.all(kills), pause(SETTLE_MS)])
  const all = schedule.clients * schedule.messages
  const since = performance.now()
  while (board.delivered < all && performance.now() - Math.max(board.lastAt, since) < QUIET_MS) await pause(50)
  const neverBack = clients.filter((client) => !client.isLive).length
  for (const client of clients) client.close()
  const replays = Float64Array.from(board.replays).sort()
  return {
    deliveredPercent: (100 * board.delivered) / all,
    duplicates: board.duplicates,
    kills: board.kills,
    replayP50Ms: quantile(replays, 0.5),
    replayP99Ms: quantile(replays, 0.99),
    latencyP99Ms: quantile(Float64Array.from(board.latencies).sort(), 0.99),
    neverBack,
  }
}

const runs = async (schedule: Schedule, say: (line: string) => void): Promise<Record<'confab' | 'socketio', Record<Kill, Outcome>>> => {
  const { clients, messages, perSecond, killMs, offlineMs } = schedule
  say(
    `${clients} clients, ${messages} messages at ${perSecond}/s, killed after ${killMs / 2} to ${killMs * 1.5} ms, ${offlineMs} ms offline, then back at once`,
  )
  const both = async (site: Site): Promise<Record<Kill, Outcome>> => {
    const of = async (how: Kill): Promise<Outcome> => {
      const outcome = await drive(site, how, schedule)
      say(
        `${site.dialect}, ${how}: ${round(outcome.deliveredPercent, 3)} % delivered, ${outcome.duplicates} duplicates, ${outcome.kills} kills, replay p50 ${round(outcome.replayP50Ms, 1)} p99 ${round(outcome.replayP99Ms, 1)} ms, publish to receipt p99 ${round(outcome.latencyP99Ms, 0)} ms, ${outcome.neverBack} never back`,
      )
      return outcome
    }
    return { reset: await of('reset'), silent: await of('silent') }
  }
  return { confab: await withSite(openConfab(clients), both), socketio: await withSite(openBare('recovery'), both) }
}

/** Floors, so that 100 means all. */
const percent = (value: number): number => Math.floor(value * 1_000) / 1_000

const run = async ({ isQuick, say }: BenchmarkRun): Promise<Record<string, number>> => {
  const small: Schedule = isQuick
    ? { clients: 200, messages: 16, perSecond: 5, killMs: 2_000, offlineMs: 500 }
    : { clients: 1_000, messages: 120, perSecond: 2, killMs: 15_000, offlineMs: 2_000 }
  const { confab, socketio } = await runs(small, say)
  // The large run is left out where seconds count: then its figures are those of the small one.
  const large = isQuick ? small : { ...small, clients: clientsWithin(10_000, say) }
  const many = isQuick ? { confab, socketio } : await runs(large, say)
  const worst = ({ reset, silent }: Record<Kill, Outcome>, prefix = ''): Record<string, number> => {
    const figures = {
      deliveredPercent: percent(Math.min(reset.deliveredPercent, silent.deliveredPercent)),
      duplicates: reset.duplicates + silent.duplicates,
      replayP99Ms: round(Math.max(reset.replayP99Ms, silent.replayP99Ms), 1),
      resetReplayP99Ms: round(reset.replayP99Ms, 1),
      silentReplayP99Ms: round(silent.replayP99Ms, 1),
      neverBack: reset.neverBack + silent.neverBack,
    }
    if (prefix === '') return figures
    return Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${prefix}${name[0]?.toUpperCase()}${name.slice(1)}`, value]))
  }
  return {
    ...worst(confab),
    socketioResetDeliveredPercent: percent(socketio.reset.deliveredPercent),
    socketioSilentDeliveredPercent: percent(socketio.silent.deliveredPercent),
    ...worst(socketio, 'socketio'),
    clients: small.clients,
    largeClients: large.clients,
    ...worst(many.confab, 'large'),
    ...worst(many.socketio, 'largeSocketio'),
  }
}

export const jitter: Benchmark = {
  name: 'jitter',
  explains:
    'A broadcast to clients whose TCP is killed every ~15 s, by reset and, in a second run, silently (the old socket open and mute), 2 s offline; baseline: Socket.IO with connection state recovery.',
  fields:
    'deliveredPercent, duplicates, replayP99Ms (connect to everything missed held; worst of both kills), the same of Socket.IO and of the large run',
  goal: 'deliveredPercent 100, duplicates 0, replayP99Ms < 50 at 1,000 clients and < 300 at 10,000',
  run,
}
