// What Twilio took in while we could not: read back after a restart, and after a full disk without one; once each, whatever comes late.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { until } from '../harness.ts'
import { NUMBER, TwilioSite } from './twilio-site.ts'

const textsOf = async (site: TwilioSite, address: string): Promise<unknown[]> => {
  const { id } = await site.conversation(address)
  return (await site.messages(id)).map(({ content }) => content?.text)
}

test('what came while the server was down is there after the restart, in order, and late webhooks add none', async (t) => {
  const site = await TwilioSite.open(t)
  await site.begin('+15550401')
  await site.server.kill()
  const missed = Array.from({ length: 10 }, (_, n) =>
    site.twilio.receive({ From: n % 2 === 0 ? '+15550401' : '+15550402', To: NUMBER, Body: `missed ${n}` }),
  )
  missed.push(site.twilio.receive({ From: '+15550402', To: NUMBER, Body: 'STOP' }))
  const [first] = missed
  assert.ok(first)
  assert.equal(await site.deliver(site.twilio.webhook(first, site.account.ingestUrl)), 0)
  // A provider that is down too when we come back: the round is tried again.
  site.twilio.refuseList(/Messages\.json$/, 503)
  await site.start()
  const late = site.twilio.receive({ From: '+15550403', To: NUMBER, Body: 'just now' })
  assert.equal(await site.deliver(site.twilio.webhook(late, site.account.ingestUrl)), 200)
  const expected = ['hello from +15550401', ...[0, 2, 4, 6, 8].map((n) => `missed ${n}`)]
  await until('all are read back', async () => (await textsOf(site, '+15550401')).length === expected.length, 120_000)
  for (const message of missed) assert.equal(await site.deliver(site.twilio.webhook(message, site.account.ingestUrl)), 200)
  // The one behind them shows that they have been decided.
  await site.receive('+15550401', 'behind them')
  await site.receive('+15550402', 'behind them, too')
  await until('decided', async () => (await textsOf(site, '+15550401')).includes('behind them'))
  assert.deepEqual(await textsOf(site, '+15550401'), [...expected, 'behind them'])
  assert.deepEqual(await textsOf(site, '+15550402'), [...[1, 3, 5, 7, 9].map((n) => `missed ${n}`), 'STOP', 'behind them, too'])
  assert.deepEqual(await textsOf(site, '+15550403'), ['just now'])
  assert.equal((await site.conversation('+15550402')).isOptedOut, true)
})

test('a callback that was lost is made up for by the list', async (t) => {
  const site = await TwilioSite.open(t)
  const { id } = await site.begin('+15550404')
  const messageId = await site.reply(id, 'delivered while we were down')
  await site.reaches(id, messageId, 'sent')
  await site.server.kill()
  const created = await site.created('delivered while we were down')
  created.status = 'delivered'
  await site.start()
  await site.reaches(id, messageId, 'delivered')
})

test('what ingest refused on a full disk is read back once there is room, without a restart', async (t) => {
  const site = await TwilioSite.open(t)
  await site.begin('+15550405')
  /** Files of the server may grow no further than this. */
  const limit = (bytes: string): void => {
    const { status, stderr } = spawnSync('prlimit', [`--pid=${site.server.process.pid ?? 0}`, `--fsize=${bytes}:unlimited`], {
      encoding: 'utf8',
    })
    assert.equal(status, 0, stderr)
  }
  limit('1')
  const refused = Array.from({ length: 5 }, (_, n) => site.twilio.receive({ From: '+15550405', To: NUMBER, Body: `refused ${n}` }))
  for (const message of refused) assert.equal(await site.deliver(site.twilio.webhook(message, site.account.ingestUrl)), 503)
  limit('unlimited')
  const expected = ['hello from +15550405', ...refused.map((_, n) => `refused ${n}`)]
  await until('all are read back', async () => (await textsOf(site, '+15550405')).length === expected.length, 90_000)
  assert.deepEqual(await textsOf(site, '+15550405'), expected)
})
