// Lanes of webhooks: each lane sends its own in order over one connection, again after a cut or a 5xx until a 2xx came.
// For kill tests: what a lane got a 2xx for is what the server has promised.

import { connect, type Socket } from 'node:net'

export interface LanesOptions {
  readonly port: () => number
  /** lane → its requests in order. */
  readonly lanes: readonly (readonly Buffer[])[]
  /** Called once a request, at its first 2xx. */
  readonly onAccepted: (lane: number, index: number) => void
  /** Resolves when a connection is worth trying again. */
  readonly whenUp: () => Promise<void>
  /** A server that stands still never answers: after so long the request goes to another. */
  readonly answerMs?: number
}

export interface LanesResult {
  readonly accepted: number
  readonly attempts: number
  /** Answers that were neither 2xx nor 503. */
  readonly odd: readonly number[]
}

/** Longer than any answer of a server that runs. */
const ANSWER_MS = 60_000

/** One request over an open socket. Rejects when the connection ends before a whole answer. */
const exchange = (socket: Socket, request: Buffer, answerMs: number): Promise<number> =>
  new Promise((resolve, reject) => {
    let text = ''
    const timer = setTimeout(() => done(() => reject(new Error('no answer'))), answerMs)
    const done = (act: () => void): void => {
      clearTimeout(timer)
      socket.off('data', onData).off('error', onEnd).off('close', onEnd)
      act()
    }
    const onEnd = (): void => done(() => reject(new Error('cut')))
    const onData = (data: Buffer): void => {
      text += data.toString('latin1')
      const head = text.indexOf('\r\n\r\n')
      if (head < 0) return
      const length = Number(/content-length: (\d+)/i.exec(text.slice(0, head))?.[1] ?? 0)
      if (text.length >= head + 4 + length) done(() => resolve(Number(text.slice(9, 12))))
    }
    socket.on('data', onData).on('error', onEnd).on('close', onEnd)
    socket.write(request)
  })

const dial = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    socket.once('connect', () => {
      socket.off('error', reject)
      socket.on('error', () => undefined)
      resolve(socket)
    })
    socket.once('error', reject)
  })

/** Runs every lane to its end. */
export const runLanes = async (options: LanesOptions): Promise<LanesResult> => {
  let accepted = 0
  let attempts = 0
  const odd: number[] = []
  const lane = async (requests: readonly Buffer[], number: number): Promise<void> => {
    let socket: Socket | undefined
    for (const [index, request] of requests.entries()) {
      for (;;) {
        try {
          socket ??= await dial(options.port())
          attempts++
          const status = await exchange(socket, request, options.answerMs ?? ANSWER_MS)
          if (status >= 200 && status < 300) break
          if (status === 503) await options.whenUp()
          else odd.push(status)
        } catch {
          socket?.destroy()
          socket = undefined
          await options.whenUp()
        }
      }
      accepted++
      options.onAccepted(number, index)
    }
    socket?.destroy()
  }
  await Promise.all(options.lanes.map(lane))
  return { accepted, attempts, odd }
}
