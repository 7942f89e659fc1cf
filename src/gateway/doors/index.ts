// The doors of the gateway by path: the socket, Socket.IO and the stream of server-sent events, all with one reception.
// Between Node's http server, or whoever routes for it, and the sessions behind the reception.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Reception } from './reception.ts'
import { isSocketIoPath, SocketIoDoor } from './socketio.ts'
import { SseDoor, type StreamRequest } from './sse.ts'
import { WsDoor } from './ws.ts'

export class Doors {
  readonly #ws: WsDoor
  readonly #socketIo: SocketIoDoor
  readonly #sse: SseDoor

  constructor(reception: Reception, onError: (error: unknown) => void) {
    this.#ws = new WsDoor(reception)
    this.#socketIo = new SocketIoDoor(reception, onError)
    this.#sse = new SseDoor(reception)
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (isSocketIoPath(request.url)) this.#socketIo.handleUpgrade(request, socket, head)
    else this.#ws.handleUpgrade(request, socket, head)
  }

  /** A request of Socket.IO's polling. */
  handleRequest(request: IncomingMessage, response: ServerResponse): void {
    this.#socketIo.handleRequest(request, response)
  }

  /** Server-sent events. Throws before anything is answered. */
  stream(asked: StreamRequest): void {
    this.#sse.open(asked)
  }

  async close(): Promise<void> {
    this.#sse.close()
    await Promise.all([this.#ws.close(), this.#socketIo.close()])
  }
}
