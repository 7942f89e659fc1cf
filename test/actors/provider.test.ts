// What providers tell beside messages, in any order: echoes, watermarks, changes of the contact's words, ids of one person, windows.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decideConversation, type Decision } from '#actors'
import { keys, type Command, type CommandType, type ConversationSnapshot, type MessageContent, type MessageRow } from '#schemas/log'
import { transition } from '#runtime'
import { accountId, organizationId } from './world.ts'

const id = (n: number): string => `${n.toString(16).padStart(8, '0')}-0000-8000-8000-000000000000`
const [SMALL, LARGE, CONTACT] = [id(1), id(2), id(9)]
const message: MessageContent = {
  kind: 'text',
  text: 'hi',
  attachments: [],
  location: null,
  answer: null,
  template: null,
  native: null,
  providerMessageId: null,
  providerEventId: null,
  clientKey: null,
}

/** Conversations that hand commands to one another as the log would, by their tells. */
class Town {
  readonly snapshots = new Map<string, ConversationSnapshot | null>()
  readonly rows = new Map<string, object | null>()
  readonly channel: ConversationSnapshot['channel']
  now = 1_000_000
  #commands = 0

  constructor(channel: ConversationSnapshot['channel']) {
    this.channel = channel
  }

  send<T extends CommandType>(
    to: string,
    type: T,
    data: Command<T>['data'],
    by: Command['by'] = { kind: 'provider', id: null },
  ): Decision<ConversationSnapshot> {
    const actor = { kind: 'conversation', id: to } as const
    const envelope = {
      commandId: id(100_000 + this.#commands++),
      organizationId,
      actor,
      by,
      asksOutcome: false,
      bodyHash: '',
      at: this.now,
    }
    return this.#decide({ type, ...envelope, data } as unknown as Command)
  }

  #decide(command: Command): Decision<ConversationSnapshot> {
    const { id: own } = command.actor
    const at = <R>(key: string, isOne: (row: object) => boolean = () => true): R | null => {
      const row = this.rows.get(key) ?? null
      return row !== null && isOne(row) ? (row as R) : null
    }
    const nothing = (): null => null
    const rows = {
      message: (key: string) => at<MessageRow>(keys.message(own, key), (row) => 'direction' in row),
      alias: (key: string) => at<never>(keys.message(own, key), (row) => !('direction' in row) && !('reports' in row)),
      early: (key: string) => at<never>(keys.message(own, key), (row) => 'reports' in row),
      echoes: () => at<{ held: Uint8Array[] }>(keys.echoes(own))?.held ?? [],
      address: () => at<{ address: never }>(keys.address(own))?.address ?? null,
      ...{ attributes: nothing, mark: nothing, profile: nothing, setting: nothing, unique: nothing },
    }
    const context = { rows, settings: { offset: -1 }, now: this.now, input: 0, transition }
    const decision = decideConversation(this.snapshots.get(own) ?? null, command as never, context)
    this.snapshots.set(own, decision.snapshot)
    for (const { key, value } of decision.rows) this.rows.set(key, value)
    return decision
  }

  place(userId: string) {
    return {
      accountId,
      channel: this.channel,
      contactId: CONTACT,
      address: { userId, threadId: null, accountAddress: null },
      profile: null,
    }
  }

  receive(to: string, name: number, more: object = {}): Decision<ConversationSnapshot> {
    const data = {
      messageId: id(name),
      ...this.place('u'),
      content: { ...message, providerMessageId: `p${name}` },
      providerAt: this.now,
      receivedAt: this.now,
      ...more,
    }
    return this.send(to, 'message.receive', data, { kind: 'contact', id: CONTACT })
  }

  row(name: number): MessageRow | undefined {
    return this.rows.get(keys.message(SMALL, id(name))) as MessageRow | undefined
  }
}

const types = ({ events }: Decision<ConversationSnapshot>): string[] => events.map(({ type }) => type)

test('an unknown id asks the person’s others before it begins anything; where none exists it begins, and they are its aliases', () => {
  const town = new Town('whatsapp')
  const asked = town.receive(SMALL, 10, { aliases: [LARGE] })
  assert.deepEqual([types(asked), asked.effects.length], [[], 1])
  const seeking = town.receive(LARGE, 10, { aliases: [], seeker: SMALL })
  assert.deepEqual(types(seeking), ['conversation.aliased'])
  assert.equal(town.snapshots.get(LARGE)?.aliasOf, SMALL)
  assert.deepEqual(types(town.receive(SMALL, 10, { aliases: [], seeker: null })).slice(0, 2), ['conversation.created', 'message.received'])
  const later = town.receive(LARGE, 11)
  assert.deepEqual([types(later), later.effects.length], [[], 1], 'handed on')
})

