// Search: words, accents, prefixes, numbers, grants.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SearchQuery, Viewer } from '#views'
import { openSite } from './site.ts'
import { ACCOUNT, grantsOf, idOf, profileOf, textContent } from './world.ts'

const agent: Viewer = { grants: grantsOf('agent') }

test('finds words, two words, beginnings, other accents and single CJK characters, newest first', async (context) => {
  const site = await openSite(context)
  const { world, views } = site
  world.create('anna')
  world.create('bert')
  const texts = {
    older: 'The café on Straße 7 was crowded',
    other: 'nothing here',
    newer: 'Ein Cafe mit Müsli, order 4711',
    east: '我想取消订单',
  }
  for (const [name, text] of Object.entries(texts)) world.receive(name === 'other' ? 'bert' : 'anna', name, text)
  await site.settle()
  const found = async (text: string, query: Partial<SearchQuery> = {}): Promise<string[]> =>
    (await views.search(agent, { text, type: 'message', ...query })).items.map(
      ({ messageId }) => Object.keys(texts).find((name) => idOf(`message ${name}`) === messageId) ?? '?',
    )
  assert.deepEqual(await found('cafe'), ['newer', 'older'])
  assert.deepEqual(await found('CAFÉ'), ['newer', 'older'])
  assert.deepEqual(await found('cafe musli'), ['newer'])
  assert.deepEqual(await found('crow'), ['older'])
  assert.deepEqual(await found('crow '), [], 'a space ends the word')
  assert.deepEqual(await found('4711'), ['newer'])
  assert.deepEqual(await found('订单'), ['east'])
  assert.deepEqual(await found('单订'), [])
  assert.deepEqual(await found('" OR scope:* --'), [])
  assert.deepEqual(await found('   '), [])
  const first = await views.search(agent, { text: 'cafe', type: 'message', limit: 1 })
  const second = await views.search(agent, { text: 'cafe', type: 'message', limit: 1, after: first.next ?? [] })
  assert.deepEqual(
    [first.items[0]?.messageId, second.items[0]?.messageId, second.next],
    [idOf('message newer'), idOf('message older'), null],
  )
  assert.equal(second.items[0]?.snippet, 'The \u0002café\u0003 on Straße 7 was crowded')
})

test('finds contacts by name, e-mail and the end of a phone number, and their conversations', async (context) => {
  const site = await openSite(context)
  const { world, views } = site
  for (const [name, phone] of [
    ['Anna Ámsterdam', '+49 151 1234567'],
    ['Bert Brecht', '+49 151 7654321'],
  ] as const) {
    const conversationId = world.create(name)
    world.contact(
      name,
      'contact.created',
      { accountId: ACCOUNT, channel: 'twilio', conversationId },
      {
        contents: [
          profileOf(name, {
            phones: [phone],
            emails: [`${name.split(' ')[0]?.toLowerCase()}@example.com`],
            userId: phone.replaceAll(' ', ''),
          }),
        ],
      },
    )
  }
  world.receive('Bert Brecht', 'm', 'ask Anna about it')
  await site.settle()
  const names = async (text: string): Promise<string[]> =>
    (await views.search(agent, { text, type: 'contact' })).items.map(
      ({ snippet }) => snippet.replaceAll('\u0002', '').replaceAll('\u0003', '').split(' · ')[0] ?? '',
    )
  assert.deepEqual(await names('amsterdam'), ['Anna Ámsterdam'])
  assert.deepEqual(await names('bert@example.com'), ['Bert Brecht'])
  assert.deepEqual(await names('4567'), ['Anna Ámsterdam'])
  assert.deepEqual(await names('0151 7654321'.slice(1)), ['Bert Brecht'])
  assert.deepEqual(await names('9999'), [])
  const conversations = (await views.search(agent, { text: 'anna', type: 'conversation' })).items.map(
    ({ conversationId }) => conversationId,
  )
  assert.deepEqual(conversations, [world.conversationId('Anna Ámsterdam'), world.conversationId('Bert Brecht')])
  world.contact('Bert Brecht', 'contact.changed', { supersedes: null }, { contents: [profileOf('Bertolt')] })
  await site.settle()
  assert.deepEqual([await names('brecht'), await names('bertolt')], [[], ['Bertolt']])
  world.contact('Anna Ámsterdam', 'contact.erased', { upToSeq: 1, generation: 2 })
  await site.settle()
  assert.deepEqual(await names('amsterdam'), [])
})

