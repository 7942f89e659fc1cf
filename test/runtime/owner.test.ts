// The partition owner against the real embedded log: one decision a command, dense seq, parking, recovery from every way a commit can end.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeAny, type Command, type Event, type Outcome } from '#schemas/log'
import { ConfabError, type ErrorCode } from '#errors'
import { partitionOf, type Lease, type Log } from '#log'
import { recordOf } from '#runtime'
import { topics } from '#topics'
import { openFamilies } from '../../src/runtime/kinds.ts'
import { until } from '../harness.ts'
import { conversationOf, ids, inbound, openSite, readAll, wish } from './site.ts'

const eventsOf = async (log: Log, person: number): Promise<{ seq: number; type: string }[]> =>
  (await readAll(log, 'events'))
    .filter((record) => record.key.startsWith(conversationOf(person)) && !(record.headers['type'] ?? '').startsWith('content.'))
    .map((record) => ({ seq: (decodeAny(record.value ?? new Uint8Array()) as Event).seq, type: record.headers['type'] ?? '' }))

const received = async (log: Log, person: number): Promise<number> =>
  (await eventsOf(log, person)).filter(({ type }) => type === 'message.received').length

test('the same webhook three times is one message, and seq is dense', async () => {
  const site = await openSite()
  try {
    const commands = Array.from({ length: 40 }, (_, n) => inbound(n % 4, `SM${n}`, `text ${n}`))
    await Promise.all([...commands, ...commands, ...commands].map((command) => site.commands.post([command])))
    await until(
      'all are decided',
      async () =>
        (await received(site.log, 0)) + (await received(site.log, 1)) + (await received(site.log, 2)) + (await received(site.log, 3)) ===
        40,
    )
    for (const person of [0, 1, 2, 3]) {
      const events = await eventsOf(site.log, person)
      assert.deepEqual(
        events.map(({ seq }) => seq),
        events.map((_, index) => index + 1),
      )
      assert.equal(events.filter(({ type }) => type === 'message.received').length, 10)
    }
    assert.deepEqual(site.troubles, [])
  } finally {
    await site.close()
    await site.remove()
  }
})

test('of two agents who claim, one wins and the other learns who has it', async () => {
  const site = await openSite()
  try {
    await site.commands.post([inbound(1, 'SM1', 'hello')])
    const results = await Promise.allSettled([
      site.commands.submit(wish('conversation.claim', 1, {})),
      site.commands.submit(wish('conversation.claim', 1, {}, ids.other)),
    ])
    const won = results.filter(({ status }) => status === 'fulfilled')
    const lost = results.find((result) => result.status === 'rejected')
    assert.equal(won.length, 1)
    assert.equal((lost?.reason as ConfabError).code, 'conversation_taken')
    const { holder } = (lost?.reason as ConfabError).fields as { holder: { kind: string; id: string } }
    const winner = results[0].status === 'fulfilled' ? ids.agent : ids.other
    assert.deepEqual(holder, { kind: 'agent', id: winner })
  } finally {
    await site.close()
    await site.remove()
  }
})

test('the same command again gets the first outcome, another body under its key is refused', async () => {
  const site = await openSite()
  try {
    await site.commands.post([inbound(1, 'SM1', 'hello')])
    const claim = { ...(wish('conversation.claim', 1, {}) as object), key: 'k1', body: '{}' } as never
    const first = await site.commands.submit(claim)
    await site.commands.submit(wish('conversation.release', 1, {}))
    const again = await site.commands.submit(claim)
    assert.deepEqual(again, first)
    const other = { ...(claim as object), body: '{"other":1}' } as never
    await assert.rejects(site.commands.submit(other), (error: ConfabError) => error.code === 'idempotency_mismatch')
    const claims = (await eventsOf(site.log, 1)).filter(({ type }) => type === 'conversation.assigned')
    assert.equal(claims.length, 2, 'claimed once, released once')
  } finally {
    await site.close()
    await site.remove()
  }
})

