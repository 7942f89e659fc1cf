// The Socket.IO door: the server of socket.io 4 under /v1/socket.io, for its unmodified clients; frames are events of their name.
// Between Node's http server and visits; loaded at the first request for it, since most sites never have one.

import { EventEmitter } from 'node:events'
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Server } from 'socket.io'
import { CLOSE_MS, closeConnection, Packets, type EngineConnection } from './packets.ts'
import type { Reception } from './reception.ts'
import { Visit } from './visit.ts'

const PATH = '/v1/socket.io'
/** Seconds after which who was not let in may ask again. */
const RETRY_AFTER = '2'
/** One agent of several organizations may have a session in each over one connection. */
const NAMESPACE = /^\/organizations\/([\w-]{1,64})$/
/** What engine.io reads before it cuts without a word: up to here a frame over the limit is told so. */
const PACKET_FACTOR = 2

type Loaded = Server & { readonly engine: Engine }
interface Engine extends EventEmitter {
  readonly clients: Readonly<Record<string, EngineConnection>>
  handleRequest(request: IncomingMessage, response: ServerResponse): void
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  close(): void
}

interface Refusal {
  readonly status: 400 | 403 | 503
  readonly text: string
}

export const isSocketIoPath = (url = ''): boolean => {
  const path = url.split('?', 1)[0] ?? ''
  return path === PATH || path === `${PATH}/`
}

export class SocketIoDoor {
  readonly #reception: Reception
  readonly #onError: (error: unknown) => void
  readonly #packets = new Packets()
  /** Ends of handshakes, by the request that began each, until engine.io has a connection for it. */
  readonly #admitted = new WeakMap<IncomingMessage, () => void>()
  /** Sessions or what is to become one, by connection. */
  readonly #visits = new WeakMap<EngineConnection, number>()
  readonly #ends = new WeakMap<EngineConnection, () => void>()
  readonly #sockets = new Set<Duplex>()
  #loading: Promise<Loaded> | undefined
  #server: Loaded | undefined

