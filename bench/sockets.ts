// WebSocket clients for benchmarks: they read frames out of raw bytes and parse nothing that need not be, and speak ours, bare ws and Socket.IO.
// Between a plain TCP connection and a benchmark; the same client measures all servers, and can be cut, or fall silent with its socket open.

import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

const TEXT = 0x1
const CLOSE = 0x8
const PING = 0x9
const PONG = 0xa
const CRLF2 = Buffer.from('\r\n\r\n')
/** Byte of a frame of ours that tells `{"frame":"event"` from all other kinds: e of ephemeral and error is followed by p and r. */
const KIND_AT = 10
const EVENT = Buffer.from('ev')

export type Dialect = 'confab' | 'ws' | 'socketio'

/** Where a client stood: what a later hello says. */
export interface Place {
  checkpoint?: string
  slots: Record<string, string>
  /** Of Socket.IO: its recovery. */
  pid?: string
  offset?: string
}

export interface ClientOptions {
  readonly port: number
  readonly dialect: Dialect
  /** Ours: its token; others: the room. */
  readonly credential: string
  /** Ours. */
  readonly scope?: object
  readonly from?: string
  /** Several: an address has so many ports, and the server so many handshakes for each. */
  readonly localAddress?: string
  readonly place?: Place
  /** Whether events move the place: costs a look into each. */
  readonly isTracking?: boolean
  /** `bytes` from `start` to `end` are the event; valid in this call alone. */
  readonly onEvent: (bytes: Buffer, start: number, end: number) => void
  /** Subscribed, and caught up. */
  readonly onLive?: () => void
  /** Asked to come back elsewhere. */
  readonly onReconnect?: (afterMs: number) => void
  readonly onClose?: (why: { readonly status: number; readonly code: number }) => void
}

const frameOf = (opcode: number, payload: Buffer): Buffer => {
  const long = payload.length > 65_535
  const head = Buffer.alloc(long ? 14 : payload.length > 125 ? 8 : 6)
  head[0] = 0x80 | opcode
  if (long) {
    head[1] = 0x80 | 127
    head.writeUInt32BE(payload.length, 6)
  } else if (payload.length > 125) {
    head[1] = 0x80 | 126
    head.writeUInt16BE(payload.length, 2)
  } else head[1] = 0x80 | payload.length
  // Masked with zeros, which leaves the bytes as they are.
  return Buffer.concat([head, payload])
}

export class BenchSocket {
  readonly place: Place
  isLive = false
  hasBeenLive = false
  /** The server's word, when it had one: the upgrade's status, the close code. */
  #status = 0
  #code = 1006
  readonly #options: ClientOptions
  readonly #socket: Socket
  #pending: Buffer | undefined
  #isUpgraded = false
  #isSilent = false

