// The checkpoint thread: moves what the WAL holds into the file, on a connection of its own, so that commits need not wait for it.
// Stands beside the writer; tells the main thread how long the WAL has become.

import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'

/** `walPages` frames of 4,096 bytes were in the WAL. */
export interface CheckpointReply {
  readonly walPages: number
}

// A worker thread always has one.
const port = parentPort as MessagePort
const database = new DatabaseSync((workerData as { file: string }).file)
database.exec('PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -2048')
const checkpoint = database.prepare('PRAGMA wal_checkpoint(PASSIVE)')

port.on('message', (request: 'checkpoint' | 'close') => {
  if (request === 'close') {
    database.close()
    port.close()
    return
  }
  let walPages = 0
  try {
    walPages = Number(checkpoint.get()?.['log'] ?? 0)
  } catch {
    // A full disk: the frames stay in the WAL and the next checkpoint takes them.
  }
  port.postMessage({ walPages } satisfies CheckpointReply)
})
