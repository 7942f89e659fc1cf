// The live doors as AsyncAPI 3: made from the frames' own schemas, so that the document cannot drift from the validator.
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

type Messages = Readonly<Record<string, object>>

const references = (channel: string, messages: Messages): object[] =>
  Object.keys(messages).map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` }))

const omitted = (messages: Messages, names: readonly string[]): Messages =>
  Object.fromEntries(Object.entries(messages).filter(([name]) => !names.includes(name)))

/** Messages that are those of the socket. */
const same = (messages: Messages): Messages =>
  Object.fromEntries(Object.keys(messages).map((name) => [name, { $ref: `#/channels/socket/messages/${name}` }]))

/** Socket.IO's own first event beside `hello`: the token came with the handshake. */
const resumeOf = (messages: Messages): Messages => {
  const hello = messages['hello'] as { payload: { properties: Record<string, object> } }
  const { resume, subscriptions } = hello.payload.properties
  const payload = { type: 'object', properties: { resume, subscriptions } }
  const summary = 'A hello by the token of the handshake: from where to go on, what to follow.'
  return { resume: { name: 'resume', contentType: 'application/json', summary, payload } }
}

/** What a stream sends: an event under its own type, all else under the name of its frame. */
const streamed = (fromServer: Messages): Messages => {
  const event = fromServer['event'] as { payload: { properties: { event: object } } }
  return {
    ...same(omitted(fromServer, ['result', 'pong', 'event', 'error'])),
    fact: {
      name: 'fact',
      contentType: 'application/json',
      summary: 'A fact. Its SSE name is its type, such as message.received; the id is the place after it.',
      payload: event.payload.properties.event,
    },
    problem: {
      ...fromServer['error'],
      name: 'problem',
      summary: 'The subscription was refused, the log is stale, or with `close` the last word.',
    },
  }
}

const channelsOf = (fromClient: Messages, fromServer: Messages): Record<string, object> => ({
  socket: {
    address: '/v1/socket',
    description: 'GET with Upgrade: websocket and Sec-WebSocket-Protocol: confab.v1.',
    messages: { ...fromClient, ...fromServer },
    bindings: { ws: { method: 'GET' } },
  },
  socketIo: {
    address: '/v1/socket.io',
    description:
      'Socket.IO 4, namespaces / and /organizations/{id}: each frame is an event of its name with the frame as its only argument. ' +
      "The handshake's auth is the hello. An ack is given the answer: of command its result, of subscribe its subscribed or error, of ping its pong.",
    messages: { ...same({ ...fromClient, ...fromServer }), ...resumeOf(fromClient) },
  },
  stream: {
    address: '/v1/stream',
    description:
      'GET with Authorization: Bearer; text/event-stream, read-only. Query: scope, types, from. Last-Event-ID resumes; ' +
      'cursors stand in the id alone.',
    messages: streamed(fromServer),
    bindings: { http: { method: 'GET' } },
  },
})

/** The AsyncAPI 3.0 document of the live doors, as plain JSON. `version`: the program's. */
export const asyncApi = (version = '1'): object => {
  const fromClient = messagesOf(framesOf(ClientFrame))
  const fromServer = messagesOf(framesOf(ServerFrame))
  const operation = (action: 'receive' | 'send', channel: string, messages: Messages): object => ({
    action,
    channel: { $ref: `#/channels/${channel}` },
    messages: references(channel, messages),
  })
  const document = {
    asyncapi: '3.0.0',
    info: {
      title: 'Confab live events',
      version,
      description:
        'Three doors with the same sessions, cursors and limits: a WebSocket, Socket.IO and server-sent events. ' +
        'JSON frames, each {"frame": NAME, ...}; on the socket as texts, subprotocol confab.v1. Cursors are opaque and sealed. ' +
        'Close codes 4000-4499: come back (4010: fetch a token first); 4500-4999: stay away.',
    },
    defaultContentType: 'application/json',
    channels: channelsOf(fromClient, fromServer),
    operations: {
      fromClient: operation('receive', 'socket', fromClient),
      fromServer: operation('send', 'socket', fromServer),
      socketIoFromClient: operation('receive', 'socketIo', { ...fromClient, ...resumeOf(fromClient) }),
      socketIoFromServer: operation('send', 'socketIo', fromServer),
      streamFromServer: operation('send', 'stream', streamed(fromServer)),
    },
  }
  // TypeBox marks its schemas with symbols and hidden fields: what is published is plain JSON.
  return JSON.parse(JSON.stringify(document)) as object
}
