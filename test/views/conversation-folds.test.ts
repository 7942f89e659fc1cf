// Rows of lists and threads follow what the actors decide: offers, those who follow, messages for later, reactions.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Conversation, EventShape, Message } from '#schemas'
import { eventToJson, keys, type MessageRow } from '#schemas/log'
import { foldConversation, foldMessage, messageIdOf } from '#views/folds'
import { agentBy, contactBy, conversationId, idOf, systemBy, World } from '../actors/world.ts'

const anna = agentBy('anna')
const bot = { kind: 'bot', id: idOf('bot') } as const

interface Folded {
  readonly row: Conversation
  readonly messages: ReadonlyMap<string, Message>
}

const foldOf = (world: World): Folded => {
  let row: Conversation | null = null
  const messages = new Map<string, Message>()
  for (const [index, event] of world.events.entries()) {
    const json: EventShape = JSON.parse(JSON.stringify(eventToJson(event, world.contents[index] ?? [])))
    const messageId = messageIdOf(json)
    const message = messageId === null ? null : foldMessage(messages.get(messageId) ?? null, json)
    if (messageId !== null && message !== null) messages.set(messageId, message)
    row = foldConversation(row, json)
  }
  assert.ok(row)
  return { row, messages }
}

const iso = (at: number | null | undefined): string | null => (at === null || at === undefined ? null : new Date(at).toISOString())

/** What lists show is what the actor's own fold says. */
const check = (world: World): Folded => {
  const folded = foldOf(world)
  const { row } = folded
  const { offer, participants, state, assignee, waitingSince, lastReplyAt, firstReplyAt, lastActivityAt, seq, contactSeq } = world.state
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
  assert.deepEqual(plain(row.offer ?? null), offer === null ? null : plain({ to: offer.to, expiresAt: iso(offer.expiresAt) }))
  assert.deepEqual(row.participants ?? [], participants)
  assert.deepEqual(plain([row.state, row.assignee, row.seq, row.contactSeq]), plain([state, assignee, seq, contactSeq]))
  const times = [row.waitingSince, row.lastReplyAt, row.firstReplyAt, row.lastActivityAt]
  assert.deepEqual(times, [waitingSince, lastReplyAt, firstReplyAt, lastActivityAt].map(iso))
  for (const [id, message] of folded.messages) {
    const stored = world.rows.get(keys.message(conversationId, id)) as MessageRow
    const shown = stored.reactions.filter(({ emoji }) => emoji !== null).map(({ by, emoji }) => [by.id, emoji])
    assert.deepEqual(
      (message.reactions ?? []).map(({ by, emoji }) => [by.id, emoji]),
      shown,
    )
    assert.deepEqual(
      [message.contactSeq, message.orderAt, message.sendAt ?? null, message.send?.state, message.send?.attempt, message.mentions ?? []],
      [stored.contactSeq, iso(stored.orderAt), iso(stored.sendAt), stored.send?.state, stored.send?.attempt, [...stored.mentions]],
    )
    assert.equal(message.content?.text, stored.content?.text ?? undefined)
  }
  return folded
}

const begun = (channel: 'web' | 'twilio' = 'web'): World => {
  const world = new World({ channel })
  world.receive('hello')
  return world
}
const hand = (world: World, action: 'offer' | 'accept' | 'pass', by: ReturnType<typeof agentBy>, to: typeof bot | null = null) =>
  world.do('conversation.handover', { action, to, isNext: false, reason: null, context: null, mayAssign: true }, { by })

test('an offer stands in the row until it is accepted, ends, or the holder changes', () => {
  for (const end of [
    (w: World) => hand(w, 'accept', bot),
    (w: World) => hand(w, 'pass', anna, { kind: 'bot', id: idOf('robot') }),
    (w: World) => w.do('conversation.claim', {}, { by: anna }),
    (w: World) => {
      const timer = w.open('timer')[0]
      w.now = timer?.dueAt ?? 0
      return w.do('timer.fire', { kind: 'offer', setBySeq: timer?.setBySeq ?? 0 }, { by: systemBy })
    },
  ]) {
    const world = begun()
    hand(world, 'offer', anna, bot)
    assert.deepEqual(check(world).row.offer?.to, { ...bot })
    end(world)
    assert.equal(check(world).row.offer, null)
  }
})

test('those who follow join and leave, by hand and by mention', () => {
  const world = begun()
  world.send('note', anna, { isInternal: true, mentions: [idOf('ben')] })
  assert.deepEqual(check(world).messages.get(idOf('note'))?.mentions, [idOf('ben')])
  world.do('conversation.change', { attributes: {}, participants: [idOf('carl')] }, { by: anna })
  assert.deepEqual(check(world).row.participants, [idOf('carl')])
})

test('a message for later is no last word and no answer until its time; then it is both', () => {
  for (const channel of ['web', 'twilio'] as const) {
    const world = begun(channel)
    world.send('later', anna, { sendAt: world.now + 60_000 })
    const before = check(world)
    assert.equal(before.row.lastMessage?.id, idOf('hello'))
    assert.equal(before.messages.get(idOf('later'))?.contactSeq, null)
    world.do('message.edit', { messageId: idOf('later'), text: 'better' }, { by: anna })
    check(world)
    const timer = world.open('timer')[0]
    world.now += 60_000
    world.do('timer.fire', { kind: 'schedule', setBySeq: timer?.setBySeq ?? 0 }, { by: systemBy })
    const { row, messages } = check(world)
    assert.deepEqual([row.lastMessage?.id, row.lastMessage?.preview, row.lastMessage?.author.id], [idOf('later'), 'better', anna.id])
    assert.equal(messages.get(idOf('later'))?.send?.state, channel === 'web' ? 'sent' : 'queued')
  }
})

test('reactions stand on their message, and go with what they were about', () => {
  const world = begun()
  const react = (emoji: string | null, by: typeof anna) =>
    world.do('message.react', { messageId: idOf('hi'), emoji, at: world.now }, { by })
  world.send('hi', anna)
  react('👍', contactBy)
  react('😀', anna)
  react('🎉', contactBy)
  check(world)
  react(null, anna)
  check(world)
  world.do('message.delete', { messageId: idOf('hi') }, { by: anna })
  assert.equal(check(world).messages.get(idOf('hi'))?.reactions, undefined)
})
