// Connections through a CONNECT proxy (RFC 9110 §9.3.6), where the operator lets nothing out but by one.
// Between the guard's agent, which asks for a socket, and the proxy, which resolves and judges names in its place.

import { request as requestClear } from 'node:http'
import { request as requestSecure } from 'node:https'
import { isIP, type Socket } from 'node:net'
import { callbackify } from 'node:util'
import type { buildConnector } from 'undici'
import { ConfabError } from '#errors'

const refused = (detail: string, cause?: unknown): ConfabError =>
  new ConfabError('request_not_sent', { detail: `The egress proxy: ${detail}.`, cause })

/** A socket to `authority` (host:port) behind the proxy. Throws `request_not_sent`. */
const openTunnel = (proxy: URL, authority: string, timeoutMs: number): Promise<Socket> => {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const request = (proxy.protocol === 'https:' ? requestSecure : requestClear)({
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port === '' ? (proxy.protocol === 'https:' ? 443 : 80) : proxy.port,
    method: 'CONNECT',
    path: authority,
    headers: { host: authority },
    agent: false,
    timeout: timeoutMs,
  })
  request.once('connect', ({ statusCode }, socket: Socket, head) => {
    socket.setTimeout(0)
    if (statusCode === 200 && head.length === 0) return resolve(socket)
    socket.destroy()
    reject(refused(`status ${statusCode ?? 'none'}`))
  })
  // An answer with a body of its own, as of a server that knows no CONNECT.
  request.once('response', ({ statusCode }) => {
    request.destroy()
    reject(refused(`status ${statusCode ?? 'none'}`))
  })
  request.once('timeout', () => request.destroy(new Error('timed out')))
  request.once('error', (error) => reject(refused('no tunnel', error)))
  request.end()
  return promise
}

/**
 * undici's own ProxyAgent dials on and on when a proxy breaks off a CONNECT, whatever the deadline: a tunnel that fails here fails its request.
 */
export const tunnelConnector = (secure: buildConnector.connector, proxyUrl: string, timeoutMs: number): buildConnector.connector => {
  const proxy = new URL(proxyUrl)
  const connect = async (options: buildConnector.Options): Promise<Socket> => {
    const host = options.hostname.replace(/^\[|\]$/g, '')
    const port = options.port === '' ? (options.protocol === 'https:' ? '443' : '80') : options.port
    const tunnel = await openTunnel(proxy, `${isIP(host) === 6 ? `[${host}]` : host}:${port}`, timeoutMs)
    if (options.protocol !== 'https:') return tunnel
    const servername = options.servername ?? (isIP(host) === 0 ? host : undefined)
    const { promise, resolve, reject } = Promise.withResolvers<Socket>()
    secure({ ...options, httpSocket: tunnel, ...(servername === undefined ? {} : { servername }) }, (error, socket) =>
      error === null ? resolve(socket) : reject(error),
    )
    return promise
  }
  const called = callbackify(connect)
  return (options, callback) =>
    called(options, (error: Error | null, socket) => (error === null ? callback(null, socket) : callback(error, null)))
}
