// Checks a value against a TypeBox schema and says in words which field is wrong. A door of its own: browsers do without the compiler.
// Between whatever comes from outside (HTTP, sockets, settings in JSON) and everything behind, which trusts it.

import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

export interface Fault {
  /** Path of the field, such as `attachments.0.fileId`; "" = the whole. */
  readonly field: string
  /** What is wrong with it, never its value. */
  readonly message: string
}

/** Faults named at most. */
const FAULTS_MAX = 5

const dotted = (path: string): string => path.replace(/^\//, '').replaceAll('/', '.')
const within = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)

interface Finding {
  readonly keyword: string
  readonly instancePath: string
  readonly params: object
  readonly message: string
}

const faultsOf = ({ keyword, instancePath, params, message }: Finding): Fault[] => {
  const field = dotted(instancePath)
  const given = params as { requiredProperties?: string[]; additionalProperties?: string[]; allowedValues?: unknown[] }
  if (keyword === 'required')
    return (given.requiredProperties ?? []).map((name) => ({ field: within(field, name), message: 'is required' }))
  if (keyword === 'additionalProperties') {
    return (given.additionalProperties ?? []).map((name) => ({ field: within(field, name), message: 'is not a field here' }))
  }
  if (keyword === 'enum') return [{ field, message: `must be one of ${(given.allowedValues ?? []).join(', ')}` }]
  // What `false` forbids and which branch of a union failed is said better by the other findings.
  if (keyword === 'boolean') return []
  return [{ field, message }]
}

export type Check = (value: unknown) => readonly Fault[] | null

const compiled = new WeakMap<TSchema, Check>()

/** The checker of a schema, compiled once, by the first value: null = it fits. */
export const checkOf = (schema: TSchema): Check => {
  const known = compiled.get(schema)
  if (known !== undefined) return known
  let validator: ReturnType<typeof Compile> | undefined
  const check: Check = (value) => {
    validator ??= Compile(schema)
    if (validator.Check(value)) return null
    const faults = validator.Errors(value).flatMap((error) => faultsOf(error))
    const unique = [...new Map(faults.map((fault) => [`${fault.field} ${fault.message}`, fault])).values()]
    return unique.length === 0 ? [{ field: '', message: 'does not fit' }] : unique.slice(0, FAULTS_MAX)
  }
  compiled.set(schema, check)
  return check
}

/** The faults as one sentence. */
export const describeFaults = (faults: readonly Fault[]): string =>
  `${faults.map(({ field, message }) => (field === '' ? message : `${field} ${message}`)).join('; ')}.`