  constructor(reception: Reception, onError: (error: unknown) => void) {
    this.#reception = reception
    this.#onError = onError
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy())
    const refuse = ({ status, text }: Refusal): void => {
      const retry = status === 503 ? `Retry-After: ${RETRY_AFTER}\r\n` : ''
      socket.end(`HTTP/1.1 ${status} ${text}\r\nConnection: close\r\n${retry}Content-Length: 0\r\n\r\n`)
    }
    const refusal = this.#enter(request, (end) => socket.once('close', end))
    if (refusal !== undefined) return refuse(refusal)
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    this.#pass((engine) => engine.handleUpgrade(request, socket, head), refuse)
  }

  handleRequest(request: IncomingMessage, response: ServerResponse): void {
    const refuse = ({ status, text }: Refusal): void => {
      if (!response.headersSent) response.writeHead(status, status === 503 ? { 'retry-after': RETRY_AFTER } : {})
      response.end(text)
    }
    const refusal = this.#enter(request, (end) => {
      // Where engine.io has made a connection by then, that one ends it.
      response.once('close', () => {
        if (this.#admitted.delete(request)) end()
      })
    })
    if (refusal !== undefined) return refuse(refusal)
    const { origin } = request.headers
    if (origin !== undefined) {
      response.setHeader('access-control-allow-origin', origin)
      response.setHeader('vary', 'origin')
    }
    if (request.method === 'OPTIONS') {
      const allowed = { 'access-control-allow-methods': 'GET, POST', 'access-control-allow-headers': 'content-type' }
      return void response.writeHead(204, allowed).end()
    }
    this.#pass((engine) => engine.handleRequest(request, response), refuse)
  }

  /** Ends what is open, in order where its client reads and cut where not. */
  async close(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    const open = Object.values(server.engine.clients)
    const closed = [...open, ...this.#sockets].map((each) => new Promise<void>((resolve) => each.once('close', () => resolve())))
    for (const connection of open) closeConnection(connection)
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy()
    }, CLOSE_MS)
    await Promise.all(closed)
    clearTimeout(timer)
    server.engine.close()
  }

  /** Whether the request may pass. The first of a connection takes a place among the handshakes. */
  #enter(request: IncomingMessage, onEnd: (end: () => void) => void): Refusal | undefined {
    const { isOpen, mayOpen, admit } = this.#reception
    if (!mayOpen(request)) return { status: 403, text: 'Forbidden' }
    // Who polls has its last words to fetch while the gateway closes.
    if (request.method === 'OPTIONS' || new URLSearchParams(request.url?.split('?', 2)[1]).has('sid')) return undefined
    if (!isOpen()) return { status: 503, text: 'Service Unavailable' }
    const end = admit(request)
    if (end === undefined) return { status: 503, text: 'Service Unavailable' }
    this.#admitted.set(request, end)
    onEnd(end)
    return undefined
  }

  #pass(ask: (engine: Engine) => void, refuse: (refusal: Refusal) => void): void {
    this.#load()
      .then(({ engine }) => {
        try {
          ask(engine)
        } catch {
          refuse({ status: 400, text: 'Bad Request' })
        }
      })
      .catch((error: unknown) => {
        this.#loading = undefined
        this.#onError(error)
        refuse({ status: 503, text: 'Service Unavailable' })
      })
  }

  #load(): Promise<Loaded> {
    return (this.#loading ??= import('socket.io').then(({ Server: Made }) => (this.#server = this.#open(Made))))
  }

  #open(Made: typeof Server): Loaded {
    const { frameBytesMax } = this.#reception
    // Requests are handed to its engine from outside: it is attached to a server that never says anything, which it knows by its `listen`.
    const deaf = Object.assign(new EventEmitter(), { listen: () => undefined })
    const server = new Made(deaf as unknown as HttpServer, {
      path: PATH,
      addTrailingSlash: false,
      serveClient: false,
      transports: ['polling', 'websocket'],
      perMessageDeflate: false,
      httpCompression: false,
      maxHttpBufferSize: frameBytesMax * PACKET_FACTOR,
      cleanupEmptyChildNamespaces: true,
      // No connection state recovery: our cursors hold after any restart, on any node, and for as long as the log does.
    }) as Loaded
    server.engine.on('connection', (connection: EngineConnection) => this.#onConnection(connection))
    const other = server.of((name, _auth, next) => next(null, this.#reception.isOrganization(NAMESPACE.exec(name)?.[1] ?? '')))
    for (const namespace of [server.of('/'), other]) {
      namespace.use((socket, next) => {
        Visit.prove(socket, this.#reception).then(() => next(), next)
      })
      namespace.on('connection', (socket) => {
        const { conn } = socket
        this.#visits.set(conn, (this.#visits.get(conn) ?? 0) + 1)
        const visit = new Visit(socket, {
          reception: this.#reception,
          packets: this.#packets,
          organizationId: NAMESPACE.exec(socket.nsp.name)?.[1],
          onWelcome: () => this.#ends.get(conn)?.(),
        })
        socket.on('disconnect', () => {
          visit.onClosed()
          this.#visits.set(conn, (this.#visits.get(conn) ?? 1) - 1)
          this.#closeUnused(conn)
        })
        visit.begin()
      })
    }
    return server
  }

  #onConnection(connection: EngineConnection): void {
    const end = this.#admitted.get(connection.request)
    this.#admitted.delete(connection.request)
    if (end === undefined) return
    // A visit has a deadline of its own; this is for who never begins one.
    const deadline = setTimeout(() => {
      if (this.#visits.get(connection) === undefined) closeConnection(connection)
    }, this.#reception.helloTimeoutMs)
    const settle = (): void => {
      clearTimeout(deadline)
      end()
    }
    this.#ends.set(connection, settle)
    connection.once('close', settle)
  }

  /** A connection that no session is left on, and whose client begins none, holds a place for nothing. */
  #closeUnused(connection: EngineConnection): void {
    const isUnused = (): boolean => connection.readyState === 'open' && this.#visits.get(connection) === 0
    if (!isUnused()) return
    const timer = setTimeout(() => {
      if (isUnused()) closeConnection(connection)
    }, this.#reception.helloTimeoutMs)
    connection.once('close', () => clearTimeout(timer))
  }
}
