// Files, media, wake-ups, tells and drops: what they report, what they refuse, and that lost alarms do not matter.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import {
  openDrops,
  openFiles,
  openMedia,
  openOutgoing,
  openReports,
  openTells,
  openUploads,
  openWakeups,
  sniff,
  type ContentList,
  type Reports,
} from '#effects'
import { ConfabError } from '#errors'
import type { Entry } from '#log'
import { commandRecords, derivePlain, encode, type Command, type EffectTimer } from '#schemas/log'
import { openLocalTimers } from '#timers'
import { ManualClock } from '../timers/manual-clock.ts'
import { ACCOUNT_SID, AUTH_TOKEN, FakeTwilio } from './fake-twilio.ts'
import { ID_KEY, ORGANIZATION, account, eventually, quickTime, silent, undo } from './stage.ts'

const CONVERSATION = '00000000-0000-8000-8000-00000000000c'
const MESSAGE = '00000000-0000-8000-8000-00000000000d'
const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')

const collect = () => {
  const posted: { commands: readonly Command[]; extra: readonly Entry[] }[] = []
  const time = quickTime()
  const reports: Reports = openReports({
    commands: { post: (commands, extra) => (posted.push({ commands, extra: extra ?? [] }), Promise.resolve()) },
    clock: time.clock,
    random: Math.random,
    wait: time.wait,
    logger: silent,
  })
  return { posted, reports, time, all: () => posted.flatMap(({ commands }) => commands) }
}

const openDirectory = async (t: TestContext) => {
  const directory = await mkdtemp(join(tmpdir(), 'confab-files-'))
  undo(t, () => rm(directory, { recursive: true, force: true }))
  return { directory, files: await openFiles(directory) }
}

async function* chunks(...list: Buffer[]): AsyncGenerator<Buffer> {
  for (const chunk of list) yield await Promise.resolve(chunk)
}
const text = async (stream: AsyncIterable<Uint8Array>): Promise<string> => {
  let all = ''
  for await (const chunk of stream) all += Buffer.from(chunk).toString()
  return all
}
const FILE = derivePlain('file', ['a'])

test('stores bytes whole with their hash and sniffed type, reads ranges, removes', async (t) => {
  const { directory, files } = await openDirectory(t)
  const stored = await files.write(FILE, chunks(PNG.subarray(0, 10), PNG.subarray(10)), { sizeBytesMax: 1000, claimedType: 'text/html' })
  assert.deepEqual(stored, {
    fileId: FILE,
    sizeBytes: PNG.length,
    sha256: createHash('sha256').update(PNG).digest('hex'),
    contentType: 'image/png',
  })
  const other = derivePlain('file', ['b'])
  await files.write(other, chunks(Buffer.from('0123456789')), { sizeBytesMax: 10, claimedType: 'text/plain; charset=utf-8' })
  assert.equal(await text(await files.read(other, { start: 2, end: 5 })), '2345')
  assert.deepEqual([await files.size(other), await readdir(join(directory, 'incoming'))], [10, []])
  await files.remove(other)
  await files.remove(other)
  assert.equal(await files.size(other), undefined)
  await assert.rejects(files.read(other), { code: 'file_not_found' })
})

test('keeps nothing of a file that is too large, empty or cut off, nor leaves its directory by an id', async (t) => {
  const { directory, files } = await openDirectory(t)
  const options = { sizeBytesMax: 5, claimedType: '' }
  await assert.rejects(files.write(FILE, chunks(Buffer.from('123456')), options), { code: 'file_too_large' })
  await assert.rejects(files.write(FILE, chunks(), options), { code: 'file_empty' })
  const broken = async function* (): AsyncGenerator<Buffer> {
    yield await Promise.resolve(Buffer.from('12'))
    throw new ConfabError('request_cut_off')
  }
  await assert.rejects(files.write(FILE, broken(), options), { code: 'request_cut_off' })
  await assert.rejects(files.write('../../etc/passwd', chunks(Buffer.from('x')), options), { code: 'file_not_found' })
  assert.deepEqual([await files.size(FILE), await readdir(join(directory, 'incoming'))], [undefined, []])
})

test('never calls active content by a type that browsers run', async () => {
  for (const [bytes, claim, expected] of [
    ['<svg onload=alert(1)>', 'image/svg+xml', 'application/octet-stream'],
    ['<html>', 'text/html', 'application/octet-stream'],
    ['a,b', 'text/csv', 'text/csv'],
    ['binary\0', 'text/plain', 'application/octet-stream'],
    ['{}', 'application/json', 'application/octet-stream'],
  ] as const)
    assert.equal(await sniff(Buffer.from(bytes), claim), expected, claim)
})