test('edited texts are found by their new words, deleted ones no more', async (context) => {
  const site = await openSite(context)
  const { world, views } = site
  world.create('anna')
  const messageId = world.receive('anna', 'm', 'wensday')
  const found = async (text: string): Promise<number> => (await views.search(agent, { text, type: 'message' })).items.length
  await site.settle()
  world.event('anna', 'message.edited', { messageId, supersedes: { seq: 2, n: 0 } }, { contents: [textContent('wednesday')], shown: true })
  await site.settle()
  assert.deepEqual([await found('wensday'), await found('wednesday')], [0, 1])
  world.event('anna', 'message.deleted', { messageId, isRevoked: false }, { shown: true })
  await site.settle()
  assert.equal(await found('wednesday'), 0)
})

test('a list of conversations names each once over all pages, contacts that fit first, whatever is written meanwhile', async (context) => {
  const site = await openSite(context)
  const { world, views } = site
  const introduce = (name: string, said: string): void => {
    const conversationId = world.create(name)
    world.contact(name, 'contact.created', { accountId: ACCOUNT, channel: 'twilio', conversationId }, { contents: [profileOf(said)] })
  }
  for (const name of ['a', 'b', 'c']) introduce(name, `parcel ${name}`)
  for (let index = 0; index < 7; index++) world.create(`d${index}`)
  // Each conversation is hit often, in turns: its older hits lie on later pages.
  for (let round = 0; round < 4; round++)
    for (const name of ['a', 'd0', 'd1', 'd2', 'd3', 'd4', 'd5', 'd6']) world.receive(name, `${name}-${round}`, `parcel number ${round}`)
  await site.settle()
  const seen: (string | undefined)[] = []
  let pages = 0
  for (let after: SearchQuery['after']; ;) {
    const page = await views.search(agent, { text: 'parcel', type: 'conversation', limit: 2, ...(after === undefined ? {} : { after }) })
    seen.push(...page.items.map(({ conversationId }) => conversationId))
    if (page.next === null) break
    after = page.next
    // A listed one and one that is not listed yet are hit again, and one more contact fits.
    world.receive('a', `a-again-${pages}`, 'parcel again')
    world.receive('d0', `d0-again-${pages}`, 'parcel again')
    introduce(`late${pages++}`, 'parcel late')
    await site.settle()
  }
  assert.deepEqual(
    seen,
    ['c', 'b', 'a', 'd6', 'd5', 'd4', 'd3', 'd2', 'd1', 'd0'].map((name) => world.conversationId(name)),
  )
})

test('a contact is found with a conversation that the viewer may see, or with none', async (context) => {
  const site = await openSite(context)
  const { world, views } = site
  const hidden = world.create('hidden', { accountId: idOf('hidden account') })
  world.contact(
    'hidden',
    'contact.created',
    { accountId: idOf('hidden account'), channel: 'twilio', conversationId: hidden },
    { contents: [profileOf('Carla')] },
  )
  const shown = world.create('shown')
  world.contact(
    'hidden',
    'contact.joined',
    { accountId: ACCOUNT, channel: 'twilio', conversationId: shown },
    { contents: [profileOf('Carla')] },
  )
  await site.settle()
  const viewer: Viewer = { grants: grantsOf('agent', { accountIds: [ACCOUNT] }) }
  const [hit] = (await views.search(viewer, { text: 'carla', type: 'contact' })).items
  assert.equal(hit?.conversationId, shown)
})
