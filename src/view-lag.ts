// How far the views are behind the log, in records and in seconds, as Prometheus is told.
// Between the log's ends and what the views have applied; looked at once a second.

import type { Log } from '#log'
import type { Metrics } from '#metrics'
import { PARTITIONS, type Topic } from '#topics'
import type { Views } from '#views'

const LOOK_MS = 1_000
const FOLDED = ['events', 'contact-events', 'marks'] as const satisfies readonly Topic[]

export interface ViewLagOptions {
  readonly log: Pick<Log, 'bounds'>
  readonly views: Pick<Views, 'applied'>
  readonly metrics: Pick<Metrics, 'viewLagRecords' | 'viewLagSeconds'>
  readonly clock: () => number
  /** Partitions of conversations that are folded here; all by default. */
  readonly held?: () => ReadonlySet<number>
}

const recordsBehind = async ({ log, views, held }: ViewLagOptions): Promise<number> => {
  const folded = held?.()
  const isFolded = (topic: Topic, partition: number): boolean => topic === 'contact-events' || folded?.has(partition) !== false
  const places = FOLDED.flatMap((topic) => Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition }))).filter(
    ({ topic, partition }) => isFolded(topic, partition),
  )
  const behind = await Promise.all(
    places.map(async ({ topic, partition }) => Math.max(0, (await log.bounds(topic, partition)).end - views.applied(topic, partition))),
  )
  return behind.reduce((sum, records) => sum + records, 0)
}

/** Sets the gauges until the function it returns is called. The seconds count from when the views were last seen level with the log. */
export const watchViewLag = (options: ViewLagOptions): (() => void) => {
  const { metrics, clock } = options
  let levelAt = clock()
  const look = async (): Promise<void> => {
    const records = await recordsBehind(options)
    if (records === 0) levelAt = clock()
    metrics.viewLagRecords.set(records)
    metrics.viewLagSeconds.set((clock() - levelAt) / 1000)
  }
  // A log that is closing has no bounds: the last figure stands.
  const timer = setInterval(() => void look().catch(() => undefined), LOOK_MS)
  return () => clearInterval(timer)
}
