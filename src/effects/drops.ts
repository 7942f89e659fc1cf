// Carries `drop` effects: after an erasure, names the contents that still exist, until none remains.
// Between a view's list, which may lag, and the owner, who alone writes tombstones.

import type { ContentReference, EffectDrop, SubjectKind } from '#schemas/log'
import type { Carrier, OpenEffect } from './outbox.ts'
import { reportOf, type Logger, type Reports, type WaitUntil } from './reports.ts'

export interface ContentList {
  readonly references: readonly ContentReference[]
  readonly messageIds: readonly string[]
}

/** The contents of a subject introduced at or before `upToSeq` that still exist, at most `limit`, from a view that has applied the erasure. */
export type ListContents = (
  subject: { readonly kind: SubjectKind; readonly id: string },
  upToSeq: number,
  limit: number,
) => Promise<ContentList>

export interface DropsOptions {
  readonly listContents: ListContents
  /** Removes the files that these messages of a conversation still name; durable or throws. */
  readonly removeFiles: (conversationId: string, messageIds: readonly string[]) => Promise<void>
  /** Empties the drafts that agents have in an erased conversation. */
  readonly clearDrafts: (effect: EffectDrop, signal: AbortSignal) => Promise<void>
  readonly reports: Reports
  readonly clock: () => number
  readonly wait: WaitUntil
  readonly logger: Logger
}

export interface Drops extends Carrier {
  close(): Promise<void>
}

/** Tombstones of one commit. */
const DROPS_MAX = 500
/** Until the view shows what the owner has dropped. */
const LOOK_AGAIN_MS = 1000

class DropCarrier implements Drops {
  readonly types = ['drop'] as const
  readonly #options: DropsOptions
  readonly #open = new Map<string, number>()
  readonly #running = new Set<Promise<void>>()
  readonly #stop = new AbortController()

  constructor(options: DropsOptions) {
    this.#options = options
  }

  put(effect: OpenEffect): void {
    if (effect.type !== 'drop' || this.#open.has(effect.key)) return
    this.#open.set(effect.key, effect.partition)
    const work: Promise<void> = this.#carry(effect.key, effect.value)
      .catch((error: unknown) => this.#options.logger.error({ subjectId: effect.value.subject.id, err: error }, 'contents not dropped'))
      .finally(() => this.#running.delete(work))
    this.#running.add(work)
  }

  end(_partition: number, key: string): void {
    this.#open.delete(key)
  }

  release(partition: number): void {
    for (const [key, at] of this.#open) if (at === partition) this.#open.delete(key)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#running)
  }

  async #carry(key: string, effect: EffectDrop): Promise<void> {
    const { listContents, clock, wait, reports } = this.#options
    const { signal } = this.#stop
    for (let round = 0; this.#open.has(key) && !signal.aborted; round++) {
      const list = await this.#listed(listContents, effect)
      // An empty list is the word that none remains: the actor ends the effect.
      if (list !== undefined) await reports.post([dropOf(effect, list, { round, at: clock() })], signal)
      await wait(clock() + LOOK_AGAIN_MS, signal)
    }
  }

  /** The files go first: afterwards nobody would know their names. */
  async #listed(listContents: ListContents, effect: EffectDrop): Promise<ContentList | undefined> {
    const { subject, upToSeq } = effect
    try {
      const list = await listContents(subject, upToSeq, DROPS_MAX)
      if (subject.kind === 'conversation') await this.#options.clearDrafts(effect, this.#stop.signal)
      if (list.messageIds.length > 0) await this.#options.removeFiles(subject.id, list.messageIds)
      return list
    } catch (error) {
      this.#options.logger.warn({ subjectId: subject.id, err: error }, 'contents not listed, or their files not removed')
      return undefined
    }
  }
}

const dropOf = (
  effect: EffectDrop,
  { references, messageIds }: ContentList,
  { round, at }: { readonly round: number; readonly at: number },
) => {
  const { subject } = effect
  const common = { actor: subject, parts: [round, at], at }
  return subject.kind === 'contact'
    ? reportOf(effect, { ...common, type: 'contact.drop', data: { references: [...references] } })
    : reportOf(effect, { ...common, type: 'contents.drop', data: { references: [...references], messageIds: [...messageIds] } })
}

export const openDrops = (options: DropsOptions): Drops => new DropCarrier(options)