  constructor(options: ClientOptions) {
    this.#options = options
    this.place = options.place ?? { slots: {} }
    const { port, localAddress } = options
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true, ...(localAddress === undefined ? {} : { localAddress }) })
    this.#socket.on('connect', () => this.#upgrade())
    this.#socket.on('data', (data) => this.#onData(data))
    this.#socket.on('error', () => undefined)
    this.#socket.on('close', () => {
      this.isLive = false
      if (!this.#isSilent) options.onClose?.({ status: this.#status, code: this.#code })
    })
  }

  /** RST. */
  cut(): void {
    this.#socket.resetAndDestroy()
  }
  /** Reads and says nothing more, its socket stays open; nobody hears of its end. */
  silence(): void {
    this.isLive = false
    this.#isSilent = true
    this.#socket.pause()
  }
  /** Stops and goes on reading. */
  pause(): void {
    this.#socket.pause()
  }
  resume(): void {
    this.#socket.resume()
  }
  close(): void {
    this.#isSilent = true
    this.#socket.destroy()
  }

  #send(text: string, opcode = TEXT): void {
    if (this.#socket.writable) this.#socket.write(frameOf(opcode, Buffer.from(text)))
  }

  #upgrade(): void {
    const { dialect, credential, port } = this.#options
    const path = { confab: '/v1/socket', ws: `/?key=${encodeURIComponent(credential)}`, socketio: '/socket.io/?EIO=4&transport=websocket' }[
      dialect
    ]
    const lines = [
      `GET ${path} HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
      ...(dialect === 'confab' ? ['Sec-WebSocket-Protocol: confab.v1'] : []),
    ]
    this.#socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  }

  #onUpgraded(): void {
    const { dialect, credential, scope = { all: true }, from } = this.#options
    if (dialect === 'ws') return this.#live()
    if (dialect === 'socketio') return
    const { checkpoint, slots } = this.place
    const begin = checkpoint === undefined ? { from: from ?? 'latest' } : {}
    const resume = checkpoint === undefined ? {} : { resume: { checkpoint, slots } }
    this.#send(JSON.stringify({ frame: 'hello', token: credential, ...resume, subscriptions: [{ id: 's', scope, ...begin }] }))
  }

  #live(): void {
    if (this.isLive) return
    this.isLive = this.hasBeenLive = true
    this.#options.onLive?.()
  }

  #onData(data: Buffer): void {
    if (this.#isSilent) return
    let bytes = this.#pending === undefined ? data : Buffer.concat([this.#pending, data])
    this.#pending = undefined
    if (!this.#isUpgraded) {
      const end = bytes.indexOf(CRLF2)
      if (end < 0) return void (this.#pending = bytes)
      this.#status = Number(bytes.toString('latin1', 9, 12))
      if (this.#status !== 101) return void this.#socket.destroy()
      this.#isUpgraded = true
      this.#onUpgraded()
      bytes = bytes.subarray(end + 4)
    }
    let at = 0
    while (bytes.length - at >= 2) {
      const opcode = (bytes[at] ?? 0) & 0x0f
      let length = (bytes[at + 1] ?? 0) & 0x7f
      let head = 2
      if (length === 126) {
        head = 4
        if (bytes.length - at < head) break
        length = bytes.readUInt16BE(at + 2)
      } else if (length === 127) {
        head = 10
        if (bytes.length - at < head) break
        length = bytes.readUInt32BE(at + 6)
      }
      const end = at + head + length
      if (end > bytes.length) break
      this.#onFrame(opcode, bytes, at + head, end)
      at = end
    }
    if (at < bytes.length) this.#pending = at === 0 ? bytes : bytes.subarray(at)
  }

  #onFrame(opcode: number, bytes: Buffer, start: number, end: number): void {
    if (opcode === PING) return this.#send(bytes.toString('latin1', start, end), PONG)
    if (opcode === CLOSE) {
      this.#code = end - start >= 2 ? bytes.readUInt16BE(start) : 1005
      return void this.#socket.end()
    }
    if (opcode !== TEXT) return
    if (this.#options.dialect === 'confab') return this.#onConfab(bytes, start, end)
    if (this.#options.dialect === 'socketio') return this.#onSocketIo(bytes, start, end)
    this.#options.onEvent(bytes, start, end)
  }

  #onConfab(bytes: Buffer, start: number, end: number): void {
    if (bytes[start + KIND_AT] === EVENT[0] && bytes[start + KIND_AT + 1] === EVENT[1]) {
      if (this.#options.isTracking === true) {
        const head = /"cursor":"([^"]+)","slot":(\d+)/.exec(bytes.toString('latin1', start, Math.min(end, start + 160)))
        if (head?.[1] === undefined || head[2] === undefined) throw new Error('an event frame does not begin with cursor and slot')
        this.place.slots[head[2]] = head[1]
      }
      return this.#options.onEvent(bytes, start, end)
    }
    const frame = JSON.parse(bytes.toString('utf8', start, end)) as {
      frame: string
      cursor?: string
      slot?: number
      afterMs?: number
      reason?: string
    }
    if (frame.frame === 'state' && frame.cursor !== undefined) this.place.slots[String(frame.slot)] = frame.cursor
    if (frame.frame === 'welcome' && frame.cursor !== undefined) this.place.checkpoint ??= frame.cursor
    if (frame.frame === 'reconnect') this.#options.onReconnect?.(frame.afterMs ?? 0)
    if (frame.frame === 'resync') throw new Error(`the server lost the place: ${frame.reason ?? ''}`)
    if (frame.frame !== 'checkpoint' || frame.cursor === undefined) return
    this.place.checkpoint = frame.cursor
    this.place.slots = {}
    this.#live()
  }

  #onSocketIo(bytes: Buffer, start: number, end: number): void {
    const [first, second] = [bytes[start], bytes[start + 1]]
    if (first === 0x30) {
      const { pid, offset } = this.place
      return this.#send(`40${JSON.stringify({ key: this.#options.credential, ...(pid === undefined ? {} : { pid, offset }) })}`)
    }
    if (first === 0x32) return this.#send('3')
    if (first !== 0x34) return
    if (second === 0x30) {
      const { pid } = JSON.parse(bytes.toString('utf8', start + 2, end)) as { pid?: string }
      if (pid !== undefined) this.place.pid = pid
      return this.#live()
    }
    if (second !== 0x32) return
    if (this.#options.isTracking === true) {
      const offset = /"([^"]+)"\]$/.exec(bytes.toString('latin1', Math.max(start, end - 40), end))?.[1]
      if (offset !== undefined) this.place.offset = offset
    }
    this.#options.onEvent(bytes, start, end)
  }
}
