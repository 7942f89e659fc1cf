// Wishes as sockets send them: which command each becomes, for whom, and what is told before any command is made.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Conversation, Grants, Message } from '#schemas'
import { openWishes, type Commands } from '#runtime'
import { derivePlain } from '#schemas/log'

type Submission = Parameters<Commands['submit']>[0]

const idOf = (name: string): string => derivePlain('setting', ['wishes', name])
const ids = {
  organization: idOf('o'),
  conversation: idOf('c'),
  message: idOf('m'),
  agent: idOf('agent'),
  bot: idOf('bot'),
  account: idOf('a'),
}
const NOW = Date.UTC(2030, 0, 1)

const open = (direction: 'in' | 'note' = 'in') => {
  const submitted: Submission[] = []
  const row = { id: ids.conversation, organizationId: ids.organization, accountId: ids.account, seq: 3, assignee: null, teamId: null }
  const wishes = openWishes({
    commands: {
      submit: (submission: Submission) => {
        submitted.push(submission)
        return Promise.resolve({ commandId: idOf('command'), subject: submission.actor, seq: 4, createdId: null, partition: 0 })
      },
    },
    settings: {
      idKey: () => Buffer.alloc(32, 1),
      account: () => ({ id: ids.account, organizationId: ids.organization, isActive: true, channel: 'web' }) as never,
    },
    views: {
      rows: () => Promise.resolve([row as unknown as Conversation]),
      message: () => Promise.resolve({ id: ids.message, direction } as unknown as Message),
    } as never,
    log: {} as never,
    uploads: { find: () => Promise.resolve(null) },
    positions: { passed: () => Promise.resolve('p') },
    clock: () => NOW,
    drawKey: () => 'drawn',
  })
  return { wishes, submitted }
}
const grantsOf = (kind: Grants['kind'], role: Grants['role'], more: Partial<Grants> = {}): Grants => ({
  organizationId: ids.organization,
  kind,
  id: idOf(kind),
  role,
  accountIds: null,
  ...more,
})
const agent = grantsOf('agent', 'agent')
const bot = grantsOf('bot', 'bot')
const visitor = grantsOf('contact', 'contact', { conversationId: ids.conversation, accountIds: [ids.account], visitorId: 'v' })
const frame = (type: string, fields: object) => ({ id: 'k-1', type, conversationId: ids.conversation, ...fields })
const coded = (code: string) => (error: { code?: string }) => error.code === code

test('a handover says whether its author may give what is another’s, and who is next is for the actor to know', async () => {
  const { wishes, submitted } = open()
  await wishes.executeFrame(agent, frame('conversation.handover', { action: 'pass', to: 'next', reason: 'lunch' }))
  await wishes.executeFrame(
    bot,
    frame('conversation.handover', { action: 'offer', to: { kind: 'agent', id: ids.agent }, context: 'order 7' }),
  )
  assert.deepEqual(
    submitted.map(({ type, data }) => [type, data]),
    [
      ['conversation.handover', { action: 'pass', to: null, isNext: true, reason: 'lunch', context: null, mayAssign: true }],
      [
        'conversation.handover',
        { action: 'offer', to: { kind: 'agent', id: ids.agent }, isNext: false, reason: null, context: 'order 7', mayAssign: false },
      ],
    ],
  )
  await assert.rejects(
    wishes.executeFrame(grantsOf('agent', 'observer'), frame('conversation.handover', { action: 'accept' })),
    coded('forbidden'),
  )
  await assert.rejects(wishes.executeFrame(visitor, frame('conversation.handover', { action: 'accept' })), coded('forbidden'))
  await assert.rejects(async () => wishes.executeFrame(agent, frame('conversation.handover', { action: 'take' })), coded('request_invalid'))
})

test('a reaction by an agent and one by the visitor are one command, each in its author’s name, at the server’s time', async () => {
  const { wishes, submitted } = open()
  await wishes.executeFrame(agent, frame('message.react', { messageId: ids.message, emoji: '👍' }))
  await wishes.executeFrame(visitor, { id: 'k-2', type: 'contact.react', messageId: ids.message, emoji: null })
  assert.deepEqual(
    submitted.map(({ type, by, actor, data }) => [type, by.kind, actor.id, data]),
    [
      ['message.react', 'agent', ids.conversation, { messageId: ids.message, emoji: '👍', at: NOW }],
      ['message.react', 'contact', ids.conversation, { messageId: ids.message, emoji: null, at: NOW }],
    ],
  )
  await assert.rejects(
    wishes.executeFrame(agent, { id: 'k-3', type: 'contact.react', messageId: ids.message, emoji: 'x' }),
    coded('forbidden'),
  )
  await assert.rejects(wishes.executeFrame(visitor, frame('message.react', { messageId: ids.message, emoji: 'x' })), coded('forbidden'))
})

test('a visitor reacts no faster than they write', async () => {
  const { wishes, submitted } = open()
  const react = (n: number) => wishes.executeFrame(visitor, { id: `k-${n}`, type: 'contact.react', messageId: ids.message, emoji: null })
  for (let n = 0; n < 10; n++) await react(n)
  await assert.rejects(react(10), coded('rate_limited'))
  assert.equal(submitted.length, 10)
})

test('a message for later and a note with mentions carry what they say; fields that would mean nothing are refused', async () => {
  const { wishes, submitted } = open()
  await wishes.executeFrame(agent, frame('message.send', { text: 'soon', sendAt: '2030-01-02T00:00:00Z', unless: 'reply' }))
  await wishes.executeFrame(agent, frame('message.send', { text: '@bot', internal: true, mentions: [ids.agent] }))
  assert.deepEqual(
    submitted.map(({ data }) => {
      const { sendAt, isUnlessReply, mentions, isInternal } = data as { [name: string]: unknown }
      return [sendAt, isUnlessReply, mentions, isInternal]
    }),
    [
      [NOW + 86_400_000, true, [], false],
      [null, false, [ids.agent], true],
    ],
  )
  for (const wrong of [{ mentions: [ids.agent] }, { unless: 'reply' }, { internal: true, sendAt: '2030-01-02T00:00:00Z' }])
    await assert.rejects(wishes.executeFrame(agent, frame('message.send', { text: 'x', ...wrong })), coded('request_invalid'))
  assert.equal(submitted.length, 2)
})

test('participants may be set without attributes, and attributes without participants', async () => {
  const { wishes, submitted } = open()
  await wishes.executeFrame(agent, frame('conversation.change', { participants: [ids.agent] }))
  await wishes.executeFrame(agent, frame('conversation.change', { attributes: { plan: null } }))
  assert.deepEqual(
    submitted.map(({ data }) => data),
    [
      { attributes: {}, participants: [ids.agent] },
      { attributes: { plan: '' }, participants: null },
    ],
  )
})