test('poison parks its own key; what follows it waits in order; others do not notice', async () => {
  const site = await openSite({
    families: (settings) =>
      openFamilies(settings).map((family) => {
        const { conversation } = family.actors
        if (conversation === undefined) return family
        const decide: typeof conversation.decide = (snapshot, command, facts) => {
          if (JSON.stringify(command.data).includes('poison')) throw new Error('a machine that cannot go on')
          return conversation.decide(snapshot, command, facts)
        }
        return { ...family, actors: { ...family.actors, conversation: { ...conversation, decide } } }
      }),
  })
  try {
    await site.commands.post([inbound(1, 'SM1', 'fine')])
    await site.commands.post([inbound(1, 'SM2', 'poison'), inbound(1, 'SM3', 'behind it'), inbound(2, 'SM4', 'elsewhere')])
    await site.commands.post([inbound(3, 'SM5', 'poison')])
    await until('the neighbour is decided', async () => (await received(site.log, 2)) === 1)
    await until('three commands are parked', async () => (await readAll(site.log, 'dead-letters')).length === 3)
    const letters = (await readAll(site.log, 'dead-letters')).map(
      ({ value }) => decodeAny(value ?? new Uint8Array()) as { code: string; key: string; error: string },
    )
    const ofFirst = letters.filter(({ key }) => key === conversationOf(1))
    assert.deepEqual(
      ofFirst.map(({ code }) => code),
      ['poison', 'conversation_parked'],
    )
    assert.match(ofFirst[0]?.error ?? '', /^Error in \S+ at owner\.test\.ts:\d+$/)
    assert.equal(await received(site.log, 1), 1)
    await assert.rejects(
      site.commands.submit(wish('conversation.claim', 1, {})),
      (error: ConfabError) => error.code === 'conversation_parked',
    )
    assert.equal(site.parked.length, 4)
  } finally {
    await site.close()
    await site.remove()
  }
})

/** A text that makes the command as large as `commands` takes: what follows from it, with ids of its own, is larger than its topics take. */
const fill = (command: Command<'message.send'>): void => {
  command.data.content.text = ''
  const { value } = recordOf(command).record
  // Lengths of three bytes in Avro's varints take two more.
  command.data.content.text = 'x'.repeat(topics.commands.recordBytesMax - (value?.length ?? 0) - 2)
}

test('a decision too large for its topics is parked or refused whole, and holds up nobody else', async () => {
  const site = await openSite()
  try {
    const { data: told, ...envelope } = inbound(1, 'SM2', '')
    const isNeighbour = (person: number): boolean => partitionOf(conversationOf(person)) === partitionOf(conversationOf(1))
    const neighbour = Array.from({ length: 1_000 }, (_, index) => index + 2).find(isNeighbour) ?? 0
    await site.commands.post([inbound(1, 'SM1', 'fine'), inbound(neighbour, 'SM3', 'fine')])
    const { messageId, content } = told
    const data = {
      messageId,
      content,
      isInternal: false,
      seenSeq: null,
      isOverride: false,
      mayReplyAny: false,
      replyTo: null,
      mentions: [],
      sendAt: null,
      isUnlessReply: false,
    }
    const sent: Command<'message.send'> = { ...envelope, by: { kind: 'agent', id: ids.agent }, type: 'message.send', data }
    fill(sent)
    await assert.rejects(site.commands.submit(wish('message.send', 1, data)), (error: ConfabError) => error.code === 'record_too_large')
    await site.commands.post([sent])
    await site.commands.post([inbound(neighbour, 'SM4', 'behind it in the partition')])
    await until('the neighbour is decided', async () => (await received(site.log, neighbour)) === 2)
    const letters = (await readAll(site.log, 'dead-letters')).map(({ value }) => decodeAny(value ?? new Uint8Array()) as { error: string })
    assert.deepEqual(
      letters.map(({ error }) => error.split(':')[0]),
      ['ConfabError'],
    )
    assert.deepEqual(
      (await eventsOf(site.log, 1)).map(({ type }) => type),
      ['conversation.created', 'message.received'],
    )
    assert.deepEqual(site.troubles, [])
  } finally {
    await site.close()
    await site.remove()
  }
})

