// A socket client that follows everything across cuts and restarts, and keeps what it applied: the judge of G5.
// Speaks the protocol by hand, so that a fault of the client library cannot hide one of the server.

import WebSocket from 'ws'
import type { ServerFrame } from '#schemas'

export interface Follower {
  /** seqs of a conversation in the order they were applied. */
  applied(conversationId: string): number[]
  /** message.received events applied. */
  received(): number
  /** Duplicates, gaps and resyncs, in words. */
  faults(): string[]
  close(): Promise<void>
}

/** Milliseconds without any frame or ping after which the line is taken for dead. */
const MUTE_MS = 20_000
const HANDSHAKE_MS = 5_000

type EventFrame = Extract<ServerFrame, { frame: 'event' }>

/** Applies events and advances the cursor in one synchronous step; reconnects with resume until closed. */
export const followLog = async (url: string | (() => string), token: () => Promise<string>): Promise<Follower> => {
  const applied = new Map<string, number[]>()
  const faults: string[] = []
  let received = 0
  let checkpoint: string | undefined
  let slots: Record<string, string> = {}
  let socket: WebSocket | undefined
  let isClosed = false
  let heardAt = performance.now()
  const started = Promise.withResolvers<void>()

  const apply = ({ event, slot, cursor }: EventFrame): void => {
    slots[String(slot)] = cursor
    if (event.subject.kind !== 'conversation') return
    const seqs = applied.get(event.subject.id) ?? []
    applied.set(event.subject.id, seqs)
    const last = seqs.at(-1) ?? 0
    if (event.seq !== last + 1) faults.push(`${event.subject.id}: ${event.seq} after ${last}`)
    seqs.push(event.seq)
    if (event.type === 'message.received') received++
  }

  const onFrame = (frame: ServerFrame): void => {
    if (frame.frame === 'event') return apply(frame)
    if (frame.frame === 'state') slots[String(frame.slot)] = frame.cursor
    if (frame.frame === 'checkpoint') {
      checkpoint = frame.cursor
      slots = {}
    }
    if (frame.frame === 'welcome' && checkpoint === undefined) checkpoint = frame.cursor
    if (frame.frame === 'resync') faults.push(`resync: ${frame.reason}`)
    if (frame.frame === 'error') faults.push(`error: ${frame.code} ${frame.detail ?? ''}`)
    if (frame.frame === 'subscribed') started.resolve()
  }

  const dial = async (): Promise<void> => {
    if (isClosed) return
    const text = await token()
    const base = typeof url === 'string' ? url : url()
    const opened = new WebSocket(`${base.replace(/^http/, 'ws')}/v1/socket`, 'confab.v1', { handshakeTimeout: HANDSHAKE_MS })
    socket = opened
    const subscriptions = [{ id: 'all', scope: { all: true }, ...(checkpoint === undefined ? { from: 'latest' } : {}) }]
    opened.on('open', () =>
      opened.send(
        JSON.stringify({
          frame: 'hello',
          token: text,
          subscriptions,
          ...(checkpoint === undefined ? {} : { resume: { checkpoint, slots } }),
        }),
      ),
    )
    heardAt = performance.now()
    opened.on('ping', () => (heardAt = performance.now()))
    opened.on('message', (data: Buffer) => {
      heardAt = performance.now()
      onFrame(JSON.parse(data.toString('utf8')) as ServerFrame)
    })
    opened.on('error', () => undefined)
    opened.on('close', () => void setTimeout(() => void dial().catch(onLost), 20))
  }
  /** Nobody answers at all: later again. */
  const onLost = (): void => void setTimeout(() => void dial().catch(onLost), 100)
  /** A line that is mute is given up, as a real client does: the server's frames never stay away so long. */
  const vigil = setInterval(() => {
    if (socket?.readyState === WebSocket.OPEN && performance.now() - heardAt > MUTE_MS) socket.terminate()
  }, 500)
  await dial()
  await started.promise
  return {
    applied: (id) => applied.get(id) ?? [],
    received: () => received,
    faults: () => faults,
    async close() {
      isClosed = true
      clearInterval(vigil)
      socket?.terminate()
      await Promise.resolve()
    },
  }
}
