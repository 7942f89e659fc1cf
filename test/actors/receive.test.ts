import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressRow, decodeAny, keys, type Attachment } from '#schemas/log'
import { accepted, agentBy, agentSetting, contactBy, contactId, conversationId, dataOf, idOf, refused, systemBy, textContent, typesOf, World } from './world.ts'

const HOUR_MS = 3_600_000

test('the first inbound message creates the conversation, tells its contact and stores the address', () => {
  const world = new World()
  const decision = world.receive('hello')
  assert.deepEqual(typesOf(decision), ['conversation.created', 'message.received'])
  assert.equal(world.state.state, 'open')
  assert.equal(world.state.waitingSince, world.now)
  assert.deepEqual(decision.events.map(({ contactSeq }) => contactSeq), [null, 1])
  assert.deepEqual(decision.events.map(({ settingsOffset }) => settingsOffset), [7, 7])
  const row = world.rows.get(keys.address(conversationId)) as { address: unknown }
  assert.deepEqual({ ...(row.address as object) }, world.address)
  assert.ok(addressRow)
  const [tell] = world.open('tell')
  assert.equal(tell?.type, 'contact.introduce')
  assert.equal(tell?.to.id, contactId)
  const told = decodeAny(tell?.command ?? Buffer.alloc(0)) as { data: { conversationId: string } }
  assert.equal(told.data.conversationId, conversationId)
})

test('the same message again changes nothing and answers as the first did', () => {
  const world = new World()
  const first = world.receive('hello')
  const again = world.receive('hello')
  assert.deepEqual(again.events, [])
  assert.deepEqual(again.rows, [])
  assert.deepEqual(accepted(again), accepted(first))
})
