// The socket as AsyncAPI 3: made from the frames' own schemas, so that the document cannot drift from the validator.
// Between schemas/api/socket.ts and whoever writes a client in another language.

import type { TSchema } from 'typebox'
import { ClientFrame, ServerFrame } from './socket.ts'

interface FrameSchema {
  readonly description?: string
  readonly properties: { readonly frame: { readonly const: string } }
}

const framesOf = (union: TSchema): readonly FrameSchema[] => (union as unknown as { anyOf: readonly FrameSchema[] }).anyOf

/** What each frame is for, in one sentence. */
const summaries: Readonly<Record<string, string>> = {
  hello: 'The first frame, within 5 s: who asks, from where to resume, what to follow.',
  subscribe: 'Follows a scope: a snapshot and the tail from it, or the tail from a place.',
  unsubscribe: 'Ends a subscription.',
  command: 'A wish; its id is its idempotency key and is sent again after a reconnect.',
  typing: 'Someone types or has stopped; repeated every 4 s, gone after 6.',
  presence: 'online or away.',
  ack: 'Of a work queue: the event is done.',
  ping: 'Is the line alive?',
  refresh: 'A fresh token of the same principal before the old one ends.',
  welcome: 'The session is open; the cursor is where the subscriptions of the hello start.',
  subscribed: 'A subscription starts here.',
  snapshot: 'What the scope held at asOf; its tail follows.',
  result: 'The outcome of a command: ok or problem, and the place past its events.',
  event: 'A fact, once a session whatever number of subscriptions match; data has its contents filled in.',
  state: 'A mark or a setting as it is now; null = removed.',
  ephemeral: 'Typing, presence and the like: never in the log.',
  pong: 'The answer to ping.',
  checkpoint: 'Caught up to here: what a resume starts from.',
  resync:
    'The scope cannot go on from where it stood; a snapshot follows. Reasons: expired, truncated, generation, grants, behind, cursor.',
  reconnect: 'Come back after so long; the socket closes.',
  error: 'Something asked for was refused, or the log is stale.',
}

const messagesOf = (frames: readonly FrameSchema[]): Record<string, object> =>
  Object.fromEntries(
    frames.map((payload) => {
      const name = payload.properties.frame.const
      return [
        name,
        { name, contentType: 'application/json', ...(summaries[name] === undefined ? {} : { summary: summaries[name] }), payload },
      ]
    }),
  )

const references = (names: readonly string[]): object[] => names.map((name) => ({ $ref: `#/channels/socket/messages/${name}` }))

/** The AsyncAPI 3.0 document of the socket, as plain JSON. `version`: the program's. */
export const asyncApi = (version = '1'): object => {
  const fromClient = messagesOf(framesOf(ClientFrame))
  const fromServer = messagesOf(framesOf(ServerFrame))
  const document = {
    asyncapi: '3.0.0',
    info: {
      title: 'Confab socket',
      version,
      description:
        'JSON text frames, each {"frame": NAME, ...}, subprotocol confab.v1. Cursors are opaque and sealed. ' +
        'Close codes 4000-4499: come back (4010: fetch a token first); 4500-4999: stay away.',
    },
    defaultContentType: 'application/json',
    channels: {
      socket: {
        address: '/v1/socket',
        description: 'GET with Upgrade: websocket and Sec-WebSocket-Protocol: confab.v1.',
        messages: { ...fromClient, ...fromServer },
        bindings: { ws: { method: 'GET' } },
      },
    },
    operations: {
      fromClient: { action: 'receive', channel: { $ref: '#/channels/socket' }, messages: references(Object.keys(fromClient)) },
      fromServer: { action: 'send', channel: { $ref: '#/channels/socket' }, messages: references(Object.keys(fromServer)) },
    },
  }
  // TypeBox marks its schemas with symbols and hidden fields: what is published is plain JSON.
  return JSON.parse(JSON.stringify(document)) as object
}
