// The one guard for every outgoing request: judges URL and every resolved address, connects to what it judged, bounds time and size.
// Between sender, media, backfill and webhooks, and the network; nothing else in the program opens connections.

import { lookup as systemLookup } from 'node:dns/promises'
import { isIP, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { callbackify } from 'node:util'
import type { buildConnector, Dispatcher } from 'undici'
import { ConfabError, hasCode } from '#errors'
import { openAddressRules, type AddressRules } from './http-addresses.ts'
import { failureOf, startWatch } from './http-failure.ts'
import { tunnelConnector } from './http-tunnel.ts'
import { addressRefusal, hostOf, urlRefusal } from './http-url.ts'

export interface OutgoingRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | null
  /** For everything together: name, connection, redirects, the whole answer. */
  readonly timeoutMs: number
  readonly responseBytesMax: number
  /** Goes to a provider: `trustedOrigins` then needs no judging, whatever its address. */
  readonly isToProvider?: boolean
  /** Media alone: hops at most, and which hosts. None by default. */
  readonly redirects?: { readonly max: number; readonly mayVisit: (url: URL) => boolean }
  readonly signal?: AbortSignal
}

export interface OutgoingAnswer {
  readonly status: number
  /** Names in lower case; repeated ones joined by ", ". */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export interface OutgoingStream extends Omit<OutgoingAnswer, 'body'> {
  /** Throws as `request` does when time or size run out. */
  readonly body: AsyncIterable<Uint8Array>
}

/**
 * Both throw ConfabError: `egress_refused` (a rule; nothing left), `request_not_sent` (DNS, connect, TLS, our abort before the first
 * byte), `request_cut_off` (bytes left and no whole answer came; `fields.reason`: timed_out, connection_lost, response_too_large).
 * Nothing is ever repeated.
 */
export interface Outgoing {
  request(request: OutgoingRequest): Promise<OutgoingAnswer>
  stream(request: OutgoingRequest): Promise<OutgoingStream>
  close(): Promise<void>
}

export interface OutgoingOptions {
  /** CIDRs of CONFAB_EGRESS_ALLOW. */
  readonly allow: readonly string[]
  /** Origins of providers as configured, such as CONFAB_TWILIO_API_URL. */
  readonly trustedOrigins: readonly string[]
  /** A CONNECT proxy for all requests, which then resolves and judges names; '' = none. */
  readonly proxyUrl?: string
  /** All addresses of a name. */
  readonly resolve?: (name: string) => Promise<readonly string[]>
  readonly ownAddresses?: () => readonly string[]
  readonly onRefused?: (rule: string) => void
}

const CONNECT_TIMEOUT_MS = 10_000
/** Sockets to one origin at once; what is beyond waits within its own deadline. */
const CONNECTIONS_MAX = 64

const resolveAll = async (name: string): Promise<string[]> => (await systemLookup(name, { all: true })).map(({ address }) => address)

const interfaceAddresses = (): string[] => Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address))

const refused = (rule: string, host: string): ConfabError =>
  new ConfabError('egress_refused', {
    detail: `Rule: ${rule}. The operator may allow addresses in CONFAB_EGRESS_ALLOW.`,
    fields: { rule, host },
  })

type Resolve = (name: string) => Promise<readonly string[]>

/** Every answer of the resolver is judged: one bad address refuses the name. A literal needs no resolver. */
const judgedAddress = async (host: string, protocol: string, rules: AddressRules, resolve: Resolve): Promise<string> => {
  const addresses = isIP(host) === 0 ? await resolve(host) : [host]
  const rule = addresses.map((address) => addressRefusal(address, protocol, rules)).find((found) => found !== undefined)
  if (rule !== undefined) throw refused(rule, host)
  const [address] = addresses
  if (address === undefined) throw new ConfabError('request_not_sent', { detail: 'The name has no address.' })
  return address
}

