// When the WAL is moved into the file: by the checkpoint thread as bytes are written, by the writer itself when it has grown long.
// Stands between the writer's replies and the two threads that can checkpoint.

import type { Worker } from 'node:worker_threads'
import type { CheckpointReply } from './checkpointer.ts'

/** Written bytes after which the checkpoint thread runs. */
const CHECKPOINT_BYTES = 8_388_608
/** WAL beyond which the writer takes the rest itself, right after the checkpoint thread, so that the WAL begins anew. */
const WAL_BYTES_MAX = 67_108_864
const PAGE_BYTES = 4096

export class Checkpoints {
  readonly #worker: Worker
  #bytes = 0
  #isRunning = false
  #walBytes = 0

  constructor(worker: Worker, checkpointInWriter: () => void) {
    this.#worker = worker
    worker.on('message', ({ walPages }: CheckpointReply) => {
      this.#isRunning = false
      this.#walBytes = walPages * PAGE_BYTES
      if (this.#walBytes > WAL_BYTES_MAX) checkpointInWriter()
    })
  }

  /** As the last checkpoint found it. */
  get walBytes(): number {
    return this.#walBytes
  }

  note(writtenBytes: number): void {
    this.#bytes += writtenBytes
    if (this.#bytes < CHECKPOINT_BYTES || this.#isRunning) return
    this.#isRunning = true
    this.#bytes = 0
    this.#worker.postMessage('checkpoint')
  }
}
