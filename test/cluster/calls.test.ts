// Who may ask a node: others of its site and nobody else; what they ask for a viewer, that viewer alone may see.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { Conversation } from '#schemas'
import { partitionOf } from '#log'
import { NODE_CALL_PATH, signCall, SIGNATURE_HEADER, TIME_HEADER, TOLERANCE_MS } from '../../src/cluster/signatures.ts'
import { ACCOUNT, grantsOf, idOf } from '../views/world.ts'
import { openClusterSite } from './site.ts'

test('forged, expired and altered calls are 401 and told of; grants of the asker bind the holder', async (context) => {
  const site = await openClusterSite(context)
  const node = await site.open('all')
  site.world.create('anna')
  site.world.receive('anna', 'm', 'hello')
  await site.level()
  const id = site.world.conversationId('anna')
  const callOf = (accountIds: readonly string[] | null, organizationId = idOf('organization')): string =>
    JSON.stringify({
      name: 'conversation',
      values: [{ grants: grantsOf('agent', { accountIds, organizationId }) }, id],
      partitions: [partitionOf(id)],
    })
  const call = callOf(null)
  const ask = (body: string, headers: Readonly<Record<string, string>>): Promise<Response> =>
    fetch(`${node.url}${NODE_CALL_PATH}`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })
  const signed = (body: string, time = Date.now(), key: Buffer = site.key): Record<string, string> => ({
    [TIME_HEADER]: String(time),
    [SIGNATURE_HEADER]: signCall(key, Buffer.from(body), String(time)),
  })
  const itemOf = async (answer: Response): Promise<Conversation | null> =>
    ((await answer.json()) as { answer: { item: Conversation | null } }).answer.item

  const good = await ask(call, signed(call))
  assert.equal(good.status, 200)
  assert.equal((await itemOf(good))?.id, id)
  // The same once more reads the same: nothing is written by a call.
  assert.equal((await ask(call, signed(call))).status, 200)

  const shifted = { ...signed(call), [TIME_HEADER]: String(Date.now() + 1) }
  const refused: [string, Response][] = [
    ['unsigned', await ask(call, {})],
    ['unsigned', await ask(call, { authorization: 'Bearer confab_any' })],
    ['forged', await ask(call, signed(call, Date.now(), randomBytes(32)))],
    ['forged', await ask(`${call} `, signed(call))],
    ['forged', await ask(call, shifted)],
    ['expired', await ask(call, signed(call, Date.now() - TOLERANCE_MS - 1_000))],
    ['expired', await ask(call, signed(call, Date.now() + TOLERANCE_MS + 1_000))],
  ]
  for (const [reason, answer] of refused) {
    assert.equal(answer.status, 401, reason)
    assert.equal(((await answer.json()) as { code: string }).code, 'node_call_refused')
  }
  const told = node.told.filter(({ name }) => name === 'node.call_refused')
  assert.deepEqual(
    told.map(({ reason }) => reason),
    refused.map(([reason]) => reason),
  )
  assert.ok(!JSON.stringify(told).includes('confab_any'), 'no credentials in the log')

  for (const [body, isSeen] of [
    [callOf([ACCOUNT]), true],
    [callOf([idOf('other account')]), false],
    [callOf(null, idOf('strangers')), false],
  ] as const)
    assert.equal((await itemOf(await ask(body, signed(body)))) !== null, isSeen)

  for (const body of [
    '{}',
    JSON.stringify({ name: 'close', values: [], partitions: [1] }),
    JSON.stringify({ name: 'counts', values: [], partitions: [99] }),
  ])
    assert.equal((await ask(body, signed(body))).status, 400)
})

test('a node that is asked for what it does not hold says who does', async (context) => {
  const site = await openClusterSite(context)
  const [one, two] = [await site.open(0), await site.open(0)]
  await site.own([one.url, two.url])
  await site.shared(1)
  const [there = 0] = two.node.held()
  const body = JSON.stringify({ name: 'rows', values: [[]], partitions: [there] })
  const time = String(Date.now())
  const answer = await fetch(`${one.url}${NODE_CALL_PATH}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', [TIME_HEADER]: time, [SIGNATURE_HEADER]: signCall(site.key, Buffer.from(body), time) },
  })
  const { partitions, moved } = (await answer.json()) as { partitions: number[]; moved: object[] }
  assert.deepEqual(partitions, [])
  assert.deepEqual(moved, [{ partition: there, url: two.url }])
})
