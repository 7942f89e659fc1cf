// One server under fire: writers with known ids, followers of different sight behind a proxy that hurts, and the judge at the end.
// Between drivers, which know their server, and whoever runs the ledger: `npm run ledger -- --realtime` and a short test.

import { FaultProxy } from '../../fault/proxy.ts'
import { until } from '../../harness.ts'
import { messageSid } from '../../twilio-webhooks.ts'
import { pick, randomOf } from '../random.ts'
import type { ClientPlan, Driver, Follower, Target, TrueEvent } from './driver.ts'
import { startFaults, type FaultName } from './faults.ts'
import { ClientRecord, judge, type Allowed, type Verdict } from './judge.ts'

export interface RealtimeOptions {
  readonly driver: Driver
  readonly seconds: number
  readonly seed: number
  readonly faults: readonly FaultName[]
  readonly writesPerSecond: number
  /** Milliseconds between faults, at the most. */
  readonly restMs: number
  readonly say: (line: string) => void
}

export interface RealtimeResult {
  readonly driver: string
  readonly clients: number
  readonly writes: number
  readonly applied: number
  readonly missing: number
  readonly duplicates: number
  readonly disordered: number
  readonly unauthorised: number
  /** By reason. */
  readonly resyncs: Readonly<Record<string, number>>
  readonly reconnects: number
  readonly neverBack: number
  readonly faults: Readonly<Record<string, number>>
  /** In words, with client and event. */
  readonly broken: readonly string[]
}

const LANES = 12
const LIVE_MS = 30_000
const SETTLE_MS = 45_000
/** Nothing new for so long: all has come that will. Longer than a client takes to find its line mute and to come back. */
const QUIET_MS = 5_000
const SID_RUN = 77
const WORDS_MAX = 3

interface Client {
  readonly plan: ClientPlan
  readonly record: ClientRecord
  readonly follower: Follower
  readonly history: Allowed[]
}

