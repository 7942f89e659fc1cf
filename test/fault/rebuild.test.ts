// G8 and G9: views deleted, server restarted: same answers, same hashes; every actor's snapshot = the fold of its events.
// With contents erased in between, by way of the API.

import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { hashConversation } from '#actors'
import { decodeAny, type ConversationSnapshot } from '#schemas/log'
import { openEmbeddedLog, partitionOf, type Log } from '#log'
import { openSettings } from '#runtime'
import { loadSecret, openSecrets } from '#secrets'
import { openViews } from '#views'
import { connectTwilio } from '../../bench/ingest.ts'
import { openFamilies } from '../../src/runtime/kinds.ts'
import { rebuildFromEvents } from '../../src/runtime/step.ts'
import { removeDirectory, startServer, until, type RunningServer } from '../harness.ts'
import { readAll } from '../runtime/site.ts'
import { messageSid, signedRequest } from '../twilio-webhooks.ts'
import { runLanes } from './lanes.ts'

const PEOPLE = 12
const ROUNDS = 8

const noLogger = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined }

interface Items<T> {
  readonly items: readonly T[]
}

/** All that a person could ask, as one value. */
const answersOf = async (server: RunningServer): Promise<unknown> => {
  const conversations = await server.api<Items<{ id: string; contactId: string }>>('/v1/conversations?limit=100&sort=created')
  const each = []
  for (const { id, contactId } of conversations.items) {
    each.push({
      conversation: await server.api(`/v1/conversations/${id}`),
      messages: (await server.api<Items<unknown>>(`/v1/conversations/${id}/messages?limit=100`)).items,
      events: (await server.api<Items<unknown>>(`/v1/conversations/${id}/events?limit=100`)).items,
      contact: await server.api(`/v1/contacts/${contactId}`),
    })
  }
  const searches = []
  for (const q of ['hello', 'round', 'note', '2000003', 'secretword'])
    searches.push((await server.api<Items<unknown>>(`/v1/search?type=message&q=${q}`)).items)
  return { list: conversations.items, each, searches, counts: await server.api('/v1/counts') }
}

/** Hash of all views, and of each conversation's snapshot beside the fold of its events. */
const hashesOf = async (dataDirectory: string): Promise<{ views: string; actors: number }> => {
  const secrets = openSecrets(loadSecret(join(dataDirectory, 'secret')))
  const log = await openEmbeddedLog({ directory: join(dataDirectory, 'log') })
  const views = await openViews({ log, directory: join(dataDirectory, 'views'), clock: Date.now, logger: noLogger })
  const settings = await openSettings({
    log,
    openIdKey: ({ sealedIdKey, id }) => secrets.open('id-key', sealedIdKey, id),
    onError: assert.ifError,
  })
  try {
    await until('the views are ready', () => views.isReady())
    return { views: await views.hash(), actors: await checkFolds(log, openFamilies(settings)) }
  } finally {
    await settings.close()
    await views.close()
    await log.close()
  }
}

const checkFolds = async (log: Log, families: ReturnType<typeof openFamilies>): Promise<number> => {
  const newest = new Map(
    (await readAll(log, 'conversations')).filter(({ headers }) => headers['type'] === 'conversation').map((record) => [record.key, record]),
  )
  const [family] = families
  const kind = family?.actors['conversation']
  assert.ok(family !== undefined && kind !== undefined)
  for (const [actorId, record] of newest) {
    const kept = decodeAny(record.value ?? new Uint8Array()) as ConversationSnapshot
    const folded = await rebuildFromEvents(log, family, kind, { partition: partitionOf(actorId), actorId })
    assert.equal(hashConversation(folded as ConversationSnapshot), hashConversation(kept), `fold of ${actorId}`)
  }
  return newest.size
}

const traffic = async (server: RunningServer): Promise<void> => {
  const account = await connectTwilio(server)
  const lanes = Array.from({ length: PEOPLE }, (_, person) =>
    Array.from({ length: ROUNDS }, (_unused, round) =>
      signedRequest(account, {
        sid: messageSid(5, person * ROUNDS + round),
        from: `+1555${2_000_000 + person}`,
        text: `hello round ${round} secretword of ${person}`,
      }),
    ),
  )
  await runLanes({
    port: () => server.port,
    lanes,
    onAccepted: () => undefined,
    whenUp: () => Promise.reject(new Error('the server went away')),
  })
  const { items } = await until('all conversations are listed', async () => {
    const list = await server.api<Items<{ id: string; contactId: string }>>('/v1/conversations?limit=100&sort=created')
    return list.items.length === PEOPLE && list
  })
  for (const [index, { id }] of items.entries()) {
    await server.api(`/v1/conversations/${id}/messages`, { body: { text: `note ${index}`, internal: true } })
    await server.api(`/v1/conversations/${id}/claim`, { body: {} })
    if (index % 3 === 0) await server.api(`/v1/conversations/${id}/resolve`, { body: {} })
    if (index % 3 === 1) await server.api(`/v1/conversations/${id}/priority`, { body: { priority: 'high' } })
  }
  // An answer says that a command is decided, not that the list shows it yet.
  await until('the list shows the last claim', async () => {
    const list = await server.api<Items<{ assignee: unknown }>>('/v1/conversations?limit=100&sort=created')
    return list.items.every(({ assignee }) => assignee !== null)
  })
}

/** Erases one contact and waits until its words are gone from search. */
const erase = async (server: RunningServer): Promise<void> => {
  const { items } = await server.api<Items<{ id: string; contactId: string }>>('/v1/conversations?limit=100&sort=created')
  const gone = items[3]
  assert.ok(gone !== undefined)
  await server.api(`/v1/contacts/${gone.contactId}/erase`, { body: { reason: 'asked for it' } })
  await until('the erased messages show no content', async () => {
    const messages = await server.api<Items<{ content: unknown; isErased: boolean }>>(`/v1/conversations/${gone.id}/messages?limit=100`)
    return messages.items.every(({ content, isErased }) => content === null && isErased)
  })
  await until('search forgets them', async () =>
    (await server.api<Items<{ conversationId: string }>>('/v1/search?type=message&q=secretword&limit=100')).items.every(
      ({ conversationId }) => conversationId !== gone.id,
    ),
  )
}

test('views deleted and rebuilt give the same answers and hashes, with contents erased in between', { timeout: 300_000 }, async () => {
  let server = await startServer()
  const { dataDirectory } = server
  // Attached URLs and "me" fields do not vary here; the clock of the answers is the log's.
  const rebuild = async (): Promise<void> => {
    await server.stop()
    const before = await hashesOf(dataDirectory)
    assert.equal(before.actors, PEOPLE)
    await rm(join(dataDirectory, 'views'), { recursive: true })
    assert.deepEqual(await hashesOf(dataDirectory), before)
    await rm(join(dataDirectory, 'views'), { recursive: true })
    server = await startServer({ dataDirectory })
  }
  try {
    await traffic(server)
    const before = await answersOf(server)
    await rebuild()
    assert.deepEqual(await answersOf(server), before)
    await erase(server)
    const erased = await answersOf(server)
    assert.notDeepEqual(erased, before)
    await rebuild()
    assert.deepEqual(await answersOf(server), erased)
  } finally {
    await server.kill()
    await removeDirectory(dataDirectory)
  }
})
