// Carries `profile` effects: asks a provider who somebody is, and tells the contact; failing softly, since nobody waits for a name.
// Between a conversation's first message and its contact's card; asked again at most weekly, as the conversation remembers.

import type { EffectProfile } from '#schemas/log'
import type { ProfileResult } from '#channels'
import type { Outgoing } from './http.ts'
import type { Carrier, OpenEffect } from './outbox.ts'
import { backoffMs, reportOf, type Logger, type Reports, type WaitUntil } from './reports.ts'
import { providerAccountOf, type AttemptOptions } from './sender-attempt.ts'

export interface ProfilesOptions extends Pick<AttemptOptions, 'settings' | 'credentialsOf' | 'apiUrlOf'> {
  readonly outgoing: Pick<Outgoing, 'request'>
  readonly reports: Reports
  readonly clock: () => number
  readonly random: () => number
  readonly wait: WaitUntil
  readonly logger: Logger
}

export interface Profiles extends Carrier {
  close(): Promise<void>
}

const TIMEOUT_MS = 10_000
const ANSWER_BYTES_MAX = 65_536
const TRIES_MAX = 3
const BACKOFF = { firstMs: 5000, maxMs: 60_000 } as const
/** Questions at once; beyond it they wait, since the outbox keeps them. */
const PARALLEL_MAX = 4

class ProfileCarrier implements Profiles {
  readonly types = ['profile'] as const
  readonly #options: ProfilesOptions
  readonly #open = new Map<string, { readonly partition: number; readonly effect: EffectProfile }>()
  readonly #waiting: string[] = []
  readonly #running = new Set<Promise<void>>()
  readonly #stop = new AbortController()

  constructor(options: ProfilesOptions) {
    this.#options = options
  }

  put({ type, key, partition, value }: OpenEffect): void {
    if (type !== 'profile' || this.#open.has(key)) return
    this.#open.set(key, { partition, effect: value })
    this.#waiting.push(key)
    this.#pump()
  }

  end(_partition: number, key: string): void {
    this.#open.delete(key)
  }

  release(partition: number): void {
    for (const [key, entry] of this.#open) if (entry.partition === partition) this.#open.delete(key)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#running)
  }

  #pump(): void {
    while (this.#running.size < PARALLEL_MAX && !this.#stop.signal.aborted) {
      const key = this.#waiting.shift()
      if (key === undefined) return
      const entry = this.#open.get(key)
      if (entry === undefined) continue
      const work: Promise<void> = this.#carry(entry.effect)
        .catch((error: unknown) => this.#options.logger.warn({ effectId: entry.effect.effectId, err: error }, 'profile not told'))
        .finally(() => {
          this.#running.delete(work)
          this.#pump()
        })
      this.#running.add(work)
    }
  }

  async #carry(effect: EffectProfile): Promise<void> {
    const { clock, random, wait, reports } = this.#options
    let result: ProfileResult = { kind: 'again' }
    for (let tries = 1; result.kind === 'again' && tries <= TRIES_MAX && !this.#stop.signal.aborted; tries++) {
      if (tries > 1) await wait(clock() + backoffMs(tries - 1, BACKOFF, random), this.#stop.signal)
      result = await this.#ask(effect)
    }
    if (this.#stop.signal.aborted) return
    const { conversationId, accountId, channel, contactId, seq } = effect
    const at = clock()
    const end = reportOf(effect, {
      actor: { kind: 'conversation', id: conversationId },
      type: 'effect.end',
      parts: [seq],
      at,
      data: { effectId: effect.effectId },
    })
    if (result.kind !== 'found') return reports.post([end], this.#stop.signal)
    const data = { conversationId, accountId, channel, profile: result.profile }
    const told = reportOf(effect, { actor: { kind: 'contact', id: contactId }, type: 'contact.introduce', parts: [seq], at, data })
    await reports.post([told, end], this.#stop.signal)
  }

  async #ask({ accountId, userId }: EffectProfile): Promise<ProfileResult> {
    const target = providerAccountOf(this.#options, accountId)
    const lookup = target?.provider.profile
    if (target === undefined || lookup === undefined) return { kind: 'none' }
    try {
      const answer = await this.#options.outgoing.request({
        ...lookup.request(userId, target),
        timeoutMs: TIMEOUT_MS,
        responseBytesMax: ANSWER_BYTES_MAX,
        isToProvider: true,
        signal: this.#stop.signal,
      })
      return lookup.parse({ status: answer.status, body: answer.body.toString('utf8') }, userId)
    } catch {
      return { kind: 'again' }
    }
  }
}

export const openProfiles = (options: ProfilesOptions): Profiles => new ProfileCarrier(options)
