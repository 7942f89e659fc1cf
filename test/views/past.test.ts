// Time travel: what was shown then is shown again, by seq, time and position; what was erased or taken back since is not.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contactSnapshot, encode, type ContactSnapshot } from '#schemas/log'
import { partitionOf } from '#log'
import type { Moment, Viewer } from '#views'
import { openSite, type Site } from './site.ts'
import { ACCOUNT, agentOf, grantsOf, idOf, profileOf, textContent } from './world.ts'

const owner: Viewer = { grants: grantsOf('agent', { role: 'owner' }) }
const agent: Viewer = { grants: grantsOf('agent') }
const bot: Viewer = { grants: grantsOf('bot', { kind: 'bot', role: 'bot' }) }
const seqOf = (seq: number): Moment => ({ kind: 'seq', seq })

/** Everything that can happen to a conversation, one step a call. */
const steps = ({ world }: Site): (() => unknown)[] => {
  const ids: Record<string, string> = {}
  const fate = (type: 'message.sent' | 'message.failed' | 'message.unknown', name: string): void => {
    const attempt = { messageId: ids[name] ?? '', attempt: 1 }
    if (type === 'message.sent') world.event('anna', type, { ...attempt, isEcho: false })
    else if (type === 'message.unknown') world.event('anna', type, { ...attempt, reason: 'timed_out' })
    else world.event('anna', type, { ...attempt, reason: 'rejected', providerCode: 21_211 })
  }
  return [
    () => world.create('anna'),
    () => (ids['first'] = world.receive('anna', 'first', 'the first word')),
    () => world.assign('anna', 'agent'),
    () => (ids['answer'] = world.send('anna', 'answer', 'an answer')),
    () => fate('message.sent', 'answer'),
    () => world.event('anna', 'message.delivered', { messageId: null, upToSeq: 2 }),
    () => world.note('anna', 'note', 'a note among us'),
    () => world.event('anna', 'conversation.labeled', { added: [idOf('vip')], removed: [] }),
    () =>
      world.event(
        'anna',
        'message.edited',
        { messageId: ids['answer'] ?? '', supersedes: { seq: 4, n: 0 } },
        {
          by: agentOf('agent'),
          contents: [textContent('a better answer')],
          shown: true,
        },
      ),
    () => world.event('anna', 'message.read', { messageId: null, upToSeq: 2 }),
    () => (ids['second'] = world.send('anna', 'second', 'sent twice')),
    () => fate('message.unknown', 'second'),
    () => world.resolve('anna'),
    () => world.event('anna', 'message.deleted', { messageId: ids['answer'] ?? '', isRevoked: true }, { shown: true }),
    () => world.receive('anna', 'late', 'came late', { orderAt: world.now - 6_000 }),
  ]
}

const shown = async (site: Site, viewer: Viewer, id: string) => ({
  row: (await site.views.conversation(viewer, id)).item,
  thread: (await site.views.messages(viewer, id, { limit: 100 })).items,
})

test('each moment shows what was shown then, to who may read the audit', async (context) => {
  const site = await openSite(context)
  const then: {
    readonly seq: number
    readonly asOf: Awaited<ReturnType<Site['settle']>>
    readonly at: number
    readonly views: unknown[]
  }[] = []
  const id = site.world.conversationId('anna')
  for (const step of steps(site)) {
    step()
    const asOf = await site.settle()
    const both = [await shown(site, owner, id), await shown(site, bot, id)]
    for (const { row } of both) if (row !== null) row.unread = 0
    then.push({ seq: site.world.rowOf('anna').seq, asOf, at: site.world.now, views: both })
  }
  for (const { seq, asOf, at, views } of then) {
    for (const moment of [seqOf(seq), { kind: 'places', places: asOf }, { kind: 'time', at }] satisfies Moment[]) {
      const again = await Promise.all(
        [owner, { ...bot, grants: { ...bot.grants, role: 'bot' as const } }].map(async (viewer) => ({
          row: (await site.views.conversationAt(viewer, id, moment)).item,
          thread: (await site.views.messagesAt(viewer, id, { limit: 100 }, moment)).items,
        })),
      )
      assert.deepEqual(again[0], views[0], `as owner, by ${moment.kind}, at ${seq}`)
      // A bot reads no audit: of what was edited or deleted since, it is shown no more than today's text.
      const texts = JSON.stringify(again[1])
      assert.ok(!texts.includes('an answer') && !texts.includes('a better answer') && !texts.includes('a note'), `as bot at ${seq}`)
      assert.deepEqual(
        again[1]?.thread.map((message) => message.id),
        (views[1] as { thread: { id: string }[] }).thread.map((message) => message.id),
      )
    }
  }
})

