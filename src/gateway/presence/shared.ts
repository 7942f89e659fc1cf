// What a node knows of the others in one organization: their facts by version, dropped whole when one falls silent.
// Between messages of Redis, which may be lost or late, and the facts that are true. Pure: it is told the time.

import { factIdOf, type BoardNews, type Fact } from './index.ts'

/** A node that is not heard of for so long is gone, and all its people with it. */
export const LEASE_MS = 15_000
/** Facts of other nodes held for one organization; beyond it new ones are not taken. */
const FACTS_MAX = 50_000

interface Node {
  version: number
  heardAt: number
  facts: Map<string, Fact>
}

/** What a node says: changes that lead to `version`, or nothing but that it lives and stands there. */
export interface Saying {
  readonly node: string
  readonly version: number
  readonly put?: readonly Fact[] | undefined
  readonly drop?: readonly string[] | undefined
}

type News = Pick<BoardNews, 'onPut' | 'onDrop'>

export class Others {
  readonly #news: News
  readonly #nodes = new Map<string, Node>()
  #count = 0

  constructor(news: News) {
    this.#news = news
  }

  *facts(): Iterable<Fact> {
    for (const { facts } of this.#nodes.values()) yield* facts.values()
  }

  /** False: something was missed, the node's facts are to be read whole. */
  hear({ node: name, version, put, drop }: Saying, now: number): boolean {
    const node = this.#nodes.get(name)
    const isChange = put !== undefined || drop !== undefined
    if (node === undefined || (node.version !== version && !(isChange && node.version === version - 1))) return false
    node.heardAt = now
    if (node.version === version) return true
    node.version = version
    for (const fact of put ?? []) this.#put(node, fact)
    for (const id of drop ?? []) this.#drop(node, id)
    return true
  }

  /** All facts of a node as they were read. An older reading than what is known is none. */
  replace(name: string, version: number, facts: readonly Fact[], now: number): void {
    const node = this.#nodes.get(name) ?? { version, heardAt: now, facts: new Map<string, Fact>() }
    if (version < node.version) return
    this.#nodes.set(name, node)
    node.version = version
    node.heardAt = now
    const ids = new Set(facts.map(factIdOf))
    for (const id of node.facts.keys()) if (!ids.has(id)) this.#drop(node, id)
    for (const fact of facts) this.#put(node, fact)
  }

  forget(name: string): void {
    const node = this.#nodes.get(name)
    if (node === undefined) return
    this.#nodes.delete(name)
    for (const id of node.facts.keys()) this.#drop(node, id)
  }

  expire(now: number): void {
    for (const [name, { heardAt }] of this.#nodes) if (now - heardAt > LEASE_MS) this.forget(name)
  }

  #put(node: Node, fact: Fact): void {
    const id = factIdOf(fact)
    const before = node.facts.get(id)
    if (before === undefined) {
      if (this.#count >= FACTS_MAX) return
      this.#count++
    } else if (before.state === fact.state) return
    node.facts.set(id, fact)
    this.#news.onPut(fact)
  }

  #drop(node: Node, id: string): void {
    const fact = node.facts.get(id)
    if (fact === undefined) return
    node.facts.delete(id)
    this.#count--
    this.#news.onDrop(fact)
  }
}
