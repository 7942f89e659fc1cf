// The WebSocket door: `ws` takes the upgrade, reads frames and closes; sessions and their protocol are the gateway's.
// Between Node's http server and the gateway; no compression, a bound on what comes in, the origin checked at the door.

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { ConfabError } from '#errors'
import { closeCodes, parseFrame, SUBPROTOCOL, type CloseReason } from '../protocol.ts'
import type { Connection } from '../sessions/session.ts'
import { writeFrames } from './frames.ts'
import type { Guest, Reception } from './reception.ts'

const PATH = '/v1/socket'
/** How long a closing socket may take. */
const CLOSE_MS = 2_000

/** Seconds after which who was not let in may ask again. */
const RETRY_AFTER = 'Retry-After: 2\r\n'

const refuseUpgrade = (socket: Duplex, status: string, headers = ''): void => {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n${headers}Content-Length: 0\r\n\r\n`)
}

const connectionOf = (webSocket: WebSocket): Connection => ({
  write: (frames, done) => writeFrames(webSocket, frames, done),
  close: (code, reason) => webSocket.close(code, reason),
})

export class WsDoor {
  readonly #reception: Reception
  readonly #server: WebSocketServer

  constructor(reception: Reception) {
    this.#reception = reception
    this.#server = new WebSocketServer({
      noServer: true,
      // Its set of sockets is what `close` goes through.
      clientTracking: true,
      perMessageDeflate: false,
      maxPayload: reception.frameBytesMax,
      handleProtocols: (protocols) => (protocols.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    })
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy())
    if (request.url?.split('?', 1)[0] !== PATH) return refuseUpgrade(socket, '404 Not Found')
    if (!this.#reception.isOpen()) return refuseUpgrade(socket, '503 Service Unavailable', RETRY_AFTER)
    if (!this.#reception.mayOpen(request)) return refuseUpgrade(socket, '403 Forbidden')
    const admitted = this.#reception.admit(request)
    if (admitted === undefined) return refuseUpgrade(socket, '503 Service Unavailable', RETRY_AFTER)
    socket.once('close', admitted)
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#open(webSocket, request, admitted))
  }

  /** Waits for sockets that are closing; who does not answer, or never said hello, is cut. */
  async close(): Promise<void> {
    const open = [...this.#server.clients]
    const closed = open.map((webSocket) => new Promise<void>((resolve) => webSocket.once('close', () => resolve())))
    for (const webSocket of open) if (webSocket.readyState === webSocket.OPEN) webSocket.close(closeCodes.drain, 'drain')
    const timer = setTimeout(() => {
      for (const webSocket of open) webSocket.terminate()
    }, CLOSE_MS)
    await Promise.all(closed)
    clearTimeout(timer)
    this.#server.close()
  }

  #open(webSocket: WebSocket, request: IncomingMessage, admitted: () => void): void {
    let guest: Guest | undefined
    let isWaiting = false
    const end = (reason: CloseReason): void => webSocket.close(closeCodes[reason], reason)
    const deadline = setTimeout(() => end('silent'), this.#reception.helloTimeoutMs)
    webSocket.on('error', () => webSocket.terminate())
    webSocket.on('close', () => {
      clearTimeout(deadline)
      guest?.onClosed()
    })
    // A client that speaks another subprotocol only, and would not understand a word.
    if (request.headers['sec-websocket-protocol'] !== undefined && webSocket.protocol === '') return end('version')
    webSocket.on('message', (data, isBinary) => {
      if (isBinary) return end('badFrame')
      // `ws` hands text over as one Buffer.
      const text = (data as Buffer).toString()
      if (guest !== undefined) return guest.receive(text)
      const hello = parseFrame(text)
      if (isWaiting || hello?.frame !== 'hello') return end('badFrame')
      isWaiting = true
      this.#reception
        .authenticate(hello.token)
        .then((who) => {
          clearTimeout(deadline)
          if (webSocket.readyState !== webSocket.OPEN) return
          if (!this.#reception.mayUse(request, who)) return end('origin')
          if (this.#reception.isFull(who)) return end('limits')
          guest = this.#reception.welcome(who, connectionOf(webSocket), hello)
          admitted()
        })
        .catch((error: unknown) => end(error instanceof ConfabError && !error.isRetryable ? 'tokenRefused' : 'overloaded'))
    })
  }
}
