// What the client follows and from where it resumes: one checkpoint and the slots since for all that it covers,
// a cursor of its own for each subscription that began after it. Between frames and the next hello.

import type { ResumePoint, SubscriptionWish } from './line.ts'

interface Followed {
  readonly wish: SubscriptionWish
  /** Begun before the last checkpoint: resumed by it. */
  isCovered: boolean
  /** Where it began, once `subscribed` said so and its snapshot is applied. */
  cursor: string | undefined
  hasSnapshot: boolean
  /** A conversation taken up to heal a hole; ended with its checkpoint. */
  isHealing: boolean
}

const healingId = (conversationId: string): string => `heal-${conversationId}`

export class Subscriptions {
  readonly #followed = new Map<string, Followed>()
  #checkpoint: string | undefined
  #slots: Record<string, string> = {}
  #late: SubscriptionWish[] = []
  #asked: SubscriptionWish[] = []

  constructor(resume: ResumePoint | undefined, wishes: readonly SubscriptionWish[] = []) {
    this.#checkpoint = resume?.checkpoint
    this.#slots = { ...resume?.slots }
    for (const wish of resume?.subscriptions ?? []) this.#follow(wish, true)
    for (const wish of wishes) if (!this.#followed.has(wish.id)) this.#follow(wish, false)
  }

  /** Whether every event of what is followed is wanted, so that a hole in `seq` is one. */
  get checksGaps(): boolean {
    for (const { wish } of this.#followed.values()) if (wish.types !== undefined) return false
    return true
  }

  want(wish: SubscriptionWish): void {
    this.#follow(wish, false)
  }
  drop(id: string): void {
    this.#followed.delete(id)
  }

  /** Takes a conversation up anew; undefined where that is under way. */
  heal(conversationId: string): SubscriptionWish | undefined {
    const id = healingId(conversationId)
    if (this.#followed.has(id)) return undefined
    const wish = { id, scope: { conversation: conversationId } }
    this.#follow(wish, false).isHealing = true
    return wish
  }

  /** The first frame: what the checkpoint covers is resumed by it; where nothing is, all begin with the hello. */
  hello(): { resume?: { checkpoint: string; slots: Record<string, string> }; subscriptions: readonly SubscriptionWish[] } {
    const covered = [...this.#followed.values()].filter(({ isCovered }) => isCovered).map(({ wish: { from: _from, ...wish } }) => wish)
    this.#late = this.#uncovered()
    if (this.#checkpoint !== undefined && covered.length > 0)
      return { resume: { checkpoint: this.#checkpoint, slots: this.#slots }, subscriptions: covered }
    this.#asked = this.#late.splice(0)
    return { subscriptions: this.#asked }
  }

  /** Answers what the hello could not carry: subscriptions that begin elsewhere than at its checkpoint. */
  onWelcome(cursor: string): readonly SubscriptionWish[] {
    // The old checkpoint stays until the next: a refused resume is told by a frame that a cut may swallow.
    this.#checkpoint ??= cursor
    // What was wanted between hello and welcome is not among them.
    const late = this.#late.splice(0)
    const asked = new Set([...late, ...this.#asked].map(({ id }) => id))
    this.#asked = []
    return [...late, ...this.#uncovered().filter(({ id }) => !asked.has(id))]
  }

  /** From where they stood, else anew. */
  #uncovered(): SubscriptionWish[] {
    return [...this.#followed.values()]
      .filter(({ isCovered }) => !isCovered)
      .map(({ wish, cursor, hasSnapshot }) =>
        cursor !== undefined && (hasSnapshot || wish.from !== undefined) ? { ...wish, from: cursor } : wish,
      )
  }

  onSubscribed(id: string, cursor: string): void {
    const followed = this.#followed.get(id)
    if (followed !== undefined && !followed.isCovered) followed.cursor = cursor
  }

  onSnapshot(id: string): void {
    const followed = this.#followed.get(id)
    if (followed !== undefined) followed.hasSnapshot = true
  }

  onResync(id: string | undefined): void {
    for (const followed of this.#followed.values()) {
      if (id !== undefined && followed.wish.id !== id) continue
      followed.isCovered = false
      followed.cursor = undefined
      followed.hasSnapshot = false
    }
  }

  /** Everything begun is covered from here. Answers the healings that are done. */
  onCheckpoint(cursor: string): readonly string[] {
    this.#checkpoint = cursor
    this.#slots = {}
    const healed: string[] = []
    for (const [id, followed] of this.#followed) {
      if (followed.cursor === undefined && !followed.isCovered) continue
      followed.isCovered = true
      followed.cursor = undefined
      if (followed.isHealing) healed.push(id)
    }
    for (const id of healed) this.#followed.delete(id)
    return healed
  }

  advance(slot: number, cursor: string): void {
    this.#slots[String(slot)] = cursor
  }

  /** undefined while a subscription is under way: its state and the checkpoint do not yet fit. */
  point(known: ResumePoint['known']): ResumePoint | undefined {
    const all = [...this.#followed.values()]
    if (this.#checkpoint === undefined || all.some(({ isCovered }) => !isCovered)) return undefined
    return { checkpoint: this.#checkpoint, slots: { ...this.#slots }, subscriptions: all.map(({ wish }) => wish), known }
  }

  #follow(wish: SubscriptionWish, isCovered: boolean): Followed {
    const followed: Followed = { wish, isCovered, cursor: undefined, hasSnapshot: false, isHealing: false }
    this.#followed.set(wish.id, followed)
    return followed
  }
}
