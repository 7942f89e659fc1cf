// Which partitions this node folds: those it owns, those it stands by for, and those it has lost until who has them now can be asked.
// Between the routing table and the views' files.

import { PARTITIONS } from '#topics'
import type { FoldedViews } from '#views'
import { holdersOf } from './holders.ts'
import type { Routing } from './routing.ts'

/** Leases come one after another: their sum is folded anew, not each. */
const SETTLE_MS = 300
/** How long rows of a lost partition lie in the files: it may come back, and what is erased meanwhile must not stay. */
const KEPT_MS = 600_000

export interface FoldingOptions {
  readonly routing: Pick<Routing, 'ownerOf' | 'nodeOf' | 'live' | 'onHeard'>
  readonly url: string
  readonly standbys: number
  /** Milliseconds, rising. */
  readonly now: () => number
  readonly after: (ms: number, callback: () => void) => () => void
  readonly onChanged: (
    folded: ReadonlySet<number>,
    facts: { readonly gained: number; readonly lost: number; readonly forgotten: number },
  ) => void
}

type Wish = Pick<FoldingOptions, 'routing' | 'url' | 'standbys'>

/** Who should hold each partition, this node among the living. */
const sharesOf = ({ routing, url, standbys }: Wish): readonly (readonly string[])[] => {
  const live = [...new Set([url, ...routing.live().map((node) => node.url)])]
  return Array.from({ length: PARTITIONS }, (_, partition) =>
    holdersOf(partition, { owner: routing.ownerOf(partition)?.url, live, standbys }),
  )
}

/** What this node should fold, as far as the table knows. */
export const shareOf = (wish: Wish): ReadonlySet<number> =>
  new Set(sharesOf(wish).flatMap((holders, partition) => (holders.includes(wish.url) ? [partition] : [])))

export class Folding {
  readonly #options: FoldingOptions
  readonly #views: FoldedViews
  #folded: ReadonlySet<number>
  /** Since when each partition whose rows are here is not folded. */
  readonly #lostAt = new Map<number, number>()
  #cancel: (() => void) | undefined
  #work: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(views: FoldedViews, folded: ReadonlySet<number>, options: FoldingOptions) {
    this.#views = views
    this.#folded = folded
    this.#options = options
    options.routing.onHeard(() => this.#soon())
    this.#soon()
  }

  #soon(): void {
    if (this.#isClosed) return
    this.#cancel ??= this.#options.after(SETTLE_MS, () => {
      this.#cancel = undefined
      // A fold that fails opens its files anew by itself.
      this.#work = this.#work.then(() => this.#settle())
    })
  }

  async #settle(): Promise<void> {
    if (this.#isClosed) return
    const wanted = this.#wanted()
    const gained = [...wanted].filter((partition) => !this.#folded.has(partition))
    const lost = [...this.#folded].filter((partition) => !wanted.has(partition))
    const forget = this.#due(wanted)
    if (gained.length === 0 && lost.length === 0 && forget.length === 0) return
    this.#folded = wanted
    for (const partition of forget) this.#lostAt.delete(partition)
    this.#options.onChanged(wanted, { gained: gained.length, lost: lost.length, forgotten: forget.length })
    await this.#views.fold(wanted, forget)
  }

  /** A partition is let go when all who should hold it say that they do: there is no moment in which nobody does. */
  #wanted(): ReadonlySet<number> {
    const { routing, url } = this.#options
    const serves = (node: string, partition: number): boolean => routing.nodeOf(node)?.serves.has(partition) === true
    const wanted = sharesOf(this.#options).flatMap((holders, partition) => {
      const isOurs = holders.includes(url)
      const isKept = this.#folded.has(partition) && !holders.every((node) => serves(node, partition))
      return isOurs || isKept ? [partition] : []
    })
    return new Set(wanted)
  }

  /** Partitions that were lost long enough ago for their rows to go. */
  #due(wanted: ReadonlySet<number>): number[] {
    const now = this.#options.now()
    const due: number[] = []
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const isHere = this.#views.applied('events', partition) > 0 || this.#views.applied('marks', partition) > 0
      if (wanted.has(partition) || !isHere) {
        this.#lostAt.delete(partition)
        continue
      }
      const since = this.#lostAt.get(partition)
      if (since === undefined) this.#lostAt.set(partition, now)
      else if (now - since >= KEPT_MS) due.push(partition)
    }
    return due
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancel?.()
    await this.#work
  }
}
