// The judge of one client: what it applied against the log filtered by its scope and its permission.
// Between recordings, cut into epochs at each resync, and the verdict; it knows no server.

import type { ClientPlan, LedgerEvent, Recording, TrueEvent } from './driver.ts'

/** After a change of permission was acknowledged: how long what was allowed before may still come (realtime.md §9). */
const REVOKED_MS = 1_000

interface Applied extends LedgerEvent {
  readonly at: number
}

interface Epoch {
  readonly startedAt: number
  base: ReadonlyMap<string, number>
  /** Whether `base` has every subject: then one without is new. */
  readonly isWhole: boolean
  readonly applied: Applied[]
}

/** Permissions and when they were asked for and acknowledged. */
export interface Allowed {
  readonly accounts: readonly string[] | null
  readonly askedAt: number
  readonly sinceAt: number
}

export interface Verdict {
  readonly missing: string[]
  readonly duplicates: string[]
  readonly disordered: string[]
  readonly unauthorised: string[]
  /** By reason. */
  readonly resyncs: readonly string[]
  readonly faults: readonly string[]
  readonly applied: number
}

export class ClientRecord implements Recording {
  readonly resyncs: string[] = []
  readonly faults: string[] = []
  readonly epochs: Epoch[]

  constructor(base: ReadonlyMap<string, number>) {
    this.epochs = [{ startedAt: performance.now(), base, isWhole: true, applied: [] }]
  }

  get #last(): Epoch {
    const last = this.epochs.at(-1)
    if (last === undefined) throw new Error('a record has an epoch')
    return last
  }

  event(event: LedgerEvent): void {
    this.#last.applied.push({ ...event, at: performance.now() })
  }
  resync(reason: string): void {
    this.resyncs.push(reason)
    this.#begin(new Map())
  }
  base(seqs: ReadonlyMap<string, number>): void {
    if (this.#last.applied.length === 0) this.#last.base = seqs
    else this.#begin(seqs)
  }
  fault(what: string): void {
    this.faults.push(what)
  }

  #begin(base: ReadonlyMap<string, number>): void {
    this.epochs.push({ startedAt: performance.now(), base, isWhole: false, applied: [] })
  }
}

const mayAccount = (accounts: readonly string[] | null, event: TrueEvent): boolean =>
  accounts === null || (event.account !== undefined && accounts.includes(event.account))

const isWanted = (plan: ClientPlan, event: TrueEvent): boolean =>
  event.keys.includes(plan.key) && (plan.hasNotes || !event.type.startsWith('note.'))

/** Permissions that may have been in force at `from` or until `to`, give or take what a change takes to arrive. */
const inForce = (history: readonly Allowed[], from: number, to: number): Allowed[] =>
  history.filter(({ askedAt }, index) => askedAt <= to && (history[index + 1]?.sinceAt ?? Number.POSITIVE_INFINITY) + REVOKED_MS >= from)

class Judgement {
  readonly missing: string[] = []
  readonly duplicates: string[] = []
  readonly disordered: string[] = []
  readonly unauthorised: string[] = []
  readonly #plan: ClientPlan
  readonly #history: readonly Allowed[]
  readonly #bySubject: ReadonlyMap<string, readonly TrueEvent[]>
  readonly #byId: ReadonlyMap<string, TrueEvent>

  constructor(plan: ClientPlan, history: readonly Allowed[], truth: readonly TrueEvent[]) {
    this.#plan = plan
    this.#history = history
    this.#bySubject = Map.groupBy(truth, ({ subject }) => subject)
    this.#byId = new Map(truth.map((event) => [event.id, event]))
  }

  epoch(epoch: Epoch, isFinal: boolean): void {
    const seen = new Set<string>()
    const lasts = new Map<string, number>()
    for (const event of epoch.applied) {
      const words = `${event.subject} ${event.seq} (${event.id})`
      const last = lasts.get(event.subject) ?? epoch.base.get(event.subject) ?? 0
      if (seen.has(event.id)) this.duplicates.push(words)
      else if (event.seq <= last) this.disordered.push(`${words} after ${last}`)
      seen.add(event.id)
      lasts.set(event.subject, Math.max(last, event.seq))
      this.#mayHave(event, words)
    }
    for (const [subject, events] of this.#bySubject) this.#complete(epoch, isFinal, subject, events, seen)
  }

  #mayHave(event: Applied, words: string): void {
    const known = this.#byId.get(event.id)
    if (known === undefined) return void this.unauthorised.push(`${words}: not in the log`)
    const allowed = inForce(this.#history, event.at, event.at)
    if (!isWanted(this.#plan, known) || !allowed.some(({ accounts }) => mayAccount(accounts, known)))
      this.unauthorised.push(`${words}: ${known.type} of ${known.keys.join(' ')}`)
  }

  /** From the epoch's base to its end; where a later epoch follows, to the last that it applied. */
  #complete(epoch: Epoch, isFinal: boolean, subject: string, events: readonly TrueEvent[], seen: ReadonlySet<string>): void {
    const applied = epoch.applied.filter((event) => event.subject === subject)
    const base = epoch.base.get(subject) ?? (epoch.isWhole ? 0 : (applied[0]?.seq ?? Number.POSITIVE_INFINITY))
    const end = isFinal ? Number.POSITIVE_INFINITY : (applied.at(-1)?.seq ?? 0)
    // A change of permission ends an epoch: what all that may have been in force at its begin allow must have come.
    const allowed = inForce(this.#history, epoch.startedAt, epoch.startedAt)
    for (const event of events) {
      if (event.seq <= base || event.seq > end || seen.has(event.id) || !isWanted(this.#plan, event)) continue
      if (allowed.every(({ accounts }) => mayAccount(accounts, event)))
        this.missing.push(`${subject} ${event.seq} ${event.type} (${event.id})`)
    }
  }
}

/** 0 missing, 0 twice, 0 out of order, 0 not permitted; resyncs stand beside it. */
export const judge = (plan: ClientPlan, record: ClientRecord, history: readonly Allowed[], truth: readonly TrueEvent[]): Verdict => {
  const judgement = new Judgement(plan, history, truth)
  for (const [index, epoch] of record.epochs.entries()) judgement.epoch(epoch, index === record.epochs.length - 1)
  const { missing, duplicates, disordered, unauthorised } = judgement
  const applied = record.epochs.reduce((sum, epoch) => sum + epoch.applied.length, 0)
  return { missing, duplicates, disordered, unauthorised, resyncs: record.resyncs, faults: record.faults, applied }
}
