// The contact's actor: introduced, changed, blocked, opted out, erased.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contactEventTypes, evolveContact, loadContact } from '#actors'
import {
  contactSnapshot,
  decode,
  encode,
  eventTypes,
  keys,
  type ContactSnapshot,
  type Event,
  type Profile,
  type ProfileRow,
} from '#schemas/log'
import { transition } from '../../src/runtime/scope.ts'
import { accountId, agentBy, contactId, conversationId, idOf, Pair, refused, typesOf } from './world.ts'

const profile = (more: Partial<Profile> = {}): Profile => ({
  name: null,
  emails: [],
  phones: [],
  avatarUrl: null,
  locale: null,
  timezone: null,
  company: null,
  userId: null,
  ...more,
})
const place = { conversationId, accountId, channel: 'twilio' as const }
const anna = agentBy('anna')

const known = (): Pair => {
  const pair = new Pair()
  pair.tell('contact.introduce', { ...place, profile: profile({ name: 'Ada', userId: '+15550199' }) })
  return pair
}
const rowOf = (pair: Pair): ProfileRow => pair.rows.get(keys.profile(contactId)) as ProfileRow

test('an introduction creates the contact once; the same again changes nothing', () => {
  const pair = new Pair()
  const first = { ...place, profile: profile({ name: 'Ada' }) }
  assert.deepEqual(typesOf(pair.tell('contact.introduce', first)), ['contact.created'])
  const again = pair.tell('contact.introduce', first)
  assert.deepEqual([again.events, again.rows, again.effects], [[], [], []])
  assert.deepEqual(rowOf(pair).profile?.name, 'Ada')
  assert.equal(pair.contact?.identities.length, 1)
})

test('a second conversation joins; what a provider does not say stays, what it says anew is a change', () => {
  const pair = known()
  assert.deepEqual(typesOf(pair.tell('contact.introduce', { ...place, conversationId: idOf('other'), profile: null })), ['contact.joined'])
  assert.deepEqual(typesOf(pair.tell('contact.introduce', { ...place, profile: profile({ locale: 'de' }) })), ['contact.changed'])
  assert.deepEqual([rowOf(pair).profile?.name, rowOf(pair).profile?.locale], ['Ada', 'de'])
  assert.equal(pair.contact?.identities.length, 2)
})

test('what an agent edited outranks what a provider says', () => {
  const pair = known()
  assert.deepEqual(typesOf(pair.tell('contact.change', { profile: profile({ name: 'Ada Lovelace' }), attributes: null }, anna)), [
    'contact.changed',
  ])
  assert.deepEqual(typesOf(pair.tell('contact.introduce', { ...place, profile: profile({ name: 'ada99' }) })), [])
  assert.equal(rowOf(pair).profile?.name, 'Ada Lovelace')
})

test('attributes merge, an empty value removes; labels are a set', () => {
  const pair = known()
  pair.tell('contact.change', { profile: null, attributes: { plan: 'gold', seats: '3' } }, anna)
  assert.deepEqual(typesOf(pair.tell('contact.change', { profile: null, attributes: { seats: '' } }, anna)), ['contact.attributed'])
  assert.deepEqual(typesOf(pair.tell('contact.change', { profile: null, attributes: { seats: '' } }, anna)), [])
  assert.deepEqual({ ...rowOf(pair).attributes }, { plan: 'gold' })
  assert.deepEqual(typesOf(pair.tell('contact.label', { add: [idOf('vip'), idOf('vip')], remove: [] }, anna)), ['contact.labeled'])
  assert.deepEqual(typesOf(pair.tell('contact.label', { add: [idOf('vip')], remove: [] }, anna)), [])
})

test('block and unblock are told to every conversation, and to one that joins later', () => {
  const pair = known()
  pair.tell('contact.introduce', { ...place, conversationId: idOf('other'), profile: null })
  const blocked = pair.tell('contact.block', {}, anna)
  assert.deepEqual(typesOf(blocked), ['contact.blocked'])
  assert.deepEqual(
    blocked.effects.map(({ shape, value }) => [shape, (value as { type: string }).type]),
    [
      ['tell', 'conversation.block'],
      ['tell', 'conversation.block'],
    ],
  )
  assert.deepEqual(typesOf(pair.tell('contact.block', {}, anna)), [])
  assert.equal(pair.tell('contact.introduce', { ...place, conversationId: idOf('third'), profile: null }).effects.length, 1)
  assert.equal(pair.tell('contact.unblock', {}, anna).effects.length, 3)
  assert.equal(pair.contact?.state, 'active')
})

