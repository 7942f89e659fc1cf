// The pure folds, shared by views and clients.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Conversation, Message } from '#schemas'
import {
  clientKeyOf,
  decodeContent,
  decodeEvent,
  eventToContactJson,
  eventToJson,
  HIDDEN_ID,
  isContentType,
  isoOf,
  type Event,
  type StoredContent,
} from '#schemas/log'
import type { Viewer } from '#views'
import { foldConversation, foldMessage, messageIdOf, sendStateOf } from '#views/folds'
import { openSite } from './site.ts'
import { agentOf, grantsOf, idOf, textContent, World } from './world.ts'

const agent: Viewer = { grants: grantsOf('agent') }

interface Told {
  readonly event: Event
  readonly contents: readonly StoredContent[]
}

/** The events of a world as a reader of the log puts them together. */
const toldBy = (entries: ReturnType<World['take']>): Told[] =>
  entries.flatMap(({ records }) => {
    const told: Told[] = []
    let contents: StoredContent[] = []
    for (const { headers, value } of records) {
      const type = headers['type'] ?? ''
      if (value === null) continue
      if (isContentType(type)) contents.push(decodeContent(type, value))
      else {
        told.push({ event: decodeEvent(type, value), contents })
        contents = []
      }
    }
    return told
  })

type Act = (world: World, index: number) => void
const acts: Readonly<Record<string, Act>> = {
  receive: (world, index) => void world.receive('c', `m${index}`, `text ${index}`),
  send: (world, index) => void world.send('c', `m${index}`, `answer ${index}`, { by: agentOf(`agent ${index % 2}`) }),
  bot: (world, index) => void world.send('c', `m${index}`, `beep ${index}`, { by: { kind: 'bot', id: idOf('bot') } }),
  note: (world, index) => void world.note('c', `m${index}`, `note ${index}`),
  assign: (world, index) => world.assign('c', index % 3 === 0 ? null : `agent ${index}`),
  resolve: (world) => world.resolve('c'),
  sent: (world, index) => void world.event('c', 'message.sent', { messageId: idOf(`message m${index - 1}`), attempt: 1, isEcho: false }),
  failed: (world, index) =>
    void world.event('c', 'message.failed', { messageId: idOf(`message m${index - 1}`), attempt: 1, reason: 'rejected', providerCode: 1 }),
  read: (world) => void world.event('c', 'message.read', { messageId: null, upToSeq: world.rowOf('c').contactSeq }),
  edited: (world, index) =>
    void world.event(
      'c',
      'message.edited',
      { messageId: idOf(`message m${index - 1}`), supersedes: { seq: 1, n: 0 } },
      { contents: [textContent('edited')], shown: true },
    ),
  deleted: (world, index) =>
    void world.event('c', 'message.deleted', { messageId: idOf(`message m${index - 1}`), isRevoked: false }, { shown: true }),
  labeled: (world, index) => {
    world.rowOf('c').labels = [idOf(`label ${index}`)]
    world.event('c', 'conversation.labeled', {
      added: [idOf(`label ${index}`)],
      removed: index === 0 ? [] : Array.from({ length: index }, (_, other) => idOf(`label ${other}`)),
    })
  },
  erased: (world) => void world.erase('c'),
}

