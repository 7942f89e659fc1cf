// Every query of nodes that hold a part each is answered as by a node that folds everything: random data, cursors taken elsewhere, grants.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ConversationSort, Viewer, Views } from '#views'
import { ACCOUNT, grantsOf, idOf, profileOf } from '../views/world.ts'
import { openClusterSite, type ClusterSite } from './site.ts'

const OTHER = idOf('other account')
const sorts: readonly ConversationSort[] = ['-activity', '-created', 'created', 'waiting', '-priority', 'snoozed']
const words = ['apple', 'pear', 'plum', 'cherry']
const viewers: Readonly<Record<string, Viewer>> = {
  agent: { grants: grantsOf('agent') },
  'of one account': { grants: grantsOf('agent', { accountIds: [OTHER] }) },
  'of none': { grants: grantsOf('agent', { accountIds: [] }) },
  'of another organization': { grants: grantsOf('agent', { organizationId: idOf('strangers') }) },
}

interface Deed {
  readonly who: number
  readonly does: 'receive' | 'send' | 'note' | 'assign' | 'resolve' | 'prioritize' | 'label' | 'mark' | 'name' | 'erase'
  readonly word: number
}
const deed: fc.Arbitrary<Deed> = fc.record({
  who: fc.nat(29),
  does: fc.constantFrom(
    'receive',
    'receive',
    'receive',
    'send',
    'note',
    'assign',
    'resolve',
    'prioritize',
    'label',
    'mark',
    'name',
    'erase',
  ),
  word: fc.nat(3),
})

const DEEDS = 220

const nameOf = (who: number): string => `c${who}`

const play = ({ world }: ClusterSite, deeds: readonly Deed[]): string[] => {
  const names = Array.from({ length: 30 }, (_, who) => nameOf(who))
  const erased = new Set<string>()
  for (const [who, name] of names.entries()) {
    world.create(name, who % 3 === 0 ? { accountId: OTHER } : {})
    const place = { accountId: who % 3 === 0 ? OTHER : ACCOUNT, channel: 'twilio' as const, conversationId: world.conversationId(name) }
    world.contact(name, 'contact.created', place, { contents: [profileOf(who % 4 === 0 ? `Person ${who}` : `Apple Person ${who}`)] })
  }
  let count = 0
  for (const { who, does, word } of deeds) {
    const name = nameOf(who)
    const text = `${words[word]} ${words[(word + who) % words.length]}`
    const id = `m${count++}`
    if (erased.has(name)) continue
    if (does === 'receive') world.receive(name, id, text)
    if (does === 'send') world.send(name, id, text)
    if (does === 'note') world.note(name, id, text)
    if (does === 'assign') world.assign(name, word % 2 === 0 ? 'agent' : 'other')
    if (does === 'resolve') world.resolve(name)
    if (does === 'prioritize') world.event(name, 'conversation.prioritized', { before: 'none', after: word % 2 === 0 ? 'high' : 'low' })
    if (does === 'label') world.event(name, 'conversation.labeled', { added: [idOf(words[word] ?? '')], removed: [] })
    if (does === 'name') world.contact(name, 'contact.changed', { supersedes: null }, { contents: [profileOf(`Person plum ${id}`)] })
    if (does === 'mark') world.mark(name, 'agent', word + 1)
    if (does === 'erase') {
      world.erase(name)
      erased.add(name)
    }
  }
  return names
}

/** All pages, each asked of the next of `doors`. */
const walk = async <T>(
  doors: readonly Views[],
  page: (
    views: Views,
    after: readonly (string | number)[] | undefined,
  ) => Promise<{ items: readonly T[]; next: readonly (string | number)[] | null }>,
) => {
  const pages: { readonly items: readonly T[]; readonly next: readonly (string | number)[] | null }[] = []
  let after: readonly (string | number)[] | undefined
  for (let n = 0; n < 100; n++) {
    const { items, next } = await page(doors[n % doors.length] as Views, after)
    pages.push({ items, next })
    if (next === null) return pages
    after = next
  }
  throw new Error('the list does not end')
}

const compare = async (site: ClusterSite, names: readonly string[]): Promise<void> => {
  const mixed = [...site.nodes.map(({ views }) => views), site.views]
  const alone = [site.views]
  for (const [who, viewer] of Object.entries(viewers)) {
    for (const sort of sorts)
      for (const filter of [{}, { state: ['open'] as const }, { accountId: OTHER }, { assignee: 'none' }, { label: idOf('plum') }]) {
        const list = (views: Views, after: readonly (string | number)[] | undefined) =>
          views.conversations(viewer, { ...filter, sort, limit: 7, ...(after === undefined ? {} : { after }) })
        assert.deepEqual(await walk(mixed, list), await walk(alone, list), `${who}: ${sort} ${JSON.stringify(filter)}`)
      }
    for (const type of ['message', 'conversation', 'contact'] as const)
      for (const text of ['apple', 'plum pe', 'Person', '']) {
        const hits = (views: Views, after: readonly (string | number)[] | undefined) =>
          views.search(viewer, { text, type, limit: 4, ...(after === undefined ? {} : { after }) })
        // Where many hits are of few conversations the last page may be empty, for one file as for several.
        assert.deepEqual(
          (await walk(mixed, hits)).flatMap(({ items }) => items),
          (await walk(alone, hits)).flatMap(({ items }) => items),
          `${who}: search ${type} ${text}`,
        )
      }
    for (const { views } of site.nodes) {
      assert.deepEqual((await views.counts(viewer)).counts, (await site.views.counts(viewer)).counts, who)
      for (const name of names.slice(0, 8)) {
        const id = site.world.conversationId(name)
        assert.deepEqual((await views.conversation(viewer, id)).item, (await site.views.conversation(viewer, id)).item)
        assert.deepEqual(
          (await views.messages(viewer, id, { limit: 3 })).items,
          (await site.views.messages(viewer, id, { limit: 3 })).items,
        )
        assert.deepEqual((await views.events(viewer, id, {})).items, (await site.views.events(viewer, id, {})).items)
        assert.deepEqual(
          (await views.contact(viewer, idOf(`contact ${name}`))).item,
          (await site.views.contact(viewer, idOf(`contact ${name}`))).item,
        )
        assert.deepEqual(await views.contentsOf(id, 9, 50), await site.views.contentsOf(id, 9, 50))
      }
    }
  }
  const ids = names.map((name) => site.world.conversationId(name))
  for (const { views } of site.nodes) {
    assert.deepEqual(await views.rows([...ids, idOf('nobody')]), await site.views.rows([...ids, idOf('nobody')]))
    assert.equal(await views.hash(), await site.views.hash())
  }
}

test('three nodes with a part each answer every query as one that folds all of it; pages go on at any of them', async (context) => {
  const site = await openClusterSite(context)
  const seed = Number(process.env['CONFAB_TEST_SEED'] ?? Date.now() % 1_000_000)
  context.diagnostic(`seed ${seed}: CONFAB_TEST_SEED=${seed} runs it again`)
  const [deeds = []] = fc.sample(fc.array(deed, { minLength: DEEDS, maxLength: DEEDS }), { numRuns: 1, seed })
  const urls = []
  for (let n = 0; n < 3; n++) urls.push((await site.open(0)).url)
  await site.own(urls)
  await site.shared(1)
  const names = play(site, deeds)
  await site.level()
  assert.equal(
    (await site.views.conversations(viewers['agent'] as Viewer, { limit: 100 })).items.length,
    names.length,
    'there is something to compare',
  )
  await compare(site, names)
})
