// Threads: order, states, receipts, erasure, the contact projection.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Viewer } from '#views'
import { openSite } from './site.ts'
import { ACCOUNT, agentOf, contactOf, grantsOf, idOf, ORGANIZATION, textContent } from './world.ts'

const agent: Viewer = { grants: grantsOf('agent') }
const bot: Viewer = { grants: grantsOf('bot', { kind: 'bot', role: 'bot' }) }

test('a thread is read in thread order: before, after and around a message', async (context) => {
  const site = await openSite(context)
  const { world, views } = site
  const id = world.create('anna')
  const ids: string[] = []
  for (let index = 0; index < 10; index++) ids.push(world.receive('anna', `m${index}`, `text ${index}`))
  // Sent by the provider before the others, received after them.
  const late = world.receive('anna', 'late', 'slipped in', { orderAt: world.now - 2_500 })
  const thread = [...ids.slice(0, 7), late, ...ids.slice(7)]
  await site.settle()
  const read = async (query: object): Promise<string[]> =>
    (await views.messages(agent, id, { limit: 4, ...query })).items.map((message) => message.id)
  assert.deepEqual(await read({ limit: 100 }), thread)
  assert.deepEqual(await read({}), thread.slice(-4))
  assert.deepEqual(await read({ before: thread[7] }), thread.slice(3, 7))
  assert.deepEqual(await read({ after: thread[2] }), thread.slice(3, 7))
  assert.deepEqual(await read({ around: thread[5] }), thread.slice(3, 7))
  const pages: string[] = []
  for (let before: string | undefined; ;) {
    const page = await views.messages(agent, id, { limit: 3, ...(before === undefined ? {} : { before }) })
    pages.unshift(...page.items.map((message) => message.id))
    if (page.next === null) break
    before = String(page.next[0])
  }
  assert.deepEqual(pages, thread)
  assert.deepEqual(await read({ before: idOf('nobody') }), [])
})

test('edits, deletions, attachments, retries and native parts show in the message', async (context) => {
  const site = await openSite(context, { views: { fileUrl: (_organizationId, fileId) => `/files/${fileId}?signed` } })
  const { world, views } = site
  const id = world.create('anna')
  const edited = world.receive('anna', 'edited', 'frist')
  const seq = world.rowOf('anna').seq
  world.event('anna', 'message.edited', { messageId: edited, supersedes: { seq, n: 0 } }, { contents: [textContent('first')], shown: true })
  const deleted = world.send('anna', 'deleted', 'oops')
  world.event('anna', 'message.deleted', { messageId: deleted, isRevoked: true }, { shown: true })
  const file = {
    kind: 'image',
    fileId: null,
    state: 'fetching',
    sourceUrl: 'https://provider.example/1',
    name: 'cat.png',
    contentType: 'image/png',
    sizeBytes: null,
    sha256: null,
  } as const
  const media = world.receive('anna', 'media', '', {
    contents: [textContent('', { kind: 'media', text: null, attachments: [file], native: '{"sid":"1"}', providerMessageId: 'SM1' })],
  })
  const before = await site.settle().then(() => views.message(agent, id, media))
  assert.deepEqual(before?.content?.attachments?.[0], {
    kind: 'image',
    fileId: null,
    state: 'fetching',
    name: 'cat.png',
    contentType: 'image/png',
    sizeBytes: null,
  })
  world.event(
    'anna',
    'message.attached',
    { messageId: media, index: 0, state: 'ready', supersedes: { seq: 6, n: 0 } },
    {
      contents: [
        textContent('', {
          kind: 'media',
          text: null,
          attachments: [{ ...file, fileId: idOf('file'), state: 'ready', sizeBytes: 7 }],
          native: '{"sid":"1"}',
        }),
      ],
      shown: true,
    },
  )
  await site.settle()
  const shown = new Map((await views.messages(agent, id, {})).items.map((message) => [message.id, message]))
  assert.deepEqual([shown.get(edited)?.content?.text, shown.get(edited)?.edits], ['first', 1])
  assert.deepEqual([shown.get(deleted)?.content, shown.get(deleted)?.isDeleted], [null, true])
  assert.equal(shown.get(media)?.content?.attachments?.[0]?.url, `/files/${idOf('file')}?signed`)
  assert.equal(shown.get(media)?.content?.native, undefined)
  assert.deepEqual((await views.message({ ...agent, includeNative: true }, id, media))?.content?.native, { sid: '1' })
  assert.equal(before?.providerMessageId, 'SM1')
})

