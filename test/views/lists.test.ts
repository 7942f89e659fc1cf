// Lists: sorts, filters, keysets, grants, counters.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConversationQuery, ConversationSort, Viewer } from '#views'
import { openSite, type Site } from './site.ts'
import { ACCOUNT, agentOf, grantsOf, idOf, profileOf, START } from './world.ts'

const agent: Viewer = { grants: grantsOf('agent') }

/** All pages of a list, by name of the conversation. */
const namesOf = async ({ views, world }: Site, names: readonly string[], query: ConversationQuery, viewer = agent): Promise<string[]> => {
  const byId = new Map(names.map((name) => [world.conversationId(name), name]))
  const found: string[] = []
  for (let after: ConversationQuery['after']; ;) {
    const page = await views.conversations(viewer, { ...query, ...(after === undefined ? {} : { after }) })
    found.push(...page.items.map(({ id }) => byId.get(id) ?? id))
    if (page.next === null) return found
    after = page.next
  }
}

test('lists by activity, state, assignee, account and contact, a page at a time', async (context) => {
  const site = await openSite(context)
  const { world } = site
  const names = Array.from({ length: 9 }, (_, index) => `c${index}`)
  for (const [index, name] of names.entries()) world.create(name, index % 3 === 0 ? { accountId: idOf('other account') } : {})
  for (const name of names) world.receive(name, `${name} first`, 'hello')
  world.assign('c1', 'agent')
  world.assign('c2', 'other')
  world.resolve('c8')
  world.receive('c0', 'again', 'anyone?')
  await site.settle()

  const newestFirst = ['c0', 'c8', 'c7', 'c6', 'c5', 'c4', 'c3', 'c2', 'c1']
  assert.deepEqual(await namesOf(site, names, { limit: 2 }), newestFirst)
  assert.deepEqual(
    await namesOf(site, names, { limit: 2, state: ['open'] }),
    newestFirst.filter((name) => name !== 'c8'),
  )
  assert.deepEqual(await namesOf(site, names, { state: ['resolved'] }), ['c8'])
  assert.deepEqual(await namesOf(site, names, { assignee: idOf('agent') }), ['c1'])
  assert.deepEqual(await namesOf(site, names, { limit: 3, assignee: 'none', state: ['open'] }), ['c0', 'c7', 'c6', 'c5', 'c4', 'c3'])
  assert.deepEqual(await namesOf(site, names, { limit: 1, accountId: idOf('other account') }), ['c0', 'c6', 'c3'])
  assert.deepEqual(await namesOf(site, names, { contactId: idOf('contact c5') }), ['c5'])
  assert.deepEqual(await namesOf(site, names, { limit: 2, sort: 'created' }), names)
  assert.deepEqual(await namesOf(site, names, { limit: 2, sort: '-created', state: ['open'] }), names.slice(0, 8).reverse())
  assert.deepEqual(await namesOf(site, names, { limit: 2, sort: 'waiting' }), ['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7'])
})

test('sorts by priority first, then activity; snoozed by when they wake; labels add and remove', async (context) => {
  const site = await openSite(context)
  const { world } = site
  const names = ['low', 'none', 'urgent', 'urgent too']
  for (const name of names) world.create(name)
  world.event('low', 'conversation.prioritized', { before: 'none', after: 'low' })
  for (const name of ['urgent', 'urgent too']) world.event(name, 'conversation.prioritized', { before: 'none', after: 'urgent' })
  world.event('none', 'conversation.labeled', { added: [idOf('vip'), idOf('spam')], removed: [] })
  world.event('low', 'conversation.labeled', { added: [idOf('vip')], removed: [] })
  world.event('none', 'conversation.labeled', { added: [], removed: [idOf('spam')] })
  for (const [name, hours] of [
    ['low', 3],
    ['none', 1],
  ] as const) {
    const until = START + hours * 3_600_000
    const row = {
      ...world.rowOf(name),
      state: 'snoozed' as const,
      snoozedUntil: until,
      priority: name === 'low' ? ('low' as const) : ('none' as const),
      labels: [idOf('vip')],
    }
    world.event(name, 'conversation.snoozed', { until, before: 'open', row: { ...row, seq: row.seq + 1 } })
  }
  await site.settle()
  assert.deepEqual(await namesOf(site, names, { sort: '-priority', limit: 1 }), ['urgent too', 'urgent', 'low', 'none'])
  assert.deepEqual(await namesOf(site, names, { sort: 'snoozed', limit: 1 }), ['none', 'low'])
  assert.deepEqual(await namesOf(site, names, { label: idOf('vip') }), ['none', 'low'])
  assert.deepEqual(await namesOf(site, names, { label: idOf('spam') }), [])
})

test('a page stands where it stood while rows come in before and behind it', async (context) => {
  const site = await openSite(context)
  const { world, views } = site
  const names = Array.from({ length: 30 }, (_, index) => `c${index}`)
  for (const name of names) world.create(name)
  await site.settle()
  for (const sort of ['created', '-created'] as ConversationSort[]) {
    const first = await views.conversations(agent, { sort, limit: 10 })
    for (let index = 0; index < 5; index++) world.create(`late ${sort} ${index}`)
    world.receive('c3', `moves ${sort}`, 'hello')
    await site.settle()
    const seen = [...first.items.map(({ id }) => id)]
    for (let after = first.next; after !== null;) {
      const page = await views.conversations(agent, { sort, limit: 10, after })
      seen.push(...page.items.map(({ id }) => id))
      after = page.next
    }
    assert.equal(new Set(seen).size, seen.length, 'nothing twice')
    for (const name of names) assert.ok(seen.includes(world.conversationId(name)), `${name} once`)
  }
})