/** Resolves once; the socket connects to the judged address, and its peer is judged again. */
const judgingConnector = (connector: buildConnector.connector, rules: AddressRules, resolve: Resolve): buildConnector.connector => {
  const connect = async (options: buildConnector.Options): Promise<Socket> => {
    const host = options.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
    const hostname = await judgedAddress(host, options.protocol, rules, resolve)
    // The name stays what TLS asks for and verifies; only the socket goes to the address.
    const servername = options.servername ?? (isIP(host) === 0 ? host : undefined)
    const { promise, resolve: fulfil, reject } = Promise.withResolvers<Socket>()
    connector({ ...options, hostname, ...(servername === undefined ? {} : { servername }) }, (error, socket) =>
      error === null ? fulfil(socket) : reject(error),
    )
    const socket = await promise
    if (socket.remoteAddress !== undefined && addressRefusal(socket.remoteAddress, options.protocol, rules) === undefined) return socket
    socket.destroy()
    throw refused('the peer is another address', host)
  }
  const called = callbackify(connect)
  return (options, callback) =>
    called(options, (error: Error | null, socket) => (error === null ? callback(null, socket) : callback(error, null)))
}

const headersOf = (headers: Dispatcher.ResponseData['headers']): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]))

interface Ways {
  readonly judged: Dispatcher
  readonly direct: Dispatcher
}

class Guard implements Outgoing {
  readonly #options: OutgoingOptions
  readonly #rules: AddressRules
  readonly #trusted: ReadonlySet<string>
  readonly #onRefused: (rule: string) => void
  readonly #hasProxy: boolean
  #ways: Promise<Ways> | undefined

  constructor(options: OutgoingOptions) {
    this.#options = options
    this.#rules = openAddressRules(options.allow, options.ownAddresses ?? interfaceAddresses)
    this.#trusted = new Set(options.trustedOrigins.map((text) => new URL(text).origin))
    this.#onRefused = options.onRefused ?? (() => undefined)
    this.#hasProxy = options.proxyUrl !== undefined && options.proxyUrl !== ''
  }

