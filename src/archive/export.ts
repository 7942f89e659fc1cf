// Export: a whole site into a directory of segments, resumable after any end; the manifest is written last.
// Between a log that nobody writes meanwhile, the file store, and an archive.

import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createHash, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { FileStore } from '#effects'
import { ConfabError } from '#errors'
import type { Log, Offset } from '#log'
import { learnSchemas, type RegistryOptions } from '#registry'
import type { Secrets } from '#secrets'
import { topics } from '#topics'
import { archivedTopics } from './contents.ts'
import { exportFiles } from './files.ts'
import {
  archiveSecrets,
  newSealing,
  readManifestText,
  writeManifest,
  type Erasure,
  type Key,
  type Manifest,
  type Sealing,
} from './manifest.ts'
import { erasuresOf, exportPartition, type PartitionFacts } from './partition.ts'
import { writeWhole } from './segments.ts'

export interface Progress {
  readonly phase: 'records' | 'files' | 'checking'
  readonly what: string
  readonly done: number
  readonly total: number
}

export interface ExportOptions {
  readonly log: Log
  readonly files: Pick<FileStore, 'list' | 'read' | 'size'>
  /** Of the site. */
  readonly secrets: Secrets
  readonly directory: string
  /** Under what the archive's secrets are sealed. */
  readonly key: Key
  /** The owner's token, where the site has a file of it. */
  readonly adminToken: string | null
  /** The registry whose ids stand in the site's records, where it has one. */
  readonly foreign?: RegistryOptions['foreign']
  readonly clock: () => number
  readonly onProgress: (progress: Progress) => void
}

export interface Exported {
  readonly segments: number
  readonly records: number
  readonly files: number
}

/** Lines of an export under way: how it began, then each partition that is done. */
const PROGRESS_FILE = 'progress.jsonl'

interface Begun {
  readonly id: string
  readonly site: string
  readonly sealing: Sealing
  /** Proves that a run that goes on seals under the same key. */
  readonly proof: string
  /** `topic/partition` → start and end, captured before anything was read. */
  readonly ends: Readonly<Record<string, { readonly start: Offset; readonly end: Offset }>>
}

const places = archivedTopics.flatMap((each) =>
  Array.from({ length: topics[each.topic].partitions }, (_, partition) => ({ ...each, partition, name: `${each.topic}/${partition}` })),
)

const boundsOf = async (log: Log): Promise<Begun['ends']> => {
  const entries = places.map(async ({ topic, partition, name }) => [name, await log.bounds(topic, partition)] as const)
  return Object.fromEntries(await Promise.all(entries))
}

const proofOf = (secrets: Secrets): string => createHash('sha256').update(secrets.key('archive')).update('proof').digest('hex')

/** What a run before this one has done; nothing where the site has changed since, or the key is another. */
const readProgress = (path: string): { begun: Begun; done: PartitionFacts[] } | undefined => {
  if (!existsSync(path)) return undefined
  const [first, ...lines] = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  if (first === undefined) return undefined
  return { begun: JSON.parse(first) as Begun, done: lines.map((line) => JSON.parse(line) as PartitionFacts) }
}

const endsOnly = (ends: Begun['ends']): string => JSON.stringify(Object.entries(ends).map(([name, { end }]) => [name, end]))

const clear = (directory: string): void => {
  for (const name of readdirSync(directory)) if (/\.segment(?:\.part)?$/.test(name) || name === PROGRESS_FILE) rmSync(join(directory, name))
}

/** Goes on where a killed run stood, or begins anew. */
const begin = async (options: ExportOptions): Promise<{ begun: Begun; secrets: Secrets; done: PartitionFacts[] }> => {
  const { log, directory, key } = options
  const path = join(directory, PROGRESS_FILE)
  const ends = await boundsOf(log)
  const before = readProgress(path)
  if (before !== undefined && before.begun.site === log.id && endsOnly(before.begun.ends) === endsOnly(ends)) {
    const secrets = archiveSecrets(before.begun.sealing, key)
    if (proofOf(secrets) === before.begun.proof) {
      // A kill may have left half a line behind the last whole one.
      writeWhole(path, Buffer.from([before.begun, ...before.done].map((line) => `${JSON.stringify(line)}\n`).join('')))
      return { begun: before.begun, secrets, done: before.done }
    }
  }
  clear(directory)
  const sealing = newSealing(key)
  const secrets = archiveSecrets(sealing, key)
  const begun: Begun = { id: randomUUID(), site: log.id, sealing, proof: proofOf(secrets), ends }
  writeWhole(path, Buffer.from(`${JSON.stringify(begun)}\n`))
  return { begun, secrets, done: [] }
}

