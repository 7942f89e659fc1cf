// A site with people in it: web chats both ways, SMS, notes, labels, drafts, files, an open timer, someone erased; then stopped.
// For tests of archives, which compare everything such a site holds with what arrives elsewhere.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { decodeAny } from '#schemas/log'
import { openEmbeddedLog, type Log } from '#log'
import { learnSchemas } from '#registry'
import { openViews } from '#views'
import { topics, type Topic } from '#topics'
import { connectTwilio } from '../../bench/ingest.ts'
import { startServer, until, type RunningServer } from '../harness.ts'
import { messageSid, signedRequest } from '../twilio-webhooks.ts'
import { runLanes } from '../fault/lanes.ts'

export interface Items<T> {
  readonly items: readonly T[]
}

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined }

export interface Filled {
  readonly dataDirectory: string
  readonly token: string
  /** As the outside reached it: what its webhooks are signed for. */
  readonly url: string
  /** The conversation whose contact was erased, and one that was not. */
  readonly erased: string
  readonly kept: string
  readonly fileId: string
  /** An inbound message that a provider may send again. */
  readonly webhook: Buffer
}

const upload = async (server: RunningServer): Promise<string> => {
  const form = new FormData()
  form.append('file', new Blob([PNG], { type: 'image/png' }), 'dot.png')
  const headers = { authorization: `Bearer ${await server.token()}` }
  const answer = await fetch(`${server.url}/v1/attachments`, { method: 'POST', body: form, headers })
  const body = (await answer.json()) as { fileId: string }
  assert.equal(answer.status, 201, JSON.stringify(body))
  return body.fileId
}

/** A visitor writes; answers their conversation. */
const visit = async (server: RunningServer, accountId: string, texts: readonly string[]): Promise<string> => {
  const begun = await server.api<{ token: string; conversationId: string }>(`/v1/chat/${accountId}/session`, { body: {} })
  for (const [index, text] of texts.entries()) {
    const headers = { authorization: `Bearer ${begun.token}`, 'idempotency-key': `c-${index}` }
    await server.api('/v1/chat/messages', { body: { text }, headers })
  }
  return begun.conversationId
}

const answer = async (server: RunningServer, id: string, fileId: string): Promise<void> => {
  const act = (path: string, body: unknown): Promise<unknown> => server.api(`/v1/conversations/${id}/${path}`, { body })
  const { items } = await server.api<Items<{ id: string; email: string }>>('/v1/agents')
  assert.ok(items[0] !== undefined)
  await act('claim', {})
  await act('messages', { text: 'we answer, with a file', attachments: [{ fileId }] })
  await act('messages', { text: 'between us: be kind', internal: true })
  const label = await server.api<{ id: string }>('/v1/labels', { body: { name: `VIP ${id.slice(0, 4)}`, color: '#ff0000' } })
  await act('label', { add: [label.id] })
  await act('priority', { priority: 'high' })
}

const eraseContactOf = async (server: RunningServer, id: string): Promise<void> => {
  const { contactId } = await server.api<{ contactId: string }>(`/v1/conversations/${id}`)
  await server.api(`/v1/contacts/${contactId}/erase`, { body: { reason: 'asked for it' } })
  await until('the erased messages show no content', async () => {
    const messages = await server.api<Items<{ content: unknown }>>(`/v1/conversations/${id}/messages?limit=100`)
    return messages.items.length > 0 && messages.items.every(({ content }) => content === null)
  })
}

