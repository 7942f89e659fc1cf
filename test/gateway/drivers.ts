// The three doors as one: a driver opens a follower over its door, whose frames, place and end look the same for all.

import { request, type ClientRequest } from 'node:http'
import { io, type Socket } from 'socket.io-client'
import type { Scope, ServerFrame } from '#schemas'
import { Recorder } from './recorder.ts'
import { TestSocket } from './socket.ts'

export interface Opening {
  readonly port: number
  readonly token?: string
  readonly scope?: Scope
  readonly from?: string
  /** Where another follower of the driver stood. */
  readonly place?: unknown
  readonly headers?: Record<string, string>
}

/** 1006 = the line was lost, without a word. */
export interface End {
  readonly code: number
  readonly mayReturn: boolean
}

export interface Follower extends Recorder {
  readonly closed: Promise<End>
  readonly place: unknown
  /** Doors that take frames. */
  send?(frame: { frame: string }): void
  leave(): void
}

export interface Driver {
  readonly name: string
  readonly isReadOnly: boolean
  open(opening: Opening): Follower
}

const SUBSCRIPTION = 'all'
const mayReturn = (code: number): boolean => code < 4500 && code !== 1009

const helloOf = ({ token = 'agent', scope = { all: true }, from, place }: Opening): object => ({
  token,
  ...(place === undefined ? {} : { resume: place }),
  subscriptions: [{ id: SUBSCRIPTION, scope, ...(from === undefined ? {} : { from }) }],
})

class WsFollower extends TestSocket {
  constructor(opening: Opening) {
    super(`ws://127.0.0.1:${opening.port}/v1/socket`, opening.headers === undefined ? {} : { headers: opening.headers })
    this.send({ frame: 'hello', ...helloOf(opening) })
  }
}

const wsFollower = (opening: Opening): Follower => {
  const socket = new WsFollower(opening)
  const closed = socket.closed.then(({ code }) => ({ code, mayReturn: mayReturn(code) }))
  return Object.defineProperties(socket as unknown as Follower, {
    closed: { value: closed },
    place: { get: () => socket.resume },
    leave: { value: () => socket.cut() },
  })
}

class SocketIoFollower extends Recorder implements Follower {
  readonly socket: Socket
  readonly closed: Promise<End>
  #last: End | undefined

  constructor(opening: Opening, transports: string[], reconnection = false) {
    super()
    this.socket = io(`http://127.0.0.1:${opening.port}`, {
      path: '/v1/socket.io',
      transports,
      reconnection,
      forceNew: true,
      // Node's own XMLHttpRequest has no agent of ours: a line of its own each.
      auth: helloOf(opening),
      ...(opening.headers === undefined ? {} : { extraHeaders: opening.headers }),
    })
    this.socket.onAny((_name: string, frame: ServerFrame) => {
      if (frame.frame === 'error' && frame.close !== undefined) this.#last = { code: frame.close, mayReturn: frame.mayReturn === true }
      this.note(frame)
    })
    const lost = { code: 1006, mayReturn: true }
    this.closed = new Promise((resolve) => {
      this.socket.on('disconnect', () => resolve(this.#last ?? lost))
      this.socket.on('connect_error', () => resolve(lost))
    })
  }

  get place(): unknown {
    return this.resume
  }

  send({ frame, ...rest }: { frame: string }): void {
    this.socket.emit(frame, rest)
  }

  leave(): void {
    this.socket.disconnect()
  }
}

const textOf = (scope: Scope): string =>
  Object.entries(scope)
    .map(([kind, id]) => (kind === 'all' ? 'all' : `${kind}:${String(id)}`))
    .join('')

const statusEnds: Readonly<Record<number, number>> = { 400: 4500, 401: 4501, 403: 4503, 429: 4505, 503: 4004 }

/** As curl and any EventSource read it: fields up to an empty line; what an `id:` says stands until the next. */
export class SseFollower extends Recorder implements Follower {
  readonly closed: Promise<End>
  readonly comments: string[] = []
  place: string | undefined
  #request: ClientRequest
  #last: End | undefined
  #rest = ''

  constructor({ port, token = 'agent', scope = { all: true }, from, place, headers = {} }: Opening) {
    super()
    const query = new URLSearchParams({ scope: textOf(scope), ...(from === undefined ? {} : { from }) })
    const last = typeof place === 'string' ? { 'last-event-id': place } : {}
    this.place = typeof place === 'string' ? place : undefined
    this.#request = request({
      port,
      host: '127.0.0.1',
      path: `/v1/stream?${query.toString()}`,
      headers: { authorization: `Bearer ${token}`, ...last, ...headers },
      agent: false,
    })
    const lost = { code: 1006, mayReturn: true }
    this.closed = new Promise((resolve) => {
      this.#request.on('error', () => resolve(this.#last ?? lost))
      this.#request.on('response', (response) => {
        const code = statusEnds[response.statusCode ?? 0]
        if (code !== undefined) this.#last = { code, mayReturn: mayReturn(code) }
        response.setEncoding('utf8').on('data', (text: string) => this.#read(text))
        response.on('error', () => undefined)
        response.on('close', () => resolve(this.#last ?? lost))
      })
    })
    this.#request.end()
  }

  #read(text: string): void {
    const messages = (this.#rest + text).split('\n\n')
    this.#rest = messages.pop() ?? ''
    for (const message of messages) this.#message(message)
  }

  #message(message: string): void {
    const fields = new Map<string, string>()
    for (const line of message.split('\n')) {
      const at = line.indexOf(':')
      if (at === 0) this.comments.push(line.slice(1))
      else fields.set(line.slice(0, at), line.slice(at + 2))
    }
    this.place = fields.get('id') ?? this.place
    const [name, data] = [fields.get('event'), fields.get('data')]
    if (name === undefined || data === undefined) return
    const said = JSON.parse(data) as ServerFrame & { close?: number }
    if (name === 'problem' && said.close !== undefined) this.#last = { code: said.close, mayReturn: mayReturn(said.close) }
    this.note((name.includes('.') ? { frame: 'event', event: said } : said) as ServerFrame)
  }

  leave(): void {
    this.#request.destroy()
  }
}

export const drivers: readonly Driver[] = [
  { name: 'ws', isReadOnly: false, open: wsFollower },
  { name: 'socket.io over websocket', isReadOnly: false, open: (opening) => new SocketIoFollower(opening, ['websocket']) },
  { name: 'socket.io over polling', isReadOnly: false, open: (opening) => new SocketIoFollower(opening, ['polling']) },
  { name: 'socket.io with an upgrade', isReadOnly: false, open: (opening) => new SocketIoFollower(opening, ['polling', 'websocket']) },
  { name: 'server-sent events', isReadOnly: true, open: (opening) => new SseFollower(opening) },
]
