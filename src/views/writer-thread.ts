// A writer thread from outside: how it starts and ends, and the log's bounds that it judges its file by.
// Between the feeder and writer.ts.

import { once } from 'node:events'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Log } from '#log'
import { topics } from '#topics'
import { emptyPositions, type Positions } from './layout.ts'
import { viewTopics, type ViewTopic } from './packet.ts'
import type { WriterOptions, WriterRequest } from './writer.ts'

/** What a packet's rows take while they are folded, so that they are not copied about as they come and go. */
const YOUNG_MEGABYTES = 96

/** Of each topic that views fold. */
export const PARTITIONS = topics.events.partitions

export interface Bounds {
  readonly starts: Positions
  readonly ends: Positions
}

export const readBounds = async (log: Log): Promise<Bounds> => {
  const starts = emptyPositions(PARTITIONS)
  const ends = emptyPositions(PARTITIONS)
  const read = async (topic: ViewTopic, partition: number): Promise<void> => {
    const { start, end } = await log.bounds(topic, partition)
    starts[topic][partition] = start
    ends[topic][partition] = end
  }
  await Promise.all(viewTopics.flatMap((topic) => starts[topic].map((_, partition) => read(topic, partition))))
  return { starts, ends }
}

export const startWriter = (workerData: WriterOptions): Worker => {
  // Sources run as .ts, the published build as .js: a thread's file has the extension of this one.
  const extension = extname(new URL(import.meta.url).pathname)
  return new Worker(new URL(`./writer${extension}`, import.meta.url), {
    workerData,
    name: `views-${workerData.store}`,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEGABYTES },
  })
}

/** Lets a writer finish what it was sent, so that a clean stop leaves nothing to read again. */
export const closeWriter = async (worker: Worker): Promise<void> => {
  // One that failed has ended by itself.
  if (worker.threadId === -1) return
  const exited = once(worker, 'exit')
  worker.postMessage({ kind: 'close' } satisfies WriterRequest)
  await exited
}
