// Parked actors and the way back: sent again in order with later commands behind, discarded, parked anew, refused when more has come.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { decodeAny, type DeadLetter, type StoredContent } from '#schemas/log'
import type { ConfabError } from '#errors'
import { openDeadLetters, type DeadLetters, type OwnersOptions } from '#runtime'
import { openFamilies } from '../../src/runtime/kinds.ts'
import { until } from '../harness.ts'
import { conversationOf, ids, inbound, openSite, readAll, wish, type Site, type SiteOptions } from './site.ts'

type OpenSite = Awaited<ReturnType<typeof openSite>>

interface Stage extends OpenSite {
  readonly letters: DeadLetters
  /** Texts with this word throw the machine over; null = healthy. */
  poison: string | null
}

const who = { organizationId: ids.organization, by: { kind: 'agent', id: ids.agent } } as const
const key = conversationOf(1)

const openStage = async (options: SiteOptions = {}): Promise<Stage> => {
  const stage = { poison: 'poison' } as Stage
  const families: OwnersOptions['families'] = (settings) =>
    openFamilies(settings).map((family) => {
      const { conversation } = family.actors
      if (conversation === undefined) return family
      const decide: typeof conversation.decide = (snapshot, command, facts) => {
        if (stage.poison !== null && JSON.stringify(command.data).includes(stage.poison))
          throw new Error(`cannot go on with ${JSON.stringify(command.data)}`)
        return conversation.decide(snapshot, command, facts)
      }
      return { ...family, actors: { ...family.actors, conversation: { ...conversation, decide } } }
    })
  const site = await openSite({ ...options, families })
  const letters = openDeadLetters({
    log: site.log,
    commands: site.commands,
    clock: Date.now,
    drawKey: () => randomBytes(16).toString('hex'),
    organizations: () => [{}],
  })
  return Object.assign(stage, site, { letters })
}

/** What was said in the conversation, in the order of its events. */
const said = async ({ log }: Site): Promise<string[]> =>
  (await readAll(log, 'events'))
    .filter(({ key: place, headers }) => place.startsWith(key) && headers['type'] === 'content.message')
    .map(({ value }) => (decodeAny(value ?? new Uint8Array()) as StoredContent<'message'>).body.text ?? '')

const waiting = async (stage: Stage): Promise<string[]> => {
  const { items } = await stage.letters.list(ids.organization)
  return items.flatMap((item) => item.letters.map(({ code }) => code))
}

const parkThree = async (stage: Stage): Promise<void> => {
  await stage.commands.post([inbound(1, 'SM1', 'fine')])
  await stage.commands.post([inbound(1, 'SM2', 'poison'), inbound(1, 'SM3', 'third'), inbound(1, 'SM4', 'fourth')])
  await until('three commands are parked', async () => (await waiting(stage)).length === 3)
}

const withStage = async (run: (stage: Stage) => Promise<void>): Promise<void> => {
  const stage = await openStage()
  try {
    await run(stage)
  } finally {
    await stage.close()
    await stage.remove()
  }
}

test('a healthy machine decides the parked commands in their order, and what comes meanwhile behind them', () =>
  withStage(async (stage) => {
    await parkThree(stage)
    const { items } = await stage.letters.list(ids.organization)
    assert.deepEqual(
      items.map((item) => [item.key, item.isParked, item.actor?.kind, item.letters.map(({ type }) => type)]),
      [[key, true, 'conversation', ['message.receive', 'message.receive', 'message.receive']]],
    )
    stage.poison = null
    const later = Array.from({ length: 20 }, (_, n) => inbound(1, `LATER${n}`, `later ${n}`))
    const posts = (async () => {
      for (const command of later) await stage.commands.post([command])
    })()
    const answer = await stage.letters.replay(who, key)
    await posts
    assert.equal(answer.discarded, 0)
    assert.equal(answer.parked, 0)
    assert.ok(answer.replayed >= 3)
    await until('all is decided', async () => (await said(stage)).length === 24)
    assert.deepEqual(await said(stage), ['fine', 'poison', 'third', 'fourth', ...later.map((_, n) => `later ${n}`)])
    assert.deepEqual(await waiting(stage), [])
    await stage.commands.submit(wish('conversation.claim', 1, {}))
    await assert.rejects(stage.letters.replay(who, key), (error: ConfabError) => error.code === 'not_found')
  }))

test('a machine that is still ill parks them again in their order, and nothing is lost or doubled', () =>
  withStage(async (stage) => {
    await parkThree(stage)
    assert.deepEqual(await stage.letters.replay(who, key), { replayed: 3, discarded: 0, parked: 3 })
    assert.deepEqual(await waiting(stage), ['poison', 'conversation_parked', 'conversation_parked'])
    await stage.commands.post([inbound(1, 'SM5', 'fifth')])
    await until('the fifth is parked too', async () => (await waiting(stage)).length === 4)
    stage.poison = 'third'
    assert.deepEqual(await stage.letters.replay(who, key), { replayed: 4, discarded: 0, parked: 3 })
    assert.deepEqual(await said(stage), ['fine', 'poison'])
    stage.poison = null
    await stage.letters.replay(who, key)
    assert.deepEqual(await said(stage), ['fine', 'poison', 'third', 'fourth', 'fifth'])
    assert.deepEqual(await waiting(stage), [])
  }))

