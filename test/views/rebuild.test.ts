// Rebuild = live; damage and strangers are folded anew.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync as readFile, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Log } from '#log'
import { openViews, type Viewer } from '#views'
import { openSite, until, type Site } from './site.ts'
import { ACCOUNT, agentOf, grantsOf, idOf, profileOf, textContent, type World } from './world.ts'

const agent: Viewer = { grants: grantsOf('agent') }

/** A bit of everything, in turns. */
const live = (world: World, round: number): void => {
  for (let index = 0; index < 12; index++) {
    const name = `c${index}`
    if (round === 0) {
      const conversationId = world.create(name)
      world.contact(
        name,
        'contact.created',
        { accountId: ACCOUNT, channel: 'twilio', conversationId },
        { contents: [profileOf(`Name ${name}`)] },
      )
    }
    const received = world.receive(name, `${name} in ${round}`, `hello ${round}`)
    const sent = world.send(name, `${name} out ${round}`, `answer ${round}`)
    world.event(name, 'message.sent', { messageId: sent, attempt: 1, isEcho: false })
    if (index % 3 === 0) world.event(name, 'message.failed', { messageId: sent, attempt: 1, reason: 'undelivered', providerCode: null })
    if (index % 4 === 0) world.note(name, `${name} note ${round}`, 'inside')
    if (index % 5 === 0) world.event(name, 'message.deleted', { messageId: received, isRevoked: false }, { shown: true })
    if (index % 6 === 0)
      world.event(
        name,
        'message.edited',
        { messageId: sent, supersedes: { seq: 1, n: 0 } },
        { contents: [textContent('better')], shown: true },
      )
    world.assign(name, index % 2 === 0 ? `agent ${round}` : null)
    if (index === 7) world.resolve(name)
    world.event(name, 'conversation.labeled', { added: [idOf(`label ${round}`)], removed: round === 0 ? [] : [idOf(`label ${round - 1}`)] })
    world.mark(name, 'agent', world.rowOf(name).seq)
  }
}

const rebuild = async (site: Site): Promise<string> => {
  await site.views.close()
  for (const name of readdirSync(site.directory)) rmSync(join(site.directory, name))
  await site.reopen()
  await until(() => site.views.isReady(), 'the views are ready')
  return site.views.hash()
}

test('a rebuild ends in the same hash and the same counts as having been there', async (context) => {
  const site = await openSite(context)
  for (let round = 0; round < 4; round++) {
    live(site.world, round)
    await site.settle()
  }
  const [hash, counts] = [await site.views.hash(), (await site.views.counts(agent)).counts]
  assert.equal(await rebuild(site), hash)
  assert.deepEqual((await site.views.counts(agent)).counts, counts)
  live(site.world, 4)
  await site.settle()
  const after = await site.views.hash()
  assert.notEqual(after, hash)
  assert.equal(await rebuild(site), after)
})

test('holes, empty chunks and chunks cut between a content and its event change nothing', async (context) => {
  const plain = await openSite(context)
  const holed = await openSite(context, { log: { holes: { seed: 7 } } })
  for (const site of [plain, holed]) {
    for (let round = 0; round < 3; round++) {
      live(site.world, round)
      await site.settle()
    }
  }
  const hash = await plain.views.hash()
  assert.equal(await holed.views.hash(), hash)
  assert.equal(await rebuild(holed), hash)
  const page = await holed.views.messages(agent, holed.world.conversationId('c1'), { limit: 100 })
  assert.deepEqual(
    page.items.filter(({ content }) => content === null),
    [],
    'no content was lost',
  )
})

test('a restart goes on where it stood and reads nothing twice', async (context) => {
  const records: number[] = []
  const site = await openSite(context, { views: { onMetrics: (sample) => records.push(sample.records) } })
  live(site.world, 0)
  await site.settle()
  const hash = await site.views.hash()
  const read = records.length
  await site.reopen()
  await until(() => site.views.isReady(), 'the views are ready')
  assert.equal(
    records.slice(read).reduce((sum, count) => sum + count, 0),
    0,
  )
  assert.equal(await site.views.hash(), hash)
})

