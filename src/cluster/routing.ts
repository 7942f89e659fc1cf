// The routing table: who owns each partition, which nodes live, what each of them answers for. Told by `ownership`, tailed by every node.
// Between leases and heartbeats in the log and those who fold or ask; an optimisation and a tool, never a fence.

import { decode, leaseRecord, nodeRecord } from '#schemas/log'
import type { Chunk, Log, Offset, StoredRecord, Tails } from '#log'

/** How long a node may be silent while others, or we ourselves, are heard. */
const SILENT_MS_MAX = 15_000
/** Nodes remembered at most: beyond it the one heard longest ago goes. */
const NODES_MAX = 1_000
/** How long a start waits for what `ownership` holds. */
const START_MS_MAX = 10_000

export interface Owned {
  /** How other nodes reach the owner; its name too. */
  readonly url: string
  readonly epoch: number
}

export interface KnownNode {
  /** How others reach it; its name too. */
  readonly url: string
  readonly instance: string
  /** The NEXT offset of `events` that it has applied, by partition that it answers for. */
  readonly serves: ReadonlyMap<number, Offset>
}

export interface RoutingOptions {
  readonly log: Pick<Log, 'bounds'>
  readonly tails: Pick<Tails, 'follow'>
  /** Milliseconds, rising. */
  readonly now: () => number
  /** Milliseconds since 1970: how long ago what was written before this start was. */
  readonly clock: () => number
  readonly onError: (error: unknown) => void
}

export class Routing {
  readonly #options: RoutingOptions
  readonly #owners = new Map<number, Owned>()
  readonly #nodes = new Map<string, KnownNode & { readonly heardAt: number }>()
  readonly #listeners = new Set<() => void>()
  readonly #abort = new AbortController()
  #heardAt = 0
  #loop: Promise<void> = Promise.resolve()

  constructor(options: RoutingOptions) {
    this.#options = options
  }

  /** Resolves when what `ownership` held is read, or the log takes too long for it: then the table fills as it comes. */
  async start(): Promise<void> {
    const { log, tails, onError } = this.#options
    const { start, end } = await log.bounds('ownership', 0)
    const reached = Promise.withResolvers<void>()
    const follow = async (): Promise<void> => {
      const from = [{ topic: 'ownership', partition: 0, offset: start }] as const
      for await (const chunk of tails.follow('routing', from, { signal: this.#abort.signal })) {
        this.#take(chunk, end)
        if (chunk.next >= end) reached.resolve()
      }
    }
    this.#loop = follow().catch(onError)
    if (end === start) return
    const timer = setTimeout(reached.resolve, START_MS_MAX)
    await reached.promise
    clearTimeout(timer)
  }

  #take({ records }: Chunk, history: Offset): void {
    for (const record of records) {
      if (record.offset >= history) this.#heardAt = this.#options.now()
      if (record.key.startsWith('conversations/')) this.#lease(record)
      if (record.key.startsWith('node/')) this.#node(record, record.offset < history)
    }
    if (records.length > 0) for (const listener of this.#listeners) listener()
  }

  /** A lease of a lower epoch than one that is known was overtaken: whoever wrote it is fenced. */
  #lease({ value }: StoredRecord): void {
    if (value === null) return
    const { owner, partition, epoch, url } = decode(leaseRecord, value)
    if (owner !== 'conversations' || epoch < (this.#owners.get(partition)?.epoch ?? 0)) return
    this.#owners.set(partition, { url, epoch })
  }

  #node({ key, value, time }: StoredRecord, isHistory: boolean): void {
    if (value === null) return void this.#nodes.delete(key.slice('node/'.length))
    const { url, instance, serves } = decode(nodeRecord, value)
    const { now, clock } = this.#options
    // What was written before this start is as old as it says; a clock ahead of ours makes nothing younger than now.
    const heardAt = isHistory ? now() - Math.max(0, clock() - time) : now()
    this.#nodes.delete(url)
    this.#nodes.set(url, { url, instance, serves: new Map(serves.map((each) => [each.partition, each.applied])), heardAt })
    const [first] = this.#nodes.keys()
    if (this.#nodes.size > NODES_MAX && first !== undefined) this.#nodes.delete(first)
  }

  ownerOf(partition: number): Owned | undefined {
    return this.#owners.get(partition)
  }

  nodeOf(url: string): KnownNode | undefined {
    return this.#nodes.get(url)
  }

  /** Nodes that live. Where the log itself is silent nobody is held dead: nothing is known then. */
  live(): readonly KnownNode[] {
    return [...this.#nodes.values()].filter(({ heardAt }) => this.#heardAt - heardAt <= SILENT_MS_MAX)
  }

  /** Called when leases or nodes were heard of. */
  onHeard(listener: () => void): void {
    this.#listeners.add(listener)
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#loop
  }
}
