// A writer thread from outside: how it starts and ends, and the log's bounds that it judges its file by.
// Between the feeder and writer.ts.

import { once } from 'node:events'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { knowledgeSize, schemaKnowledge } from '#schemas/log'
import type { Log, Offset, Position } from '#log'
import { topics } from '#topics'
import { emptyPositions, type Positions } from './layout.ts'
import { viewTopics, type Packet, type ViewTopic } from './packet.ts'
import type { WriterOptions, WriterRequest } from './writer.ts'

/** What a packet's rows take while they are folded, so that they are not copied about as they come and go. */
const YOUNG_MEGABYTES = 96

/** Of each topic that views fold. */
export const PARTITIONS = topics.events.partitions

/** A thread as the feeder knows it. */
export interface Writer {
  readonly worker: Worker
  readonly applied: Record<ViewTopic, Offset[]>
  /** Filled for the first time: not to be read yet. */
  isBuilding: boolean
  isBuilt: boolean
  isReachedSent: boolean
  readonly inFlight: Packet[]
  /** While it reads the log by itself. */
  onCaughtUp: (() => void) | undefined
}

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

/** Where to read on, of every partition: both writers have what lies before. */
export const startsOf = (writers: readonly Writer[], starts: Positions): Position[] =>
  viewTopics.flatMap((topic) =>
    starts[topic].map((start, partition) => {
      const applied = writers.map((writer) => writer.applied[topic][partition] ?? 0)
      return { topic, partition, offset: Math.max(start, Math.min(...applied)) }
    }),
  )

export const startWriter = (workerData: WriterOptions): Worker => {
  // Sources run as .ts, the published build as .js: a thread's file has the extension of this one.
  const extension = extname(new URL(import.meta.url).pathname)
  return new Worker(new URL(`./writer${extension}`, import.meta.url), {
    workerData,
    name: `views-${workerData.store}`,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEGABYTES },
  })
}

/** What each thread has been told of schemas: it decodes by itself, and what is learned here is not known there. */
const told = new WeakMap<Worker, number>()

/** Asks a writer for work, and before it tells the schemas of other versions that the records may be written by. */
export const askWriter = (worker: Worker, request: WriterRequest): void => {
  const size = knowledgeSize()
  if ((told.get(worker) ?? 0) < size) {
    told.set(worker, size)
    worker.postMessage({ kind: 'schemas', knowledge: schemaKnowledge() } satisfies WriterRequest)
  }
  worker.postMessage(request)
}

/** Records beyond which a file that serves already reads by itself what it lacks: after a stop there is rarely as much. */
const FAR_BEHIND = 20_000

const isBehind = ({ applied }: Writer, { ends }: Bounds, most: number): boolean => {
  let records = 0
  for (const topic of viewTopics) ends[topic].forEach((end, partition) => (records += Math.max(0, end - (applied[topic][partition] ?? 0))))
  return records > most
}

/** Lets the writers that are far behind read the log by themselves, all at once. Resolves when none is, the log cannot be read so, or `signal` aborts. */
export const catchUpBeside = async (log: Log, writers: Iterable<Writer>, signal: AbortSignal): Promise<void> => {
  const { ranges } = log
  if (ranges === undefined) return
  const catchUp = async (writer: Writer): Promise<void> => {
    // What was written meanwhile may again be much.
    for (let most = writer.isBuilding ? 0 : FAR_BEHIND; ; most = FAR_BEHIND) {
      const bounds = await readBounds(log)
      if (signal.aborted || !isBehind(writer, bounds, most)) return
      await new Promise<void>((resolve) => {
        writer.onCaughtUp = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
        askWriter(writer.worker, { kind: 'catchUp', ranges, ...bounds })
      })
    }
  }
  await Promise.all(Array.from(writers, catchUp))
}

/** Lets a writer finish what it was sent, so that a clean stop leaves nothing to read again. */
export const closeWriter = async (worker: Worker): Promise<void> => {
  // One that failed has ended by itself.
  if (worker.threadId === -1) return
  const exited = once(worker, 'exit')
  worker.postMessage({ kind: 'close' } satisfies WriterRequest)
  await exited
}
