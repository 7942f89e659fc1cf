// A writer thread: applies packets to its store one after another and says how far it got.
// Between the feeder on the main thread and one views file; any fault of the file ends the thread, and the feeder opens anew.

import { parentPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import type { Fault } from './carry.ts'
import { isDamage, isNoFault, removeFile, type FileOptions } from './file.ts'
import type { Positions } from './layout.ts'
import { viewTopics, type Packet } from './packet.ts'
import { RowsStore } from './rows/store.ts'
import { SearchStore } from './search/store.ts'

export interface WriterOptions extends FileOptions {
  readonly store: 'rows' | 'search'
}

export type WriterRequest = { readonly kind: 'packet'; readonly packet: Packet } | { readonly kind: 'reached' } | { readonly kind: 'close' }

export type WriterReply =
  | { readonly kind: 'open'; readonly positions: Positions; readonly isBuilding: boolean }
  /** `positions` as in the packet, but as stored. */
  | { readonly kind: 'applied'; readonly positions: readonly number[]; readonly faults: readonly Fault[]; readonly durationMs: number }
  | { readonly kind: 'built' }
  | { readonly kind: 'failed'; readonly isDamage: boolean; readonly error: string }
  | { readonly kind: 'closed' }

// A worker thread always has one.
const port = parentPort as MessagePort
const options = workerData as WriterOptions

const reply = (message: WriterReply): void => port.postMessage(message)

let store: RowsStore | SearchStore | undefined

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

const apply = (opened: RowsStore | SearchStore, packet: Packet): void => {
  const startedAt = performance.now()
  const faults = opened.apply(packet)
  const positions = [...packet.positions]
  for (let at = 0; at < positions.length; at += 3) {
    const topic = viewTopics[positions[at] ?? 0] ?? 'events'
    positions[at + 2] = opened.file.positions[topic][positions[at + 1] ?? 0] ?? 0
  }
  reply({ kind: 'applied', positions, faults, durationMs: performance.now() - startedAt })
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
      if (request.kind === 'packet') return apply(opened, request.packet)
      if (request.kind === 'reached') {
        opened.finish()
        return reply({ kind: 'built' })
      }
      opened.close()
      reply({ kind: 'closed' })
      return port.close()
    })
  })
  reply({ kind: 'open', positions: opened.file.positions, isBuilding: opened.file.isBuilding })
})
