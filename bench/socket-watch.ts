// A subscribed socket that counts what is pushed: every message.received once, with the time it came. A process of its own would
// compete for the same two cores, so it shares the generator's and looks at bytes before it parses anything.

import WebSocket from 'ws'

export interface Watch {
  /** Provider message id → performance.now() of its first event frame. */
  readonly seen: Map<string, number>
  duplicates(): number
  close(): void
}

const PROVIDER_ID = /"providerMessageId":"([^"]+)"/

/** Connects, says hello with the token and subscribes to all events from now on; resolves when subscribed. */
export const watchEvents = (url: string, token: string): Promise<Watch> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/socket`, 'confab.v1', { maxPayload: 16 * 1_048_576 })
    const seen = new Map<string, number>()
    let duplicates = 0
    const watch: Watch = { seen, duplicates: () => duplicates, close: () => socket.close() }
    socket.on('open', () =>
      socket.send(JSON.stringify({ frame: 'hello', token, subscriptions: [{ id: 'all', scope: { all: true }, from: 'latest' }] })),
    )
    socket.on('error', reject)
    socket.on('close', (code) => reject(new Error(`the socket closed: ${code}`)))
    socket.on('message', (data: Buffer) => {
      if (data.includes('"message.received"')) {
        const id = PROVIDER_ID.exec(data.toString('utf8'))?.[1]
        if (id === undefined) return
        if (seen.has(id)) duplicates++
        else seen.set(id, performance.now())
      } else if (data.includes('"subscribed"')) resolve(watch)
      else if (data.includes('"frame":"error"')) reject(new Error(data.toString('utf8')))
    })
  })