test('what was poison can be left out; the rest goes on', () =>
  withStage(async (stage) => {
    await parkThree(stage)
    assert.deepEqual(await stage.letters.replay(who, key, { skipPoison: true }), { replayed: 2, discarded: 1, parked: 0 })
    assert.deepEqual(await said(stage), ['fine', 'third', 'fourth'])
    assert.deepEqual(await waiting(stage), [])
  }))

test('discarding ends the parking without them', () =>
  withStage(async (stage) => {
    await parkThree(stage)
    assert.deepEqual(await stage.letters.discard(who, key), { replayed: 0, discarded: 3, parked: 0 })
    await stage.commands.post([inbound(1, 'SM9', 'anew')])
    await until('the conversation is at work', async () => (await said(stage)).length === 2)
    assert.deepEqual(await said(stage), ['fine', 'anew'])
  }))

test('an unparking that has not seen every letter is refused, and its commands stay where they were', () =>
  withStage(async (stage) => {
    await parkThree(stage)
    stage.poison = null
    const { items } = await stage.letters.list(ids.organization)
    const letter = items[0]?.letters[0]?.letter ?? ''
    const command = inbound(1, 'SM2', 'poison')
    const unpark = { ...who, type: 'actor.unpark', actor: command.actor, data: { letters: 2, drops: [] as string[] }, key: 'k' } as const
    const replay = stage.commands.commandIdOf(unpark)
    const record = (await readAll(stage.log, 'dead-letters')).find((each) => each.key === letter)
    const bytes = (decodeAny(record?.value ?? new Uint8Array()) as { bytes: Buffer }).bytes
    const behind = { key, value: bytes, headers: { type: 'message.receive', commandId: command.commandId, replay, letter }, time: 1 }
    await assert.rejects(
      stage.commands.submit(unpark, [behind]),
      (error: ConfabError) => error.code === 'dead_letters_changed' && error.fields['letters'] === 3,
    )
    // A wish behind it proves that it was passed over.
    await assert.rejects(
      stage.commands.submit(wish('conversation.claim', 1, {})),
      (error: ConfabError) => error.code === 'conversation_parked',
    )
    assert.deepEqual(await waiting(stage), ['poison', 'conversation_parked', 'conversation_parked', 'conversation_parked'])
    await stage.letters.replay(who, key)
    assert.deepEqual(await said(stage), ['fine', 'poison', 'third', 'fourth'])
  }))

test('poison behind a good command in one batch parks what comes in the next ones', () =>
  withStage(async (stage) => {
    await stage.commands.post([inbound(1, 'SM1', 'fine'), inbound(1, 'SM2', 'poison')])
    await until('it is parked', async () => (await waiting(stage)).length === 1)
    await stage.commands.post([inbound(1, 'SM3', 'third')])
    await until('the third waits behind it', async () => (await waiting(stage)).length === 2)
    assert.deepEqual(await said(stage), ['fine'])
  }))

test('parking outlives a restart, and so does the way back', async () => {
  const first = await openStage()
  await parkThree(first)
  await first.close()
  const second = await openStage({ directory: first.directory })
  try {
    await second.commands.post([inbound(1, 'SM5', 'fifth')])
    await until('the fifth is parked', async () => (await waiting(second)).length === 4)
    second.poison = null
    assert.deepEqual(await second.letters.replay(who, key), { replayed: 4, discarded: 0, parked: 0 })
    assert.deepEqual(await said(second), ['fine', 'poison', 'third', 'fourth', 'fifth'])
  } finally {
    await second.close()
    await second.remove()
  }
})

test('shows what a letter holds to its own organization alone', () =>
  withStage(async (stage) => {
    await parkThree(stage)
    const shown = await stage.letters.show(ids.organization, key)
    assert.match(JSON.stringify(shown.contents), /fourth/)
    assert.match(shown.letters[0]?.error ?? '', /^Error in \S+ at dead-letters\.test\.ts:\d+$/)
    await assert.rejects(stage.letters.show(ids.other, key), (error: ConfabError) => error.code === 'not_found')
    assert.equal((await stage.letters.list(ids.other)).total, 0)
  }))

test('what is written down of a fault repeats nothing that was said', () =>
  withStage(async (stage) => {
    await parkThree(stage)
    const { items } = await stage.letters.list(ids.organization)
    const errors = items.flatMap((item) => item.letters.map(({ error }) => error))
    assert.match(errors[0] ?? '', /^Error in \S+ at dead-letters\.test\.ts:\d+$/)
    assert.deepEqual(errors.slice(1), ['', ''])
    assert.ok(!JSON.stringify([errors, stage.parked]).includes('cannot go on'))
    for (const { value } of await readAll(stage.log, 'dead-letters'))
      if (value !== null) assert.ok(!(decodeAny(value) as DeadLetter).error.includes('cannot go on'))
  }))
