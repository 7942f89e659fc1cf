// How the log is followed: what lies behind one partition after another, then all together; what is served already waits for neither.
// Between the log and the feeder, which packs what comes.

import type { Chunk, Log, Offset, Position } from '#log'

const CHUNK_RECORDS = 2_000

export interface Tailing {
  readonly log: Log
  /** Read on at once. */
  readonly served: readonly Position[]
  /** Read up to its target first, each for itself. */
  readonly rest: readonly Position[]
  readonly targetOf: (position: Position) => Offset
  readonly take: (chunk: Chunk) => Promise<void>
  readonly signal: AbortSignal
  /** One of two tails has failed: the other one is to end too. */
  readonly giveUp: () => void
}

const live = async ({ log, take, signal }: Tailing, positions: readonly Position[]): Promise<void> => {
  for await (const chunk of log.read(positions, { signal, chunkRecordsMax: CHUNK_RECORDS })) await take(chunk)
}

const catchUp = async ({ log, take, targetOf, signal }: Tailing, position: Position): Promise<Offset> => {
  const target = targetOf(position)
  let { offset } = position
  if (offset >= target) return offset
  for await (const chunk of log.read([position], { signal, chunkRecordsMax: CHUNK_RECORDS })) {
    await take(chunk)
    offset = chunk.next
    if (offset >= target) break
  }
  return offset
}

/** A partition's conversations fit the writers' caches, and each is written once rather than once a packet. */
const follow = async (tailing: Tailing, positions: readonly Position[]): Promise<void> => {
  const reached: Position[] = []
  for (const position of positions) reached.push({ ...position, offset: await catchUp(tailing, position) })
  if (!tailing.signal.aborted) await live(tailing, reached)
}

/** For ever, until the signal; throws what the log throws. */
export const tail = async (tailing: Tailing): Promise<void> => {
  const { served, rest, giveUp } = tailing
  if (served.length === 0) return follow(tailing, rest)
  if (rest.length === 0) return live(tailing, served)
  const failed = (error: unknown): never => {
    giveUp()
    throw error
  }
  const both = await Promise.allSettled([live(tailing, served).catch(failed), follow(tailing, rest).catch(failed)])
  for (const each of both) if (each.status === 'rejected') throw each.reason
}