const countBy = (names: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

class Run {
  readonly #target: Target
  readonly #options: RealtimeOptions
  readonly #random: () => number
  readonly #clients: Client[] = []
  readonly #broken: string[] = []
  /** What each write will be known by. */
  readonly #causes: { readonly cause: string; readonly type: string }[] = []
  #writes = 0
  #isOver = false

  constructor(target: Target, options: RealtimeOptions) {
    this.#target = target
    this.#options = options
    this.#random = randomOf(options.seed)
  }

  async all(proxy: FaultProxy): Promise<RealtimeResult> {
    const { seconds, faults: kinds, restMs, say } = this.#options
    const base = await this.#target.start()
    for (const plan of this.#target.plans) {
      const record = new ClientRecord(base)
      const follower = await this.#target.follow(plan, proxy.port, record)
      this.#clients.push({ plan, record, follower, history: [{ accounts: plan.accounts, askedAt: 0, sinceAt: 0 }] })
    }
    await until('every client is live', () => this.#clients.every(({ follower }) => follower.isLive()), LIVE_MS)
    say(`${this.#clients.length} clients are live; ${seconds} s of writes and faults, seed ${this.#options.seed}`)
    const faults = startFaults({
      proxy,
      random: this.#random,
      kinds: kinds.filter((kind) => kind !== 'flip' || this.#target.flip !== undefined),
      acts: { kill: () => this.#target.kill(), restart: () => this.#target.restart(), flip: () => this.#flip() },
      restMs: () => this.#random() * restMs,
      say,
    })
    const lanes = Array.from({ length: LANES }, (_, lane) => this.#lane(lane))
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
    await faults.stop()
    this.#isOver = true
    await Promise.all(lanes)
    await this.#settle()
    const truth = await this.#target.truth()
    this.#compareWrites(truth)
    return this.#result(truth, faults.done())
  }

  close(): void {
    for (const { follower } of this.#clients) follower.close()
  }

  /** A lane has conversations of its own: what it writes of one is in its order. */
  async #lane(lane: number): Promise<void> {
    const mine = Array.from({ length: this.#target.conversations }, (_, n) => n).filter((n) => n % LANES === lane)
    const waitMs = (1_000 * LANES) / this.#options.writesPerSecond
    for (let n = 0; !this.#isOver; n++) {
      const kind = pick(this.#random, this.#target.kinds)
      const key = kind === 'received' ? messageSid(SID_RUN + lane, n) : `lane-${lane}-${n}`
      const write = { kind, key, conversation: pick(this.#random, mine), agent: [0, 1, undefined][Math.floor(this.#random() * 3)] }
      let cause: string | undefined
      while (cause === undefined) {
        try {
          cause = await this.#target.write(write)
        } catch (error) {
          this.#broken.push(`a write was refused: ${String(error)}`)
          break
        }
        if (cause === undefined) await new Promise((resolve) => setTimeout(resolve, 50))
      }
      this.#writes++
      if (cause !== undefined && kind !== 'assign' && kind !== 'contact')
        this.#causes.push({ cause, type: kind === 'note' ? 'note.added' : 'message.received' })
      await new Promise((resolve) => setTimeout(resolve, this.#random() * 2 * waitMs))
    }
  }

  /** Takes an account from one client, or gives all back. */
  async #flip(): Promise<void> {
    const flipped = this.#clients.filter(({ plan }) => plan.flips)
    if (flipped.length === 0) return
    const { plan, history } = pick(this.#random, flipped)
    const now = history.at(-1)?.accounts ?? []
    const whole = plan.accounts ?? []
    const accounts = now.length < whole.length ? whole : [pick(this.#random, whole)]
    const askedAt = performance.now()
    try {
      await this.#target.flip?.(plan, accounts)
      history.push({ accounts, askedAt, sinceAt: performance.now() })
    } catch (error) {
      this.#broken.push(`permissions could not be changed: ${String(error)}`)
    }
  }

  async #settle(): Promise<void> {
    const count = (): number =>
      this.#clients.reduce((sum, { record }) => sum + record.epochs.reduce((some, { applied }) => some + applied.length, 0), 0)
    let last = -1
    let since = performance.now()
    await until(
      'all clients are live and nothing more comes',
      () => {
        const now = count()
        if (now !== last || !this.#clients.every(({ follower }) => follower.isLive())) {
          last = now
          since = performance.now()
        }
        return performance.now() - since > QUIET_MS
      },
      SETTLE_MS,
    ).catch(() => this.#broken.push('not every client came back'))
  }

  /** What was acknowledged lies in the log once. */
  #compareWrites(truth: readonly TrueEvent[]): void {
    const counts = countBy(truth.map(({ cause, type }) => `${type} ${cause}`))
    for (const { cause, type } of this.#causes) {
      const count = counts[`${type} ${cause}`] ?? 0
      if (count !== 1) this.#broken.push(`${type} ${cause} was acknowledged and lies ${count} times in the log`)
    }
  }

  #result(truth: readonly TrueEvent[], faults: Readonly<Record<string, number>>): RealtimeResult {
    const verdicts = this.#clients.map(({ plan, record, history }) => ({ plan, verdict: judge(plan, record, history, truth) }))
    const sum = (of: (verdict: Verdict) => number): number => verdicts.reduce((all, { verdict }) => all + of(verdict), 0)
    for (const { plan, verdict } of verdicts) {
      for (const what of ['missing', 'duplicates', 'disordered', 'unauthorised'] as const)
        for (const words of verdict[what].slice(0, WORDS_MAX)) this.#broken.push(`${plan.name}: ${what}: ${words}`)
      for (const fault of verdict.faults) this.#broken.push(`${plan.name}: ${fault}`)
    }
    return {
      driver: this.#options.driver.name,
      clients: this.#clients.length,
      writes: this.#writes,
      applied: sum(({ applied }) => applied),
      missing: sum(({ missing }) => missing.length),
      duplicates: sum(({ duplicates }) => duplicates.length),
      disordered: sum(({ disordered }) => disordered.length),
      unauthorised: sum(({ unauthorised }) => unauthorised.length),
      resyncs: countBy(verdicts.flatMap(({ verdict }) => verdict.resyncs)),
      reconnects: this.#clients.reduce((all, { follower }) => all + follower.reconnects, 0),
      neverBack: this.#clients.filter(({ follower }) => !follower.isLive()).length,
      faults,
      broken: this.#broken,
    }
  }
}

/** Starts the server, hurts it and its lines, compares. All is gone afterwards. */
export const runRealtime = async (options: RealtimeOptions): Promise<RealtimeResult> => {
  const target = await options.driver.open()
  const proxy = await FaultProxy.open(() => target.port)
  const run = new Run(target, options)
  try {
    return await run.all(proxy)
  } finally {
    run.close()
    await proxy.close()
    await target.stop()
  }
}
