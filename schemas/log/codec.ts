// Bytes of records and back, in the Confluent wire format: byte 0, schema id as 4 big-endian bytes, Avro.
// Between the typed words of this folder and the log, which knows bytes only.

import { createHash } from 'node:crypto'
import avro from 'avsc'
import type { Infer, RecordShape } from './avro.ts'
import { catalogue } from './catalogue.ts'
import { incompatibilities } from './compatibility.ts'

const SLAB_BYTES = 1_048_576
const HEADER_BYTES = 5

/** Thrown for bytes that no known schema explains; the record is poison, its key suffices to park it. */
export class CodecError extends Error {
  override readonly name = 'CodecError'
}

export interface RegisteredSchema {
  readonly subject: string
  readonly id: number
  /** Avro JSON, in one canonical spelling. */
  readonly schema: string
}

interface Known extends RegisteredSchema {
  /** Compiled when first asked for: a thread reads and writes a few of all types. */
  readonly type: avro.Type
  readonly shape: RecordShape<unknown>
  /** The header `type` of such records. */
  readonly recordType: string
  readonly topic: string
  /** What stands in the bytes: `id`, or what a foreign registry calls it. */
  writtenId: number
}

/** The id is the first 31 bits of SHA-256 over the schema, so every site gives a schema the same one without a writer. */
export const schemaIdOf = (schema: string): number => createHash('sha256').update(schema).digest().readUInt32BE(0) >>> 1

const build = (topic: string, recordType: string, shape: RecordShape<unknown>): Known => {
  const json = shape.toAvro(new Set())
  const schema = JSON.stringify({ namespace: 'confab', ...(json as object) })
  let type: avro.Type | undefined
  const id = schemaIdOf(schema)
  return {
    topic,
    recordType,
    shape,
    subject: `${topic}-${shape.name}`,
    schema,
    id,
    writtenId: id,
    get type() {
      return (type ??= avro.Type.forSchema(JSON.parse(schema) as avro.Schema))
    },
  }
}

const known: readonly Known[] = Object.entries(catalogue).flatMap(([topic, shapes]) =>
  Object.entries(shapes).map(([recordType, shape]) => build(topic, recordType, shape)),
)

/** The schemas this program writes; the embedded registry checks them against what the log has kept. */
export const registeredSchemas: readonly RegisteredSchema[] = known

const byShape = new Map<RecordShape<unknown>, Known>(known.map((entry) => [entry.shape, entry]))
interface Reading {
  /** The header `type` of such records; undefined for a subject that this version does not know. */
  readonly recordType: string | undefined
  decode(bytes: Buffer): unknown
}
const byId = new Map<number, Reading>()

type Resolver = ReturnType<avro.Type['createResolver']>

/** What avsc throws may quote the bytes it met. */
const decodeSafely = (type: avro.Type, bytes: Buffer, resolver?: Resolver): { value: unknown; offset: number } => {
  try {
    return type.decode(bytes, HEADER_BYTES, resolver)
  } catch {
    throw new CodecError(`the bytes are no ${type.name ?? 'record'}`)
  }
}

const decoder = (recordType: string | undefined, reader: { readonly type: avro.Type }, resolver?: Resolver): Reading => ({
  recordType,
  decode(bytes: Buffer): unknown {
    const result = decodeSafely(reader.type, bytes, resolver)
    if (result.offset < 0) throw new CodecError('the record is cut short')
    return result.value
  },
})
for (const entry of known) {
  const other = byId.get(entry.id)
  if (other !== undefined && !known.some((k) => k !== entry && k.schema === entry.schema))
    throw new CodecError(`schema id ${entry.id} of ${entry.subject} is taken`)
  byId.set(entry.id, decoder(entry.recordType, entry))
}

/**
 * Teaches the decoder a schema that an older or newer version wrote, read through today's of the same subject.
 * Throws CodecError where the two do not resolve.
 */
export const learnSchema = (written: RegisteredSchema): void => {
  if (byId.has(written.id)) return
  const today = known.find((entry) => entry.subject === written.subject)
  const writer = avro.Type.forSchema(JSON.parse(written.schema) as avro.Schema)
  const reading =
    today === undefined ? decoder(undefined, { type: writer }) : decoder(today.recordType, today, today.type.createResolver(writer))
  byId.set(written.id, reading)
  learned.push({ subject: written.subject, id: written.id, schema: written.schema })
}

const fieldNames = new Set(known.flatMap(({ schema }) => [...schema.matchAll(/"name":"(\w+)"/g)].map(([, name]) => name ?? '')))

let slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
let used = 0

/** Where a value does not fit its type: the path of fields, and the type that it should have; keys of maps are somebody's words. */
const misfitOf = (type: avro.Type, value: unknown): string => {
  let found = ''
  type.isValid(value, {
    errorHook: (path, _value, wanted) => {
      const fields = path.map((part) => (fieldNames.has(part) ? part : '*')).join('.')
      found ||= `${fields} is no ${wanted.typeName}`
    },
  })
  return `${type.name ?? 'record'}: ${found || 'a value does not fit'}`
}

/** What avsc throws quotes the value. */
const encodeSafely = (type: avro.Type, value: unknown, at: number): number => {
  try {
    return type.encode(value, slab, at)
  } catch {
    throw new CodecError(misfitOf(type, value))
  }
}

