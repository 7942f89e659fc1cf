// The schemas that the log keeps: read whole at start, added to where this program brings new ones, followed from then on.
// Between the topic `schemas` and the registry; a key is `<subject>/<version>`, and no version is ever written over.

import { decode, encode, recordTypeOf, schemaRecord, type Infer, type RegisteredSchema } from '#schemas/log'
import { ConfabError } from '#errors'
import type { Log, Offset } from '#log'

export type SchemaVersion = Infer<typeof schemaRecord>

/** Nodes that start at the same moment may take the same version for different schemas; who lost takes the next. */
const ATTEMPTS_MAX = 5

const keyOf = ({ subject, version }: Pick<SchemaVersion, 'subject' | 'version'>): string => `${subject}/${version}`

export interface Kept {
  readonly versions: readonly SchemaVersion[]
  /** Where a tail reads on. */
  readonly next: Offset
}

/** All schemas the log holds, up to its present end. */
export const readSchemas = async (log: Pick<Log, 'bounds' | 'read'>): Promise<Kept> => {
  const { start, end } = await log.bounds('schemas', 0)
  const kept = new Map<string, SchemaVersion>()
  if (start >= end) return { versions: [], next: start }
  const abort = new AbortController()
  let next = start
  for await (const chunk of log.read([{ topic: 'schemas', partition: 0, offset: start }], { signal: abort.signal })) {
    for (const { key, value } of chunk.records) if (value !== null) kept.set(key, decode(schemaRecord, value))
    ;({ next } = chunk)
    if (next >= end) abort.abort()
  }
  return { versions: [...kept.values()], next }
}

/** Those of `wanted` that no kept version is, each with the version it takes. */
const missingOf = (versions: readonly SchemaVersion[], wanted: readonly RegisteredSchema[]): SchemaVersion[] => {
  const newest = new Map<string, number>()
  const known = new Set<string>()
  for (const { subject, version, id } of versions) {
    newest.set(subject, Math.max(newest.get(subject) ?? 0, version))
    known.add(`${subject}/${id}`)
  }
  return wanted
    .filter(({ subject, id }) => !known.has(`${subject}/${id}`))
    .map(({ subject, id, schema }) => {
      const version = (newest.get(subject) ?? 0) + 1
      newest.set(subject, version)
      return { subject, version, id, schema }
    })
}

/** Adds the schemas that the log lacks, and reads back whether each has its version. Answers what the log then holds. */
export const addSchemas = async (log: Log, wanted: readonly RegisteredSchema[], clock: () => number): Promise<Kept & { added: number }> => {
  let added = 0
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const kept = await readSchemas(log)
    const missing = missingOf(kept.versions, wanted)
    if (missing.length === 0) return { ...kept, added }
    const headers = { type: recordTypeOf(schemaRecord) }
    const records = missing.map((each) => ({ key: keyOf(each), value: encode(schemaRecord, each), headers, time: clock() }))
    await log.append([{ topic: 'schemas', partition: 0, records }])
    added += missing.length
  }
  throw new ConfabError('schema_incompatible', {
    detail: 'Another version of the program registers schemas at the same time; start again.',
  })
}
