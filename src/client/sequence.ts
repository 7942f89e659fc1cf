// What of each subject has been applied: repeats are dropped, a hole is noticed. Pure.
// Between frames as they come and whoever folds them, who then sees each event once and in order.

import type { Conversation, EventShape } from '#schemas'

/** Subjects remembered; the longest unseen go first. */
const SUBJECTS_MAX = 200_000

export type Verdict = 'new' | 'repeat' | 'gap'

export class Sequence {
  readonly #known: Map<string, number>

  constructor(known: Iterable<readonly [string, number]> = []) {
    this.#known = new Map(known)
  }

  /** A subject that was never seen has no hole: its row sets the base, or whoever folds asks for it. */
  judge({ subject, seq }: Pick<EventShape, 'subject' | 'seq'>, checksGaps: boolean): Verdict {
    const known = this.#known.get(subject.id)
    if (known !== undefined && seq <= known) return 'repeat'
    if (checksGaps && known !== undefined && seq > known + 1) return 'gap'
    this.#set(subject.id, seq)
    return 'new'
  }

  /** Rows of a list: what is newer here stays. */
  raise(rows: readonly Pick<Conversation, 'id' | 'seq'>[]): void {
    for (const { id, seq } of rows) if (seq > (this.#known.get(id) ?? -1)) this.#set(id, seq)
  }

  /** A conversation taken up anew: its snapshot is what counts, even where it is older, for what follows it comes again. */
  rebase(row: Pick<Conversation, 'id' | 'seq'>): void {
    this.#set(row.id, row.seq)
  }

  forget(): void {
    this.#known.clear()
  }

  entries(): readonly (readonly [string, number])[] {
    return [...this.#known]
  }

  #set(id: string, seq: number): void {
    this.#known.delete(id)
    this.#known.set(id, seq)
    if (this.#known.size > SUBJECTS_MAX) this.#known.delete(this.#known.keys().next().value ?? '')
  }
}