test('files of another version go; one that is damaged, or missing, is folded anew by itself', async (context) => {
  const site = await openSite(context)
  live(site.world, 0)
  await site.settle()
  const hash = await site.views.hash()
  await site.views.close()
  const files = readdirSync(site.directory).filter((name) => name.endsWith('.db'))
  assert.equal(files.length, 2)
  writeFileSync(join(site.directory, 'views-0123456789ab.db'), 'of long ago')
  for (const name of readdirSync(site.directory)) if (!name.endsWith('.db')) rmSync(join(site.directory, name))
  for (const name of files) writeFileSync(join(site.directory, name), Buffer.alloc(8_192, 0x5a))
  await site.reopen()
  await until(() => site.views.isReady(), 'the views are ready')
  assert.equal(await site.views.hash(), hash)
  assert.deepEqual(
    readdirSync(site.directory)
      .filter((name) => name.endsWith('.db'))
      .sort(),
    files.sort(),
  )
  assert.ok(files.every((name) => statSync(join(site.directory, name)).size > 8_192))
})

test('a file found damaged while it is served is folded anew, and questions wait for it', async (context) => {
  const site = await openSite(context)
  live(site.world, 0)
  await site.settle()
  const hash = await site.views.hash()
  for (const name of readdirSync(site.directory)) {
    const path = join(site.directory, name)
    if (!name.endsWith('-shm')) writeFileSync(path, Buffer.alloc(statSync(path).size, 0x5a))
  }
  await assert.rejects(site.views.hash(), { code: 'internal' })
  await until(() => !site.views.isReady(), 'the damage is noticed')
  assert.equal((await site.views.conversations(agent, { limit: 100 })).items.length, 12)
  await until(() => site.views.isReady(), 'the views are ready')
  assert.equal(await site.views.hash(), hash)
})

test('a file of another log, or ahead of this one, is not trusted', async (context) => {
  const first = await openSite(context)
  live(first.world, 0)
  live(first.world, 1)
  await first.settle()
  await first.views.close()
  const second = await openSite(context)
  live(second.world, 0)
  await second.settle()
  const hash = await second.views.hash()
  await second.views.close()
  for (const name of readdirSync(first.directory)) writeFileSync(join(second.directory, name), readFile(join(first.directory, name)))
  await second.reopen()
  await until(() => second.views.isReady(), 'the views are ready')
  assert.equal(await second.views.hash(), hash)
  await first.reopen()
})

test('erasing leaves structure and takes content: from rows, previews, search and the list of contents', async (context) => {
  const site = await openSite(context)
  const { world } = site
  live(world, 0)
  world.receive('c1', 'secret', 'confidential words')
  world.event(
    'c1',
    'conversation.changed',
    { attributes: { seq: 99, n: 0 } },
    { contents: [{ kind: 'attributes', body: { values: { plan: 'gold' } } }] },
  )
  await site.settle()
  const id = world.conversationId('c1')
  assert.equal((await site.views.search(agent, { text: 'confidential', type: 'message' })).items.length, 1)
  const { upToSeq } = world.erase('c1')
  await site.settle()
  const erased = await site.views.messages(agent, id, {})
  assert.ok(erased.items.length > 2 && erased.items.every(({ content, isErased }) => content === null && isErased))
  const row = (await site.views.conversation(agent, id)).item
  assert.deepEqual([row?.lastMessage?.preview, row?.contact.address, row?.attributes, row?.waitingSince], ['', null, {}, null])
  assert.deepEqual((await site.views.search(agent, { text: 'confidential', type: 'message' })).items, [])

  const remaining = await site.views.contentsOf(id, upToSeq, 500)
  assert.ok(remaining.references.length >= 5 && remaining.messageIds.includes(idOf('message secret')))
  assert.deepEqual((await site.views.contentsOf(id, upToSeq, 2)).references, remaining.references.slice(0, 2))
  const before = await site.views.hash()
  world.tombstone(id, remaining.references)
  await site.settle()
  assert.deepEqual(await site.views.contentsOf(id, upToSeq, 500), { references: [], messageIds: [] })
  assert.equal(await site.views.hash(), before, 'dropping contents changes no structure')
  assert.equal(await rebuild(site), before)
  const audit = await site.views.events(agent, id, { limit: 100 })
  assert.ok(audit.items.filter(({ erased: isErased }) => isErased === true).length >= 4)
  assert.equal(JSON.stringify(audit.items).includes('confidential'), false)
})

