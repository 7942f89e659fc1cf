// Messages that webhooks never brought are read back, once, page by page; what is known, foreign or older than the account is not.

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { openBackfill, openReports } from '#effects'
import { partitionOf, type Log } from '#log'
import {
  commandRecords,
  decode,
  encode,
  keys,
  messageRow,
  rawRequest,
  recordTypeOf,
  type Account,
  type Command,
  type CommandType,
} from '#schemas/log'
import type { Topic } from '#topics'
import { ACCOUNT_SID, AUTH_TOKEN, type FakeTwilio } from './fake-twilio.ts'
import { ID_KEY, NUMBER, ORGANIZATION, account as sample, eventually, openStage, silent, undo } from './stage.ts'

const readAll = async (log: Log, topic: Topic): Promise<{ type: string; value: Uint8Array }[]> => {
  const found: { type: string; value: Uint8Array }[] = []
  for (let partition = 0; partition < 32; partition++) {
    const { start, end } = await log.bounds(topic, partition)
    if (start >= end) continue
    const stop = new AbortController()
    for await (const chunk of log.read([{ topic, partition, offset: start }], { signal: stop.signal })) {
      for (const record of chunk.records) if (record.value !== null) found.push({ type: record.headers['type'] ?? '', value: record.value })
      if (chunk.next >= end) stop.abort()
    }
  }
  return found
}

const openBackfillStage = async (t: TestContext, prepare: (twilio: FakeTwilio) => void = () => undefined) => {
  const stage = await openStage(t)
  prepare(stage.twilio)
  const { log, outgoing, time, twilio, twilioUrl } = stage
  const account: Account = { ...sample, createdAt: time.clock() - 10 * 86_400_000 }
  const post = (commands: readonly Command[], extra: Parameters<Log['append']>[0] = []) =>
    log.append([
      ...extra,
      ...commands.map((command) => ({
        topic: 'commands' as const,
        partition: partitionOf(command.actor.id),
        records: [
          {
            key: command.actor.id,
            value: encode(commandRecords[command.type] as never, command as never),
            headers: { type: command.type },
            time: command.at,
          },
        ],
      })),
    ])
  const reports = openReports({ commands: { post }, clock: time.clock, random: Math.random, wait: time.wait, logger: silent })
  const backfill = openBackfill({
    log,
    outgoing,
    reports,
    clock: time.clock,
    wait: time.wait,
    logger: silent,
    intervalMs: 86_400_000,
    settings: {
      organizations: () => [{ id: ORGANIZATION } as never],
      list: () => [account] as never,
      account: () => account,
      idKey: () => ID_KEY,
    },
    credentialsOf: () => ({ accountSid: ACCOUNT_SID, authToken: AUTH_TOKEN }),
    apiUrlOf: () => twilioUrl,
  })
  undo(t, () => backfill.close())
  const first = await backfill.run()
  const commands = async () =>
    (await readAll(log, 'commands')).map(
      ({ type, value }) => ({ type, ...(decode(commandRecords[type as CommandType] as never, value) as object) }) as Command,
    )
  return { ...stage, twilio, backfill, account, commands, first }
}

/** As the owner would: a row says that the message is known. */
const decideAll = async (log: Log, commands: readonly Command[]): Promise<void> => {
  for (const command of commands) {
    if (command.type !== 'message.receive') continue
    const { messageId, content } = command.data
    const row = encode(messageRow, {
      messageId,
      conversationId: command.actor.id,
      organizationId: ORGANIZATION,
      seq: 1,
      contactSeq: 1,
      direction: 'in',
      kind: content.kind,
      author: command.by,
      orderAt: 0,
      at: 0,
      receivedAt: 0,
      send: null,
      replyTo: null,
      edits: 0,
      isDeleted: false,
      isErased: false,
      contents: [],
      content,
      commandId: command.commandId,
      bodyHash: '',
      reactions: [],
      mentions: [],
      sendAt: null,
    })
    const partition = partitionOf(command.actor.id)
    const lease = await log.lease('conversations', partition)
    await lease.commit({
      entries: [
        {
          topic: 'messages',
          partition,
          records: [{ key: keys.message(command.actor.id, messageId), value: row, headers: { type: recordTypeOf(messageRow) }, time: 0 }],
        },
      ],
    })
  }
}

