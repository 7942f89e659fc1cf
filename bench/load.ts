// A load generator over raw keep-alive sockets: prepared requests in, status and time out, nothing parsed that need not be.
// Cheap on purpose: on two cores what it burns is missing from the server.

import { connect, type Socket } from 'node:net'

export interface LoadOptions {
  readonly host: string
  readonly port: number
  readonly connections: number
  /** The n-th request, or undefined when there is none left. */
  readonly next: (n: number) => Buffer | undefined
  /** Requests a second over all connections; undefined = as fast as answers come. */
  readonly perSecond?: number
  readonly onAnswer?: (n: number, status: number) => void
  readonly onSent?: (n: number) => void
}

export interface LoadResult {
  readonly sent: number
  readonly ok: number
  readonly seconds: number
  /** Milliseconds from write to answer, sorted. */
  readonly latencies: Float64Array
}

const CRLF2 = Buffer.from('\r\n\r\n')

/** Where a whole answer ends in `data`, with its status; undefined while it is incomplete. */
const answerIn = (data: Buffer): { end: number; status: number } | undefined => {
  const headEnd = data.indexOf(CRLF2)
  if (headEnd < 0) return undefined
  const head = data.toString('latin1', 0, headEnd)
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
  const end = headEnd + 4 + length
  return data.length < end ? undefined : { end, status: Number(head.slice(9, 12)) }
}

export const quantile = (sorted: Float64Array, q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0

/** Runs until `next` has nothing more and every answer is in. Open loop when `perSecond` is given: lateness counts as latency. */
export const load = async (options: LoadOptions): Promise<LoadResult> => {
  const latencies: number[] = []
  let issued = 0
  let ok = 0
  const startedAt = performance.now()
  const dueAt = (n: number): number => (options.perSecond === undefined ? performance.now() : startedAt + (n * 1000) / options.perSecond)
  const worker = (): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const socket: Socket = connect({ host: options.host, port: options.port, noDelay: true })
    let pending = Buffer.alloc(0)
    let current = -1
    let sentAt = 0
    const send = (): void => {
      const n = issued++
      const request = options.next(n)
      if (request === undefined) return void socket.end(() => resolve())
      current = n
      const due = dueAt(n)
      const wait = due - performance.now()
      const write = (): void => {
        sentAt = options.perSecond === undefined ? performance.now() : due
        options.onSent?.(n)
        socket.write(request)
      }
      if (wait > 1) setTimeout(write, wait)
      else write()
    }
    socket.on('connect', send)
    socket.on('error', reject)
    socket.on('data', (data) => {
      pending = pending.length === 0 ? data : Buffer.concat([pending, data])
      const answer = answerIn(pending)
      if (answer === undefined) return
      pending = pending.subarray(answer.end)
      latencies.push(performance.now() - sentAt)
      if (answer.status >= 200 && answer.status < 300) ok++
      options.onAnswer?.(current, answer.status)
      send()
    })
    return promise
  }
  await Promise.all(Array.from({ length: options.connections }, worker))
  const seconds = (performance.now() - startedAt) / 1000
  return { sent: latencies.length, ok, seconds, latencies: Float64Array.from(latencies).sort() }
}
