// The views of a node: all of them in its own files, or a part, with the other nodes' for the rest.
// Between the core and the doors, which ask one port and know nothing of who answers.

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { openCluster, type NodeDoor } from '#cluster'
import type { Config } from '#config'
import type { Topic } from '#topics'
import { openViews, type FoldedViews, type Views } from '#views'
import type { openFileLinks } from '../file-links.ts'
import { watchViewLag } from '../view-lag.ts'
import type { Core } from './core.ts'
import { absent, after, type NodeTools } from './tools.ts'

export interface NodeViews {
  readonly views: Views
  /** Where other nodes ask. */
  readonly nodeDoor?: NodeDoor
  /** Tells them that this one stops. */
  readonly leave?: () => Promise<void>
}

/** What an owner looks up as it decides. */
const OWNERS_TOPICS = ['conversations', 'messages', 'outcomes', 'contacts'] as const satisfies readonly Topic[]

/** Nodes that can be told apart know of each other, whether they share the views out or not. */
const isAmongOthers = (config: Config): boolean => config.kafkaBrokers.length > 0 && config.nodeUrl !== ''

/** Views where the node answers questions or drops what is erased; a node that only takes webhooks in or decides folds none. */
export const openNodeViews = async (
  core: Core,
  { logger, metrics, stack, links }: NodeTools & { readonly links: ReturnType<typeof openFileLinks> },
): Promise<NodeViews> => {
  const { config, log, settings, clock } = core
  if (!config.duties.has('gateway') && !config.duties.has('sender')) return { views: absent<Views>('views') }
  const open = (partitions?: ReadonlySet<number>): Promise<FoldedViews> =>
    openViews({
      log,
      directory: join(config.dataDirectory, 'views'),
      clock,
      logger,
      fileUrl: (organizationId, fileId) => links.pathOf(organizationId, fileId),
      publicNameOf: ({ kind, id }) => (kind === 'agent' && id !== null ? settings.agent(id)?.name : undefined),
      ...(partitions === undefined ? {} : { partitions }),
    })
  if (!isAmongOthers(config)) {
    const views = await open()
    stack.add(() => views.close())
    stack.add(watchViewLag({ log, views, metrics, clock }))
    return { views }
  }
  const { tails, secrets, onError } = core
  const node = await openCluster({
    log,
    tails,
    key: secrets.key('node'),
    url: config.nodeUrl,
    standbys: config.standbys,
    instance: randomBytes(8).toString('hex'),
    clock,
    now: () => performance.now(),
    after,
    logger,
    onError,
    restore:
      log.restorePartition === undefined ? undefined : (partition) => log.restorePartition?.(OWNERS_TOPICS, partition) ?? Promise.resolve(),
    openViews: open,
  })
  stack.add(() => node.close())
  stack.add(watchViewLag({ log, views: node.views, metrics, clock, held: node.held }))
  return { views: node.views, nodeDoor: node.door, leave: () => node.leave() }
}
