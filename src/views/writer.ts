// A writer thread: applies packets to its store one after another, or reads by itself what lies far behind, and says how far it got.
// Between the feeder on the main thread and one views file; any fault of the file ends the thread, and the feeder opens anew.

import { parentPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import { applyKnowledge, type SchemaKnowledge } from '#schemas/log'
import type { Fault } from './carry.ts'
import { isDamage, isNoFault, removeFile, type FileOptions } from './file.ts'
import type { Positions } from './layout.ts'
import { PacketReader, viewTopics, type Packet, type RecordCursor } from './packet.ts'
import { readBeside, type Behind } from './read-beside.ts'
import { RowsStore } from './rows/store.ts'
import { SearchStore } from './search/store.ts'

export interface WriterOptions extends FileOptions {
  readonly store: 'rows' | 'search'
}

export type WriterRequest =
  | { readonly kind: 'packet'; readonly packet: Packet }
  | { readonly kind: 'schemas'; readonly knowledge: SchemaKnowledge }
  /** No packet comes before it is done. */
  | ({ readonly kind: 'catchUp' } & Behind)
  | { readonly kind: 'reached' }
  | { readonly kind: 'close' }

export type WriterReply =
  | { readonly kind: 'open'; readonly positions: Positions; readonly isBuilding: boolean }
  | ({ readonly kind: 'applied' } & Applied)
  | { readonly kind: 'caughtUp' }
  | { readonly kind: 'built' }
  | { readonly kind: 'failed'; readonly isDamage: boolean; readonly error: string }
  | { readonly kind: 'closed' }

export interface Applied {
  /** As in the packet, but as stored. */
  readonly positions: readonly number[]
  readonly records: number
  readonly bytes: number
  readonly faults: readonly Fault[]
  readonly durationMs: number
}

// A worker thread always has one.
const port = parentPort as MessagePort
const options = workerData as WriterOptions

const reply = (message: WriterReply): void => port.postMessage(message)

let store: RowsStore | SearchStore | undefined
let isClosing = false

const guarded = (work: () => void): void => {
  try {
    work()
  } catch (error) {
    // Without a journal there is nothing to go back to: a file that was being filled is of no use either.
    reply({
      kind: 'failed',
      isDamage: isDamage(error) || store?.file.isBuilding === true,
      error: error instanceof Error ? error.message : String(error),
    })
    port.close()
  }
}

interface Taken extends Pick<Applied, 'records' | 'bytes'> {
  readonly cursor: RecordCursor
  readonly ends: Packet['positions']
  /** What the cursor passed over. */
  readonly dropped?: readonly Fault[]
}

const apply = (opened: RowsStore | SearchStore, { cursor, ends, records, bytes, dropped = [] }: Taken): void => {
  const startedAt = performance.now()
  const faults = [...opened.apply(cursor, ends), ...dropped]
  const positions = [...ends]
  for (let at = 0; at < positions.length; at += 3) {
    const topic = viewTopics[positions[at] ?? 0] ?? 'events'
    positions[at + 2] = opened.file.positions[topic][positions[at + 1] ?? 0] ?? 0
  }
  reply({ kind: 'applied', positions, records, bytes, faults, durationMs: performance.now() - startedAt })
}

/** Between two ranges other requests get their turn: a close above all. */
const catchUp = async (opened: RowsStore | SearchStore, behind: Behind): Promise<void> => {
  // Loaded by those who are behind alone.
  const { openRanges } = await import('#log')
  const steps = readBeside(openRanges(behind.ranges), opened.file.positions, behind)
  const step = (): void => {
    if (isClosing) return void steps.return()
    guarded(() => {
      const { value: range, done } = steps.next()
      if (done === true) return reply({ kind: 'caughtUp' })
      const { topic, partition, next, records, bytes, dropped } = range
      apply(opened, { cursor: range, ends: [viewTopics.indexOf(topic), partition, next], records, bytes, dropped })
      setImmediate(step)
    })
  }
  step()
}

const openStore = (): RowsStore | SearchStore => (options.store === 'rows' ? new RowsStore(options) : new SearchStore(options))

/** A file may be whole at its head and damaged behind it: what cannot be opened is begun anew, once. */
const openTrusted = (): RowsStore | SearchStore => {
  try {
    return openStore()
  } catch (error) {
    if (isNoFault(error)) throw error
    removeFile(options.file)
    return openStore()
  }
}

guarded(() => {
  const opened = openTrusted()
  store = opened
  port.on('message', (request: WriterRequest) => {
    guarded(() => {
      if (request.kind === 'packet') {
        const { positions, records, length } = request.packet
        return apply(opened, { cursor: new PacketReader(request.packet), ends: positions, records, bytes: length })
      }
      if (request.kind === 'schemas') return applyKnowledge(request.knowledge)
      if (request.kind === 'catchUp') return void catchUp(opened, request)
      if (request.kind === 'reached') {
        opened.finish()
        return reply({ kind: 'built' })
      }
      isClosing = true
      opened.close()
      reply({ kind: 'closed' })
      return port.close()
    })
  })
  reply({ kind: 'open', positions: opened.file.positions, isBuilding: opened.file.isBuilding })
})
