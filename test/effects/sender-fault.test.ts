// The sender dies at every step, is restarted, is overtaken while it stands still: at most one create a message, and a truthful end.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outgoing } from '#effects'
import { ConfabError } from '#errors'
import { partitionOf as partition, type Entry, type Lease, type Log } from '#log'
import { undo, eventually, openStage, sendEffect, startSender } from './stage.ts'

interface Mortal {
  readonly log: Log
  readonly outgoing: Pick<Outgoing, 'request'>
  readonly post: (entries: readonly Entry[]) => Promise<void>
  readonly died: Promise<void>
}

/** Every await of log, network and command door counts twice, before and after; at step `dieAt` the process is gone. */
const mortal = ({ log, outgoing }: { readonly log: Log; readonly outgoing: Pick<Outgoing, 'request'> }, dieAt: number): Mortal => {
  const { promise: died, resolve } = Promise.withResolvers<void>()
  let step = 0
  let isDead = false
  const pass = async (): Promise<void> => {
    if (++step === dieAt) {
      isDead = true
      resolve()
    }
    if (isDead) await new Promise(() => undefined)
  }
  const around = async <T>(work: () => Promise<T>): Promise<T> => {
    await pass()
    const result = await work()
    await pass()
    return result
  }
  const leased = (lease: Lease): Lease => ({
    ...facts(lease),
    commit: (batch, position) => around(() => lease.commit(batch, position)),
    release: () => lease.release(),
  })
  return {
    died,
    outgoing: { request: (request) => around(() => outgoing.request(request)) },
    post: (entries) => around(() => log.append(entries)),
    log: {
      id: log.id,
      append: (entries) => log.append(entries),
      read: (from, options) => log.read(from, options),
      bounds: (topic, partition) => log.bounds(topic, partition),
      offsetAt: (topic, partition, time) => log.offsetAt(topic, partition, time),
      assignment: (duty, signal) => log.assignment(duty, signal),
      latest: (topic, partition, keys) => around(() => log.latest(topic, partition, keys)),
      lease: (owner, partition) => around(async () => leased(await log.lease(owner, partition))),
      close: () => log.close(),
    },
  }
}

const facts = ({ owner, partition, epoch, position }: Lease) => ({ owner, partition, epoch, position })

/** lease, latest, commit, request, commit, post: each twice; one more must never be reached. */
const STEPS = 12

for (const behaviour of ['accept', 'accept-then-drop'] as const)
  test(`a crash at every step, the provider doing ${behaviour}: one create at most, and its fate comes out right`, async (t) => {
    const stage = await openStage(t)
    const { twilio, actor } = stage
    for (let dieAt = 1; dieAt <= STEPS + 1; dieAt++) {
      const victim = mortal(stage, dieAt)
      const first = startSender({ ...stage, ...victim })
      await first.outbox.ready
      const text = `${behaviour} ${dieAt}`
      twilio.behaviours.length = 0
      twilio.behaviours.push({ kind: behaviour })
      const effect = sendEffect(`+1555020${String(dieAt).padStart(2, '0')}`, text)
      const next = sendEffect(effect.address.userId, `${text}, next`)
      await actor.queue(effect)
      const died = victim.died.then(() => true)
      const isDead = await Promise.race([
        died,
        eventually('no crash', () => dieAt > STEPS && actor.statesOf(effect).length > 0).then(() => false),
      ])
      assert.equal(isDead, dieAt <= STEPS, 'the steps are as many as thought')
      // The dead read nothing any more; all else of it stays where it hangs.
      await first.outbox.close()
      const second = startSender(stage)
      await actor.queue(next)
      await eventually(`the fate of ${text} is known`, () => ['sent', 'failed'].includes(actor.statesOf(effect).at(-1) ?? ''))
      await eventually(`the one after ${text} went out`, () => actor.statesOf(next).includes('sent'))
      await second.close()
      const created = twilio.countOf(text)
      assert.ok(created <= 1, `${text}: created ${created} times`)
      assert.equal(actor.statesOf(effect).at(-1), created === 1 ? 'sent' : 'failed', `${text}: the last word is true`)
      assert.equal(twilio.countOf(`${text}, next`), 1)
    }
  })

test('a former owner that stood still between started and its request sends late but once, and the new owner never does', async (t) => {
  const stage = await openStage(t)
  const { twilio, actor } = stage
  const { promise: wake, resolve } = Promise.withResolvers<void>()
  const held: Pick<Outgoing, 'request'> = { request: (request) => wake.then(() => stage.outgoing.request(request)) }
  const former = startSender({ ...stage, outgoing: held })
  undo(t, () => former.close())
  const effect = sendEffect('+15550301', 'stood still')
  await actor.queue(effect)
  await eventually('started', async () => (await stage.log.bounds('sends', partition(effect.conversationId))).end > 0)
  const present = startSender(stage)
  undo(t, () => present.close())
  await eventually('unknown', () => actor.statesOf(effect).includes('unknown'))
  assert.equal(twilio.countOf('stood still'), 0)
  resolve()
  await eventually('sent', () => actor.statesOf(effect).includes('sent'))
  assert.equal(twilio.countOf('stood still'), 1)
})

test('reports that the log refuses are repeated until it takes them, and nothing is sent again', async (t) => {
  const stage = await openStage(t)
  let refusals = 5
  const running = startSender({
    ...stage,
    post: (entries) => (refusals-- > 0 ? Promise.reject(new ConfabError('append_refused')) : stage.log.append(entries)),
  })
  undo(t, () => running.close())
  const effect = sendEffect('+15550302', 'stubborn report')
  await stage.actor.queue(effect)
  await eventually('reported', () => stage.actor.statesOf(effect).length > 0)
  assert.deepEqual([stage.actor.statesOf(effect), stage.twilio.countOf('stubborn report')], [['sent'], 1])
})

test('a verdict that a crash kept from the log is found again after the restart', async (t) => {
  const stage = await openStage(t)
  const { twilio, actor } = stage
  let posts = 0
  // The report `unknown` arrives; the settler's own hangs for ever, as in a process that dies there.
  const first = startSender({ ...stage, post: (entries) => (++posts > 1 ? new Promise(() => undefined) : stage.log.append(entries)) })
  await first.outbox.ready
  twilio.behaviours.push({ kind: 'accept-then-drop' })
  const effect = sendEffect('+15550303', 'lost verdict')
  await actor.queue(effect)
  await eventually('the verdict was reached', () => posts > 1)
  await first.outbox.close()
  const second = startSender(stage)
  undo(t, () => second.close())
  await eventually('settled', () => actor.statesOf(effect).at(-1) === 'sent')
  assert.deepEqual([actor.statesOf(effect), twilio.countOf('lost verdict')], [['unknown', 'sent'], 1])
})
