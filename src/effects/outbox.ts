// One tail of `outbox` for all carriers: what is open is handed out once a partition has caught up, what ends is taken back.
// Between the log's open effects and those who carry them out; effects survive any restart, because only the actor ends them.

import { openTails, type Log, type StoredRecord, type Tails } from '#log'
import {
  decodeAny,
  type EffectDrop,
  type EffectFetch,
  type EffectProfile,
  type EffectSend,
  type EffectSignal,
  type EffectTell,
  type EffectTimer,
} from '#schemas/log'

export interface Effects {
  send: EffectSend
  fetch: EffectFetch
  timer: EffectTimer
  tell: EffectTell
  drop: EffectDrop
  signal: EffectSignal
  profile: EffectProfile
}
export type EffectType = keyof Effects
export type OpenEffect<T extends EffectType = EffectType> = {
  [K in T]: { readonly type: K; readonly partition: number; readonly key: string; readonly value: Effects[K] }
}[T]

export interface Carrier {
  readonly types: readonly EffectType[]
  /** The partition is this node's from now on; called before the first `put` of it. */
  open?(partition: number): void
  /** An open effect, or a newer form of one under the same key. */
  put(effect: OpenEffect): void
  /** The actor ended it. */
  end(partition: number, key: string): void
  /** The partition is another node's from now on. */
  release(partition: number): void
}

export interface OutboxOptions {
  readonly log: Pick<Log, 'read' | 'bounds' | 'assignment'>
  readonly carriers: readonly Carrier[]
  readonly onError: (error: unknown) => void
  /** The node's tails; without them it keeps its own. A tail that ends with `tail_lost` is told to `onError`. */
  readonly tails?: Pick<Tails, 'follow'>
}

export interface Outbox {
  /** Resolves once every assigned partition has caught up with the end it had at opening. */
  readonly ready: Promise<void>
  close(): Promise<void>
}

interface PartitionState {
  /** Offset up to which records belong to the past: effects among them may have ended already. */
  readonly end: number
  /** Open effects while catching up; undefined afterwards. */
  pending: Map<string, OpenEffect> | undefined
}

class OutboxTail implements Outbox {
  readonly #options: OutboxOptions
  readonly #partitions = new Map<number, PartitionState>()
  readonly #abort = new AbortController()
  readonly #ready = Promise.withResolvers<void>()
  #loop: Promise<void> = Promise.resolve()

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  get ready(): Promise<void> {
    return this.#ready.promise
  }

  start(): void {
    this.#loop = this.#run().catch((error: unknown) => {
      this.#ready.reject(error)
      this.#options.onError(error)
    })
    // Whoever waits for readiness hears of a failure; that nobody waits is no fault.
    this.#ready.promise.catch(() => undefined)
  }

  async #run(): Promise<void> {
    let tail: { readonly abort: AbortController; readonly done: Promise<void> } | undefined
    for await (const assigned of this.#options.log.assignment('sender', this.#abort.signal)) {
      tail?.abort.abort()
      await tail?.done
      for (const partition of this.#partitions.keys()) if (!assigned.has(partition)) this.#release(partition)
      const abort = new AbortController()
      tail = { abort, done: this.#tail(assigned, AbortSignal.any([abort.signal, this.#abort.signal])) }
    }
    tail?.abort.abort()
    await tail?.done
  }

  #release(partition: number): void {
    this.#partitions.delete(partition)
    for (const carrier of this.#options.carriers) carrier.release(partition)
  }

  async #tail(assigned: ReadonlySet<number>, signal: AbortSignal): Promise<void> {
    const { log, onError, tails = openTails({ log, onOutage: onError }) } = this.#options
    const partitions = [...assigned]
    const bounds = await Promise.all(partitions.map((partition) => log.bounds('outbox', partition)))
    const from = partitions.map((partition, index) => ({ topic: 'outbox' as const, partition, offset: bounds[index]?.start ?? 0 }))
    for (const [index, partition] of partitions.entries()) {
      this.#partitions.set(partition, { end: bounds[index]?.end ?? 0, pending: new Map() })
      for (const carrier of this.#options.carriers) carrier.open?.(partition)
    }
    for (const { partition, offset } of from) this.#caughtUp(partition, offset)
    try {
      for await (const chunk of tails.follow('outbox', from, { signal })) {
        for (const record of chunk.records) this.#apply(chunk.partition, record)
        this.#caughtUp(chunk.partition, chunk.next)
      }
    } catch (error) {
      this.#ready.reject(error)
      this.#options.onError(error)
    }
  }

  #apply(partition: number, record: StoredRecord): void {
    const pending = this.#partitions.get(partition)?.pending
    if (record.value === null) {
      if (pending !== undefined) pending.delete(record.key)
      else for (const carrier of this.#options.carriers) this.#guarded(() => carrier.end(partition, record.key))
      return
    }
    const effect = this.#read(partition, record)
    if (effect === undefined) return
    if (pending === undefined) this.#hand(effect)
    else pending.set(record.key, effect)
  }

  /** A record that cannot be read holds up no other. */
  #read(partition: number, record: StoredRecord): OpenEffect | undefined {
    try {
      const value = decodeAny(record.value ?? new Uint8Array())
      return { type: record.headers['type'], partition, key: record.key, value } as OpenEffect
    } catch (error) {
      this.#options.onError(error)
      return undefined
    }
  }

  #caughtUp(partition: number, next: number): void {
    const state = this.#partitions.get(partition)
    if (state?.pending === undefined || next < state.end) return
    const open = state.pending
    state.pending = undefined
    for (const effect of open.values()) this.#hand(effect)
    if ([...this.#partitions.values()].every(({ pending }) => pending === undefined)) this.#ready.resolve()
  }

  #hand(effect: OpenEffect): void {
    for (const carrier of this.#options.carriers) if (carrier.types.includes(effect.type)) this.#guarded(() => carrier.put(effect))
  }

  /** A carrier that fails on one effect must not end the tail of all. */
  #guarded(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#options.onError(error)
    }
  }

  async close(): Promise<void> {
    this.#abort.abort()
    this.#ready.resolve()
    await this.#loop
  }
}

export const openOutbox = (options: OutboxOptions): Outbox => {
  const outbox = new OutboxTail(options)
  outbox.start()
  return outbox
}
