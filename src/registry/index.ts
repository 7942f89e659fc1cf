// The schema registry: every schema ever written lies in `schemas`; at start each is checked against today's both ways.
// Between the words of this program and a log that older, newer and foreign programs read and write.

import { aliasSchema, compatibilityFault, decode, learnSchema, registeredSchemas, schemaRecord, writtenIdOf } from '#schemas/log'
import { ConfabError } from '#errors'
import type { Log, Offset, Tails } from '#log'
import { openForeignRegistry, type ForeignOptions } from './foreign.ts'
import { addSchemas, readSchemas, type SchemaVersion } from './kept.ts'

export type { ForeignOptions } from './foreign.ts'
export { addSchemas, readSchemas } from './kept.ts'
export type { SchemaVersion } from './kept.ts'

/** What `/schemas` answers from. Ids are those that stand in records: a foreign registry's where one is in use. */
export interface Registry {
  subjects(): readonly string[]
  /** Oldest first; empty where there is no such subject. */
  versions(subject: string): readonly SchemaVersion[]
  /** Every subject and version that has the schema, found by its id here or in the foreign registry. */
  withId(id: number): readonly SchemaVersion[]
  close(): Promise<void>
}

export interface RegistryOptions {
  /** With them the registry goes on learning what newer nodes register while this one runs. */
  readonly tails?: Pick<Tails, 'follow'>
  readonly onError?: (error: unknown) => void
  /** Ids in records are this registry's, and every schema is registered there too. */
  readonly foreign?: ForeignOptions
}

class KeptRegistry implements Registry {
  readonly #bySubject = new Map<string, SchemaVersion[]>()
  readonly #abort = new AbortController()
  #loop: Promise<void> = Promise.resolve()

  add(schema: SchemaVersion): void {
    const versions = (this.#bySubject.get(schema.subject) ?? []).filter(({ version }) => version !== schema.version)
    this.#bySubject.set(
      schema.subject,
      [...versions, schema].toSorted((a, b) => a.version - b.version),
    )
  }

  follow(tails: Pick<Tails, 'follow'>, next: Offset, onError: (error: unknown) => void): void {
    this.#loop = this.#tail(tails, next, onError).catch(onError)
  }

  async #tail(tails: Pick<Tails, 'follow'>, offset: Offset, onError: (error: unknown) => void): Promise<void> {
    const from = [{ topic: 'schemas', partition: 0, offset }] as const
    for await (const { records } of tails.follow('schemas', from, { signal: this.#abort.signal })) {
      for (const { value } of records) {
        try {
          if (value !== null) this.#learn(decode(schemaRecord, value))
        } catch (error) {
          onError(error)
        }
      }
    }
  }

  #learn(schema: SchemaVersion): void {
    this.add(schema)
    learnSchema(schema)
  }

  subjects(): readonly string[] {
    return [...this.#bySubject.keys()].toSorted()
  }

  versions(subject: string): readonly SchemaVersion[] {
    return (this.#bySubject.get(subject) ?? []).map((each) => ({ ...each, id: writtenIdOf(each.id) }))
  }

  withId(id: number): readonly SchemaVersion[] {
    return [...this.#bySubject.values()].flat().filter((each) => each.id === id || writtenIdOf(each.id) === id)
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#loop
  }
}

/** For tools that read a log and write nothing: every schema it holds is known from then on, under foreign ids too. */
export const learnSchemas = async (log: Pick<Log, 'bounds' | 'read'>, foreign?: ForeignOptions): Promise<void> => {
  const { versions } = await readSchemas(log)
  for (const schema of versions) learnSchema(schema)
  if (foreign !== undefined) await alias(foreign, versions)
}

const alias = async (foreign: ForeignOptions, versions: readonly SchemaVersion[]): Promise<void> => {
  for (const [ownId, foreignId] of await openForeignRegistry(foreign).register(versions)) aliasSchema(ownId, foreignId)
}

/**
 * Learns what the log's schemas are, refuses to start on a breaking change (`schema_incompatible`, naming each field),
 * and appends the schemas that are new. With a foreign registry: the same there, or `registry_unreachable`, `registry_refused`.
 */
export const openRegistry = async (log: Log, clock: () => number, options: RegistryOptions = {}): Promise<Registry> => {
  const { versions: before } = await readSchemas(log)
  const faults = before.map(({ subject, schema }) => compatibilityFault(subject, schema)).filter((fault) => fault !== undefined)
  if (faults.length > 0) throw new ConfabError('schema_incompatible', { detail: `${faults.join('; ')}.` })
  for (const schema of before) learnSchema(schema)
  const { versions, next } = await addSchemas(log, registeredSchemas, clock)
  const registry = new KeptRegistry()
  for (const schema of versions) {
    learnSchema(schema)
    registry.add(schema)
  }
  if (options.foreign !== undefined) await alias(options.foreign, versions)
  if (options.tails !== undefined) registry.follow(options.tails, next, options.onError ?? (() => undefined))
  return registry
}
