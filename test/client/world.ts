// A virtual platform and a scripted server for tests of the client: time moves when a test says so.

import { connect, type AppliedFrame, type ConnectOptions, type LineStatus, type Platform, type SocketLike } from '#client'
import type { EventShape, ServerFrame } from '#schemas'

export class FakeSocket implements SocketLike {
  readyState = 0
  onopen: SocketLike['onopen'] = null
  onmessage: SocketLike['onmessage'] = null
  onclose: SocketLike['onclose'] = null
  onerror: SocketLike['onerror'] = null
  readonly sent: Record<string, unknown>[] = []

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>)
  }
  close(): void {
    this.readyState = 3
  }
  accept(): void {
    this.readyState = 1
    ;(this.onopen as (() => void) | null)?.()
  }
  say(frame: ServerFrame): void {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
  cut(code = 1006, reason = ''): void {
    this.readyState = 3
    this.onclose?.({ code, reason })
  }
  sentOf(frame: string): Record<string, unknown>[] {
    return this.sent.filter((each) => each['frame'] === frame)
  }
}

/** Lets promises that are settled run their course. */
export const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve()
}

export class World {
  now = 1_000_000
  isOnline = true
  randomness = 0.5
  readonly sockets: FakeSocket[] = []
  readonly statuses: LineStatus[] = []
  readonly applied: AppliedFrame[] = []
  #timers: { at: number; call: () => void }[] = []
  #wake: () => void = () => undefined
  #drawn = 0

  readonly platform: Platform = {
    now: () => this.now,
    random: () => this.randomness,
    later: (call, ms) => {
      const timer = { at: this.now + ms, call }
      this.#timers.push(timer)
      return () => void (this.#timers = this.#timers.filter((other) => other !== timer))
    },
    open: () => {
      const socket = new FakeSocket()
      this.sockets.push(socket)
      return socket
    },
    draw: () => `drawn-${++this.#drawn}`,
    isOnline: () => this.isOnline,
    onWake: (call) => {
      this.#wake = call
      return () => undefined
    },
  }

  get socket(): FakeSocket {
    const socket = this.sockets.at(-1)
    if (socket === undefined) throw new Error('no socket was opened')
    return socket
  }

  connect(options: Partial<ConnectOptions> = {}) {
    return connect({
      url: 'ws://test/v1/socket',
      token: () => Promise.resolve('token'),
      subscriptions: [{ id: 'inbox', scope: { all: true } }],
      onFrame: (frame) => this.applied.push(frame),
      onStatus: (status) => this.statuses.push(status),
      platform: this.platform,
      ...options,
    })
  }

  async advance(ms: number): Promise<void> {
    const end = this.now + ms
    for (;;) {
      await settled()
      const next = this.#timers.filter(({ at }) => at <= end).toSorted((one, other) => one.at - other.at)[0]
      if (next === undefined) break
      this.#timers = this.#timers.filter((other) => other !== next)
      this.now = next.at
      next.call()
    }
    this.now = end
    await settled()
  }

  wake(): void {
    this.#wake()
  }

  /** Opens the newest socket and takes it to live with the rows. */
  async welcome(rows: readonly { id: string; seq: number }[] = [], checkpoint = 'checkpoint'): Promise<FakeSocket> {
    await settled()
    const { socket } = this
    socket.accept()
    socket.say({
      frame: 'welcome',
      sessionId: 's',
      principal: { kind: 'agent', id: 'me', role: 'agent', organizationId: 'o' },
      cursor: 'welcome',
      serverTime: new Date(this.now).toISOString(),
    })
    const hello = socket.sentOf('hello')[0]
    if (hello?.['resume'] === undefined) {
      socket.say({ frame: 'subscribed', id: 'inbox', cursor: 'asOf' })
      socket.say({ frame: 'snapshot', id: 'inbox', items: [...rows], asOf: 'asOf' })
    }
    socket.say({ frame: 'checkpoint', cursor: checkpoint })
    return socket
  }
}

export const event = (id: string, seq: number, over: Partial<EventShape> = {}): Extract<ServerFrame, { frame: 'event' }> => ({
  frame: 'event',
  cursor: `cursor-${id}-${seq}`,
  slot: 7,
  event: {
    id: `${id}/${seq}`, type: 'conversation.prioritized', organizationId: 'o', subject: { kind: 'conversation', id }, conversationId: id, seq, contactSeq: null,
    at: '2026-01-01T00:00:00.000Z', by: { kind: 'agent', id: 'me' }, cause: { commandId: 'c' }, data: { after: 'high' }, ...over,
  },
}) // prettier-ignore
