// A node among others: what it folds, what it tells them, how it asks them and is asked.
// Between the composition root and the parts of this folder.

import type { Log, Tails } from '#log'
import type { FoldedViews, Views } from '#views'
import { Announcer } from './announcer.ts'
import { Asking } from './asking.ts'
import { openNodeCalls } from './calls.ts'
import { openNodeDoor, type NodeDoor } from './door.ts'
import { Folding, shareOf, type FoldingOptions } from './folding.ts'
import { Routing } from './routing.ts'
import { ClusterViews } from './views.ts'
import { Warming } from './warming.ts'

export type { NodeDoor } from './door.ts'

/** How often is looked whether what can be read here has changed; the others are told at once then. */
const LOOK_MS = 250

export interface ClusterLogger {
  info(fields: object): void
  warn(fields: object): void
  error(fields: object): void
}

export interface ClusterOptions extends Pick<FoldingOptions, 'after'> {
  readonly log: Log
  readonly tails: Tails
  /** Of the purpose `node`: the same on all nodes of the site. */
  readonly key: Uint8Array
  /** How other nodes reach this one. */
  readonly url: string
  /** Nodes beside the owner that fold a partition; `all` = every node folds all. */
  readonly standbys: number | 'all'
  /** Milliseconds that a holder may take before the next is asked; default 1,000. */
  readonly hopMs?: number
  /** Drawn for this process. */
  readonly instance: string
  /** Milliseconds since 1970; milliseconds, rising. */
  readonly clock: () => number
  readonly now: () => number
  readonly logger: ClusterLogger
  readonly onError: (error: unknown) => void
  /** Brings what an owner must know by key of a partition here, where the log can do that. */
  readonly restore?: ((partition: number) => Promise<void>) | undefined
  /** undefined = all partitions. */
  readonly openViews: (partitions: ReadonlySet<number> | undefined) => Promise<FoldedViews>
}

export interface ClusterNode {
  readonly views: Views
  /** The partitions that this node folds itself, as of now. */
  readonly held: () => ReadonlySet<number>
  readonly door: NodeDoor
  /** Tells the others that this node stops: before its doors close. */
  leave(): Promise<void>
  close(): Promise<void>
}

/** Resolves when this node knows the others and its files are open; they may still be catching up. */
export const openCluster = async (options: ClusterOptions): Promise<ClusterNode> => {
  const { log, tails, key, url, standbys, instance, clock, now, after, logger, onError } = options
  const routing = new Routing({ log, tails, clock, now, onError })
  await routing.start()
  const first = standbys === 'all' ? undefined : shareOf({ routing, url, standbys })
  const views = await options.openViews(first)
  const calls = openNodeCalls({ key, clock })
  const asking = new Asking({
    views,
    routing,
    calls,
    url,
    now,
    hopMs: options.hopMs,
    onUnreachable: (node, error) => logger.warn({ name: 'node.unreachable', node, err: error }),
  })
  const announcer = new Announcer({
    log,
    url,
    instance,
    clock,
    after,
    serves: () => new Map([...views.held()].map((partition) => [partition, views.applied('events', partition)])),
  })
  const warming = new Warming({
    restore: options.restore ?? (() => Promise.resolve()),
    onError: (error, partition) => logger.warn({ name: 'standby.cold', partition, err: error }),
  })
  // Where every node stands by for all, each would keep all of it.
  if (first !== undefined) warming.want(first)
  const onChanged: FoldingOptions['onChanged'] = (folded, facts) => {
    logger.info({ name: 'views.shared', folded: folded.size, ...facts })
    warming.want(folded)
  }
  const folding =
    first === undefined || standbys === 'all' ? undefined : new Folding(views, first, { routing, url, standbys, now, after, onChanged })
  const stopLooking = announceChanges({ announcer, views, after })
  const leave = async (): Promise<void> => {
    stopLooking()
    await announcer.close()
  }
  routing.onHeard(warnOfTwins({ routing, url, instance, logger }))
  return {
    views: new ClusterViews({ views, asking, routing }),
    held: () => views.held(),
    door: openNodeDoor({ views, asking, key, url, clock, onRefused: (facts) => logger.warn({ name: 'node.call_refused', ...facts }) }),
    leave,
    async close() {
      await leave()
      warming.close()
      await folding?.close()
      await routing.close()
      await calls.close()
      await views.close()
    },
  }
}

type Watch = { readonly announcer: Announcer; readonly views: FoldedViews } & Pick<ClusterOptions, 'after'>

const announceChanges = ({ announcer, views, after }: Watch): (() => void) => {
  let told: string | undefined
  let cancel: () => void = () => undefined
  const look = (): void => {
    const held = [...views.held()].toSorted((a, b) => a - b).join(' ')
    if (held !== told) announcer.announce()
    told = held
    cancel = after(LOOK_MS, look)
  }
  look()
  return () => cancel()
}

/** Two processes under one url are a mistake of whoever set it: each is asked for what the other holds. */
const warnOfTwins = ({ routing, url, instance, logger }: { routing: Routing } & Pick<ClusterOptions, 'url' | 'instance' | 'logger'>) => {
  let isWarned = false
  const started = new Set([routing.nodeOf(url)?.instance, instance])
  return (): void => {
    const heard = routing.nodeOf(url)?.instance
    // What a process before this one left is no twin.
    if (isWarned || heard === undefined || started.has(heard)) return
    isWarned = true
    logger.error({ name: 'node.twin', url, detail: 'Another process announces the same CONFAB_NODE_URL.' })
  }
}