test('a content that is tombstoned by itself leaves its message, its preview and search', async (context) => {
  const site = await openSite(context)
  const { world } = site
  const id = world.create('anna')
  const messageId = world.receive('anna', 'm', 'unsaid again')
  await site.settle()
  world.tombstone(id, [{ seq: 2, n: 0 }])
  await site.settle()
  const message = await site.views.message(agent, id, messageId)
  assert.deepEqual([message?.content, message?.isErased], [null, true])
  assert.equal((await site.views.conversation(agent, id)).item?.lastMessage?.preview, '')
  assert.deepEqual((await site.views.search(agent, { text: 'unsaid', type: 'message' })).items, [])
  const hash = await site.views.hash()
  assert.equal(await rebuild(site), hash)
})

test('waitFor tells whether a position was applied in time', async (context) => {
  const site = await openSite(context)
  const id = site.world.create('anna')
  site.world.send('anna', 'm', 'hi', { by: agentOf('agent') })
  const ends = await site.settle()
  assert.equal(await site.views.waitFor(ends, 0), true)
  assert.equal(await site.views.waitFor([{ topic: 'config', partition: 0, offset: 9 }], 0), true)
  assert.equal(
    await site.views.waitFor(
      ends.map((position) => ({ ...position, offset: position.offset + 1 })),
      5,
    ),
    false,
  )
  const { asOf } = await site.views.conversation(agent, id)
  assert.deepEqual(asOf, ends)
})

/** As a form of the log gives itself that threads cannot read beside. */
const withoutRanges = (log: Log): Log => ({
  id: log.id,
  append: (entries) => log.append(entries),
  read: (from, options) => log.read(from, options),
  latest: (topic, partition, keys) => log.latest(topic, partition, keys),
  bounds: (topic, partition) => log.bounds(topic, partition),
  offsetAt: (topic, partition, time) => log.offsetAt(topic, partition, time),
  assignment: (duty, signal) => log.assignment(duty, signal),
  lease: (owner, partition) => log.lease(owner, partition),
  close: () => log.close(),
})

test('a log that threads cannot read beside is folded through its one door, to the same hash', async (context) => {
  const site = await openSite(context)
  for (let round = 0; round < 2; round++) {
    live(site.world, round)
    await site.settle()
  }
  const hash = await rebuild(site)
  await site.views.close()
  for (const name of readdirSync(site.directory)) rmSync(join(site.directory, name))
  const logger = { info: () => undefined, warn: () => undefined, error: () => undefined }
  site.views = await openViews({ log: withoutRanges(site.log), directory: site.directory, clock: Date.now, logger })
  await until(() => site.views.isReady(), 'the views are ready')
  assert.equal(await site.views.hash(), hash)
})

test('what is written while a rebuild reads by itself is applied once, and after it', async (context) => {
  const site = await openSite(context)
  for (let round = 0; round < 3; round++) {
    live(site.world, round)
    await site.settle()
  }
  await site.views.close()
  for (const name of readdirSync(site.directory)) rmSync(join(site.directory, name))
  await site.reopen()
  live(site.world, 3)
  await site.world.commit(site.log)
  await until(() => site.views.isReady(), 'the views are ready')
  live(site.world, 4)
  await site.settle()
  const [hash, counts] = [await site.views.hash(), (await site.views.counts(agent)).counts]
  assert.equal(await rebuild(site), hash)
  assert.deepEqual((await site.views.counts(agent)).counts, counts)
})

test('a rebuild that is stopped half way leaves nothing that the next one trusts', async (context) => {
  const site = await openSite(context)
  for (let round = 0; round < 2; round++) {
    live(site.world, round)
    await site.settle()
  }
  const hash = await site.views.hash()
  for (let stop = 0; stop < 3; stop++) {
    await site.views.close()
    for (const name of readdirSync(site.directory)) rmSync(join(site.directory, name))
    await site.reopen()
  }
  await site.reopen()
  await until(() => site.views.isReady(), 'the views are ready')
  assert.equal(await site.views.hash(), hash)
})
