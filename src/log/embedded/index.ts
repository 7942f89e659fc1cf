// The embedded form of the log: one directory, one process, SQLite behind a writer thread.
// Stands between the port and its threads: writer, reader, checkpointer; the main thread only packs, caches and hands out.

import { DatabaseSync } from 'node:sqlite'
import { mkdirSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { ConfabError, errors } from '#errors'
import { COMPACTION_LAG_MIN_MS, TOMBSTONE_RETENTION_MS, type Topic } from '#topics'
import type { Log, Owner } from '../index.ts'
import type { PacketSample } from './appender.ts'
import { allocateFilter } from './key-filter.ts'
import { faultOf, resultCode, SQLITE_BUSY } from './file.ts'
import { EmbeddedLog } from './log.ts'
import { LOCK_FILE, LOG_FILE, type ThreadOptions } from './layout.ts'
import type { WriterReply } from './writer.ts'

export type { PacketSample } from './appender.ts'

export interface LogLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What a lease record in `ownership` says. */
export interface LeaseFacts {
  readonly owner: Owner
  readonly partition: number
  readonly epoch: number
  readonly node: string
  /** Milliseconds since 1970. */
  readonly at: number
}

export interface EmbeddedLogOptions {
  /** Created when missing; holds `log.db` and `lock.db`. */
  readonly directory: string
  /** Milliseconds since 1970; for ownership records and for what housekeeping finds due. */
  readonly clock?: () => number
  readonly logger?: LogLogger
  /** The name or url that ownership records show. */
  readonly node?: string
  /** Writes a record to `ownership` with each lease; without it there is none. */
  readonly encodeOwnership?: (facts: LeaseFacts) => Uint8Array
  /** A thread of the log has died: nothing can be written any more, the process should end and be started again. */
  readonly onFailure?: (error: unknown) => void
  /** Called for each transaction of the writer. */
  readonly onPacket?: (sample: PacketSample) => void
  /** Milliseconds between two passes of housekeeping; default 10,000; 0 = only by `clean()`. */
  readonly cleanIntervalMs?: number
  /** Bytes of committed records kept for tailing readers; default 64 MB. */
  readonly cacheBytesMax?: number
  /** Bytes not yet durable beyond which writes are refused; default 64 MB. */
  readonly inFlightBytesMax?: number
  /** Test switch C2: random holes between offsets, empty and cut chunks. */
  readonly holes?: { readonly seed: number }
  /** Tests only: OFF breaks the promise of `append`, and a durability test must notice. */
  readonly synchronous?: 'FULL' | 'OFF'
  /** Tests only: shorter times than topics.ts. */
  readonly compactionLagMs?: number
  readonly tombstoneRetentionMs?: number
  readonly retentionMs?: Partial<Record<Topic, number>>
  /** Tests only: pages of 4,096 bytes beyond which the file counts as full. */
  readonly pagesMax?: number
}

export interface LogDiagnostics {
  readonly transactions: number
  readonly records: number
  readonly inFlightBytes: number
  readonly cacheBytes: number
  /** As the last checkpoint found it. */
  readonly walBytes: number
  /** Records that readers dropped by their epoch: anything but 0 is an alarm. */
  readonly droppedRecords: number
  /** Rows that housekeeping removed. */
  readonly cleanedRecords: number
  /** Reads that went to disk. */
  readonly diskReads: number
  /** Keys that `latest` had to look up in the file; the others were certainly not there. */
  readonly keyReads: number
}

/** The port, and what only this form has. */
export interface EmbeddedLogHandle extends Log {
  readonly diagnostics: LogDiagnostics
  /** One pass of housekeeping: retention, compaction, tombstones; resolves when it is done. */
  clean(): Promise<void>
}

/** An open exclusive transaction is the lock: the kernel frees it with the process, however that ends. */
const lockDirectory = (directory: string): DatabaseSync => {
  let lock: DatabaseSync | undefined
  try {
    lock = new DatabaseSync(join(directory, LOCK_FILE))
    // A tool that looks whether the lock is held reads for a moment.
    lock.exec('PRAGMA busy_timeout = 250; BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock?.close()
    const isBusy = resultCode(error) === SQLITE_BUSY
    throw new ConfabError(isBusy ? 'data_locked' : faultOf(error), {
      detail: isBusy ? `It is ${directory}.` : `It is ${join(directory, LOCK_FILE)}.`,
      fields: { directory },
      cause: error,
    })
  }
}

const startThread = (name: 'writer' | 'reader' | 'checkpointer', options: ThreadOptions): Worker => {
  // Sources run as .ts, the published build as .js: a thread's file has the extension of this one.
  const extension = extname(new URL(import.meta.url).pathname)
  return new Worker(new URL(`./${name}${extension}`, import.meta.url), { workerData: options, name: `log-${name}` })
}

/** What the writer says of the file, without the title that the error brings itself. */
const reasonOf = (reply: WriterReply, file: string): string => {
  if (reply.kind !== 'refused') return file
  const { title } = errors[reply.code]
  return reply.message.startsWith(title) ? reply.message.slice(title.length).trim() : `${file}: ${reply.message}.`
}

const openWriter = (options: ThreadOptions): Promise<{ worker: Worker; facts: Extract<WriterReply, { kind: 'open' }>['facts'] }> =>
  new Promise((resolve, reject) => {
    const worker = startThread('writer', options)
    worker.once('error', reject)
    worker.once('message', (reply: WriterReply) => {
      worker.off('error', reject)
      if (reply.kind === 'open') return resolve({ worker, facts: reply.facts })
      const code = reply.kind === 'refused' ? reply.code : 'data_corrupt'
      const refusal = new ConfabError(code, { detail: reasonOf(reply, options.file), fields: { file: options.file }, cause: reply })
      worker.terminate().then(() => reject(refusal), reject)
    })
  })

/** Opens or creates the log in a directory. Throws `data_locked`, `data_newer`, `data_corrupt`. Fast whatever its size. */
export const openEmbeddedLog = async (options: EmbeddedLogOptions): Promise<EmbeddedLogHandle> => {
  mkdirSync(options.directory, { recursive: true })
  const lock = lockDirectory(options.directory)
  try {
    const file = join(options.directory, LOG_FILE)
    const threadOptions: ThreadOptions = {
      file,
      filter: allocateFilter(statSync(file, { throwIfNoEntry: false })?.size ?? 0),
      synchronous: options.synchronous ?? 'FULL',
      holesSeed: options.holes?.seed,
      compactionLagMs: options.compactionLagMs ?? COMPACTION_LAG_MIN_MS,
      tombstoneRetentionMs: options.tombstoneRetentionMs ?? TOMBSTONE_RETENTION_MS,
      retentionMs: options.retentionMs ?? {},
      pagesMax: options.pagesMax,
    }
    const { worker, facts } = await openWriter(threadOptions)
    return new EmbeddedLog({
      options,
      facts,
      lock,
      file,
      filter: threadOptions.filter,
      writer: worker,
      reader: startThread('reader', threadOptions),
      checkpointer: startThread('checkpointer', threadOptions),
    })
  } catch (error) {
    lock.close()
    throw error
  }
}
