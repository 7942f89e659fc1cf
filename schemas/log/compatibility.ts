// Whether two schemas of one subject read each other, and if not, which field stands in the way. FULL, as registries call it.
// Between the registry, which keeps every schema ever written, and Avro's own resolution, which names no path.

import avro from 'avsc'

interface NamedType {
  readonly type: 'record' | 'enum'
  readonly name: string
  readonly namespace?: string
  readonly fields?: readonly { readonly name: string; readonly type: Json; readonly default?: unknown }[]
  readonly symbols?: readonly string[]
}
type Holder = { readonly type: 'array'; readonly items: Json } | { readonly type: 'map'; readonly values: Json }
type Union = readonly Json[]
type Json = string | Union | NamedType | Holder | { readonly type: string }

/** Named types by their name, as they were met. */
type Names = Map<string, NamedType>

interface Side {
  readonly type: Json
  readonly names: Names
}

const isUnion = (type: Json): type is Union => Array.isArray(type)
const isNamed = (type: Json): type is NamedType => typeof type === 'object' && 'name' in type
const isHolder = (type: Json): type is Holder => typeof type === 'object' && ('items' in type || 'values' in type)
const held = (type: Holder): Json => ('items' in type ? type.items : type.values)

const shortName = (name: string): string => name.slice(name.lastIndexOf('.') + 1)

/** A reference followed to what it names; a logical type as what carries it. */
const resolved = ({ type, names }: Side): Json => {
  if (typeof type === 'string') return names.get(shortName(type)) ?? type
  if (isNamed(type)) names.set(shortName(type.name), type)
  return isUnion(type) || isNamed(type) || isHolder(type) ? type : type.type
}

const wordOf = (type: Json): string => {
  if (typeof type === 'string') return shortName(type)
  if (isUnion(type)) return type.map(wordOf).join(' or ')
  return isNamed(type) ? `${type.type} ${shortName(type.name)}` : type.type
}

const kindOf = (type: Json): string => {
  if (typeof type === 'string') return type
  return isUnion(type) ? 'union' : type.type
}

/** What two versions are compared by; `seen` ends the walk of a type that holds itself. */
interface Walk {
  readonly older: Names
  readonly newer: Names
  readonly seen: Set<string>
  readonly faults: string[]
}

const compareFields = (walk: Walk, path: string, [older, newer]: readonly [NamedType, NamedType]): void => {
  const before = new Map((older.fields ?? []).map((field) => [field.name, field]))
  const after = new Map((newer.fields ?? []).map((field) => [field.name, field]))
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`)
  for (const [name, field] of after) {
    const old = before.get(name)
    if (old !== undefined) compare(walk, at(name), [old.type, field.type])
    else if (!('default' in field)) walk.faults.push(`field ${at(name)} was added without a default`)
  }
  for (const [name, field] of before) {
    if (after.has(name) || 'default' in field) continue
    walk.faults.push(`field ${at(name)} was removed, and its older readers have no default for it`)
  }
}

const compareSymbols = (walk: Walk, path: string, [older, newer]: readonly [NamedType, NamedType]): void => {
  // Avro would read a removed symbol as the default: a fact that was kept for ever would silently say something else.
  const gone = (older.symbols ?? []).filter((symbol) => newer.symbols?.includes(symbol) !== true)
  if (gone.length > 0) walk.faults.push(`field ${path}: the enum ${shortName(newer.name)} has lost ${gone.join(', ')}`)
}

const compareNamed = (walk: Walk, path: string, pair: readonly [NamedType, NamedType]): void => {
  const [older, newer] = pair
  const place = `${older.name}/${newer.name}`
  if (walk.seen.has(place)) return
  walk.seen.add(place)
  if (shortName(older.name) !== shortName(newer.name)) walk.faults.push(`field ${path} changed from ${wordOf(older)} to ${wordOf(newer)}`)
  else if (older.type === 'enum') compareSymbols(walk, path, pair)
  else compareFields(walk, path, pair)
}

const compareBranches = (walk: Walk, path: string, [older, newer]: readonly [Union, Union]): void => {
  if (older.length !== newer.length) walk.faults.push(`field ${path} changed from ${wordOf(older)} to ${wordOf(newer)}`)
  else for (const [index, branch] of older.entries()) compare(walk, path, [branch, newer[index] ?? 'null'])
}

const compare = (walk: Walk, path: string, [olderType, newerType]: readonly [Json, Json]): void => {
  const older = resolved({ type: olderType, names: walk.older })
  const newer = resolved({ type: newerType, names: walk.newer })
  if (kindOf(older) !== kindOf(newer)) walk.faults.push(`field ${path} changed from ${wordOf(older)} to ${wordOf(newer)}`)
  else if (isUnion(older) && isUnion(newer)) compareBranches(walk, path, [older, newer])
  else if (isNamed(older) && isNamed(newer)) compareNamed(walk, path, [older, newer])
  else if (isHolder(older) && isHolder(newer)) compare(walk, `${path}[]`, [held(older), held(newer)])
}

const typeOf = (schema: string): avro.Type => avro.Type.forSchema(JSON.parse(schema) as avro.Schema)

/** What Avro itself says, for what the walk does not know of. */
const resolutionFault = (reader: string, writer: string): string | undefined => {
  try {
    typeOf(reader).createResolver(typeOf(writer))
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/**
 * Why two schemas (Avro JSON) do not read each other both ways, each fault naming its field by path; empty = they do.
 * Throws what JSON.parse and Avro throw for a schema that is none.
 */
export const incompatibilities = (older: string, newer: string): readonly string[] => {
  if (older === newer) return []
  const walk: Walk = { older: new Map(), newer: new Map(), seen: new Set(), faults: [] }
  compare(walk, '', [JSON.parse(older) as Json, JSON.parse(newer) as Json])
  if (walk.faults.length > 0) return walk.faults
  const backward = resolutionFault(newer, older)
  const forward = resolutionFault(older, newer)
  return [
    ...(backward === undefined ? [] : [`the newer cannot read what the older wrote: ${backward}`]),
    ...(forward === undefined ? [] : [`the older cannot read what the newer writes: ${forward}`]),
  ]
}

/** One spelling for schemas that mean the same: full names, no doubled words. Throws for a text that is no Avro schema. */
export const canonicalSchema = (schema: string): string => JSON.stringify(typeOf(schema).schema({ exportAttrs: true }))