/** Encodes into a shared slab and hands out a part of it: no copy, never written again. */
export const encode = <T>(shape: RecordShape<T>, value: NoInfer<T>): Buffer => {
  const entry = byShape.get(shape)
  if (entry === undefined) throw new CodecError(`no topic holds records of ${shape.name}`)
  for (let size = SLAB_BYTES; ; size *= 2) {
    if (slab.length - used > HEADER_BYTES) {
      const end = encodeSafely(entry.type, value, used + HEADER_BYTES)
      // avsc answers a negative number, the room that was missing, when the value does not fit.
      if (end >= 0) {
        const bytes = slab.subarray(used, end)
        slab[used] = 0
        slab.writeUInt32BE(entry.writtenId, used + 1)
        used = end
        return bytes
      }
    }
    slab = Buffer.allocUnsafeSlow(used === 0 ? size * 2 : size)
    used = 0
  }
}

/** Decodes what `shape`'s topic holds. Throws CodecError for foreign or cut bytes. */
export const decode = <S extends RecordShape<unknown>>(_shape: S, bytes: Uint8Array): Infer<S> => decodeAny(bytes) as Infer<S>

const readingOf = (bytes: Uint8Array): { reading: Reading; buffer: Buffer } => {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (buffer.length < HEADER_BYTES || buffer[0] !== 0) throw new CodecError('not in the Confluent wire format')
  const reading = byId.get(buffer.readUInt32BE(1))
  if (reading === undefined) throw new CodecError(`schema ${buffer.readUInt32BE(1)} is not known`)
  return { reading, buffer }
}

/** Decodes by the schema id in the bytes alone. */
export const decodeAny = (bytes: Uint8Array): unknown => {
  const { reading, buffer } = readingOf(bytes)
  return reading.decode(buffer)
}

/** The `type` header that a record of these bytes carried: for bytes kept without their headers. Throws CodecError. */
export const recordTypeIn = (bytes: Uint8Array): string | undefined => readingOf(bytes).reading.recordType

const headersOf = new Map<RecordShape<unknown>, string>(known.map((entry) => [entry.shape, entry.recordType]))

/** The `type` header that records of a shape carry. */
export const recordTypeOf = (shape: RecordShape<unknown>): string => {
  const type = headersOf.get(shape)
  if (type === undefined) throw new CodecError(`no topic holds records of ${shape.name}`)
  return type
}

/** Whether today's schema reads `older` and `older`'s readers read today's; the message names the subject and each field. */
export const compatibilityFault = (subject: string, older: string): string | undefined => {
  const today = known.find((entry) => entry.subject === subject)
  // Nothing to compile where nothing has changed, as in every start but the first of a release.
  if (today === undefined || today.schema === older) return undefined
  const faults = incompatibilities(older, today.schema)
  return faults.length === 0 ? undefined : `${subject}: ${faults.join(', ')}`
}

/** What one thread has learned of schemas, for another: plain data. */
export interface SchemaKnowledge {
  readonly learned: readonly RegisteredSchema[]
  /** Our id, and what a foreign registry calls the same schema. */
  readonly aliases: readonly (readonly [ownId: number, foreignId: number])[]
}

/** Grows only. */
const learned: RegisteredSchema[] = []
const aliases: (readonly [number, number])[] = []
const ownIds = new Map<number, number>()

/**
 * From now on today's schema is written under a foreign registry's id, and records under it are read.
 * Throws CodecError where the id is that of another schema here.
 */
export const aliasSchema = (ownId: number, foreignId: number): void => {
  if (ownIds.get(foreignId) === ownId || ownId === foreignId) return
  const reading = byId.get(ownId)
  if (reading === undefined) throw new CodecError(`schema ${ownId} is not known`)
  if (byId.has(foreignId)) throw new CodecError(`the foreign registry's schema id ${foreignId} is taken by another schema`)
  byId.set(foreignId, reading)
  ownIds.set(foreignId, ownId)
  aliases.push([ownId, foreignId])
  for (const entry of known) if (entry.id === ownId) entry.writtenId = foreignId
}

/** Rises whenever there is news for other threads. */
export const knowledgeSize = (): number => learned.length + aliases.length

export const schemaKnowledge = (): SchemaKnowledge => ({ learned: [...learned], aliases: [...aliases] })

export const applyKnowledge = (knowledge: SchemaKnowledge): void => {
  for (const schema of knowledge.learned) learnSchema(schema)
  for (const [ownId, foreignId] of knowledge.aliases) aliasSchema(ownId, foreignId)
}

/** The id under which today's schema is written; another registry's where one is in use. */
export const writtenIdOf = (ownId: number): number => aliases.find(([own]) => own === ownId)?.[1] ?? ownId

/** The same record under our own schema id: what leaves for a place that does not know the foreign registry. Never changes `bytes`. */
export const withOwnId = (bytes: Uint8Array): Uint8Array => {
  if (ownIds.size === 0 || bytes.length < HEADER_BYTES || bytes[0] !== 0) return bytes
  const ownId = ownIds.get(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).readUInt32BE(1))
  if (ownId === undefined) return bytes
  const copy = Buffer.from(bytes)
  copy.writeUInt32BE(ownId, 1)
  return copy
}

/** The same record under the id that this site writes. Never changes `bytes`. */
export const withWrittenId = (bytes: Uint8Array): Uint8Array => {
  if (ownIds.size === 0 || bytes.length < HEADER_BYTES || bytes[0] !== 0) return bytes
  const ownId = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).readUInt32BE(1)
  const writtenId = writtenIdOf(ownId)
  if (writtenId === ownId) return bytes
  const copy = Buffer.from(bytes)
  copy.writeUInt32BE(writtenId, 1)
  return copy
}