const openMediaStage = async (t: TestContext) => {
  const { files } = await openDirectory(t)
  const { all, reports, time } = collect()
  const twilio = new FakeTwilio(time.clock)
  const url = await twilio.listen()
  const outgoing = openOutgoing({ allow: [], trustedOrigins: [url] })
  const media = openMedia({
    outgoing,
    uploads: openUploads(files, () => 'key'),
    reports,
    clock: time.clock,
    random: Math.random,
    wait: time.wait,
    logger: silent,
    sizeBytesMax: 1000,
    settings: { account: () => account, idKey: () => ID_KEY },
    credentialsOf: () => ({ accountSid: ACCOUNT_SID, authToken: AUTH_TOKEN }),
    apiUrlOf: () => url,
  })
  undo(t, async () => {
    await media.close()
    await outgoing.close()
    await twilio.close()
    await time.timers.close()
  })
  const fetchOf = async (source: string, index = 0) => {
    const effectId = derivePlain('effect', [MESSAGE, 'fetch', index])
    const value = {
      effectId,
      organizationId: ORGANIZATION,
      conversationId: CONVERSATION,
      messageId: MESSAGE,
      accountId: account.id,
      channel: 'twilio',
      index,
      seq: 1,
      url: source,
    } as const
    media.put({ type: 'fetch', partition: 0, key: `${CONVERSATION}/${effectId}`, value })
    const find = () =>
      all().find((command): command is Command<'attachment.report'> => command.type === 'attachment.report' && command.data.index === index)
    await eventually(`a report of ${source}`, () => find() !== undefined)
    return find()?.data.attachment ?? assert.fail()
  }
  return { files, twilio, url, fetchOf }
}

test('brings inbound media home with credentials, by its true type', async (t) => {
  const { files, twilio, url, fetchOf } = await openMediaStage(t)
  const message = twilio.receive({ From: '+1', To: '+2' }, [{ sid: 'ME1', contentType: 'application/pdf', bytes: PNG }])
  const attachment = await fetchOf(`${url}/2010-04-01/Accounts/${ACCOUNT_SID}/Messages/${message.sid}/Media/ME1`)
  assert.deepEqual(
    [attachment.state, attachment.contentType, attachment.kind, attachment.sizeBytes],
    ['ready', 'image/png', 'image', PNG.length],
  )
  assert.equal(twilio.requests[0]?.authorization, `Basic ${Buffer.from(`${ACCOUNT_SID}:${AUTH_TOKEN}`).toString('base64')}`)
  assert.equal(await files.size(attachment.fileId ?? ''), PNG.length)
})

test('files that cannot be had yet hold up no other', async (t) => {
  const { twilio, url, fetchOf } = await openMediaStage(t)
  const settled: number[] = []
  const missing = Array.from({ length: 20 }, (_, index) => fetchOf(`${url}/2010-04-01/missing`, index).then(() => settled.push(index)))
  await eventually('all are being tried', () => twilio.requests.length >= 20)
  const message = twilio.receive({ From: '+1', To: '+2' }, [{ sid: 'ME1', contentType: 'image/png', bytes: PNG }])
  assert.equal((await fetchOf(`${url}/Messages/${message.sid}/Media/ME1`, 20)).state, 'ready')
  assert.deepEqual(settled, [])
  await Promise.all(missing)
})

test('blocks media from other hosts without a request, and fails what is gone or too large', async (t) => {
  const { twilio, url, fetchOf } = await openMediaStage(t)
  assert.equal((await fetchOf('https://evil.example/x')).state, 'blocked')
  assert.equal((await fetchOf('http://169.254.169.254/latest', 1)).state, 'blocked')
  assert.equal(twilio.requests.length, 0)
  assert.equal((await fetchOf(`${url}/2010-04-01/missing`, 2)).state, 'failed')
  assert.equal(twilio.requests.length, 10, 'tried again, a bounded number of times')
  const message = twilio.receive({ From: '+1', To: '+2' }, [{ sid: 'ME1', contentType: 'image/png', bytes: Buffer.alloc(2000) }])
  assert.equal((await fetchOf(`${url}/Messages/${message.sid}/Media/ME1`, 3)).state, 'failed')
})

