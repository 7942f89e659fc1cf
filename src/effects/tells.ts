// Carries `tell` effects: an actor's command for another actor, appended as it was decided, together with the report that ends it.
// Between conversations and contacts, which never write into each other's partitions themselves.

import { contactCommandData, commandRecords, decode, type CommandType, type EffectTell } from '#schemas/log'
import { partitionOf, type Entry } from '#log'
import type { Carrier, OpenEffect } from './outbox.ts'
import { reportOf, type Logger, type Reports } from './reports.ts'

export interface TellsOptions {
  readonly reports: Reports
  readonly clock: () => number
  readonly logger: Logger
}

export interface Tells extends Carrier {
  close(): Promise<void>
}

/** Commands of one append. */
const BATCH_MAX = 256

class TellCarrier implements Tells {
  readonly types = ['tell'] as const
  readonly #options: TellsOptions
  readonly #waiting = new Map<string, { readonly partition: number; readonly value: EffectTell }>()
  readonly #told = new Map<string, number>()
  readonly #stop = new AbortController()
  #run: Promise<void> | undefined

  constructor(options: TellsOptions) {
    this.#options = options
  }

  put(effect: OpenEffect): void {
    if (effect.type !== 'tell' || this.#told.has(effect.key)) return
    this.#waiting.set(effect.key, { partition: effect.partition, value: effect.value })
    this.#run ??= this.#work().finally(() => (this.#run = undefined))
  }

  end(_partition: number, key: string): void {
    this.#waiting.delete(key)
    this.#told.delete(key)
  }

  release(partition: number): void {
    for (const [key, entry] of this.#waiting) if (entry.partition === partition) this.#waiting.delete(key)
    for (const [key, at] of this.#told) if (at === partition) this.#told.delete(key)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#run
  }

  /** One batch after the other, in the order of the outbox: what one actor tells another arrives in its order. */
  async #work(): Promise<void> {
    await Promise.resolve()
    while (this.#waiting.size > 0 && !this.#stop.signal.aborted) {
      const batch = [...this.#waiting].slice(0, BATCH_MAX)
      try {
        await this.#options.reports.post(
          batch.map(([, { value }]) => this.#reportOf(value)),
          this.#stop.signal,
          batch.map(([, { value }]) => toldEntry(value)),
        )
      } catch (error) {
        this.#options.logger.error({ effectIds: batch.map(([, { value }]) => value.effectId), err: error }, 'tells not appended')
      }
      for (const [key, { partition }] of batch) if (this.#waiting.delete(key)) this.#told.set(key, partition)
    }
  }

  #reportOf(effect: EffectTell) {
    // Where nobody says, contacts are told by conversations and the other way round.
    const isFromConversation = (effect.from ?? (effect.to.kind === 'contact' ? 'conversation' : 'contact')) === 'conversation'
    const actor = { kind: isFromConversation ? 'conversation' : 'contact', id: effect.conversationId } as const
    const common = { actor, parts: [], at: this.#options.clock(), data: { effectId: effect.effectId } }
    return isFromConversation
      ? reportOf(effect, { ...common, type: 'effect.end' })
      : reportOf(effect, { ...common, type: 'contact.effect-end' })
  }
}

const toldEntry = ({ to, type, command }: EffectTell): Entry => {
  const { commandId, at } = decode(commandRecords[type as CommandType], command) as { commandId: string; at: number }
  return {
    topic: type in contactCommandData ? 'contact-commands' : 'commands',
    partition: partitionOf(to.id),
    records: [{ key: to.id, value: command, headers: { type, commandId }, time: at }],
  }
}

export const openTells = (options: TellsOptions): Tells => new TellCarrier(options)