test('a row shows the contact, the last message, unread for the caller and what the watermarks reach', async (context) => {
  const site = await openSite(context)
  const { world, views } = site
  const id = world.create('anna', { address: '+4915100001' })
  world.contact(
    'anna',
    'contact.created',
    { accountId: ACCOUNT, channel: 'twilio', conversationId: id },
    { contents: [profileOf('Anna Ámsterdam')] },
  )
  for (let index = 0; index < 3; index++) world.receive('anna', `m${index}`, `number ${index}`)
  world.send('anna', 'answer', 'We look into it')
  world.event('anna', 'message.read', { messageId: null, upToSeq: 4 })
  world.mark('anna', 'agent', 2)
  await site.settle()
  const { item } = await views.conversation(agent, id)
  assert.deepEqual(item?.contact, { id: idOf('contact anna'), name: 'Anna Ámsterdam', address: '+4915100001' })
  assert.equal(item?.lastMessage?.preview, 'We look into it')
  assert.equal(item?.lastMessage?.sendState, 'read')
  assert.equal(item?.unread, 2)
  assert.equal((await views.conversation({ grants: grantsOf('other') }, id)).item?.unread, 3)
  assert.equal(item?.waitingSince, null)
  const page = await views.messages(agent, id, {})
  assert.equal(page.items.at(-1)?.send?.state, 'read')
  assert.deepEqual(
    (await views.rows([id, idOf('nobody')])).map((row) => row?.contact.name ?? null),
    ['Anna Ámsterdam', null],
  )
})

test('counts follow states, assignees and sends, of the accounts the caller may see', async (context) => {
  const site = await openSite(context)
  const { world, views } = site
  for (const name of ['a', 'b', 'c', 'd']) world.create(name, name === 'd' ? { accountId: idOf('other account') } : {})
  world.assign('a', 'agent')
  world.resolve('b')
  const failed = world.send('c', 'fails', 'x')
  world.event('c', 'message.failed', { messageId: failed, attempt: 1, reason: 'rejected', providerCode: 30_003 })
  const doubted = world.send('d', 'unknown', 'x')
  world.event('d', 'message.unknown', { messageId: doubted, attempt: 1, reason: 'crashed' })
  await site.settle()
  assert.deepEqual((await views.counts(agent)).counts, {
    byState: { open: 3, pending: 0, snoozed: 0, resolved: 1 },
    mine: 1,
    unassigned: 2,
    failedSends: 1,
    unknownSends: 1,
  })
  const restricted = { grants: grantsOf('agent', { accountIds: [ACCOUNT] }) }
  assert.deepEqual((await views.counts(restricted)).counts, {
    byState: { open: 2, pending: 0, snoozed: 0, resolved: 1 },
    mine: 1,
    unassigned: 1,
    failedSends: 1,
    unknownSends: 0,
  })
  world.event(
    'c',
    'message.queued',
    {
      messageId: failed,
      kind: 'text',
      orderAt: world.now,
      attachments: 0,
      attempt: 2,
      seenSeq: null,
      isOverride: false,
      replyTo: null,
      sendAt: null,
      isUnlessReply: false,
      isDue: false,
    },
    { by: agentOf('agent') },
  )
  world.event('d', 'message.settled', { messageId: doubted, before: 'unknown', after: 'sent' })
  world.assign('a', null)
  await site.settle()
  assert.deepEqual((await views.counts(agent)).counts, {
    byState: { open: 3, pending: 0, snoozed: 0, resolved: 1 },
    mine: 0,
    unassigned: 3,
    failedSends: 0,
    unknownSends: 0,
  })
  assert.equal((await views.message(agent, world.conversationId('c'), failed))?.send?.attempt, 2)
})

test('contacts list by creation, follow their events and carry their identities', async (context) => {
  const site = await openSite(context)
  const { world, views } = site
  for (const name of ['anna', 'bert', 'cleo']) {
    const conversationId = world.create(name)
    world.contact(
      name,
      'contact.created',
      { accountId: ACCOUNT, channel: 'twilio', conversationId },
      { contents: [profileOf(name, { userId: `+49${name.length}` })] },
    )
  }
  world.contact('bert', 'contact.labeled', { added: [idOf('vip')], removed: [] })
  world.contact(
    'bert',
    'contact.attributed',
    { supersedes: null },
    { contents: [{ kind: 'attributes', body: { values: { plan: 'gold' } } }] },
  )
  world.contact('bert', 'contact.opted-out', { accountId: ACCOUNT })
  world.contact('bert', 'contact.blocked', {})
  await site.settle()
  const first = await views.contacts(agent, { limit: 2 })
  assert.deepEqual(
    first.items.map(({ name }) => name),
    ['cleo', 'bert'],
  )
  const second = await views.contacts(agent, { limit: 2, after: first.next ?? [] })
  assert.deepEqual([second.items.map(({ name }) => name), second.next], [['anna'], null])
  const { item } = await views.contact(agent, idOf('contact bert'))
  assert.deepEqual(
    [item?.labels, item?.attributes, item?.isBlocked, item?.identities[0]?.optedOut],
    [[idOf('vip')], { plan: 'gold' }, true, true],
  )
  assert.deepEqual(
    (await views.contacts(agent, { text: 'ber' })).items.map(({ name }) => name),
    ['bert'],
  )
})