  /** Loads the client with the first request: a start has none. */
  async #open(): Promise<Ways> {
    const { Agent, buildConnector } = await import('undici')
    const { proxyUrl = '', resolve = resolveAll } = this.#options
    // Gaps between bytes say nothing against a drip: the deadline over all does.
    const shared = { connections: CONNECTIONS_MAX, headersTimeout: 0, bodyTimeout: 0, pipelining: 1 }
    const connector = buildConnector({ timeout: CONNECT_TIMEOUT_MS })
    if (this.#hasProxy) {
      // Where there is a proxy there is no other way out, for providers as little as for anyone.
      const judged = new Agent({ ...shared, connect: tunnelConnector(connector, proxyUrl, CONNECT_TIMEOUT_MS) })
      return { judged, direct: judged }
    }
    return {
      judged: new Agent({ ...shared, connect: judgingConnector(connector, this.#rules, resolve) }),
      direct: new Agent({ ...shared, connect: { timeout: CONNECT_TIMEOUT_MS } }),
    }
  }

  /** The way to a URL. Throws `egress_refused`. */
  async #dispatcherOf(url: URL, isToProvider: boolean): Promise<Dispatcher> {
    const isTrusted = isToProvider && this.#trusted.has(url.origin)
    const rule = isTrusted ? undefined : (urlRefusal(url, this.#rules) ?? this.#proxyRefusal(url))
    if (rule !== undefined) throw refused(rule, hostOf(url))
    this.#ways ??= this.#open()
    const { judged, direct } = await this.#ways
    return isTrusted ? direct : judged
  }

  /** A proxy judges addresses; that bytes leave in clear it cannot judge. */
  #proxyRefusal(url: URL): string | undefined {
    return this.#hasProxy && url.protocol === 'http:' && isIP(hostOf(url)) === 0 ? 'http outside CONFAB_EGRESS_ALLOW' : undefined
  }

  async request(request: OutgoingRequest): Promise<OutgoingAnswer> {
    const { body, ...head } = await this.stream(request)
    const chunks: Uint8Array[] = []
    for await (const chunk of body) chunks.push(chunk)
    return { ...head, body: Buffer.concat(chunks) }
  }

  async stream(request: OutgoingRequest): Promise<OutgoingStream> {
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(), request.timeoutMs).unref()
    const watch = startWatch()
    const signal = request.signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, request.signal])
    try {
      // undici looks at a signal once a request has its socket; an aborted one that gets it later is ended before its first byte.
      const data = await Promise.race([this.#follow(request, signal, watch.wrap), aborted(signal)])
      return {
        status: data.statusCode,
        headers: headersOf(data.headers),
        body: bounded(data.body, request.responseBytesMax, () => clearTimeout(timer), deadline.signal),
      }
    } catch (error) {
      clearTimeout(timer)
      if (hasCode(error, 'egress_refused')) this.#onRefused(String((error as ConfabError).fields['rule']))
      throw failureOf(error, { hasStarted: watch.hasStarted(), isTimedOut: deadline.signal.aborted })
    }
  }

  async #follow(
    request: OutgoingRequest,
    signal: AbortSignal,
    wrap: (dispatcher: Dispatcher) => Dispatcher,
  ): Promise<Dispatcher.ResponseData> {
    let url = URL.parse(request.url)
    let headers = request.headers ?? {}
    for (let hop = 0; ; hop++) {
      if (url === null) throw refused('not a URL', '')
      const dispatcher = wrap(await this.#dispatcherOf(url, request.isToProvider === true))
      const data = await dispatcher.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: request.method,
        headers,
        body: request.body === undefined || request.body === null ? null : Buffer.from(request.body),
        signal,
      })
      const location = data.headers['location']
      const { redirects } = request
      if (
        redirects === undefined ||
        data.statusCode < 301 ||
        data.statusCode > 308 ||
        data.statusCode === 304 ||
        typeof location !== 'string'
      )
        return data
      await data.body.dump({ limit: 16_384, signal })
      const next: URL | null = URL.parse(location, url.href)
      if (hop >= redirects.max) throw refused('too many redirects', hostOf(url))
      if (next === null || !redirects.mayVisit(next))
        throw refused('a redirect to a host that is not the provider', next === null ? '' : hostOf(next))
      // Credentials are for the host they were given for.
      if (next.origin !== url.origin)
        headers = Object.fromEntries(Object.entries(headers).filter(([name]) => !/^(?:authorization|cookie)$/i.test(name)))
      url = next
    }
  }

  async close(): Promise<void> {
    const ways = await this.#ways
    await Promise.all([ways?.judged.destroy(), ways?.direct.destroy()])
  }
}

const aborted = (signal: AbortSignal): Promise<never> => {
  const { promise, reject } = Promise.withResolvers<never>()
  if (signal.aborted) reject(signal.reason)
  else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  return promise
}

/** The body until it ends, or `sizeBytesMax`, or the deadline. */
async function* bounded(
  body: AsyncIterable<Uint8Array> & { destroy(): unknown },
  sizeBytesMax: number,
  done: () => void,
  deadline: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let size = 0
  try {
    for await (const chunk of body) {
      size += chunk.length
      if (size > sizeBytesMax)
        throw new ConfabError('request_cut_off', {
          detail: `The answer is larger than ${sizeBytesMax} bytes.`,
          fields: { reason: 'response_too_large' },
        })
      yield chunk
    }
  } catch (error) {
    throw failureOf(error, { hasStarted: true, isTimedOut: deadline.aborted })
  } finally {
    done()
    body.destroy()
  }
}

/** Opens the guard. Throws `config_invalid` for a CIDR that cannot be read. */
export const openOutgoing = (options: OutgoingOptions): Outgoing => new Guard(options)
