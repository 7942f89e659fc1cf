// HTTP for clients: bearer or cookie, an idempotency key with every write, problems as values, places in the log handed on.
// Between callers and `/v1`; never throws for what the server answers.

import type { Problem } from '#schemas'

export interface ApiOptions {
  /** Where the server is; "" = the page's own. */
  readonly url?: string
  /** A bearer token; without one the page's cookie speaks. */
  readonly token?: () => Promise<string>
  /** What proves to the server that a page of its own asks. */
  readonly csrf?: () => string
  readonly draw?: () => string
  readonly fetch?: typeof fetch
}

export interface RequestOptions {
  /** POST where there is a body, else GET. */
  readonly method?: string
  readonly body?: unknown
  /** The idempotency key; drawn for writes that bring none. Give your own to repeat a write safely. */
  readonly key?: string
  /** A read that has seen at least this place: a write's `position`. */
  readonly minPosition?: string
  /** `If-Match`. */
  readonly rev?: number
  readonly signal?: AbortSignal
}

export type Answer<T> =
  | { readonly ok: T; readonly position: string | null; readonly problem?: undefined }
  | { readonly problem: Problem; readonly ok?: undefined }

export type Api = <T>(path: string, options?: RequestOptions) => Promise<Answer<T>>

const unreachable: Problem = { type: 'urn:confab:problem:offline', title: 'The server cannot be reached.', status: 0, code: 'offline' }

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** What is no problem document, such as a proxy's page, becomes one. */
const problemIn = (value: unknown, status: number): Problem => {
  const given = typeof value === 'object' && value !== null ? (value as Partial<Problem>) : {}
  return {
    ...given,
    type: given.type ?? 'about:blank',
    title: given.title ?? `The server answered ${status}.`,
    status,
    code: given.code ?? 'internal',
  }
}

const headersOf = async (options: ApiOptions, request: RequestOptions, isWrite: boolean): Promise<Record<string, string>> => {
  const draw = options.draw ?? (() => globalThis.crypto.randomUUID())
  return {
    accept: 'application/json',
    ...(options.token === undefined ? {} : { authorization: `Bearer ${await options.token()}` }),
    ...(isWrite && options.csrf !== undefined ? { 'x-confab-csrf': options.csrf() } : {}),
    ...(isWrite ? { 'idempotency-key': request.key ?? draw() } : {}),
    ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(request.minPosition === undefined ? {} : { 'confab-min-position': request.minPosition }),
    ...(request.rev === undefined ? {} : { 'if-match': `"${request.rev}"` }),
  }
}

/** Opens the API of a server. */
export const openApi =
  (options: ApiOptions = {}): Api =>
  async <T>(path: string, request: RequestOptions = {}): Promise<Answer<T>> => {
    const method = request.method ?? (request.body === undefined ? 'GET' : 'POST')
    try {
      const response = await (options.fetch ?? fetch)(`${options.url ?? ''}${path}`, {
        method,
        credentials: 'same-origin',
        headers: await headersOf(options, request, method !== 'GET'),
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      })
      const value = jsonOf(await response.text())
      return response.ok
        ? { ok: value as T, position: response.headers.get('confab-position') }
        : { problem: problemIn(value, response.status) }
    } catch {
      return { problem: unreachable }
    }
  }
