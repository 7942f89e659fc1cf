// A whole server and two programs beside it, a stream read as curl reads it and an unmodified socket.io-client, through a kill and a restart.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { io } from 'socket.io-client'
import type { EventShape } from '#schemas'
import { SseFollower } from '../gateway/drivers.ts'
import { freePort, removeDirectory, startServer, until, type RunningServer } from '../harness.ts'

let server: RunningServer
let port: number
/** What a test that fails leaves open would keep the process alive. */
const left: (() => unknown)[] = []
before(async () => {
  port = await freePort()
  server = await startServer({ port })
})
after(async () => {
  for (const end of left) end()
  await server.stop()
  await removeDirectory(server.dataDirectory)
})

interface Frame {
  readonly cursor: string
  readonly slot: number
  readonly event: EventShape
}

const label = (name: string): Promise<unknown> => server.api('/v1/labels', { body: { name, color: '#112233' } })
const labels = (events: readonly { event: EventShape }[]): string[] =>
  events.filter(({ event }) => event.type === 'label.created').map(({ event }) => `${event.subject.id}/${event.seq}`)

test('events reach a stream and a socket.io-client once each, whatever dies in between', async () => {
  const token = await server.token()
  const events: Frame[] = []
  let checkpoint = ''
  let slots: Record<string, string> = {}
  const socket = io(server.url, {
    path: '/v1/socket.io',
    reconnectionDelay: 50,
    reconnectionDelayMax: 200,
    auth: (send) =>
      send({
        token,
        ...(checkpoint === '' ? {} : { resume: { checkpoint, slots } }),
        subscriptions: [{ id: 'all', scope: { all: true }, ...(checkpoint === '' ? { from: 'latest' } : {}) }],
      }),
  })
  left.push(() => socket.disconnect())
  const resyncs: unknown[] = []
  socket.on('event', (frame: Frame) => {
    events.push(frame)
    slots[frame.slot] = frame.cursor
  })
  socket.on('state', ({ slot, cursor }: Frame) => (slots[slot] = cursor))
  socket.on('checkpoint', (frame: Frame) => ([checkpoint, slots] = [frame.cursor, {}]))
  socket.on('resync', (frame) => resyncs.push(frame))
  await until('the socket is live', () => checkpoint !== '')
  let stream = new SseFollower({ port, token, from: 'latest' })
  left.push(() => stream.leave())
  await stream.next('checkpoint')
  const streamed: SseFollower['events'] = []
  const through = async (end: () => Promise<unknown>, name: string): Promise<void> => {
    const before = events.length
    await label(name)
    await until('both have it', () => events.length > before && stream.events.length > 0)
    await label(`${name}, at the end`)
    await end()
    await stream.closed
    streamed.push(...stream.events)
    server = await startServer({ dataDirectory: server.dataDirectory, port })
    stream = new SseFollower({ port, token, from: 'latest', place: stream.place })
    await stream.next('checkpoint')
    await until('the socket came back by itself', () => socket.connected)
  }
  await through(() => server.kill(), 'killed')
  await through(() => server.stop(), 'stopped')
  await label('at last')
  const wanted = await labelsOfLog(token)
  await until('the socket has all', () => labels(events).length >= wanted.length)
  await until('the stream has all', () => labels([...streamed, ...stream.events]).length >= wanted.length)
  assert.deepEqual(labels(events), wanted)
  assert.deepEqual(labels([...streamed, ...stream.events]), wanted)
  assert.equal(wanted.length, 5)
  assert.deepEqual(resyncs, [])
})

/** What a stream from the beginning says there is of labels. */
const labelsOfLog = async (token: string): Promise<string[]> => {
  const follower = new SseFollower({ port, token, from: 'earliest' })
  await follower.next('checkpoint')
  follower.leave()
  return labels(follower.events)
}

test('the stream stands in the OpenAPI document, and refuses as every path does', async () => {
  const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as { paths: Record<string, { get: { tags: string[] } }> }
  assert.deepEqual(document.paths['/v1/stream']?.get.tags, ['live'])
  const refused = await fetch(`${server.url}/v1/stream`)
  assert.deepEqual([refused.status, refused.headers.get('content-type')], [401, 'application/problem+json; charset=utf-8'])
  const headers = { authorization: `Bearer ${await server.token()}` }
  const unknown = await fetch(`${server.url}/v1/stream?scope=everything`, { headers })
  assert.equal(unknown.status, 400)
  assert.equal((await fetch(`${server.url}/v1/stream`, { method: 'HEAD', headers })).status, 405)
})
