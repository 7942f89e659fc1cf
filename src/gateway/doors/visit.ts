// One Socket.IO socket and its session: the handshake's `auth` or the first event is the hello, later events are frames, acks take answers.
// Between socket.io, which reassembles packets and keeps the line, and the session.

import type { Socket } from 'socket.io'
import { ConfabError } from '#errors'
import type { Authenticated } from '../hub.ts'
import { bytesOf, endOf, parseFrame, type CloseReason } from '../protocol.ts'
import type { Connection } from '../sessions/session.ts'
import { closeConnection, textOf, writePackets, type Packets } from './packets.ts'
import type { Guest, Reception } from './reception.ts'

/** Frames that may come before the session is open. */
const HELD_MAX = 64
/** Answers that a client may wait for. */
const ACKS_MAX = 256

type Ack = (answer?: unknown) => void
/** What the handshake proved: who asks, or why not. */
type Proof = { readonly who: Authenticated } | { readonly refusal: CloseReason }

export interface VisitParts {
  readonly reception: Reception
  readonly packets: Packets
  /** Of the namespace; undefined in `/`. */
  readonly organizationId: string | undefined
  readonly onWelcome: () => void
}

const proofs = new WeakMap<Socket, Proof>()

/** JSON with bytes as base64 text: a packet may carry attachments, a frame is text. */
const jsonOf = (value: object): string =>
  JSON.stringify(value, function (this: Record<string, unknown>, key: string, said: unknown) {
    const plain = this[key]
    return plain instanceof Uint8Array ? Buffer.from(plain).toString('base64') : said
  })

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value)

export class Visit {
  readonly #socket: Socket
  readonly #parts: VisitParts
  readonly #acks = new Map<string, Ack[]>()
  #waiting = 0
  #who: Authenticated | undefined
  #guest: Guest | undefined
  /** Frames that came between hello and welcome; undefined once it was said. */
  #held: string[] | undefined = []
  #isProving = false
  #isOver = false
  #deadline: NodeJS.Timeout | undefined

  /** Before the socket is connected: whose token the handshake brings. Refusals are told once it is. */
  static async prove(socket: Socket, { authenticate }: Pick<Reception, 'authenticate'>): Promise<void> {
    const { token } = socket.handshake.auth as Record<string, unknown>
    if (typeof token === 'string') proofs.set(socket, await proofOf(token, authenticate))
  }

  constructor(socket: Socket, parts: VisitParts) {
    this.#socket = socket
    this.#parts = parts
  }

