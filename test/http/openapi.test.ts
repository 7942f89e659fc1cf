// The OpenAPI document as its readers meet it: valid by the specification's own schema, whole, and in words.
// Beside routes.test.ts, which asks whether each route has a check and a line in it.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { openDoor, type Door } from './door.ts'

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly tags: readonly string[]
  readonly security?: readonly object[]
  readonly parameters?: readonly { readonly in: string; readonly name: string }[]
}
interface Document {
  readonly tags: readonly { readonly name: string; readonly description: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

let door: Door
let document: Document
before(async () => {
  door = await openDoor()
  document = (await door.ask('GET', '/openapi.json', { as: null })).body
})
after(() => door.close())

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
  )

test('the document is valid by the schema of OpenAPI 3.1', async () => {
  const validator = new Validator()
  const result = await validator.validate(structuredClone(document) as unknown as Record<string, unknown>)
  assert.deepEqual(result.errors ?? [], [])
  assert.equal(result.valid, true)
  assert.equal(validator.version, '3.1')
})

const conversationCommands = ['assign', 'claim', 'release', 'snooze', 'resolve', 'reopen', 'read', 'label', 'priority', 'erase']
const messageCommands = ['retry', 'settle', 'edit', 'delete']
const settings = ['accounts', 'agents', 'labels', 'tokens']
const promised = [
  'POST /v1/ingest/{channel}/{key}',
  'GET /v1/ingest/{channel}/{key}',
  'GET /v1/conversations',
  'POST /v1/conversations',
  'GET /v1/conversations/{id}',
  'PATCH /v1/conversations/{id}',
  'PUT /v1/conversations/{id}/draft',
  'GET /v1/conversations/{id}/messages',
  'POST /v1/conversations/{id}/messages',
  'GET /v1/conversations/{id}/events',
  ...conversationCommands.map((name) => `POST /v1/conversations/{id}/${name}`),
  ...messageCommands.map((name) => `POST /v1/conversations/{id}/messages/{messageId}/${name}`),
  'GET /v1/audit',
  'GET /v1/contacts',
  'GET /v1/contacts/{id}',
  'PATCH /v1/contacts/{id}',
  ...['label', 'block', 'unblock', 'erase'].map((name) => `POST /v1/contacts/{id}/${name}`),
  ...settings.flatMap((name) => [`GET /v1/${name}`, `POST /v1/${name}`]),
  ...settings.flatMap((name) => ['GET', 'PATCH', 'DELETE'].map((method) => `${method} /v1/${name}/{id}`)),
  'POST /v1/sessions',
  'DELETE /v1/sessions',
  'POST /v1/sessions/token',
  'POST /v1/attachments',
  'GET /v1/attachments/{id}',
  'POST /v1/chat/{accountId}/session',
  'GET /v1/chat/messages',
  'POST /v1/chat/messages',
  'POST /v1/chat/attachments',
  'GET /v1/search',
  'GET /v1/counts',
  'GET /v1/me',
  'GET /healthz',
  'GET /readyz',
  'GET /metrics',
]

test('every path that is promised stands in it', () => {
  const present = new Set(operations().map(({ name }) => name))
  assert.deepEqual(
    promised.filter((name) => !present.has(name)),
    [],
  )
})

test('every operation has a name of its own, a tag that is explained, and a summary in words', () => {
  const tags = new Set(document.tags.map(({ name }) => name))
  const names = new Set<string>()
  const poor = operations().filter(({ operation }) => {
    const isNew = !names.has(operation.operationId)
    names.add(operation.operationId)
    return !isNew || operation.tags.length !== 1 || !operation.tags.every((tag) => tags.has(tag)) || !/^[A-Z].+ /.test(operation.summary)
  })
  assert.deepEqual(
    poor.map(({ name, operation }) => `${name}: ${operation.operationId}, ${operation.summary}`),
    [],
  )
  const used = new Set(operations().flatMap(({ operation }) => operation.tags))
  assert.deepEqual(
    [...tags].filter((tag) => !used.has(tag)),
    [],
  )
})

test('every path parameter is described, and writes of /v1 say that they take a key', () => {
  const missing = operations().flatMap(({ name, operation }) => {
    const given = new Set((operation.parameters ?? []).map((parameter) => `${parameter.in}:${parameter.name}`))
    return [...name.matchAll(/\{(\w+)\}/g)].flatMap(([, part]) => (given.has(`path:${part}`) ? [] : [`${name}: ${part}`]))
  })
  assert.deepEqual(missing, [])
  const keyless = operations().filter(
    ({ name, operation }) =>
      /^(POST|PATCH|PUT|DELETE) \/v1\/(conversations|contacts|accounts|agents|labels|tokens)/.test(name) &&
      !name.endsWith('/sign-in-link') &&
      !(operation.parameters ?? []).some((parameter) => parameter.name === 'idempotency-key'),
  )
  assert.deepEqual(
    keyless.map(({ name }) => name),
    [],
  )
})
