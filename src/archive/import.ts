// Import: an archive into a site under leases of its own; ids, seq and hashes stay, offsets and snapshots are made anew.
// Between a directory that is checked whole before anything is written, and the target's log and file store.

import type { FileStore } from '#effects'
import { ConfabError } from '#errors'
import { partitionOf, type Log } from '#log'
import { addSchemas, openRegistry, type RegistryOptions } from '#registry'
import { recordOf as commandRecordOf } from '#runtime'
import {
  compatibilityFault,
  decode,
  decodeAny,
  encode,
  importMark,
  learnSchema,
  recordTypeOf,
  schemaRecord,
  type ConversationSnapshot,
} from '#schemas/log'
import type { Secrets } from '#secrets'
import { PARTITIONS } from '#topics'
import { eraseCommand, Erasures } from './erasures.ts'
import type { Progress } from './export.ts'
import { checkFiles, importFiles } from './files.ts'
import { openManifest, type Erasure, type Key, type Manifest, type Sealing } from './manifest.ts'
import { PartitionRestore } from './restore.ts'
import { checkSegments, readSegment } from './segments.ts'

export interface ImportOptions {
  readonly log: Log
  readonly files: Pick<FileStore, 'size' | 'write'>
  /** Of the target. */
  readonly secrets: Secrets
  readonly directory: string
  /** How the archive's secrets are opened. */
  readonly keyOf: (sealing: Sealing) => Key
  /** Erased since the archive was made. */
  readonly erasures: readonly Erasure[]
  readonly foreign?: RegistryOptions['foreign']
  readonly clock: () => number
  readonly onProgress: (progress: Progress) => void
}

export interface Imported {
  /** Records written: 0 when the site had all of it. */
  readonly records: number
  readonly files: number
  /** Erasures that the actors have still to carry out. */
  readonly erased: number
  readonly adminToken: string | null
}

/** Opens and checks the whole archive. Throws `archive_unfinished`, `archive_damaged` naming the file, `option_invalid`. */
const checkArchive = async ({
  directory,
  keyOf,
  onProgress,
}: Pick<ImportOptions, 'directory' | 'keyOf' | 'onProgress'>): Promise<{ manifest: Manifest; secrets: Secrets }> => {
  const archive = openManifest(directory, keyOf)
  const { segments, files } = archive.manifest
  onProgress({ phase: 'checking', what: 'segments', done: 0, total: segments.length + files.length })
  checkSegments(directory, segments)
  onProgress({ phase: 'checking', what: 'files', done: segments.length, total: segments.length + files.length })
  await checkFiles(directory, files)
  return archive
}

/** The archive's schemas are the target's from now on: values stay as they were written. */
const bringSchemas = async ({ log, directory, clock, foreign }: ImportOptions, { segments }: Manifest): Promise<void> => {
  const schemas = segments
    .filter(({ topic }) => topic === 'schemas')
    .flatMap((segment) => [...readSegment(directory, segment)])
    .map(({ value }) => decode(schemaRecord, value ?? new Uint8Array()))
  const faults = schemas.map(({ subject, schema }) => compatibilityFault(subject, schema)).filter((fault) => fault !== undefined)
  if (faults.length > 0) throw new ConfabError('schema_incompatible', { detail: `${faults.join('; ')}.` })
  for (const schema of schemas) learnSchema(schema)
  await addSchemas(log, schemas, clock)
  const registry = await openRegistry(log, clock, foreign === undefined ? {} : { foreign })
  await registry.close()
}

const markKey = (archiveId: string): string => `import/${archiveId}`

const hasMark = async (log: Log, archiveId: string): Promise<boolean> =>
  (await log.latest('ownership', 0, [markKey(archiveId)]))[0] !== null

const putMark = async ({ log, clock }: ImportOptions, archiveId: string): Promise<void> => {
  const value = encode(importMark, { archiveId, at: clock() })
  const headers = { type: recordTypeOf(importMark) }
  await log.append([{ topic: 'ownership', partition: 0, records: [{ key: markKey(archiveId), value, headers, time: clock() }] }])
}

/** The actors say themselves what was erased: their event, their own clearing-up. Answers how many were asked. */
const eraseLater = async ({ log, clock }: ImportOptions, erasures: Erasures): Promise<number> => {
  let asked = 0
  for (const erasure of erasures.subjects) {
    const topic = erasure.kind === 'contact' ? 'contacts' : 'conversations'
    const [held] = await log.latest(topic, partitionOf(erasure.id), [erasure.id])
    if (held === null || held === undefined || held.value === null) continue
    if ((decodeAny(held.value) as Pick<ConversationSnapshot, 'erasedUpTo'>).erasedUpTo >= erasure.upToSeq) continue
    const { entry, record } = commandRecordOf(eraseCommand(erasure, clock()))
    await log.append([{ ...entry, records: [record] }])
    asked++
  }
  return asked
}

/**
 * Brings an archive in; the same call again goes on where it was cut off, and after the end changes nothing. Throws what `checkArchive`
 * throws before anything is written, `schema_incompatible`, `archive_conflict` naming the id, and the log's errors.
 */
export const importSite = async (options: ImportOptions): Promise<Imported> => {
  const { log, directory, onProgress, files } = options
  const { manifest, secrets } = await checkArchive(options)
  await bringSchemas(options, manifest)
  const isRepeat = await hasMark(log, manifest.id)
  const erasures = new Erasures(manifest.erasures, options.erasures)
  const restore = { log, directory, segments: manifest.segments, reseal: { from: secrets, to: options.secrets }, erasures, isRepeat }
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => new PartitionRestore(restore, partition))
  for (const [partition, each] of partitions.entries()) {
    onProgress({ phase: 'records', what: `partition ${partition}`, done: partition, total: PARTITIONS })
    await each.run()
  }
  const kept = manifest.files.filter(({ fileId }) => !erasures.fileIds.has(fileId))
  const onDone = (done: number): void => onProgress({ phase: 'files', what: 'files', done, total: kept.length })
  const copied = await importFiles(files, kept, { directory, onDone })
  // Last of all, so that nobody acts on a part: effects' commands and letters find their actors whole.
  if (!isRepeat) {
    for (const each of partitions) await each.plain()
    await putMark(options, manifest.id)
  }
  return {
    records: partitions.reduce((sum, { written }) => sum + written, 0),
    files: copied,
    erased: await eraseLater(options, erasures),
    adminToken:
      manifest.adminToken === null
        ? null
        : secrets.open('archive', Buffer.from(manifest.adminToken, 'base64'), manifest.id).toString('utf8'),
  }
}