test('opting out belongs to an identity and is told to the conversations of its account', () => {
  const pair = known()
  pair.tell('contact.introduce', { ...place, conversationId: idOf('other'), accountId: idOf('second account'), profile: null })
  const decision = pair.tell('contact.opt', { accountId, isOptedOut: true })
  assert.deepEqual([typesOf(decision), decision.effects.length], [['contact.opted-out'], 1])
  assert.deepEqual(
    pair.contact?.identities.map(({ isOptedOut }) => isOptedOut),
    [true, false],
  )
  assert.deepEqual(typesOf(pair.tell('contact.opt', { accountId, isOptedOut: true })), [])
  assert.deepEqual(typesOf(pair.tell('contact.opt', { accountId, isOptedOut: false })), ['contact.opted-in'])
})

test('erase: a new generation, conversations told, contents dropped; who writes again starts empty', () => {
  const pair = known()
  pair.tell('contact.change', { profile: null, attributes: { plan: 'gold' } }, anna)
  const upToSeq = pair.contact?.seq ?? 0
  const decision = pair.tell('contact.erase', { reason: 'asked' }, anna)
  assert.deepEqual(typesOf(decision), ['contact.erased'])
  assert.deepEqual(
    decision.effects.map(({ shape }) => shape),
    ['drop', 'tell'],
  )
  assert.deepEqual(
    [pair.contact?.state, pair.contact?.generation, pair.contact?.profile, rowOf(pair).profile, rowOf(pair).attributes],
    ['erased', 2, null, null, null],
  )
  assert.deepEqual(typesOf(pair.tell('contact.erase', { reason: 'asked' }, anna)), [])
  const references = [
    { seq: 1, n: 0 },
    { seq: upToSeq + 1, n: 0 },
  ]
  assert.deepEqual(pair.tell('contact.drop', { references }).drops, [keys.content(contactId, 1, 0)])
  assert.deepEqual(typesOf(pair.tell('contact.introduce', { ...place, profile: profile({ name: 'Ada' }) })), [
    'contact.joined',
    'contact.changed',
  ])
  assert.deepEqual([pair.contact?.state, pair.contact?.identities.length], ['active', 1])
})

test('a contact nobody introduced is refused, not invented', () => {
  refused(new Pair().tell('contact.block', {}, anna), 'contact_not_found')
})

test('state = fold(events), every type is named, stored snapshots load', () => {
  const pair = new Pair()
  const events: Event[] = []
  const did = (decision: { events: readonly Event[] }): void => void events.push(...decision.events)
  did(pair.tell('contact.introduce', { ...place, profile: profile({ name: 'Ada' }) }))
  did(pair.tell('contact.introduce', { ...place, conversationId: idOf('other'), profile: null }))
  did(pair.tell('contact.change', { profile: profile({ name: 'A' }), attributes: { a: 'b' } }, anna))
  did(pair.tell('contact.label', { add: [idOf('vip')], remove: [] }, anna))
  did(pair.tell('contact.block', {}, anna))
  did(pair.tell('contact.unblock', {}, anna))
  did(pair.tell('contact.opt', { accountId, isOptedOut: true }))
  did(pair.tell('contact.opt', { accountId, isOptedOut: false }))
  did(pair.tell('contact.erase', { reason: 'x' }, anna))
  const folded = events.reduce<ContactSnapshot | null>((snapshot, event) => evolveContact(snapshot, event, [], transition), null)
  assert.deepEqual(folded, pair.contact)
  assert.deepEqual(new Set(events.map(({ type }) => type)), new Set(contactEventTypes))
  assert.deepEqual(contactEventTypes.toSorted(), eventTypes.filter((type) => type.startsWith('contact.')).toSorted())
  const stored = decode(contactSnapshot, encode(contactSnapshot, folded as ContactSnapshot))
  assert.deepEqual({ ...loadContact(stored) }, { ...stored })
  assert.equal(loadContact({ ...stored, version: 0 }), null)
  assert.equal(loadContact({ ...stored, state: 'gone' }), null)
})
