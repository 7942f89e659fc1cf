// A TCP proxy that loses lines: cuts at once, or after so many bytes, or swallows everything in silence.

import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

export class FaultProxy {
  readonly #server: Server
  readonly #lines = new Set<Socket>()
  /** The server's ends. */
  readonly #far = new Set<Socket>()
  #isHeld = false
  /** Bytes from the server after which a new line is cut; undefined = never. */
  cutAfterBytes: number | undefined
  cuts = 0

  constructor(server: Server) {
    this.#server = server
  }

  static async open(target: number): Promise<FaultProxy> {
    const server = createServer()
    const proxy = new FaultProxy(server)
    server.on('connection', (near) => {
      const far = connect(target, '127.0.0.1')
      proxy.#far.add(far)
      far.on('close', () => proxy.#far.delete(far))
      if (proxy.#isHeld) far.pause()
      let bytes = 0
      const limit = proxy.cutAfterBytes
      for (const socket of [near, far]) {
        proxy.#lines.add(socket)
        socket.on('error', () => socket.destroy())
        socket.on('close', () => {
          proxy.#lines.delete(socket)
          near.destroy()
          far.destroy()
        })
      }
      near.on('data', (data) => far.write(data))
      far.on('data', (data) => {
        bytes += data.length
        if (limit === undefined || bytes <= limit) return void near.write(data)
        proxy.cuts++
        near.write(data.subarray(0, Math.max(0, data.length - (bytes - limit))), () => near.resetAndDestroy())
        far.destroy()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Reads nothing more from the server, as a client that stands still; and goes on. */
  hold(): void {
    this.#isHeld = true
    for (const far of this.#far) far.pause()
  }
  release(): void {
    this.#isHeld = false
    for (const far of this.#far) far.resume()
  }

  cut(): void {
    for (const line of this.#lines) line.resetAndDestroy()
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