test('pages of the past are pages of the messages there were', async (context) => {
  const site = await openSite(context)
  const { world, views } = site
  const id = world.create('anna')
  const ids = Array.from({ length: 10 }, (_, index) => world.receive('anna', `m${index}`, `text ${index}`))
  await site.settle()
  const read = async (query: object): Promise<string[]> =>
    (await views.messagesAt(agent, id, { limit: 3, ...query }, seqOf(8))).items.map((message) => message.id)
  assert.deepEqual(await read({}), ids.slice(4, 7))
  assert.deepEqual(await read({ before: ids[4] }), ids.slice(1, 4))
  assert.deepEqual(await read({ after: ids[4] }), ids.slice(5, 7))
  assert.deepEqual(await read({ before: ids[8] }), [], 'a message that was not there yet')
})

test('before the first event nothing is answered but when that was; beyond the last, the present', async (context) => {
  const site = await openSite(context)
  const { world, views } = site
  const id = world.create('anna')
  const earliest = new Date(world.now).toISOString()
  world.receive('anna', 'm', 'text')
  await site.settle()
  for (const read of [
    () => views.conversationAt(agent, id, { kind: 'time', at: world.now - 60_000 }),
    () => views.messagesAt(agent, id, {}, { kind: 'places', places: [{ topic: 'events', partition: partitionOf(id), offset: 0 }] }),
  ])
    await assert.rejects(read, { code: 'as_of_gone', fields: { earliest } })
  const other = { topic: 'events', partition: (partitionOf(id) + 1) % 32, offset: 9 } as const
  await assert.rejects(views.conversationAt(agent, id, { kind: 'places', places: [other] }), { code: 'position_invalid' })
  assert.equal((await views.conversationAt(agent, id, seqOf(99))).item?.seq, 2)
  assert.equal((await views.conversationAt({ grants: grantsOf('x', { accountIds: [] }) }, id, seqOf(1))).item, null)
})

/** As far as time travel reads it, a conversation's is alike, and longer. */
const snapshotOf = (id: string, erasedUpTo: number): ContactSnapshot => ({
  version: 1,
  id,
  organizationId: id,
  state: 'active',
  seq: erasedUpTo + 1,
  at: 0,
  createdAt: 0,
  generation: 1,
  identities: [],
  profile: null,
  isProfileEdited: false,
  attributes: null,
  labels: [],
  erasedUpTo,
  parkedAt: null,
})

test('what is erased today shows in no moment, before its tombstones as after them', async (context) => {
  const site = await openSite(context)
  const { world, views, log } = site
  const id = world.create('anna')
  world.receive('anna', 'm', 'a word to forget')
  await site.settle()
  const { upToSeq } = world.erase('anna')
  await site.settle()
  const lease = await log.lease('conversations', partitionOf(id))
  const value = encode(contactSnapshot, snapshotOf(id, upToSeq))
  await lease.commit({
    entries: [
      { topic: 'conversations', partition: partitionOf(id), records: [{ key: id, value, headers: { type: 'conversation' }, time: 1 }] },
    ],
  })
  const texts = JSON.stringify([
    await views.conversationAt(owner, id, seqOf(2)),
    await views.messagesAt(owner, id, {}, seqOf(2)),
    await views.events(owner, id, {}),
  ])
  assert.ok(!texts.includes('forget') && !texts.includes('+15550100') && !texts.includes('"name":"anna"'), texts)
  assert.equal((await views.messagesAt(owner, id, {}, seqOf(2))).items[0]?.isErased, true)
})

test('a contact is folded up to the moment, and its name then is the name of its conversation then', async (context) => {
  const site = await openSite(context)
  const { world, views } = site
  const id = world.create('anna')
  const contactId = idOf('contact anna')
  world.contact('anna', 'contact.created', { accountId: ACCOUNT, channel: 'twilio', conversationId: id }, { contents: [profileOf('Anna')] })
  const between = world.now
  world.contact('anna', 'contact.changed', { supersedes: null }, { contents: [profileOf('Anna Maria')] })
  world.receive('anna', 'm', 'text')
  await site.settle()
  assert.equal((await views.contact(agent, contactId)).item?.name, 'Anna Maria')
  assert.equal((await views.contactAt(agent, contactId, seqOf(1))).item?.name, 'Anna')
  assert.equal((await views.contactAt(agent, contactId, { kind: 'time', at: between })).item?.name, 'Anna')
  assert.equal((await views.conversationAt(agent, id, { kind: 'time', at: between })).item?.contact.name, 'Anna')
  assert.equal((await views.conversationAt(agent, id, seqOf(2))).item?.contact.name, 'Anna Maria')
})

test('a long conversation is folded in slices: timers of others run in between', async (context) => {
  const site = await openSite(context)
  const { world, views } = site
  const id = world.create('anna')
  for (let index = 0; index < 4_000; index++) world.receive('anna', `m${index}`, `text ${index}`)
  await site.settle()
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  const { item } = await views.conversationAt(owner, id, seqOf(3_900))
  clearInterval(timer)
  assert.equal(item?.lastMessage?.preview, 'text 3898')
  assert.ok(turns >= 10, `${turns} turns`)
})
