// The embedded schema registry: every schema ever written lies in `schemas`; at start each is checked against today's both ways.
// Between the words of this program and a log that older or newer versions have written.

import { compatibilityFault, decode, encode, learnSchema, registeredSchemas, schemaRecord, type Infer } from '#schemas/log'
import { ConfabError } from '#errors'
import type { Log } from '#log'

type SchemaRecord = Infer<typeof schemaRecord>

const keyOf = (subject: string, version: number): string => `${subject}/${version}`

/** All schemas the log holds, up to its present end. */
const readSchemas = async (log: Log): Promise<SchemaRecord[]> => {
  const { start, end } = await log.bounds('schemas', 0)
  const kept: SchemaRecord[] = []
  if (start >= end) return kept
  const abort = new AbortController()
  for await (const chunk of log.read([{ topic: 'schemas', partition: 0, offset: start }], { signal: abort.signal })) {
    for (const { value } of chunk.records) if (value !== null) kept.push(decode(schemaRecord, value))
    if (chunk.next >= end) abort.abort()
  }
  return kept
}

/**
 * Learns what the log's schemas are, refuses to start on a breaking change (`schema_incompatible`, naming the field),
 * and appends the schemas that are new.
 */
export const openRegistry = async (log: Log, clock: () => number): Promise<{ subjects: number; added: number }> => {
  const kept = await readSchemas(log)
  const faults = kept.map(({ subject, schema }) => compatibilityFault(subject, schema)).filter((fault) => fault !== undefined)
  if (faults.length > 0) throw new ConfabError('schema_incompatible', { detail: `${faults.join('; ')}.` })
  for (const schema of kept) learnSchema(schema)
  const versions = new Map<string, number>()
  const known = new Set<string>()
  for (const { subject, version, id } of kept) {
    versions.set(subject, Math.max(versions.get(subject) ?? 0, version))
    known.add(`${subject}/${id}`)
  }
  const added = registeredSchemas.filter(({ subject, id }) => !known.has(`${subject}/${id}`))
  const records = added.map(({ subject, id, schema }) => {
    const version = (versions.get(subject) ?? 0) + 1
    return {
      key: keyOf(subject, version),
      value: encode(schemaRecord, { subject, version, id, schema }),
      headers: { type: 'schema' },
      time: clock(),
    }
  })
  if (records.length > 0) await log.append([{ topic: 'schemas', partition: 0, records }])
  return { subjects: new Set([...versions.keys(), ...added.map(({ subject }) => subject)]).size, added: added.length }
}
