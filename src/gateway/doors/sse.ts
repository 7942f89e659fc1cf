// The stream door: server-sent events for curl and simple bots, read-only; who asks was proved as for any request.
// Between a route that has checked the token and the session, which writes at the pace at which the stream is read.

import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { ConfabError } from '#errors'
import { SLOT_CURSOR_LENGTH } from '../cursor.ts'
import type { Authenticated } from '../hub.ts'
import { endOf, parseFrame, type CloseReason } from '../protocol.ts'
import type { Connection } from '../sessions/session.ts'
import type { Guest, Hello, Reception } from './reception.ts'
import { resumeOf, scopeOf, SseText, SseTexts } from './sse-text.ts'

export interface StreamRequest {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Of every answer of this server. */
  readonly headers: OutgoingHttpHeaders
  readonly who: Authenticated
  /** `all`, `account:ID`, ... */
  readonly scope: string
  readonly types?: readonly string[] | undefined
  /** A cursor, an id of a stream, `latest`, `earliest` or a time; without it a snapshot comes first. */
  readonly from?: string | undefined
}

/** The only subscription of a stream. */
const SUBSCRIPTION = 'stream'
/** Milliseconds after which a lost stream is opened again, where nothing else was said. */
const RETRY_MS = 2_000
/** How long a closing stream may take. */
const CLOSE_MS = 2_000

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  // nginx would gather what must go out at once.
  'x-accel-buffering': 'no',
}

const isStart = (from: string): boolean =>
  from === 'latest' || from === 'earliest' || /^\d{4}-/.test(from) || from.length === SLOT_CURSOR_LENGTH

const helloOf = ({ request, scope, types, from }: StreamRequest): Hello => {
  const wanted = scopeOf(scope)
  const last = request.headers['last-event-id']
  // A client that comes back repeats its query: the id says how far it came.
  const place = typeof last === 'string' && last !== '' ? last : from
  const isResume = place !== undefined && !isStart(place)
  const subscription = {
    id: SUBSCRIPTION,
    scope: wanted,
    ...(types === undefined ? {} : { types }),
    ...(place === undefined || isResume ? {} : { from: place }),
  }
  const hello = { frame: 'hello', token: '', ...(isResume ? { resume: resumeOf(place) } : {}), subscriptions: [subscription] }
  const checked = parseFrame(JSON.stringify(hello))
  if (checked?.frame !== 'hello') throw new ConfabError('request_invalid', { detail: 'The scope, the types or the place to begin at.' })
  return checked
}

export class SseDoor {
  readonly #reception: Reception
  readonly #texts = new SseTexts()
  readonly #streams = new Set<ServerResponse>()
  readonly #spoke = new WeakSet<ServerResponse>()
  #timer: NodeJS.Timeout | undefined

  constructor(reception: Reception) {
    this.#reception = reception
  }

  open(asked: StreamRequest): void {
    const { isOpen, mayOpen, mayUse, isFull, admit, welcome } = this.#reception
    const { request, response, who } = asked
    if (!isOpen()) throw new ConfabError('overloaded', { retryAfterSeconds: 2 })
    if (!mayOpen(request) || !mayUse(request, who)) throw new ConfabError('origin_refused')
    if (isFull(who)) throw new ConfabError('sessions_too_many')
    const hello = helloOf(asked)
    const admitted = admit(request)
    if (admitted === undefined) throw new ConfabError('overloaded', { retryAfterSeconds: 2 })
    response.writeHead(200, { ...asked.headers, ...HEADERS })
    response.write(`retry: ${RETRY_MS}\n\n`)
    this.#begin(response)
    const guest: Guest = welcome(who, this.#connectionOf(response, hello), hello)
    admitted()
    response.once('close', () => {
      this.#end(response)
      guest.onClosed()
    })
    // Reset lines: the close says all there is to say.
    response.on('error', () => undefined)
  }

  /** Ends the streams that are left. */
  close(): void {
    for (const response of this.#streams) this.#finish(response, '')
  }

  #connectionOf(response: ServerResponse, { resume, subscriptions }: Hello): Connection {
    const stream = new SseText(this.#texts, resume === undefined && subscriptions?.[0]?.from === undefined)
    return {
      write: (frames, done) => {
        if (response.writableEnded || response.destroyed) return done()
        this.#spoke.add(response)
        response.write(frames.map((frame) => stream.of(frame)).join(''), () => done())
        if (stream.isRefused) this.#finish(response, '')
      },
      close: (_code, reason) => this.#finish(response, stream.end(endOf(reason as CloseReason))),
    }
  }

  #finish(response: ServerResponse, text: string): void {
    if (response.writableEnded) return
    response.end(text)
    const timer = setTimeout(() => response.destroy(), CLOSE_MS)
    response.once('close', () => clearTimeout(timer))
  }

  #begin(response: ServerResponse): void {
    this.#streams.add(response)
    this.#timer ??= setInterval(() => this.#beat(), this.#reception.heartbeatMs).unref()
  }

  #end(response: ServerResponse): void {
    this.#streams.delete(response)
    if (this.#streams.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #beat(): void {
    for (const response of this.#streams) {
      // What is unread keeps a line busy enough.
      const isQuiet = !this.#spoke.delete(response) && response.writableLength === 0
      if (isQuiet && !response.writableEnded) response.write(':\n\n')
    }
  }
}
