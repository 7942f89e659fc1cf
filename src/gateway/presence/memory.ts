// The board of a site that is one process: its own facts are all there are.
// Between the sessions of one node.

import { factIdOf, type Board, type BoardNews, type Fact } from './index.ts'

export class MemoryBoard implements Board {
  readonly #news: BoardNews
  readonly #organizations = new Map<string, Map<string, Fact>>()

  constructor(news: BoardNews) {
    this.#news = news
  }

  isKnown(): boolean {
    return true
  }

  put(fact: Fact): void {
    const facts = this.#organizations.get(fact.organizationId) ?? new Map<string, Fact>()
    this.#organizations.set(fact.organizationId, facts.set(factIdOf(fact), fact))
    this.#news.onPut(fact)
  }

  drop(fact: Fact): void {
    const facts = this.#organizations.get(fact.organizationId)
    if (facts?.delete(factIdOf(fact)) !== true) return
    if (facts.size === 0) this.#organizations.delete(fact.organizationId)
    this.#news.onDrop(fact)
  }

  type(fact: Fact, isTyping: boolean): void {
    this.#news.onTyping(fact, isTyping)
  }

  of(organizationId: string): Iterable<Fact> {
    return this.#organizations.get(organizationId)?.values() ?? []
  }

  follow(): void {
    // Nobody else has news.
  }
  unfollow(): void {
    // As there is nobody to stop listening to.
  }
  close(): Promise<void> {
    return Promise.resolve()
  }
}
