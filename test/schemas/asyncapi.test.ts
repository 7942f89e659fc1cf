// The socket's document names every frame.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asyncApi, ClientFrame, ServerFrame } from '#schemas'

interface Document {
  asyncapi: string
  channels: {
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

test('every reference of an operation leads to a message', () => {
  const document = asyncApi() as Document
  const names = Object.values(document.operations).flatMap(({ messages }) => messages.map(({ $ref }) => $ref.split('/').at(-1) ?? ''))
  assert.deepEqual(names.toSorted(), Object.keys(document.channels.socket.messages).toSorted())
})
