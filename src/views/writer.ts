// A writer thread: applies packets to its store one after another and says how far it got.
// Between the feeder on the main thread and one views file; any fault of the file ends the thread, and the feeder opens anew.

import { parentPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import type { Fault } from './carry.ts'
import { isDamage, type FileOptions } from './file.ts'
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

const guarded = (work: () => void): void => {
  try {
    work()
  } catch (error) {
    reply({ kind: 'failed', isDamage: isDamage(error), error: error instanceof Error ? error.message : String(error) })
    port.close()
  }
}

const apply = (store: RowsStore | SearchStore, packet: Packet): void => {
  const startedAt = performance.now()
  const faults = store.apply(packet)
  const positions = [...packet.positions]
  for (let at = 0; at < positions.length; at += 3) {
    const topic = viewTopics[positions[at] ?? 0] ?? 'events'
    positions[at + 2] = store.file.positions[topic][positions[at + 1] ?? 0] ?? 0
  }
  reply({ kind: 'applied', positions, faults, durationMs: performance.now() - startedAt })
}

guarded(() => {
  const store = options.store === 'rows' ? new RowsStore(options) : new SearchStore(options)
  port.on('message', (request: WriterRequest) => {
    guarded(() => {
      if (request.kind === 'packet') return apply(store, request.packet)
      if (request.kind === 'reached') {
        store.file.finishBuilding()
        return reply({ kind: 'built' })
      }
      store.close()
      reply({ kind: 'closed' })
      return port.close()
    })
  })
  reply({ kind: 'open', positions: store.file.positions, isBuilding: store.file.isBuilding })
})