test('grants decide: other organizations, other accounts, notes, the contact', async (context) => {
  const site = await openSite(context, { views: { publicNameOf: ({ kind }) => (kind === 'agent' ? 'Kim' : undefined) } })
  const { world, views } = site
  const id = world.create('anna')
  const other = world.create('bert', { accountId: idOf('other account') })
  const foreign = world.create('cleo', { organizationId: idOf('other organization') })
  world.receive('anna', 'in', 'hello')
  world.send('anna', 'out', 'canary-free answer')
  const note = world.note('anna', 'note', 'canary in a note')
  for (const name of ['bert', 'cleo']) world.receive(name, `${name} in`, 'hello')
  await site.settle()

  const restricted: Viewer = { grants: grantsOf('agent', { accountIds: [ACCOUNT] }) }
  assert.deepEqual(
    (await views.conversations(restricted, {})).items.map((row) => row.id),
    [id],
  )
  assert.deepEqual((await views.conversations(restricted, { accountId: idOf('other account') })).items, [])
  assert.equal((await views.conversation(restricted, other)).item, null)
  assert.deepEqual((await views.messages(restricted, other, {})).items, [])
  assert.deepEqual((await views.events(restricted, other, {})).items, [])
  assert.deepEqual((await views.conversations(agent, {})).items.map((row) => row.id).sort(), [id, other].sort())
  assert.equal((await views.conversation(agent, foreign)).item, null)
  assert.deepEqual(
    (await views.search(restricted, { text: 'hello', type: 'message' })).items.map((hit) => hit.conversationId),
    [id],
  )

  assert.equal(await views.message(bot, id, note), null)
  assert.equal((await views.conversation(bot, id)).item?.lastMessage?.preview, 'canary-free answer')
  assert.deepEqual((await views.messages(bot, id, { direction: 'note' })).items, [])
  assert.equal(
    (await views.events(bot, id, {})).items.some((event) => event.type.startsWith('note.')),
    false,
  )
  assert.deepEqual(
    (await views.search(bot, { text: 'canary', type: 'message' })).items.map((hit) => hit.messageId),
    [idOf('message out')],
  )
  assert.equal((await views.search(agent, { text: 'canary', type: 'message' })).items.length, 2)

  const contact: Viewer = {
    grants: {
      organizationId: ORGANIZATION,
      kind: 'contact',
      id: contactOf('anna').id ?? '',
      role: 'contact',
      accountIds: [ACCOUNT],
      conversationId: id,
    },
  }
  const seen = JSON.stringify([
    await views.conversations(contact, {}),
    await views.messages(contact, id, {}),
    await views.conversation(contact, id),
  ])
  assert.deepEqual(
    (await views.messages(contact, id, {})).items.map((message) => [message.seq, message.author.name ?? null]),
    [
      [1, null],
      [2, 'Kim'],
    ],
  )
  for (const secret of ['canary in', agentOf('agent').id ?? '', idOf('message note')]) assert.equal(seen.includes(secret), false, secret)
  assert.deepEqual((await views.messages(contact, other, {})).items, [])
  assert.deepEqual((await views.search(contact, { text: 'hello', type: 'message' })).items, [])
  assert.deepEqual((await views.contacts(contact, {})).items, [])
  assert.deepEqual((await views.events(contact, id, {})).items, [])
})

test('audit pages through all events of a subject with their contents', async (context) => {
  const site = await openSite(context)
  const { world, views } = site
  const id = world.create('anna')
  for (let index = 0; index < 5; index++) world.receive('anna', `m${index}`, `text ${index}`)
  await site.settle()
  const first = await views.events(agent, id, { limit: 4 })
  assert.deepEqual(
    first.items.map(({ seq, type }) => [seq, type]),
    [
      [1, 'conversation.created'],
      [2, 'message.received'],
      [3, 'message.received'],
      [4, 'message.received'],
    ],
  )
  const second = await views.events(agent, id, { limit: 4, after: Number(first.next?.[0]) })
  assert.deepEqual([second.items.map(({ seq }) => seq), second.next], [[5, 6], null])
  assert.deepEqual(second.items[1]?.data['content'], { kind: 'text', text: 'text 4' })
})
