// Erasing: what leaves, what stays, and that no hash changes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evolveConversation, evolveRow, hashConversation } from '#actors'
import { keys, type ConversationSnapshot, type MessageRow } from '#schemas/log'
import { transition } from '../../src/runtime/scope.ts'
import { agentBy, conversationId, dataOf, idOf, refused, systemBy, textContent, typesOf, World } from './world.ts'

const anna = agentBy('anna')

const spoken = (): World => {
  const world = new World()
  world.receive('hello')
  world.send('hi', anna)
  world.do('conversation.change', { attributes: { plan: 'gold' } }, { by: anna })
  return world
}

const erase = (world: World) => world.do('conversation.erase', { reason: 'asked for it' }, { by: anna })

test('erasing states the fact, empties the rows beside the messages and asks for the contents to be dropped', () => {
  const world = spoken()
  const upToSeq = world.state.seq
  const decision = erase(world)
  assert.equal(dataOf(decision, 'conversation.erased').upToSeq, upToSeq)
  assert.equal(decision.contents[0]?.[0]?.kind, 'text')
  assert.deepEqual([world.state.erasedUpTo, world.state.attributes], [upToSeq, null])
  for (const key of [keys.address(conversationId), keys.attributes(conversationId)]) {
    assert.equal(Object.values(world.rows.get(key) ?? {}).at(-1), null)
  }
  assert.equal(world.open('drop')[0]?.upToSeq, upToSeq)
  assert.deepEqual(typesOf(erase(world)), [], 'nothing since')
  refused(world.send('more', anna), 'message_erased')
})

test('dropping takes contents and rows that the erasure covers and nothing else, and calls off what was to be sent', () => {
  const world = spoken()
  erase(world)
  world.receive('back again')
  const later = world.message('back again').seq
  const references = [
    { seq: 2, n: 0 },
    { seq: later, n: 0 },
  ]
  const data = { references, messageIds: [idOf('hello'), idOf('hi'), idOf('back again'), idOf('unheard of')] }
  const decision = world.do('contents.drop', data, { by: systemBy, asksOutcome: false })
  assert.deepEqual(decision.drops, [keys.content(conversationId, 2, 0)])
  assert.deepEqual(
    [world.message('hello').isErased, world.message('hello').content, world.message('hello').contents.length],
    [true, null, 1],
  )
  assert.deepEqual([world.message('hi').isErased, world.message('hi').send?.state], [true, 'failed'])
  assert.equal(world.message('back again').content?.text, 'back again')
  assert.deepEqual(world.open('send'), [])
  const again = world.do('contents.drop', data, { by: systemBy, asksOutcome: false })
  assert.deepEqual([again.events, again.rows], [[], []])
  const [drop] = world.open('drop')
  world.do('effect.end', { effectId: drop?.effectId ?? '' }, { by: systemBy, asksOutcome: false })
  assert.deepEqual(world.open('drop'), [])
})

test('five hundred a commit, whatever is asked', () => {
  const world = spoken()
  erase(world)
  const references = Array.from({ length: 2_000 }, () => ({ seq: 1, n: 0 }))
  assert.equal(world.do('contents.drop', { references, messageIds: [] }, { by: systemBy }).drops.length, 500)
})

test('an erased message goes on refusing the repeat of its provider, and is neither edited, retried nor attached to', () => {
  const world = spoken()
  world.report('hi', { state: 'failed', reason: 'rejected' })
  erase(world)
  assert.deepEqual(typesOf(world.receive('hello')), [])
  refused(world.do('message.retry', { messageId: idOf('hi'), acceptsDuplicate: false }, { by: anna }), 'message_erased')
  const attachment = {
    kind: 'file',
    fileId: null,
    state: 'ready',
    sourceUrl: null,
    name: null,
    contentType: 'a/b',
    sizeBytes: null,
    sha256: null,
  } as const
  assert.deepEqual(typesOf(world.do('attachment.report', { messageId: idOf('hello'), index: 0, attachment }, { by: systemBy })), [])
})

test('one who writes again starts empty: the address is learnt and the contact introduced anew', () => {
  const world = spoken()
  erase(world)
  const decision = world.receive('back again')
  assert.deepEqual(typesOf(decision), ['message.received'])
  assert.deepEqual(
    decision.contents[0]?.map(({ kind }) => kind),
    ['message', 'address'],
  )
  assert.equal(world.open('tell').filter(({ type }) => type === 'contact.introduce').length, 2)
  world.send('welcome back', anna)
  assert.equal(
    world.open('send').some(({ content }) => content.text === 'welcome back'),
    true,
  )
})

test('contents that are gone change no snapshot, no hash and no structure of a row', () => {
  const world = spoken()
  world.receive('more', { content: textContent('more') })
  erase(world)
  let live: ConversationSnapshot | null = null
  let bare: ConversationSnapshot | null = null
  const rows = new Map<string, MessageRow | null>()
  for (const [index, event] of world.events.entries()) {
    live = evolveConversation(live, event, world.contents[index] ?? [], transition)
    bare = evolveConversation(bare, event, [], transition)
    assert.equal(hashConversation(live), hashConversation(bare))
    for (const name of ['hello', 'hi', 'more']) rows.set(name, evolveRow(rows.get(name) ?? null, forMessage(event, idOf(name)), []))
  }
  assert.equal(hashConversation(live as ConversationSnapshot), hashConversation(world.state))
  for (const name of ['hello', 'hi', 'more']) {
    const row = rows.get(name)
    assert.deepEqual([row?.content, row?.isErased], [null, true])
    assert.deepEqual({ ...row?.contents[0] }, { ...world.message(name).contents[0] })
  }
})

/** Events of other messages say nothing of this one: a fold by message sees only its own. */
const forMessage = (event: World['events'][number], messageId: string): World['events'][number] => {
  const named = (event.data as { messageId?: string }).messageId
  return named === undefined || named === messageId
    ? event
    : ({ ...event, type: 'conversation.prioritized', data: { before: 'none', after: 'none' } } as never)
}