test('fires a timer once when due, although its alarm is lost, doubled or early', async () => {
  const { all, reports } = collect()
  const clock = new ManualClock()
  const timers = openLocalTimers({ clock: clock.clock, alarm: clock.alarm, onError: () => undefined, keysMax: 1 })
  let sweep = (): void => undefined
  const wakeups = openWakeups({
    timers,
    reports,
    clock: clock.clock,
    logger: silent,
    every: (_, callback) => ((sweep = callback), () => undefined),
  })
  const put = (n: number, dueInMs: number, setBySeq = 1): EffectTimer => {
    const value: EffectTimer = {
      effectId: derivePlain('effect', ['t', n]),
      organizationId: ORGANIZATION,
      conversationId: CONVERSATION,
      kind: 'wake',
      setBySeq,
      dueAt: clock.clock() + dueInMs,
    }
    wakeups.put({ type: 'timer', partition: 0, key: `${CONVERSATION}/${n}`, value })
    return value
  }
  put(1, 1000)
  put(2, 2000) // the heap holds one key: this one's alarm is lost
  sweep()
  clock.advance(1000)
  await eventually('the first fired', () => all().length === 1)
  clock.advance(1500)
  assert.equal(wakeups.overdueMs(), 1500)
  sweep()
  sweep()
  await eventually('the second fired', () => all().length === 2)
  wakeups.end(0, `${CONVERSATION}/1`)
  put(2, 500, 7)
  clock.advance(1000)
  sweep()
  await eventually('moved, and fired anew', () => all().length === 3)
  assert.deepEqual(
    all().map((command) => (command as Command<'timer.fire'>).data.setBySeq),
    [1, 1, 7],
  )
  assert.equal(new Set(all().map(({ commandId }) => commandId)).size, 3)
  put(3, 500)
  wakeups.end(0, `${CONVERSATION}/3`)
  clock.advance(1000)
  sweep()
  await wakeups.close()
  assert.equal(all().length, 3)
})

test('appends what one actor tells another together with the report that ends it, in order, once', async () => {
  const { posted, reports, time } = collect()
  const tells = openTells({ reports, clock: time.clock, logger: silent })
  const contactId = '00000000-0000-8000-8000-00000000000e'
  for (let n = 0; n < 3; n++) {
    const command = {
      commandId: derivePlain('command', [n]),
      organizationId: ORGANIZATION,
      actor: { kind: 'contact', id: contactId },
      by: { kind: 'system', id: null },
      asksOutcome: false,
      bodyHash: '',
      at: n,
      data: {},
    } as const
    const value = {
      effectId: derivePlain('effect', [n]),
      organizationId: ORGANIZATION,
      conversationId: CONVERSATION,
      seq: n,
      to: { kind: 'contact', id: contactId },
      type: 'contact.block',
      command: encode(commandRecords['contact.block'], command),
    } as const
    const effect = { type: 'tell', partition: 0, key: `${CONVERSATION}/${n}`, value } as const
    tells.put(effect)
    if (n === 0) tells.put(effect)
  }
  await eventually('told', () => posted.length > 0)
  await tells.close()
  const [{ commands, extra }] = posted as [(typeof posted)[number]]
  assert.deepEqual(
    extra.map(({ topic, records }) => [topic, records[0]?.key, records[0]?.time]),
    [0, 1, 2].map((n) => ['contact-commands', contactId, n]),
  )
  assert.deepEqual(
    commands.map(({ type, actor: { id } }) => [type, id]),
    Array.from({ length: 3 }, () => ['effect.end', CONVERSATION]),
  )
})

test('names contents to drop until the view shows none, then says so', async () => {
  const { all, reports, time } = collect()
  const lists: ContentList[] = [
    {
      references: [
        { seq: 1, n: 0 },
        { seq: 2, n: 0 },
      ],
      messageIds: [MESSAGE],
    },
    { references: [], messageIds: [] },
  ]
  const emptied: string[] = []
  const drops = openDrops({
    removeFiles: (_conversationId, messageIds) => Promise.resolve(void emptied.push(...messageIds)),
    clearDrafts: () => Promise.resolve(),
    listContents: () => Promise.resolve(lists.shift() ?? { references: [], messageIds: [] }),
    reports,
    clock: time.clock,
    wait: time.wait,
    logger: silent,
  })
  const key = `${CONVERSATION}/x`
  drops.put({
    type: 'drop',
    partition: 0,
    key,
    value: {
      effectId: derivePlain('effect', ['d']),
      organizationId: ORGANIZATION,
      subject: { kind: 'conversation', id: CONVERSATION },
      upToSeq: 9,
    },
  })
  await eventually('none remains', () => all().length === 2)
  drops.end(0, key)
  await drops.close()
  assert.deepEqual(
    all().map((command) => (command as Command<'contents.drop'>).data.references.length),
    [2, 0],
  )
  assert.deepEqual(emptied, [MESSAGE], 'its files went first')
  await time.timers.close()
})
