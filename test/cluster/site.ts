// Several nodes of one site in one process: one log, real doors, a routing table each; and one node apart that folds everything.
// Between the tests of clustered views and the parts they are about.

import { fastify, type FastifyInstance } from 'fastify'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { encode, leaseRecord } from '#schemas/log'
import { openCluster, type ClusterNode } from '#cluster'
import { ConfabError, hasCode } from '#errors'
import { openTails, type Log } from '#log'
import { PARTITIONS } from '#topics'
import { openViews, type Views } from '#views'
import { nodeCallRoutes } from '../../src/http/routes/node-calls.ts'
import { openSite as openViewsSite, until, type Site } from '../views/site.ts'

export { until }

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

export interface TestNode {
  readonly url: string
  readonly views: Views
  readonly node: ClusterNode
  /** What it logged. */
  readonly told: readonly { readonly name: string; readonly [field: string]: unknown }[]
  /** Its door answers no more; what is under way waits. */
  hang(): void
  /** As a kill: no word to the others. */
  kill(): Promise<void>
  close(): Promise<void>
}

export interface ClusterSite extends Site {
  readonly key: Buffer
  readonly nodes: readonly TestNode[]
  open(standbys: number | 'all'): Promise<TestNode>
  /** Says by leases that partitions are owned by these nodes, in turn. */
  own(urls: readonly string[], epoch?: number): Promise<void>
  /** Waits until every partition is read by its owner, and by as many as there should be. */
  shared(holders: number): Promise<void>
  /** All nodes have applied what is committed. */
  level(): Promise<void>
}

const after = (ms: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, ms)
  return () => clearTimeout(timer)
}

interface Doors {
  readonly app: FastifyInstance
  readonly url: string
  readonly late: { node?: ClusterNode; isHung: boolean }
}

const openDoors = async (): Promise<Doors> => {
  const late: Doors['late'] = { isHung: false }
  const app = fastify({ logger: false, forceCloseConnections: true })
  app.setErrorHandler((error, _request, reply) => {
    const ours = error instanceof ConfabError ? error : new ConfabError('internal', { cause: error })
    return reply.code(ours.status).send({ ...ours.fields, code: ours.code })
  })
  nodeCallRoutes(app, {
    path: '/v1/internal/views',
    bytesMax: 1_048_576,
    timeHeader: 'confab-node-time',
    signatureHeader: 'confab-node-signature',
    answer: async (claim, from) => {
      if (late.isHung) await new Promise(() => undefined)
      if (late.node === undefined) throw new ConfabError('views_closed')
      return late.node.door.answer(claim, from)
    },
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, url, late }
}

const openNode = async (log: Log, directory: string, { key, standbys }: { key: Buffer; standbys: number | 'all' }): Promise<TestNode> => {
  const { app, url, late } = await openDoors()
  const told: { name: string }[] = []
  const tell = (fields: object): void => void told.push(fields as { name: string })
  const tails = openTails({ log, onOutage: () => undefined })
  const node = await openCluster({
    log,
    tails,
    key,
    url,
    standbys,
    // A machine that is busy with others is no reason to answer less.
    hopMs: 4_000,
    instance: randomBytes(8).toString('hex'),
    clock: Date.now,
    now: () => performance.now(),
    after,
    logger: { info: tell, warn: tell, error: tell },
    onError: (error) => tell({ name: 'failed', error }),
    openViews: (partitions) =>
      openViews({ log, directory, clock: Date.now, logger: silent, ...(partitions === undefined ? {} : { partitions }) }),
  })
  late.node = node
  let isClosed = false
  const close = async (): Promise<void> => {
    if (isClosed) return
    isClosed = true
    await node.close()
    await app.close()
  }
  return {
    url,
    node,
    views: node.views,
    told,
    hang: () => void (late.isHung = true),
    async kill() {
      if (isClosed) return
      isClosed = true
      await app.close()
      // What the kernel would do, but for the record by which a node takes its leave.
      await node.close()
    },
    close,
  }
}

/** A log whose heartbeats can be held back: a killed node writes no farewell. */
const withoutFarewell = (log: Log, isDead: () => boolean): Log =>
  new Proxy(log, {
    get: (target, key) => {
      if (key === 'append' && isDead()) return () => Promise.reject(new ConfabError('append_refused'))
      const value = Reflect.get(target, key, target) as unknown
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })

export const openClusterSite = async (context: TestContext): Promise<ClusterSite> => {
  const site = await openViewsSite(context)
  const { log, directory } = site
  const key = randomBytes(32)
  const nodes: TestNode[] = []
  let owners: readonly string[] = []
  context.after(async () => {
    for (const node of nodes) await node.close()
  })
  const level = async (): Promise<void> => {
    // A machine that is busy with others may be slower than a search may take.
    const ends = await site.settle().catch((error: unknown) => {
      if (hasCode(error, 'query_timeout')) return site.settle()
      throw error
    })
    for (const node of nodes) if (!(await node.views.waitFor(ends, 10_000))) throw new Error(`${node.url} did not apply what was committed`)
    // Search has a pace of its own.
    const viewer = { grants: { organizationId: 'nobody', kind: 'agent', id: 'nobody', role: 'agent', accountIds: null } } as const
    for (const node of nodes)
      await until(async () => {
        const asOf = await node.views.search(viewer, { text: 'x', type: 'message' }).then(
          (page) => page.asOf,
          () => [],
        )
        return ends.every(
          ({ topic, partition, offset }) =>
            (asOf.find((each) => each.topic === topic && each.partition === partition)?.offset ?? 0) >= offset,
        )
      }, `search of ${node.url} has applied what was committed`)
  }
  return Object.assign(site, {
    key,
    nodes,
    level,
    async open(standbys: number | 'all') {
      const fate = { isDead: false }
      const node = await openNode(
        withoutFarewell(log, () => fate.isDead),
        join(directory, `node-${nodes.length}`),
        { key, standbys },
      )
      const kill = (): Promise<void> => {
        fate.isDead = true
        nodes.splice(nodes.indexOf(killable), 1)
        return node.kill()
      }
      const killable = { ...node, kill }
      nodes.push(killable)
      return killable
    },
    async own(urls: readonly string[], epoch = 1) {
      const records = Array.from({ length: PARTITIONS }, (_, partition) => {
        const url = urls[partition % urls.length] ?? ''
        const value = encode(leaseRecord, { owner: 'conversations', partition, epoch, node: url, url, at: Date.now() })
        return { key: `conversations/${partition}`, value, headers: { type: 'lease' }, time: Date.now() }
      })
      owners = records.map((_, partition) => urls[partition % urls.length] ?? '')
      await log.append([{ topic: 'ownership', partition: 0, records }])
    },
    async shared(holders: number) {
      const isShared = (): boolean => {
        const counts = Array.from({ length: PARTITIONS }, (_, partition) => nodes.filter(({ node }) => node.held().has(partition)).length)
        const isOwners = ({ url, node }: TestNode): boolean =>
          owners.every((owner, partition) => owner !== url || node.held().has(partition))
        return counts.every((count) => count === Math.min(holders, nodes.length)) && nodes.every(isOwners)
      }
      await until(isShared, `each partition is read by ${holders}`)
    },
  })
}