/** Fills a site of its own and stops it cleanly. `onFilled` looks at it while it runs. */
export const fillSite = async (onFilled: (server: RunningServer, filled: Filled) => Promise<void>): Promise<Filled> => {
  const server = await startServer()
  try {
    const account = await connectTwilio(server)
    const { items } = await server.api<Items<{ id: string; channel: string }>>('/v1/accounts')
    const web = items.find(({ channel }) => channel === 'web')
    assert.ok(web !== undefined)
    const fileId = await upload(server)
    const kept = await visit(server, web.id, ['hello there', 'my secretword is plum'])
    await until('the conversation is listed', () => server.api(`/v1/conversations/${kept}`))
    await answer(server, kept, fileId)
    const snoozed = await visit(server, web.id, ['later please'])
    await until('it is listed', () => server.api(`/v1/conversations/${snoozed}`))
    await server.api(`/v1/conversations/${snoozed}/snooze`, { body: { until: new Date(Date.now() + 86_400_000).toISOString() } })
    const erased = await visit(server, web.id, ['forget my secretword pear'])
    await until('it is listed too', () => server.api(`/v1/conversations/${erased}`))
    const lanes = Array.from({ length: 6 }, (_, person) =>
      Array.from({ length: 3 }, (_unused, round) =>
        signedRequest(account, {
          sid: messageSid(7, person * 3 + round),
          from: `+1555${3_000_000 + person}`,
          text: `SMS ${round} of ${person}`,
        }),
      ),
    )
    await runLanes({ port: () => server.port, lanes, onAccepted: () => undefined, whenUp: () => Promise.reject(new Error('gone')) })
    await until('all are listed', async () => (await server.api<Items<unknown>>('/v1/conversations?limit=100')).items.length === 9)
    await eraseContactOf(server, erased)
    const webhook = lanes[0]?.[0]
    assert.ok(webhook !== undefined)
    const filled: Filled = {
      dataDirectory: server.dataDirectory,
      url: account.publicUrl,
      token: await server.token(),
      erased,
      kept,
      fileId,
      webhook,
    }
    await onFilled(server, filled)
    assert.equal(await server.stop(), 0)
    return filled
  } finally {
    await server.kill()
  }
}

export const openLog = (dataDirectory: string): Promise<Log> =>
  openEmbeddedLog({ directory: join(dataDirectory, 'log'), cleanIntervalMs: 0 })

/** Everything under a topic, newest by key, decoded; sealed bytes and what says when are left out by `ignored`. */
export const stateOf = async (log: Log, topic: Topic, ignored: readonly string[] = []): Promise<Record<string, unknown>> => {
  const state = new Map<string, unknown>()
  for (let partition = 0; partition < topics[topic].partitions; partition++) {
    const { start, end } = await log.bounds(topic, partition)
    if (start >= end) continue
    const abort = new AbortController()
    for await (const chunk of log.read([{ topic, partition, offset: start }], { signal: abort.signal })) {
      for (const { key, value, headers } of chunk.records) {
        if (value === null) state.delete(key)
        else {
          const decoded = Object.entries(decodeAny(value) as object).filter(([name]) => !ignored.includes(name))
          state.set(key, JSON.parse(JSON.stringify([headers['type'], Object.fromEntries(decoded)])))
        }
      }
      if (chunk.next >= end) abort.abort()
    }
  }
  return Object.fromEntries([...state].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

const compared: readonly Topic[] = [
  'events',
  'contact-events',
  'conversations',
  'contacts',
  'messages',
  'marks',
  'outbox',
  'sends',
  'config',
]

/** All of a site's state by topic, and the hash of its views; opened for this and closed again. */
export const imageOf = async (dataDirectory: string): Promise<Readonly<Record<string, unknown>>> => {
  const log = await openLog(dataDirectory)
  const views = await openViews({ log, directory: join(dataDirectory, 'views'), clock: Date.now, logger: silent })
  try {
    await learnSchemas(log)
    await until('the views are ready', () => views.isReady())
    const image: Record<string, unknown> = { views: await views.hash() }
    for (const topic of compared) {
      image[topic] = await stateOf(log, topic, ['sealedIdKey', 'sealedCredentials'])
      // A digest beside what differs, so that a failure is readable and a pass is fast.
      image[`${topic} digest`] = createHash('sha256').update(JSON.stringify(image[topic])).digest('hex')
    }
    const { position: _position, ...outcomes } = await stateOf(log, 'outcomes')
    return { ...image, outcomes }
  } finally {
    await views.close()
    await log.close()
  }
}
