// Where a session's subscriptions stand: ring → log → live without a hole. Pure: it knows rings and entries, no socket and no clock.
// Between joins, entries and the moment of turning live; a live session holds no position but every ring's head.

import type { Grants, Scope } from '#schemas'
import { STREAMS } from '../cursor.ts'
import type { Entry } from '../tail/entry.ts'
import type { Ring } from '../tail/ring.ts'
import { keyOf } from '../scopes.ts'

/** An offset for each stream. */
export type Positions = Float64Array

export const headsOf = (rings: readonly Ring[]): Positions => Float64Array.from(rings, ({ head }) => head)

export class Subscription {
  readonly id: string
  readonly scope: Scope
  readonly key: string
  readonly types: ReadonlySet<string> | undefined
  /** The streams that can hold something for it; undefined = all. */
  readonly streams: ReadonlySet<number> | undefined
  /** Whether it names one conversation or contact, and so is no list. */
  readonly isNarrow: boolean
  /** The next offset it is to be served; undefined while live. */
  position: Positions | undefined

  constructor(wanted: { id: string; scope: Scope; types?: readonly string[] }, grants: Grants, streams: ReadonlySet<number> | undefined) {
    this.id = wanted.id
    this.scope = wanted.scope
    this.key = keyOf(wanted.scope, grants)
    this.types = wanted.types === undefined ? undefined : new Set(wanted.types)
    this.streams = streams
    this.isNarrow = this.key.startsWith('conversation/') || this.key.startsWith('contact/')
  }

  /** Whether the entry is one that it asked for; permission is another's to judge. */
  matches(entry: Entry, grants: Grants): boolean {
    const { routing } = entry
    if (routing === undefined) return false
    if (routing.kind === 'setting') return grants.kind !== 'contact'
    if (routing.agentId === grants.id && !this.isNarrow) return true
    if (!entry.keys.includes(this.key)) return false
    // An organization's events have their types in their content; filters only save bytes.
    return this.types === undefined || routing.kind === 'mark' || routing.kind === 'organization' || this.types.has(routing.type)
  }
}

export class Progress {
  readonly subscriptions = new Map<string, Subscription>()
  readonly #rings: readonly Ring[]
  readonly #grants: Grants
  #stream = 0
  #isLive = true

  constructor(rings: readonly Ring[], grants: Grants) {
    this.#rings = rings
    this.#grants = grants
  }

  get isLive(): boolean {
    return this.#isLive
  }

  /** A subscription begins at the positions, which lie at or before the heads; live waits for it where they lie before. */
  join(subscription: Subscription, positions: Positions): void {
    const heads = headsOf(this.#rings)
    subscription.position = positions.map((offset, stream) =>
      subscription.streams?.has(stream) === false ? (heads[stream] as number) : offset,
    )
    this.#writeDown(heads)
    this.subscriptions.set(subscription.id, subscription)
  }

  /** Live ends before this entry, which was not sent: the session reads on from there when it can. */
  fall(entry: Entry): void {
    const heads = headsOf(this.#rings)
    heads[entry.stream] = entry.offset
    this.#writeDown(heads)
  }

  /** Where the stream's slowest subscription stands. */
  positionOf(stream: number): number {
    let lowest = this.#rings[stream]?.head ?? 0
    for (const { position } of this.subscriptions.values())
      if (position !== undefined) lowest = Math.min(lowest, position[stream] as number)
    return lowest
  }

  /** A stream that is behind its ring's head, in turns; undefined = none. */
  lagging(): number | undefined {
    for (let step = 0; step < STREAMS; step++) {
      const stream = (this.#stream + step) % STREAMS
      if (this.positionOf(stream) < (this.#rings[stream]?.head ?? 0)) {
        this.#stream = (stream + 1) % STREAMS
        return stream
      }
    }
    return undefined
  }

  /**
   * Passes an entry while catching up. True where a subscription that stands at or before it wants it: sent once for all of those.
   * One that joined behind the others may bring what they have had; clients drop it by `seq`.
   */
  pass(entry: Entry): boolean {
    const { stream, offset, next } = entry
    let isWanted = false
    for (const subscription of this.subscriptions.values()) {
      const position = subscription.position as Positions
      if ((position[stream] as number) > offset) continue
      isWanted ||= subscription.matches(entry, this.#grants)
      position[stream] = next
    }
    return isWanted
  }

  /** Nothing more lies before `to` in the stream. */
  skip(stream: number, to: number): void {
    for (const { position } of this.subscriptions.values()) {
      if (position !== undefined && (position[stream] as number) < to) position[stream] = to
    }
  }

  /** Turns live where every stream is at its head. The caller sends nothing and awaits nothing in between. */
  settle(): boolean {
    if (!this.#isLive && this.lagging() !== undefined) return false
    this.#isLive = true
    for (const subscription of this.subscriptions.values()) subscription.position = undefined
    return true
  }

  #writeDown(heads: Positions): void {
    this.#isLive = false
    for (const subscription of this.subscriptions.values()) subscription.position ??= heads.slice()
  }
}
