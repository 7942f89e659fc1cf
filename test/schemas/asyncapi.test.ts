// The socket's document names every frame.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asyncApi, ClientFrame, ServerFrame } from '#schemas'

interface Document {
  asyncapi: string
  channels: {
    socketIo: { address: string; messages: Record<string, object> }
    stream: { address: string; messages: Record<string, { name?: string; payload?: object; $ref?: string }> }
    socket: { address: string; messages: Record<string, { summary?: string; payload: { properties: { frame: { const: string } } } }> }
  }
  operations: Record<string, { messages: { $ref: string }[] }>
}

test('the AsyncAPI document names every frame of both sides, each with a summary and its own schema', () => {
  const document = asyncApi() as Document
  assert.equal(document.asyncapi, '3.0.0')
  const { messages } = document.channels.socket
  const count = (union: unknown): number => (union as { anyOf: unknown[] }).anyOf.length
  assert.equal(Object.keys(messages).length, count(ClientFrame) + count(ServerFrame))
  for (const [name, { summary, payload }] of Object.entries(messages)) {
    assert.equal(payload.properties.frame.const, name)
    assert.ok(summary !== undefined && summary.length > 0, `${name} has no summary`)
  }
})

const at = (document: object, pointer: string): unknown =>
  pointer
    .slice(2)
    .split('/')
    .reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], document)

test('every reference leads to what is there, and every message of a channel stands in an operation', () => {
  const document = asyncApi() as Document
  const pointers = [...JSON.stringify(document).matchAll(/"\$ref":"(#[^"]+)"/g)].map(([, pointer = '']) => pointer)
  for (const pointer of pointers) assert.notEqual(at(document, pointer), undefined, pointer)
  const used = Object.values(document.operations).flatMap(({ messages }) => messages.map(({ $ref }) => $ref))
  for (const [name, { messages }] of Object.entries(document.channels))
    for (const message of Object.keys(messages)) assert.ok(used.includes(`#/channels/${name}/messages/${message}`), `${name} ${message}`)
})

test('all three doors are described; the stream has nothing of what only an asker gets', () => {
  const { socket, socketIo, stream } = (asyncApi() as Document).channels
  assert.deepEqual([socket.address, socketIo.address, stream.address], ['/v1/socket', '/v1/socket.io', '/v1/stream'])
  assert.deepEqual(Object.keys(socketIo.messages).toSorted(), [...Object.keys(socket.messages), 'resume'].toSorted())
  for (const name of ['result', 'pong', 'event', 'error', 'hello']) assert.equal(name in stream.messages, false, name)
  for (const name of ['fact', 'problem', 'checkpoint', 'snapshot', 'resync', 'reconnect']) assert.equal(name in stream.messages, true, name)
})
