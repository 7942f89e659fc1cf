// A schema registry that others run (Confluent's REST API): our schemas are registered there, its ids stand in our records.
// Between the registry of this program and the one whose URL is set; nothing of it is needed once the node has started.

import { readFileSync } from 'node:fs'
import { canonicalSchema, incompatibilities } from '#schemas/log'
import { ConfabError } from '#errors'
import type { SchemaVersion } from './kept.ts'

export interface ForeignOptions {
  /** Without a slash at the end; paths such as /subjects follow it. */
  readonly url: string
  /** HTTP basic authentication; "" = none. */
  readonly user: string
  /** File that holds the password; read once. */
  readonly passwordFile: string
}

export interface ForeignRegistry {
  /** Registers what is new, oldest first in each subject; answers our id → its id for all. */
  register(schemas: readonly SchemaVersion[]): Promise<ReadonlyMap<number, number>>
}

/** Requests under way at once; a start asks once for each of some hundred schemas. */
const CONCURRENCY = 8
const REQUEST_MS = 10_000
const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json'

interface Answer {
  readonly status: number
  readonly body: unknown
}

const passwordOf = (path: string): string => {
  try {
    return path === '' ? '' : readFileSync(path, 'utf8').trim()
  } catch (cause) {
    throw new ConfabError('config_invalid', { detail: `CONFAB_SCHEMA_REGISTRY_PASSWORD_FILE is ${path}, which cannot be read.`, cause })
  }
}

/** What its answer says in words; never the whole of it. */
const messageOf = (body: unknown): string => {
  const { message } = (body ?? {}) as { readonly message?: unknown }
  return typeof message === 'string' ? message.slice(0, 500) : ''
}

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message
}

class ConfluentRegistry implements ForeignRegistry {
  readonly #url: string
  readonly #headers: Readonly<Record<string, string>>

  constructor({ url, user, passwordFile }: ForeignOptions) {
    this.#url = url.replace(/\/$/, '')
    const basic = Buffer.from(`${user}:${passwordOf(passwordFile)}`).toString('base64')
    this.#headers = { 'content-type': CONTENT_TYPE, accept: CONTENT_TYPE, ...(user === '' ? {} : { authorization: `Basic ${basic}` }) }
  }

  async #ask(path: string, body?: unknown): Promise<Answer> {
    const request = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    try {
      const answer = await fetch(`${this.#url}${path}`, { ...request, headers: this.#headers, signal: AbortSignal.timeout(REQUEST_MS) })
      const text = await answer.text()
      return { status: answer.status, body: text === '' ? null : JSON.parse(text) }
    } catch (cause) {
      throw new ConfabError('registry_unreachable', {
        detail: `CONFAB_SCHEMA_REGISTRY_URL is ${this.#url}: ${reasonOf(cause)}.`,
        fields: { url: this.#url },
        cause,
      })
    }
  }

  #refused(what: string, { status, body }: Answer): ConfabError {
    return new ConfabError('registry_refused', {
      detail: `CONFAB_SCHEMA_REGISTRY_URL is ${this.#url}: ${what} was answered ${status}. ${messageOf(body)}`.trimEnd(),
      fields: { url: this.#url, status },
    })
  }

  #idIn(what: string, answer: Answer): number {
    const { id } = (answer.body ?? {}) as { readonly id?: unknown }
    if (answer.status === 200 && Number.isSafeInteger(id) && Number(id) >= 0 && Number(id) < 2 ** 32) return Number(id)
    throw this.#refused(what, answer)
  }

  /** Every version the subject has there; none where there is no such subject. */
  async #versionsOf(subject: string): Promise<string[]> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions`
    const list = await this.#ask(path)
    if (list.status === 404) return []
    if (list.status !== 200 || !Array.isArray(list.body)) throw this.#refused(`the versions of ${subject}`, list)
    const schemas: string[] = []
    for (const version of list.body as unknown[]) {
      const answer = await this.#ask(`${path}/${String(version)}`)
      const { schema } = (answer.body ?? {}) as { readonly schema?: unknown }
      if (answer.status !== 200 || typeof schema !== 'string') throw this.#refused(`version ${String(version)} of ${subject}`, answer)
      schemas.push(schema)
    }
    return schemas
  }

  /** FULL against every version there, whatever level the registry itself is set to. */
  async #check({ subject, schema }: SchemaVersion): Promise<void> {
    for (const older of await this.#versionsOf(subject)) {
      const faults = canonicalSchema(older) === canonicalSchema(schema) ? [] : incompatibilities(older, schema)
      if (faults.length === 0) continue
      throw new ConfabError('schema_incompatible', { detail: `In the registry at ${this.#url}: ${subject}: ${faults.join(', ')}.` })
    }
  }

  async #register(each: SchemaVersion): Promise<number> {
    const { subject, schema } = each
    const path = `/subjects/${encodeURIComponent(subject)}`
    const body = { schemaType: 'AVRO', schema }
    const found = await this.#ask(path, body)
    if (found.status !== 404) return this.#idIn(`the schema of ${subject}`, found)
    await this.#check(each)
    const made = await this.#ask(`${path}/versions`, body)
    if (made.status !== 409) return this.#idIn(`registering ${subject}`, made)
    throw new ConfabError('schema_incompatible', { detail: `In the registry at ${this.#url}: ${subject}: ${messageOf(made.body)}.` })
  }

  async register(schemas: readonly SchemaVersion[]): Promise<ReadonlyMap<number, number>> {
    const bySubject = Map.groupBy(schemas, ({ subject }) => subject)
    const subjects = [...bySubject.values()].map((versions) => versions.toSorted((a, b) => a.version - b.version))
    const ids = new Map<number, number>()
    const work = async (): Promise<void> => {
      for (let versions = subjects.shift(); versions !== undefined; versions = subjects.shift())
        for (const each of versions) ids.set(each.id, await this.#register(each))
    }
    await Promise.all(Array.from({ length: CONCURRENCY }, work))
    return ids
  }
}

/** Throws `config_invalid` where the password's file cannot be read. */
export const openForeignRegistry = (options: ForeignOptions): ForeignRegistry => new ConfluentRegistry(options)