test('brings every inbound message once, over pages, with media, as raw and commands; a second round adds none', async (t) => {
  const { twilio, backfill, log, commands } = await openBackfillStage(t)
  for (let n = 0; n < 8; n++) twilio.receive({ From: `+1555040${n % 3}`, To: NUMBER, Body: `missed ${n}` })
  twilio.receive({ From: '+15550409', To: NUMBER, Body: '' }, [{ sid: 'ME1', contentType: 'image/png', bytes: Buffer.from('x') }])
  twilio.receive({ From: '+15550409', To: '+15559999', Body: 'for another number' })
  assert.equal(await backfill.run(), 9)
  const found = (await commands()).filter((command): command is Command<'message.receive'> => command.type === 'message.receive')
  assert.deepEqual(found.map(({ data }) => data.content.text ?? '').toSorted(), ['', ...Array.from({ length: 8 }, (_, n) => `missed ${n}`)])
  assert.deepEqual(
    found
      .find(({ data }) => data.content.kind === 'media')
      ?.data.content.attachments.map(({ state, sourceUrl }) => [state, sourceUrl?.endsWith('/Media/ME1')]),
    [['fetching', true]],
  )
  assert.ok(found.every(({ data }) => data.providerAt !== null && data.address.accountAddress === NUMBER))
  const raws = (await readAll(log, 'raw')).map(({ value }) => decode(rawRequest, value))
  assert.ok(
    raws.length >= 3 &&
      raws.every(({ source, headers, url }) => source === 'backfill' && Object.keys(headers).length === 0 && !url.includes(AUTH_TOKEN)),
  )
  await decideAll(log, await commands())
  assert.equal(await backfill.run(), 0)
})

test('leaves alone what came before the account, and goes on after a provider that fails', async (t) => {
  const { twilio, backfill, account } = await openBackfillStage(t)
  Object.assign(twilio.receive({ From: '+15550410', To: NUMBER, Body: 'history' }), { createdAt: account.createdAt - 3_600_000 })
  assert.equal(await backfill.run(0), 0)
  twilio.receive({ From: '+15550410', To: NUMBER, Body: 'new' })
  assert.equal(await backfill.run(0), 1)
})

const DAY_MS = 86_400_000

test('a round that the provider broke off is no round: the next one reads as far back', async (t) => {
  // The round at opening and the one after it both fail, each in its first list or its second.
  const { twilio, backfill, first } = await openBackfillStage(t, (fake) => fake.refuseList(/Messages\.json$/, 503, 429, 503, 503))
  assert.equal(first, 0)
  Object.assign(twilio.receive({ From: '+15550411', To: NUMBER, Body: 'three days ago' }), { createdAt: Date.now() - 3 * DAY_MS })
  assert.equal(await backfill.run(), 1)
})

test('enters what came later after what came first, so that the last word on opting out counts', async (t) => {
  const { twilio, backfill, commands } = await openBackfillStage(t)
  const words = ['STOP', 'START', 'one', 'two', 'STOP', 'three', 'START']
  for (const Body of words) twilio.receive({ From: '+15550412', To: NUMBER, Body })
  assert.equal(await backfill.run(), words.length + 4 * 2)
  const found = (await commands()).filter((command): command is Command<'message.receive'> => command.type === 'message.receive')
  // Pages hold three: what one page holds and what one second holds are both in order.
  assert.deepEqual(
    found.map(({ data }) => data.content.text),
    words,
  )
})

test('a message whose attachments cannot be listed waits for the next round; one whose are deleted comes without', async (t) => {
  const { twilio, backfill, commands } = await openBackfillStage(t)
  const image = { contentType: 'image/png', bytes: Buffer.from('x') }
  twilio.receive({ From: '+15550413', To: NUMBER, Body: 'photo' }, [{ sid: 'ME2', ...image }])
  twilio.refuseList(/Media\.json$/, 500)
  assert.deepEqual([await backfill.run(), await backfill.run()], [0, 1])
  twilio.receive({ From: '+15550414', To: NUMBER, Body: 'deleted' }, [{ sid: 'ME3', ...image }])
  // The photo is listed again, since nobody has decided it here: both media lists are asked for.
  twilio.refuseList(/SM0*2\/Media\.json$/, 404)
  await backfill.run()
  const found = (await commands()).filter((command): command is Command<'message.receive'> => command.type === 'message.receive')
  const counts = (text: string) =>
    new Set(found.filter(({ data }) => data.content.text === text).map(({ data }) => data.content.attachments.length))
  assert.deepEqual([counts('photo'), counts('deleted')], [new Set([1]), new Set([0])])
})

test('a refusal of ingest is followed by a round of its own, and a flood of them by one', async (t) => {
  const { twilio, backfill, commands } = await openBackfillStage(t)
  await eventually('the round at opening is over', async () => (await backfill.run()) === 0)
  const lists = () => twilio.requests.filter(({ method }) => method === 'GET').length
  const before = lists()
  twilio.receive({ From: '+15550415', To: NUMBER, Body: 'refused' })
  for (let n = 0; n < 100; n++) backfill.refused()
  await eventually('read back', async () => (await commands()).some(({ type }) => type === 'message.receive'))
  // Rounds follow one another: one of our own shows that only one was before it.
  await backfill.run()
  assert.equal(lists() - before, 4)
})
