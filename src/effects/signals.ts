// Carries `signal` effects: read marks, reactions, edits and deletions of ours, which may be repeated without harm.
// Between conversations and providers; what a channel cannot carry was refused before, and what it refuses is told nobody.

import { keys, decode, sendRecord, type EffectSignal } from '#schemas/log'
import type { Signal } from '#channels'
import type { Log } from '#log'
import { sealOf } from '#runtime'
import type { Outgoing } from './http.ts'
import type { Carrier, OpenEffect } from './outbox.ts'
import { backoffMs, reportOf, type Logger, type Reports, type WaitUntil } from './reports.ts'
import { isProviders, providerAccountOf, type AttemptOptions, type ProviderAccount } from './sender-attempt.ts'

export interface SignalsOptions extends AttemptOptions {
  readonly outgoing: Pick<Outgoing, 'request'>
  readonly log: Pick<Log, 'latest'>
  readonly reports: Reports
  readonly clock: () => number
  readonly random: () => number
  readonly wait: WaitUntil
  readonly logger: Logger
}

export interface Signals extends Carrier {
  close(): Promise<void>
}

const TIMEOUT_MS = 10_000
const ANSWER_BYTES_MAX = 65_536
const TRIES_MAX = 4
const BACKOFF = { firstMs: 1000, maxMs: 30_000 } as const
/** Requests at once; beyond it they wait their turn. */
const PARALLEL_MAX = 16

class SignalCarrier implements Signals {
  readonly types = ['signal'] as const
  readonly #options: SignalsOptions
  /** Newest form by key. */
  readonly #open = new Map<string, { readonly partition: number; readonly value: EffectSignal }>()
  readonly #waiting = new Set<string>()
  readonly #busy = new Set<string>()
  readonly #running = new Set<Promise<void>>()
  readonly #stop = new AbortController()

  constructor(options: SignalsOptions) {
    this.#options = options
  }

  put(effect: OpenEffect): void {
    if (effect.type !== 'signal' || this.#stop.signal.aborted) return
    this.#open.set(effect.key, { partition: effect.partition, value: effect.value })
    this.#waiting.add(effect.key)
    this.#pump()
  }

  end(_partition: number, key: string): void {
    this.#open.delete(key)
    this.#waiting.delete(key)
  }

  release(partition: number): void {
    for (const [key, entry] of this.#open) if (entry.partition === partition) this.end(partition, key)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#running)
  }

  #pump(): void {
    for (const key of this.#waiting) {
      if (this.#running.size >= PARALLEL_MAX || this.#stop.signal.aborted) return
      const entry = this.#open.get(key)
      // In order per message: a newer word waits for the former's answer.
      if (entry === undefined || this.#busy.has(key)) continue
      this.#waiting.delete(key)
      this.#busy.add(key)
      const work: Promise<void> = this.#carry(entry)
        .catch((error: unknown) => this.#options.logger.warn({ effectId: entry.value.effectId, err: error }, 'signal not carried'))
        .finally(() => {
          this.#running.delete(work)
          this.#busy.delete(key)
          this.#pump()
        })
      this.#running.add(work)
    }
  }

  async #carry({ partition, value }: { readonly partition: number; readonly value: EffectSignal }): Promise<void> {
    const { clock, random, wait, reports } = this.#options
    for (let tries = 1; !this.#stop.signal.aborted; tries++) {
      const isDone = await this.#try(partition, value)
      if (isDone || tries >= TRIES_MAX) break
      await wait(clock() + backoffMs(tries, BACKOFF, random), this.#stop.signal)
    }
    if (this.#stop.signal.aborted) return
    const actor = { kind: 'conversation', id: value.conversationId } as const
    const report = { actor, type: 'effect.end', parts: [value.seq], at: clock(), data: { effectId: value.effectId } } as const
    await reports.post([reportOf(value, report)], this.#stop.signal)
  }

  /** Whether nothing is left to do: an answer, a refusal, or nothing to ask. */
  async #try(partition: number, effect: EffectSignal): Promise<boolean> {
    const target = providerAccountOf(this.#options, effect.accountId)
    const providerMessageId = effect.providerMessageId ?? (await this.#sentAs(partition, effect))
    if (target === undefined || providerMessageId === null) return true
    const request = requestOf(this.#options, target, { effect, providerMessageId })
    if (request === null) return true
    try {
      const { status } = await this.#options.outgoing.request({
        ...request,
        timeoutMs: TIMEOUT_MS,
        responseBytesMax: ANSWER_BYTES_MAX,
        isToProvider: isProviders(target.account),
        signal: this.#stop.signal,
      })
      return status < 500 && status !== 429
    } catch {
      return false
    }
  }

  /** The provider's id of a message of ours: the ledger knows it. */
  async #sentAs(partition: number, { conversationId, messageId, attempt }: EffectSignal): Promise<string | null> {
    if (attempt <= 0) return null
    const [record] = await this.#options.log.latest('sends', partition, [keys.send(conversationId, messageId, attempt)])
    return record?.value === undefined || record.value === null ? null : decode(sendRecord, record.value).providerMessageId
  }
}

const wantedOf = ({ kind, text }: EffectSignal, providerMessageId: string): Signal => {
  switch (kind) {
    case 'read':
    case 'delete':
      return { kind, providerMessageId }
    case 'react':
      return { kind, providerMessageId, emoji: text }
    case 'edit':
      return { kind, providerMessageId, text: text ?? '' }
  }
}

const requestOf = (
  { settings, clock }: SignalsOptions,
  { account, provider, credentials, apiUrl }: ProviderAccount,
  { effect, providerMessageId }: { effect: EffectSignal; providerMessageId: string },
) => {
  const { organizationId, conversationId, messageId, address } = effect
  const seal = sealOf(settings.idKey(organizationId), account.id, { conversationId, messageId })
  const context = { credentials, apiUrl, account, address, callbackUrl: null, attachmentUrls: [], now: clock() }
  return provider.signal?.(wantedOf(effect, providerMessageId), { ...context, correlation: { conversationId, messageId, seal } }) ?? null
}

export const openSignals = (options: SignalsOptions): Signals => new SignalCarrier(options)
