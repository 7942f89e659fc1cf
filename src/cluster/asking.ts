// Asks of each partition who holds it: this node's own files, its owner's node, else a standby. Two hops at most, each with a bounded wait.
// Between the questions of ClusterViews and the nodes that answer them.

import { hasCode, ConfabError } from '#errors'
import type { Offset } from '#log'
import type { AsOf, FoldedViews } from '#views'
import type { NodeCalls } from './calls.ts'
import { orderOf } from './holders.ts'
import { answerQuestion, type Question, type Said } from './questions.ts'
import type { Routing } from './routing.ts'

/** How long a holder may take before the next is asked, unless the question takes longer by itself. */
const HOP_MS_MAX = 1_000
const HOPS_MAX = 2
/** How long a node that did not answer is asked last. */
const SHUNNED_MS = 5_000

export interface AskingOptions {
  readonly views: FoldedViews
  readonly routing: Pick<Routing, 'ownerOf' | 'nodeOf' | 'live'>
  readonly calls: NodeCalls
  /** How other nodes reach this one. */
  readonly url: string
  /** Milliseconds, rising. */
  readonly now: () => number
  /** Default 1,000. */
  readonly hopMs?: number | undefined
  /** A node did not answer; told once while it is shunned. */
  readonly onUnreachable: (url: string, error: unknown) => void
}

export interface Heard {
  readonly said: readonly Said[]
  /** Partitions that nobody answered for. */
  readonly missing: readonly number[]
  /** A standby answered that is behind what the owner was last heard to have applied. */
  readonly isStale: boolean
}

/** What is known of a question as it goes round. */
interface Round {
  readonly left: Set<number>
  readonly tried: Map<number, Set<string>>
  /** Who the node that was asked believes to be the holder. */
  readonly hints: Map<number, string>
  readonly said: Said[]
  readonly from: Map<number, string>
}

export class Asking {
  readonly #options: AskingOptions
  readonly #shunned = new Map<string, number>()

  constructor(options: AskingOptions) {
    this.#options = options
  }

  /** Throws what a holder refuses with, unless a repeat may help: then the next is asked. */
  async ask(question: Question, partitions: readonly number[], timeoutMs = this.#options.hopMs ?? HOP_MS_MAX): Promise<Heard> {
    const { views, url } = this.#options
    const held = views.held()
    const here = partitions.filter((partition) => held.has(partition))
    const left = new Set(partitions.filter((partition) => !held.has(partition)))
    const round: Round = { left, tried: new Map(), hints: new Map(), said: [], from: new Map() }
    const local = async (): Promise<void> => {
      if (here.length === 0) return
      round.said.push(await answerQuestion(views, question, here))
      for (const partition of here) round.from.set(partition, url)
    }
    const remote = async (): Promise<void> => {
      for (let hop = 0; hop < HOPS_MAX && left.size > 0; hop++) await this.#hop(question, round, timeoutMs)
    }
    await Promise.all([local(), remote()])
    return { said: round.said, missing: [...left], isStale: this.#isStale(round) }
  }

  async #hop(question: Question, round: Round, timeoutMs: number): Promise<void> {
    const byNode = new Map<string, number[]>()
    for (const partition of round.left) {
      const url = this.#next(partition, round)
      if (url === undefined) continue
      byNode.set(url, [...(byNode.get(url) ?? []), partition])
      round.tried.set(partition, (round.tried.get(partition) ?? new Set()).add(url))
    }
    await Promise.all([...byNode].map(([url, partitions]) => this.#call(url, { ...question, partitions }, round, timeoutMs)))
  }

  async #call(url: string, call: Question & { partitions: number[] }, round: Round, timeoutMs: number): Promise<void> {
    try {
      const { moved, ...said } = await this.#options.calls.call(url, call, timeoutMs)
      this.#shunned.delete(url)
      for (const { partition, url: hint } of moved) if (hint !== null) round.hints.set(partition, hint)
      if (said.partitions.length === 0) return
      round.said.push(said)
      for (const partition of said.partitions) {
        round.left.delete(partition)
        round.from.set(partition, url)
      }
    } catch (error) {
      if (!(error instanceof ConfabError) || !error.isRetryable) throw error
      // One that answers has only this question too many.
      if (!hasCode(error, 'partition_unreachable')) return
      if (!this.#isShunned(url)) this.#options.onUnreachable(url, error)
      this.#shunned.set(url, this.#options.now() + SHUNNED_MS)
    }
  }

  #isShunned(url: string): boolean {
    const until = this.#shunned.get(url)
    if (until === undefined) return false
    if (until > this.#options.now()) return true
    this.#shunned.delete(url)
    return false
  }

  #next(partition: number, { tried, hints }: Round): string | undefined {
    const isNew = (url: string): boolean => url !== this.#options.url && tried.get(partition)?.has(url) !== true
    const hint = hints.get(partition)
    if (hint !== undefined && isNew(hint)) return hint
    const candidates = this.serversOf(partition).filter(isNew)
    return candidates.find((url) => !this.#isShunned(url)) ?? candidates[0]
  }

  /** Nodes that live and say that they answer for the partition, its owner first. */
  serversOf(partition: number): string[] {
    const { routing } = this.#options
    const live = routing.live().flatMap(({ url, serves }) => (serves.has(partition) ? [url] : []))
    return orderOf(partition, { owner: routing.ownerOf(partition)?.url, live })
  }

  /** By what owners have said of themselves: what they have applied since, nobody here knows. */
  #isStale({ said, from }: Round): boolean {
    const { routing } = this.#options
    return said.some(({ partitions, asOf }) =>
      partitions.some((partition) => {
        const owner = routing.ownerOf(partition)?.url
        if (owner === undefined || owner === from.get(partition)) return false
        const applied = placeOf(asOf, partition)
        return applied !== undefined && applied < (routing.nodeOf(owner)?.serves.get(partition) ?? 0)
      }),
    )
  }
}

const placeOf = (asOf: AsOf, partition: number): Offset | undefined =>
  asOf.find((place) => place.topic === 'events' && place.partition === partition)?.offset