test('property: folding the JSON of events, as clients do, ends in the rows that the views answer', async (context) => {
  const site = await openSite(context)
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...Object.keys(acts)), { maxLength: 25 }), async (names) => {
      // Each run has a conversation of its own in the same views.
      const world = new World()
      const prefix = `run ${run++} `
      const named: World = new Proxy(world, {
        get: (target, key) => {
          const value: unknown = Reflect.get(target, key, target)
          return typeof value === 'function' &&
            ['create', 'receive', 'send', 'note', 'assign', 'resolve', 'event', 'erase', 'rowOf', 'conversationId'].includes(String(key))
            ? (name: string, ...rest: unknown[]): unknown =>
                (value as (...all: unknown[]) => unknown).call(target, `${prefix}${name}`, ...rest)
            : value
        },
      })
      const id = named.create('c')
      for (const [index, name] of names.entries()) acts[name]?.(named, index + run * 1_000)
      const entries = world.take()
      let row: Conversation | null = null
      const messages = new Map<string, Message>()
      for (const { event, contents } of toldBy(entries)) {
        const json = eventToJson(event, contents)
        const messageId = messageIdOf(json)
        if (messageId !== null) {
          const message = foldMessage(messages.get(messageId) ?? null, json)
          if (message !== null) messages.set(messageId, message)
        }
        if (json.type === 'conversation.erased')
          for (const [key, message] of messages) messages.set(key, foldMessage(message, json) ?? message)
        row = foldConversation(row, json)
      }
      for (const entry of entries) await (await site.log.lease('conversations', entry.partition)).commit({ entries: [entry] })
      await site.settle()
      const { unread: _folded, ...folded } = row ?? ({} as Conversation)
      const { unread: _shown, ...shown } = (await site.views.conversation(agent, id)).item ?? ({} as Conversation)
      assert.deepEqual(shown, folded)
      const thread = [...messages.values()].sort((a, b) => Date.parse(a.orderAt) - Date.parse(b.orderAt) || a.seq - b.seq)
      const receipts = row?.receipts ?? { delivered: 0, read: 0 }
      const expected = thread.map((message) =>
        message.send === null
          ? message
          : { ...message, send: { ...message.send, state: sendStateOf(message.send.state, message.contactSeq, receipts) } },
      )
      assert.deepEqual((await site.views.messages(agent, id, { limit: 100 })).items, expected)
    }),
    { numRuns: 25 },
  )
})

test('property: an event seen before changes nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...Object.keys(acts)), { maxLength: 20 }), (names) => {
      const world = new World()
      world.create('c')
      for (const [index, name] of names.entries()) acts[name]?.(world, index)
      const events = toldBy(world.take()).map(({ event, contents }) => eventToJson(event, contents))
      const fold = (all: typeof events): Conversation | null =>
        all.reduce<Conversation | null>((row, event) => foldConversation(row, event), null)
      const row = fold(events)
      assert.deepEqual(fold([...events, ...events]), row)
      assert.equal(row?.lastActivityAt, isoOf(world.rowOf('c').lastActivityAt))
      assert.equal(row?.contactSeq, world.rowOf('c').contactSeq)
    }),
  )
})

test("the contact's projection holds what the contact may see and nothing else", () => {
  const world = new World()
  world.create('anna')
  world.send('anna', 'm', 'hello', {
    contents: [textContent('hello', { clientKey: 'my-key', native: '{"canary":1}', providerMessageId: 'SM-canary' })],
  })
  world.note('anna', 'n', 'canary')
  world.assign('anna', 'agent')
  const told = toldBy(world.take())
  const shown = told.map(({ event, contents }) => eventToContactJson(event, contents, () => 'Kim'))
  assert.deepEqual(
    shown.map((event) => event?.type ?? null),
    [null, 'message.queued', null, null],
  )
  const sent = shown[1]
  assert.deepEqual(
    [sent?.seq, sent?.by, sent?.cause.commandId, sent?.data['content']],
    [1, { kind: 'agent', id: null, name: 'Kim' }, HIDDEN_ID, { kind: 'text', text: 'hello' }],
  )
  const text = JSON.stringify(shown)
  for (const secret of ['canary', 'my-key', idOf('agent')]) assert.equal(text.includes(secret), false, secret)
  assert.equal(clientKeyOf(told[1]?.contents ?? []), 'my-key')
  assert.equal(JSON.stringify(eventToJson(told[1]?.event as Event, told[1]?.contents ?? [])).includes('my-key'), false)
})

test('an event whose contents are gone says so; times are ISO 8601 everywhere', () => {
  const world = new World()
  world.create('anna')
  world.receive('anna', 'm', 'hello', { orderAt: Date.UTC(1999, 11, 31, 23, 59, 59, 7) })
  const { event } = toldBy(world.take())[1] as Told
  const json = eventToJson(event, [])
  assert.deepEqual([json.erased, json.data['content'], json.data['orderAt']], [true, undefined, '1999-12-31T23:59:59.007Z'])
  fc.assert(
    fc.property(fc.integer({ min: -62_000_000_000_000, max: 250_000_000_000_000 }), (ms) =>
      assert.equal(isoOf(ms), new Date(ms).toISOString()),
    ),
  )
})