/** A log whose commits end badly by a plan: before they reach the log, or after it has taken them. */
const faulty = (log: Log, plan: (commit: number) => { code: ErrorCode; isWritten: boolean } | undefined): Log => {
  let commits = 0
  const wrapped = (lease: Lease): Lease => ({
    ...lease,
    owner: lease.owner,
    partition: lease.partition,
    epoch: lease.epoch,
    position: lease.position,
    release: () => lease.release(),
    async commit(batch, position) {
      const fault = plan(commits++)
      if (fault === undefined || fault.isWritten) await lease.commit(batch, position)
      if (fault !== undefined) throw new ConfabError(fault.code)
    },
  })
  return {
    id: log.id,
    append: (entries) => log.append(entries),
    read: (from, options) => log.read(from, options),
    latest: (topic, partition, keys) => log.latest(topic, partition, keys),
    bounds: (topic, partition) => log.bounds(topic, partition),
    offsetAt: (topic, partition, time) => log.offsetAt(topic, partition, time),
    assignment: (duty, signal) => log.assignment(duty, signal),
    lease: async (owner, partition) => wrapped(await log.lease(owner, partition)),
    close: () => log.close(),
  }
}

for (const [code, isWritten] of [
  ['append_refused', false],
  ['log_full', false],
  ['commit_unknown', false],
  ['commit_unknown', true],
  ['fenced', false],
] as const) {
  test(`a commit that ends ${code}${isWritten ? ' though the log took it' : ''} is decided once all the same`, async () => {
    const site = await openSite({ wrap: (log) => faulty(log, (commit) => (commit % 3 === 0 ? { code, isWritten } : undefined)) })
    try {
      for (let n = 0; n < 30; n++) await site.commands.post([inbound(n % 3, `SM${n}`, `text ${n}`)])
      await until(
        'all are decided',
        async () => (await received(site.log, 0)) + (await received(site.log, 1)) + (await received(site.log, 2)) >= 30,
      )
      for (const person of [0, 1, 2]) {
        const events = await eventsOf(site.log, person)
        assert.deepEqual(
          events.map(({ seq }) => seq),
          events.map((_, index) => index + 1),
        )
        assert.equal(events.filter(({ type }) => type === 'message.received').length, 10)
      }
      assert.ok(site.troubles.length > 0)
    } finally {
      await site.close()
      await site.remove()
    }
  })
}

test('a restart goes on where the fence stands and answers repeats from the log', async () => {
  const first = await openSite()
  await first.commands.post([inbound(1, 'SM1', 'hello')])
  const claim = { ...(wish('conversation.claim', 1, {}) as object), key: 'k1', body: '{}' } as never
  const answer = await first.commands.submit(claim)
  await first.close()
  const second = await openSite({ directory: first.directory })
  try {
    assert.deepEqual(await second.commands.submit(claim), answer)
    await second.commands.post([inbound(1, 'SM1', 'hello')])
    await second.commands.submit(wish('conversation.resolve', 1, {}))
    const events = await eventsOf(second.log, 1)
    assert.equal(events.filter(({ type }) => type === 'message.received').length, 1)
    assert.deepEqual(
      events.map(({ seq }) => seq),
      events.map((_, index) => index + 1),
    )
    const outcomes = (await readAll(second.log, 'outcomes'))
      .filter(({ headers }) => headers['type'] === 'outcome')
      .map(({ value }) => decodeAny(value ?? new Uint8Array()) as Outcome)
    assert.equal(new Set(outcomes.map(({ commandId }) => commandId)).size, 2)
  } finally {
    await second.close()
    await second.remove()
  }
})
