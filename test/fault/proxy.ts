// A TCP proxy that hurts: cuts by reset or in order, blackholes that leave both ends open, throttles, delays, and a cut after so many bytes.
// Between clients and a server that know nothing of it; each connection is a line that faults are done to.

import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** How often a throttled direction is let read: the rate is kept over this. */
const SLICE_MS = 50

/** One direction of a line: what is read at one end is written to the other, at a pace, late, or never. */
class Pipe {
  readonly #from: Socket
  readonly #to: Socket
  #bytesPerSecond = Number.POSITIVE_INFINITY
  #delayMs = 0
  #isMute = false
  #budget = Number.POSITIVE_INFINITY
  #onSpent: () => void = () => undefined
  #timer: NodeJS.Timeout | undefined

  constructor(from: Socket, to: Socket) {
    this.#from = from
    this.#to = to
    from.on('data', (data) => this.#onData(data))
    to.on('drain', () => this.#resume())
    from.on('close', () => clearTimeout(this.#timer))
  }

  mute(): void {
    this.#isMute = true
    this.#from.pause()
  }

  throttle(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond
  }

  delay(ms: number): void {
    this.#delayMs = ms
  }

  /** Calls back once so many more bytes have passed; the rest is lost. */
  limit(bytes: number, onSpent: () => void): void {
    this.#budget = bytes
    this.#onSpent = onSpent
  }

  #resume(): void {
    if (!this.#isMute && this.#timer === undefined) this.#from.resume()
  }

  #onData(data: Buffer): void {
    if (this.#isMute) return
    const passed = data.length > this.#budget ? data.subarray(0, this.#budget) : data
    this.#budget -= passed.length
    if (this.#delayMs > 0) setTimeout(() => this.#write(passed), this.#delayMs)
    else this.#write(passed)
    if (passed.length < data.length || this.#budget === 0) return this.#onSpent()
    if (this.#bytesPerSecond === Number.POSITIVE_INFINITY) return
    this.#from.pause()
    const waitMs = Math.max(SLICE_MS, (data.length * 1_000) / this.#bytesPerSecond)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#resume()
    }, waitMs)
  }

  #write(data: Buffer): void {
    if (this.#to.writable && !this.#to.write(data)) this.#from.pause()
  }
}

/** One proxied connection. */
export class Line {
  readonly #near: Socket
  readonly #far: Socket
  readonly #pipes: readonly [Pipe, Pipe]
  #isHurt = false

  constructor(near: Socket, far: Socket) {
    this.#near = near
    this.#far = far
    this.#pipes = [new Pipe(near, far), new Pipe(far, near)]
  }

  /** Whether a fault has been done to it that it does not get over. */
  get isHurt(): boolean {
    return this.#isHurt
  }

  /** RST to both ends. */
  cut(): void {
    this.#isHurt = true
    this.#near.resetAndDestroy()
    this.#far.resetAndDestroy()
  }

  /** RST once so many bytes more have come from the server: mid-frame, most of the time. */
  cutAfter(bytes: number): void {
    this.#isHurt = true
    this.#pipes[1].limit(bytes, () => this.cut())
  }

  /** FIN to both ends. */
  drop(): void {
    this.#isHurt = true
    this.#near.end()
    this.#far.end()
  }

  /** Half-open: neither end hears of the other again, and nobody says so. */
  blackhole(): void {
    this.#isHurt = true
    for (const pipe of this.#pipes) pipe.mute()
  }

  /** From the server, about. */
  throttle(bytesPerSecond: number): void {
    this.#pipes[1].throttle(bytesPerSecond)
  }

  /** Both ways. */
  delay(ms: number): void {
    for (const pipe of this.#pipes) pipe.delay(ms)
  }
}

export class FaultProxy {
  readonly #server: Server
  readonly #lines = new Set<Line>()

  constructor(server: Server) {
    this.#server = server
  }

  /** Listens on a port of its own; `target` is asked at each connection: behind it servers may change places. */
  static async open(target: () => number): Promise<FaultProxy> {
    const server = createServer({ noDelay: true })
    const proxy = new FaultProxy(server)
    server.on('connection', (near) => proxy.#join(near, connect({ port: target(), host: '127.0.0.1', noDelay: true })))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Open lines, oldest first. */
  get lines(): readonly Line[] {
    return [...this.#lines]
  }

  async close(): Promise<void> {
    for (const line of this.#lines) line.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #join(near: Socket, far: Socket): void {
    const line = new Line(near, far)
    this.#lines.add(line)
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.on('error', () => socket.destroy())
      socket.on('close', (hadError) => {
        this.#lines.delete(line)
        // What had been read is still written out where the end was in order.
        if (hadError) other.destroy()
        else other.end()
      })
    }
  }
}