/** Where a partition's records begin: undecided commands where their owner stands. */
const fromOf = ({ undecidedOf, partition, name }: (typeof places)[number], done: readonly PartitionFacts[], { ends }: Begun): Offset => {
  const start = ends[name]?.start ?? 0
  if (undecidedOf === undefined) return start
  const positions = done.filter((each) => each.partition === partition).map((each) => each.positions[undecidedOf] ?? 0)
  return Math.max(start, ...positions)
}

const exportRecords = async (
  options: ExportOptions,
  begun: Begun,
  archive: { secrets: Secrets; done: PartitionFacts[] },
): Promise<void> => {
  const { log, directory, onProgress, secrets } = options
  const known = new Set(archive.done.map(({ topic, partition }) => `${topic}/${partition}`))
  for (const [index, place] of places.entries()) {
    const { topic, partition, name, wants } = place
    onProgress({ phase: 'records', what: name, done: index, total: places.length })
    if (known.has(name)) continue
    const range = { topic, partition, from: fromOf(place, archive.done, begun), end: begun.ends[name]?.end ?? 0 }
    const reseal = { from: secrets, to: archive.secrets }
    const facts = await exportPartition(log, range, { directory, reseal, ...(wants === undefined ? {} : { wants }) })
    appendFileSync(join(directory, PROGRESS_FILE), `${JSON.stringify(facts)}\n`)
    archive.done.push(facts)
  }
}

/**
 * Writes the site into `directory`. Throws `archive_exists`; `site_in_use` where the log moved meanwhile; the log's and the disk's errors,
 * after any of which the same call goes on where it stood.
 */
export const exportSite = async (options: ExportOptions): Promise<Exported> => {
  const { log, directory, clock, adminToken, foreign } = options
  if (readManifestText(directory) !== undefined)
    throw new ConfabError('archive_exists', { detail: `It is ${directory}.`, fields: { directory } })
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  await learnSchemas(log, foreign)
  const { begun, secrets, done } = await begin(options)
  await exportRecords(options, begun, { secrets, done })
  const files = await exportFiles(options)
  if (endsOnly(await boundsOf(log)) !== endsOnly(begun.ends)) throw new ConfabError('site_in_use', { detail: `The log is ${log.id}.` })
  const manifest: Manifest = {
    format: 1,
    site: begun.site,
    id: begun.id,
    createdAt: new Date(clock()).toISOString(),
    sealing: begun.sealing,
    segments: done.flatMap(({ segments }) => segments),
    files,
    erasures: done.flatMap(({ erasures }) => erasures),
    adminToken: adminToken === null ? null : secrets.seal('archive', Buffer.from(adminToken), begun.id).toString('base64'),
  }
  writeManifest(directory, manifest, secrets)
  rmSync(join(directory, PROGRESS_FILE))
  const records = manifest.segments.reduce((sum, segment) => sum + segment.records, 0)
  return { segments: manifest.segments.length, records, files: files.length }
}

/** The erasure list of a living site: what every restore of an older archive has to apply. */
export const exportErasures = async (log: Log, foreign?: ExportOptions['foreign']): Promise<readonly Erasure[]> => {
  const found = new Map<string, Erasure>()
  await learnSchemas(log, foreign)
  for (const { topic, partition } of places) {
    if (topic !== 'events' && topic !== 'contact-events') continue
    const { start, end } = await log.bounds(topic, partition)
    for (const erasure of await erasuresOf(log, { topic, partition, from: start, end })) found.set(erasure.id, erasure)
  }
  return [...found.values()]
}