  begin(): void {
    const socket = this.#socket
    // What cannot be decoded, and an event of this name, which nobody else would catch.
    socket.on('error', () => this.#refuse('badFrame'))
    // No frame goes on to listeners: there are none.
    socket.use(([name, ...rest]) => this.#receive(String(name), rest))
    this.#deadline = setTimeout(() => this.#refuse('silent'), this.#parts.reception.helloTimeoutMs)
    const proof = proofs.get(socket)
    if (proof === undefined) return
    if ('refusal' in proof) return this.#refuse(proof.refusal)
    if (!this.#mayEnter(proof.who)) return
    this.#who = proof.who
    const { token, resume, subscriptions } = socket.handshake.auth as Record<string, unknown>
    // Without these it is the first event that opens: a resume must not find a session that is already ahead of it.
    if (resume !== undefined || subscriptions !== undefined) this.#hello({ frame: 'hello', token, resume, subscriptions })
  }

  onClosed(): void {
    this.#isOver = true
    clearTimeout(this.#deadline)
    this.#guest?.onClosed()
  }

  #receive(name: string, rest: unknown[]): void {
    if (this.#isOver) return
    const ack = typeof rest.at(-1) === 'function' ? (rest.pop() as Ack) : undefined
    const [body = {}] = rest
    if (rest.length > 1 || !isObject(body)) return this.#refuse('badFrame')
    const isOpening = name === 'hello' || name === 'resume'
    const text = jsonOf({ ...body, frame: name })
    if (Buffer.byteLength(text) > this.#parts.reception.frameBytesMax) return this.#refuse('tooLarge')
    if (ack !== undefined && !this.#remember(name, body, ack)) return this.#refuse('limits')
    if (this.#guest === undefined && (isOpening || this.#who === undefined)) return this.#open(name, text)
    if (isOpening) return this.#refuse('badFrame')
    if (this.#guest === undefined) this.#hello({ frame: 'hello', token: '' })
    if (this.#held === undefined) return this.#guest?.receive(text)
    if (this.#held.push(text) > HELD_MAX) this.#refuse('limits')
  }

  /** `hello` with a token of its own, or `resume`, which is a hello by the token of the handshake. */
  #open(name: string, text: string): void {
    const hello = { token: '', ...(JSON.parse(text) as object), frame: 'hello' }
    const { token } = hello
    if (this.#isProving || (name !== 'hello' && name !== 'resume')) return this.#refuse('badFrame')
    if (this.#who !== undefined && token === '') return this.#hello(hello)
    if (typeof token !== 'string' || token === '') return this.#refuse('badFrame')
    this.#isProving = true
    proofOf(token, this.#parts.reception.authenticate)
      .then((proof) => {
        this.#isProving = false
        if (this.#isOver) return
        if ('refusal' in proof) return this.#refuse(proof.refusal)
        if (!this.#mayEnter(proof.who)) return
        this.#who = proof.who
        this.#hello(hello)
      })
      .catch(() => this.#refuse('overloaded'))
  }

  #mayEnter(who: Authenticated): boolean {
    const { reception, organizationId } = this.#parts
    const isForeign = organizationId !== undefined && who.grants.organizationId !== organizationId
    if (isForeign) this.#refuse('tokenRefused')
    else if (!reception.mayUse(this.#socket.request, who)) this.#refuse('origin')
    else if (reception.isFull(who)) this.#refuse('limits')
    else return true
    return false
  }

  #hello(said: object): void {
    const hello = parseFrame(JSON.stringify(said))
    if (hello?.frame !== 'hello' || this.#who === undefined) return this.#refuse('badFrame')
    const { reception, onWelcome } = this.#parts
    // Others may have come in since the handshake.
    if (reception.isFull(this.#who)) return this.#refuse('limits')
    clearTimeout(this.#deadline)
    this.#guest = reception.welcome(this.#who, this.#connection(), hello)
    onWelcome()
  }

  #connection(): Connection {
    return {
      write: (frames, done) => this.#write(frames, done),
      close: (_code, reason) => this.#end(reason as CloseReason),
    }
  }

  /** Answers that someone waits for go to their ack alone, in their place among the frames. */
  #write(frames: readonly Buffer[], done: () => void): void {
    const { conn, nsp } = this.#socket
    if (this.#isOver || conn.readyState !== 'open') return done()
    let packets: ReturnType<Packets['of']>[] = []
    for (const frame of frames) {
      const packet = this.#parts.packets.of(frame)
      const ack = this.#waiting > 0 ? this.#ackFor(packet.name, frame) : undefined
      if (ack === undefined) packets.push(packet)
      else {
        if (packets.length > 0) writePackets(conn, nsp.name, packets)
        packets = []
        ack(JSON.parse(textOf(frame)))
      }
      if (packet.name === 'welcome') this.#onWelcomed()
    }
    if (packets.length > 0) writePackets(conn, nsp.name, packets, done)
    else done()
  }

  #onWelcomed(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const text of held) this.#guest?.receive(text)
  }

  /** False where too many wait. */
  #remember(name: string, body: object, ack: Ack): boolean {
    const { id } = body as { id?: unknown }
    const key = keyOfAsked(name, String(id))
    if (key === undefined) {
      // Nothing is answered to these: the ack says that they have come.
      ack()
      return true
    }
    if (this.#waiting >= ACKS_MAX) return false
    this.#waiting++
    this.#acks.set(key, [...(this.#acks.get(key) ?? []), ack])
    return true
  }

  #ackFor(name: string, frame: Buffer): Ack | undefined {
    if (!answers.has(name)) return undefined
    const { id } = JSON.parse(textOf(frame)) as { id?: string }
    const key = name === 'result' || name === 'pong' || name === 'welcome' ? keyOfAnswer(name, id) : `subscribed/${id}`
    const waiting = this.#acks.get(key)
    const ack = waiting?.shift()
    if (ack === undefined) return undefined
    if (waiting?.length === 0) this.#acks.delete(key)
    this.#waiting--
    return ack
  }

  #refuse(reason: CloseReason): void {
    this.#guest?.onClosed()
    this.#end(reason)
  }

  /**
   * Says why, and leaves. Who may come back is cut: its client comes back by itself, as after a lost line.
   * Who may not is disconnected by the server, after which socket.io's client stays away.
   */
  #end(reason: CloseReason): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#deadline)
    const socket = this.#socket
    const { conn } = socket
    const last = endOf(reason)
    if (conn.readyState === 'open') writePackets(conn, socket.nsp.name, [this.#parts.packets.of(bytesOf(last))])
    if (last.mayReturn === false) return void socket.disconnect()
    closeConnection(conn)
  }
}

const answers = new Set(['result', 'subscribed', 'error', 'pong', 'welcome'])

const keyOfAnswer = (name: 'result' | 'pong' | 'welcome', id = ''): string => (name === 'result' ? `result/${id}` : name)

const keyOfAsked = (name: string, id: string): string | undefined => {
  if (name === 'command') return `result/${id}`
  if (name === 'subscribe') return `subscribed/${id}`
  if (name === 'ping') return 'pong'
  return name === 'hello' || name === 'resume' ? 'welcome' : undefined
}

const proofOf = async (token: string, authenticate: Reception['authenticate']): Promise<Proof> => {
  try {
    return { who: await authenticate(token) }
  } catch (error) {
    return { refusal: error instanceof ConfabError && !error.isRetryable ? 'tokenRefused' : 'overloaded' }
  }
}
