// The writer thread: drains packets into one transaction at a time and does the log's housekeeping when none waits.
// Stands between the main thread's packets and the store; the only thread that ever writes or meets an fsync.

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import { ConfabError } from '#errors'
import type { ThreadOptions } from './layout.ts'
import { cleanLog, type CleanResult } from './cleaning.ts'
import { resultCode, SQLITE_FULL } from './file.ts'
import { Store } from './store.ts'

/** Bytes of packets that one transaction takes at most, so that no commit waits behind an endless one. */
const TRANSACTION_BYTES_MAX = 4_194_304

export type WriterRequest =
  | ArrayBuffer
  | { readonly kind: 'clean'; readonly now: number }
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'close' }

export type WriterReply =
  | { readonly kind: 'open'; readonly facts: ReturnType<Store['facts']> }
  | { readonly kind: 'refused'; readonly code: ConfabError['code']; readonly message: string }
  | { readonly kind: 'written'; readonly packets: number; readonly reply: Float64Array; readonly ms: number }
  | {
      readonly kind: 'failed'
      readonly packets: number
      readonly fate: 'full' | 'unknown' | 'nothing'
      readonly message: string
      readonly ends: Float64Array
    }
  | { readonly kind: 'starts'; readonly streams: readonly number[]; readonly starts: readonly number[] }
  | { readonly kind: 'cleaned'; readonly deleted: number; readonly failure: string | undefined }
  | { readonly kind: 'closed' }

// A worker thread always has one.
const port = parentPort as MessagePort
const send = (reply: WriterReply): void => port.postMessage(reply)

let store: Store
let cleaning: Generator<CleanResult, void> | undefined
let cleanedRows = 0
const packets: ArrayBuffer[] = []
const requests: Exclude<WriterRequest, ArrayBuffer>[] = []

const accept = (message: WriterRequest): void => {
  if (message instanceof ArrayBuffer) packets.push(message)
  else requests.push(message)
}

const takePackets = (): ArrayBuffer[] => {
  let bytes = 0
  let count = 0
  while (count < packets.length && (count === 0 || bytes < TRANSACTION_BYTES_MAX)) bytes += (packets[count++] as ArrayBuffer).byteLength
  return packets.splice(0, count)
}

const fateOf = (error: unknown): 'full' | 'unknown' | 'nothing' => {
  if (resultCode(error) === SQLITE_FULL) return 'full'
  return error instanceof ConfabError ? 'nothing' : 'unknown'
}

const writePackets = (): void => {
  const taken = takePackets()
  writeTaken(taken)
  // Frees the bytes now: this thread makes too little garbage of its own to be collected in time.
  for (const packet of taken) packet.transfer(0)
}

const writeTaken = (taken: readonly ArrayBuffer[]): void => {
  const startedAt = performance.now()
  try {
    const reply = Float64Array.from(store.write(taken))
    port.postMessage({ kind: 'written', packets: taken.length, reply, ms: performance.now() - startedAt } satisfies WriterReply, [
      reply.buffer,
    ])
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    send({ kind: 'failed', packets: taken.length, fate: fateOf(error), message, ends: store.ends.slice() })
  }
}

/** One small slice, only when nothing waits. A failed pass is told; the next one begins where it stood. */
const cleanSlice = (pass: Generator<CleanResult, void>): void => {
  let failure: string | undefined
  try {
    const step = pass.next()
    if (step.done !== true) {
      const { deleted, streams } = step.value
      cleanedRows += deleted
      if (streams.length > 0) send({ kind: 'starts', streams, starts: streams.map((stream) => store.starts[stream] as number) })
      return
    }
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error)
  }
  cleaning = undefined
  send({ kind: 'cleaned', deleted: cleanedRows, failure })
  cleanedRows = 0
}

/** Whether it went all the way: a reader with an old snapshot, or a full disk, leaves the rest to the next one. */
const checkpoint = (mode: 'PASSIVE' | 'TRUNCATE'): boolean => {
  try {
    return store.database.prepare(`PRAGMA wal_checkpoint(${mode})`).get()?.['busy'] === 0
  } catch {
    return false
  }
}

const serveRequest = (request: Exclude<WriterRequest, ArrayBuffer>): boolean => {
  if (request.kind === 'checkpoint') checkpoint('PASSIVE')
  if (request.kind === 'clean') cleaning ??= cleanLog(store, request.now)
  if (request.kind !== 'close') return true
  store.close()
  send({ kind: 'closed' })
  port.close()
  return false
}

const drain = (): void => {
  for (let waiting = receiveMessageOnPort(port); waiting !== undefined; waiting = receiveMessageOnPort(port))
    accept(waiting.message as WriterRequest)
}

let isScheduled = false
const work = (): void => {
  isScheduled = false
  drain()
  while (packets.length > 0) {
    writePackets()
    drain()
  }
  if (store.hasErased) {
    // The erased bytes leave the WAL as well: it is folded into the file and cut to nothing. If a reader is in the way, at the next turn.
    store.hasErased = !checkpoint('TRUNCATE')
  }
  const request = requests.shift()
  if (request !== undefined && !serveRequest(request)) return
  if (cleaning !== undefined) cleanSlice(cleaning)
  if (cleaning !== undefined || requests.length > 0) schedule()
}
const schedule = (): void => {
  if (isScheduled) return
  isScheduled = true
  setImmediate(work)
}

try {
  store = new Store(workerData as ThreadOptions)
  send({ kind: 'open', facts: store.facts() })
  port.on('message', (message: WriterRequest) => {
    accept(message)
    if (!isScheduled) work()
  })
} catch (error) {
  const code = error instanceof ConfabError ? error.code : 'data_corrupt'
  send({ kind: 'refused', code, message: error instanceof Error ? error.message : String(error) })
}