test('of two ids that ask each other at once the smaller one wins, and no circle closes', () => {
  const town = new Town('whatsapp')
  town.receive(SMALL, 10, { aliases: [LARGE] })
  town.receive(LARGE, 11, { aliases: [SMALL] })
  town.receive(LARGE, 10, { aliases: [], seeker: SMALL })
  town.receive(SMALL, 11, { aliases: [], seeker: LARGE })
  assert.equal(town.snapshots.get(LARGE)?.aliasOf, SMALL)
  assert.equal(town.snapshots.get(SMALL) ?? null, null)
})

test('a conversation that exists takes what another id asks for, and that id hands on from then on', () => {
  const town = new Town('whatsapp')
  town.receive(LARGE, 10)
  const taken = town.receive(LARGE, 11, { aliases: [], seeker: SMALL })
  assert.deepEqual(types(taken), ['message.received', 'conversation.aliased'])
  assert.deepEqual(town.snapshots.get(LARGE)?.aliases, [SMALL])
  const who = { to: LARGE, accountId, channel: 'whatsapp', contactId: CONTACT } as const
  assert.deepEqual(types(town.send(SMALL, 'conversation.alias', who)), ['conversation.aliased'])
})

test('every order of a message, two edits and a deletion ends alike', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), (order) => {
      const town = new Town('custom')
      town.receive(SMALL, 1)
      const edit = (text: string | null, at: number) => () =>
        town.send(SMALL, 'message.revise', { messageId: id(10), text, at, isErasing: false }, { kind: 'contact', id: CONTACT })
      const steps = [() => town.receive(SMALL, 10), edit('one', 999_001), edit('two', 999_002), edit(null, 999_003)]
      for (const index of order) steps[index]?.()
      assert.deepEqual([town.row(10)?.isDeleted, town.row(10)?.content], [true, null])
    }),
  )
})

test('every order of a message and two edits ends with the newer words', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray([0, 1, 2], { minLength: 3 }), (order) => {
      const town = new Town('custom')
      town.receive(SMALL, 1)
      const edit = (text: string, at: number) => () =>
        town.send(SMALL, 'message.revise', { messageId: id(10), text, at, isErasing: false }, { kind: 'contact', id: CONTACT })
      const steps = [() => town.receive(SMALL, 10), edit('one', 999_001), edit('two', 999_002)]
      for (const index of order) steps[index]?.()
      assert.equal(town.row(10)?.content?.text, 'two')
    }),
  )
})

test('a watermark covers what was said before it and is not on its way any more, once', () => {
  const town = new Town('messenger')
  town.receive(SMALL, 1)
  const echo = (name: number) => {
    const content = { ...message, providerMessageId: `e${name}` }
    return town.send(SMALL, 'message.echo', {
      messageId: id(name),
      ...town.place('u'),
      content,
      providerAt: null,
      receivedAt: town.now,
      isOwnApp: false,
    })
  }
  echo(20)
  town.now += 10_000
  echo(21)
  const read = { state: 'read', upTo: 1_005_000 } as const
  const first = town.send(SMALL, 'message.acknowledge', read)
  assert.deepEqual(
    first.events.map(({ data }) => (data as { upToSeq?: number }).upToSeq),
    [2],
  )
  assert.deepEqual(types(town.send(SMALL, 'message.acknowledge', read)), [])
  assert.deepEqual(types(town.send(SMALL, 'message.acknowledge', { ...read, upTo: town.now })), ['message.read'])
})

test('an ad opens seven days, and a later word within them shortens nothing', () => {
  const town = new Town('messenger')
  const day = 86_400_000
  town.receive(SMALL, 1, { opensWindowMs: 7 * day })
  const expiresAt = town.snapshots.get(SMALL)?.window?.expiresAt
  assert.equal(expiresAt, town.now + 7 * day)
  town.now += day
  town.receive(SMALL, 2, { opensWindowMs: day })
  assert.equal(town.snapshots.get(SMALL)?.window?.expiresAt, expiresAt)
})
