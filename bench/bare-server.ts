// What others build in an afternoon: a broadcast over bare `ws`, or over Socket.IO with connection state recovery, as its page says.
// A process of its own, so that it can be killed: `node bare-server.ts ws|socketio|recovery PORT`; POST /publish {keys, event} sends to all who want a key.

import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { WebSocketServer, type WebSocket } from 'ws'

interface Published {
  readonly keys: readonly string[]
  readonly event: unknown
  /** So many times; once as a rule. */
  readonly times?: number
}

const [mode, port] = process.argv.slice(2)
/** With recovery, where lines are cut: so that a mute one is noticed as soon as ours is. */
const PING = { pingInterval: 500, pingTimeout: 2_000 }
const RECOVERY_MS = 120_000

let publish: (published: Published) => void = () => undefined
const server = createServer((request, response) => {
  let text = ''
  request.setEncoding('utf8').on('data', (part: string) => (text += part))
  request.on('end', () => {
    if (request.method === 'POST') publish(JSON.parse(text) as Published)
    response.end('{}')
  })
})

if (mode === 'ws') {
  const rooms = new Map<string, Set<WebSocket>>()
  new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket, request) => {
    const key = new URL(request.url ?? '', 'http://bare').searchParams.get('key') ?? 'all'
    const room = rooms.get(key) ?? new Set()
    rooms.set(key, room.add(socket))
    socket.on('error', () => socket.terminate())
    socket.on('close', () => room.delete(socket))
  })
  publish = ({ keys, event, times = 1 }) => {
    const bytes = Buffer.from(JSON.stringify(event))
    for (let n = 0; n < times; n++) for (const key of keys) for (const socket of rooms.get(key) ?? []) socket.send(bytes, { binary: false })
  }
} else {
  const recovery = { ...PING, connectionStateRecovery: { maxDisconnectionDuration: RECOVERY_MS } }
  const io = new Server(server, { perMessageDeflate: false, ...(mode === 'recovery' ? recovery : {}) })
  io.on('connection', (socket) => {
    const { key } = socket.handshake.auth as { key: string }
    Promise.resolve(socket.join(key)).catch(() => socket.disconnect())
  })
  publish = ({ keys, event, times = 1 }) => {
    for (let n = 0; n < times; n++) io.to([...keys]).emit('event', event)
  }
}
server.listen(Number(port), '127.0.0.1', () => console.log('ready'))
