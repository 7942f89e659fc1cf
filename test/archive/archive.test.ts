// Archives: a site arrives elsewhere whole, with ids, seq and hashes; twice is once; cut off is gone on with; altered is refused.

import assert from 'node:assert/strict'
import { appendFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { exportSite, importSite, type ExportOptions, type Imported, type ImportOptions } from '#archive'
import { openFiles } from '#effects'
import { hasCode } from '#errors'
import { partitionOf, type Log } from '#log'
import { recordOf } from '#runtime'
import { backfillMark, deadLetter, derivePlain, encode, type Command } from '#schemas/log'
import { loadSecret, openSecrets } from '#secrets'
import { confab, startConfab } from '../cli/command.ts'
import { removeDirectory, startServer, temporaryDirectory, until, type RunningServer } from '../harness.ts'
import { fillSite, imageOf, openLog, stateOf, type Filled, type Items } from './site.ts'

const PASSPHRASE = 'correct horse battery'

let work: string
let site: Filled
let image: Awaited<ReturnType<typeof imageOf>>
let archive: string
let answers: unknown

/** What a person sees of the site. */
const answersOf = async (server: RunningServer, { kept, erased }: Filled): Promise<unknown> => {
  const part = async (id: string): Promise<unknown> => {
    const messages = await server.api<Items<{ content: { attachments: { url?: string }[] } | null }>>(
      `/v1/conversations/${id}/messages?limit=100`,
    )
    // Links are signed and expire; their targets are compared by bytes elsewhere.
    for (const { content } of messages.items) for (const attachment of content?.attachments ?? []) delete attachment.url
    return {
      conversation: await server.api(`/v1/conversations/${id}`),
      messages: messages.items,
      events: (await server.api<Items<unknown>>(`/v1/conversations/${id}/events?limit=100`)).items,
    }
  }
  const search = await server.api<Items<unknown>>('/v1/search?type=message&q=secretword')
  return { kept: await part(kept), erased: await part(erased), found: search.items, counts: await server.api('/v1/counts') }
}

const run = (parameters: readonly string[], dataDirectory: string) =>
  confab(parameters, { environment: { CONFAB_DATA_DIR: dataDirectory }, timeoutMs: 120_000 })

const passphraseFile = (): string => join(work, 'passphrase')
const importInto = (dataDirectory: string, from: string = archive, more: readonly string[] = []) =>
  run(['import', from, '--passphrase-file', passphraseFile(), ...more], dataDirectory)

before(async () => {
  work = await temporaryDirectory()
  await writeFile(passphraseFile(), `${PASSPHRASE}\n`)
  site = await fillSite(async (server, filled) => {
    answers = await answersOf(server, filled)
    const refused = await run(['export', join(work, 'early'), '--passphrase-file', passphraseFile()], filled.dataDirectory)
    assert.equal(refused.code, 1)
    assert.match(refused.err, /in use by another process.*data_locked/)
    assert.ok(refused.err.includes(filled.dataDirectory), 'the directory is named')
  })
  image = await imageOf(site.dataDirectory)
  archive = join(work, 'archive')
  const done = await run(['export', archive, '--passphrase-file', passphraseFile()], site.dataDirectory)
  assert.equal(done.code, 0, done.err)
  assert.match(done.out, /\d+ records in \d+ segments, 2 files/)
  assert.match(done.err, /records .*files/s)
})
after(async () => {
  await removeDirectory(work)
  await removeDirectory(site.dataDirectory)
})

const target = async (name: string): Promise<string> => {
  const directory = join(work, name)
  await mkdir(directory)
  return directory
}

test('a site arrives whole under another secret: rows, snapshots, views, files, and a second run changes nothing', async () => {
  const there = await target('whole')
  const first = await importInto(there)
  assert.equal(first.code, 0, first.err)
  const arrived = await imageOf(there)
  assert.deepEqual(arrived, image)
  assert.notEqual(await readFile(join(there, 'secret'), 'utf8'), await readFile(join(site.dataDirectory, 'secret'), 'utf8'))
  const second = await importInto(there)
  assert.match(second.out, /nothing was changed/, second.err)
  assert.deepEqual(await imageOf(there), image)
  const server = await startServer({ dataDirectory: there, environment: { CONFAB_PUBLIC_URL: site.url } })
  try {
    assert.equal(await server.token(), site.token, 'the owner goes on with the same token')
    assert.deepEqual(await until('the views answer', () => answersOf(server, site)), answers)
    const messages = await server.api<Items<{ content: { attachments: { url: string }[] } | null }>>(
      `/v1/conversations/${site.kept}/messages`,
    )
    const url = messages.items.flatMap(({ content }) => content?.attachments ?? [])[0]?.url
    assert.ok(url !== undefined)
    assert.equal((await fetch(`${server.url}${url}`)).status, 200)
    await goesOn(server)
  } finally {
    await server.kill()
  }
  // What the site has done since stands: the archive brings nothing back.
  const lived = await imageOf(there)
  const third = await importInto(there)
  assert.match(third.out, /nothing was changed/, third.err)
  assert.deepEqual(await imageOf(there), lived)
})

/** The status line that a raw request is answered with. */
const statusOf = (port: number, request: Buffer): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    socket.once('error', reject).once('data', (data) => {
      socket.destroy()
      resolve(String(data).split('\r\n', 1)[0] ?? '')
    })
  })

/** Conversations go on where they were; a webhook that its provider sends again is verified, and its message is known. */
const goesOn = async (server: RunningServer): Promise<void> => {
  assert.match(await statusOf(server.port, site.webhook), / 2\d\d /)
  const before = await server.api<{ seq: number }>(`/v1/conversations/${site.kept}`)
  const sent = await server.api<{ seq: number }>(`/v1/conversations/${site.kept}/messages`, { body: { text: 'and on we go' } })
  assert.ok(sent.seq > before.seq)
  const snoozed = await server.api<Items<{ id: string }>>('/v1/conversations?state=snoozed')
  assert.equal(snoozed.items.length, 1)
  await server.api(`/v1/conversations/${snoozed.items[0]?.id ?? ''}/reopen`, { body: {} })
}

const optionsOf = async (log: Log, dataDirectory: string): Promise<ImportOptions> => ({
  log,
  files: await openFiles(join(dataDirectory, 'files')),
  secrets: openSecrets(loadSecret(join(dataDirectory, 'secret'))),
  directory: archive,
  keyOf: () => ({ passphrase: PASSPHRASE }),
  erasures: [],
  clock: Date.now,
  onProgress: () => undefined,
})

/** The log as far as its n-th commit; the process "dies" there. */
const dyingAt = (log: Log, commitsMax: number): Log => {
  let commits = 0
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    if (++commits > commitsMax) throw new Error('killed')
    return work()
  }
  return {
    id: log.id,
    read: (from, options) => log.read(from, options),
    latest: (topic, partition, keys) => log.latest(topic, partition, keys),
    bounds: (topic, partition) => log.bounds(topic, partition),
    offsetAt: (topic, partition, time) => log.offsetAt(topic, partition, time),
    assignment: (duty, signal) => log.assignment(duty, signal),
    close: () => log.close(),
    append: (entries) => guarded(() => log.append(entries)),
    lease: async (owner, partition) => {
      const lease = await log.lease(owner, partition)
      return { ...lease, commit: (batch, position) => guarded(() => lease.commit(batch, position)) }
    },
  }
}

test('an import that dies at any commit is gone on with, and ends in the same site', async () => {
  const there = await target('dying')
  const log = await openLog(there)
  let done: Imported | undefined
  let deaths = 0
  try {
    const options = await optionsOf(log, there)
    // Each run gets a few commits further than the one before.
    while (done === undefined) {
      try {
        done = await importSite({ ...options, log: dyingAt(log, 2) })
      } catch (error) {
        assert.equal((error as Error).message, 'killed')
        assert.ok(++deaths < 1_000, 'each run gets further')
      }
    }
    assert.ok(deaths > 20, `${deaths} deaths`)
  } finally {
    await log.close()
  }
  assert.deepEqual(await imageOf(there), image)
})

test('an import whose process is killed is gone on with', async () => {
  const there = await target('killed')
  for (const line of [/checking/, /partition/]) {
    const running = startConfab(['import', archive, '--passphrase-file', passphraseFile()], { environment: { CONFAB_DATA_DIR: there } })
    const heard = new Promise<void>((resolve) => {
      running.process.stderr?.on('data', (text: string) => line.test(text) && resolve())
    })
    await Promise.race([heard, running.ended])
    running.process.kill('SIGKILL')
    await running.ended
  }
  assert.equal((await importInto(there)).code, 0)
  assert.deepEqual(await imageOf(there), image)
})

const exportOptions = async (log: Log, directory: string): Promise<ExportOptions> => ({
  log,
  directory,
  files: await openFiles(join(site.dataDirectory, 'files')),
  secrets: openSecrets(loadSecret(join(site.dataDirectory, 'secret'))),
  key: { passphrase: PASSPHRASE },
  adminToken: site.token,
  clock: Date.now,
  onProgress: () => undefined,
})

test('an export that dies is gone on with where it stood, and a half line in its progress hurts nothing', async () => {
  const directory = join(work, 'resumed')
  const log = await openLog(site.dataDirectory)
  try {
    const options = await exportOptions(log, directory)
    const onProgress: ExportOptions['onProgress'] = ({ done }) => {
      if (done === 100) throw new Error('killed')
    }
    await assert.rejects(exportSite({ ...options, onProgress }), /killed/)
    await appendFile(join(directory, 'progress.jsonl'), '{"topic":"ev')
    let reads = 0
    const counted: Log = { ...dyingAt(log, Infinity), read: (from, each) => (reads++, log.read(from, each)) }
    const whole = await exportSite({ ...options, log: counted, directory: join(work, 'whole-export') })
    const readsOfWhole = reads
    reads = 0
    const resumed = await exportSite({ ...options, log: counted })
    assert.deepEqual(resumed, whole)
    assert.ok(reads < readsOfWhole, 'what was done was not done again')
    await assert.rejects(exportSite(options), (error: unknown) => hasCode(error, 'archive_exists'))
  } finally {
    await log.close()
  }
  const there = await target('from-resumed')
  assert.equal((await importInto(there, directory)).code, 0)
  assert.deepEqual(await imageOf(there), image)
})

test('a site that is written to while it is exported is no archive', async () => {
  const log = await openLog(site.dataDirectory)
  try {
    const directory = join(work, 'moving')
    const options = await exportOptions(log, directory)
    let ends = 0
    const moving: Log = {
      ...dyingAt(log, Infinity),
      bounds: async (topic, partition) => {
        const { start, end } = await log.bounds(topic, partition)
        return { start, end: topic === 'marks' && partition === 0 && ends++ > 0 ? end + 1 : end }
      },
    }
    await assert.rejects(exportSite({ ...options, log: moving }), (error: unknown) => hasCode(error, 'site_in_use'))
    assert.ok(!(await readdir(directory)).includes('manifest.json'))
    assert.match((await importInto(await target('unfinished'), directory)).err, /no finished archive.*archive_unfinished/)
  } finally {
    await log.close()
  }
})

test('an altered, missing or swapped file, a wrong passphrase: refused before anything is written, the file named', async () => {
  const names = await readdir(archive)
  const events = names.filter((name) => name.startsWith('events-')).toSorted()
  const [one = '', two = ''] = events
  const tamper = async (name: string, change: (directory: string) => Promise<unknown>, expected: RegExp): Promise<void> => {
    const copy = join(work, `tampered-${name}`)
    await cp(archive, copy, { recursive: true })
    await change(copy)
    const there = await target(`refused-${name}`)
    const refused = await importInto(there, copy)
    assert.equal(refused.code, 1, name)
    assert.match(refused.err, expected)
    const log = await openLog(there)
    const { end } = await log.bounds('events', partitionOf(site.kept))
    await log.close()
    assert.equal(end, 0, 'nothing was written')
    await rm(copy, { recursive: true })
  }
  const flip = async (path: string): Promise<void> => {
    const bytes = await readFile(path)
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
    await writeFile(path, bytes)
  }
  await tamper('altered', (copy) => flip(join(copy, one)), new RegExp(`${one}: its SHA-256.*archive_damaged`))
  await tamper('missing', (copy) => rm(join(copy, two)), new RegExp(`${two}: it is missing`))
  await tamper('swapped', (copy) => cp(join(copy, one), join(copy, two)), new RegExp(`${two}: its SHA-256`))
  await tamper('file', (copy) => flip(join(copy, 'files', site.fileId.slice(0, 2), site.fileId)), new RegExp(`${site.fileId}: its SHA-256`))
  const forge = async (copy: string): Promise<void> => {
    const path = join(copy, 'manifest.json')
    const outer = JSON.parse(await readFile(path, 'utf8')) as { mac: string; manifest: string }
    const manifest = JSON.parse(outer.manifest) as { segments: { file: string }[] }
    manifest.segments = manifest.segments.filter(({ file }) => file !== one)
    await writeFile(path, JSON.stringify({ mac: outer.mac, manifest: JSON.stringify(manifest) }))
  }
  await tamper('forged', forge, /manifest\.json: it was altered/)
  await writeFile(join(work, 'wrong'), 'another passphrase\n')
  const there = await target('wrong-passphrase')
  assert.match((await run(['import', archive, '--passphrase-file', join(work, 'wrong')], there)).err, /or the passphrase is another/)
  assert.match((await run(['import', archive], there)).err, /give --passphrase-file/)
})

test('into a site of other organizations, sealed under its own secret: both live on', async () => {
  const server = await startServer()
  const there = server.dataDirectory
  try {
    await server.stop()
    const before = (await imageOf(there))['config'] as object
    const sealed = join(work, 'sealed')
    const done = await run(['export', sealed, '--secret-file', join(there, 'secret')], site.dataDirectory)
    assert.equal(done.code, 0, done.err)
    const imported = await run(['import', sealed], there)
    assert.equal(imported.code, 0, imported.err)
    const config = (await imageOf(there))['config'] as object
    assert.deepEqual(config, { ...before, ...(image['config'] as object) })
    const again = await startServer({ dataDirectory: there })
    const headers = { authorization: `Bearer ${site.token}` }
    assert.equal((await again.api<{ id: string }>(`/v1/conversations/${site.kept}`, { headers })).id, site.kept)
    await again.kill()
  } finally {
    await server.kill()
    await removeDirectory(there)
  }
})

test('what nobody has decided yet is decided there, and dead letters and the marks of work done go along', async () => {
  const copy = join(work, 'undecided')
  await cp(site.dataDirectory, copy, { recursive: true })
  const log = await openLog(copy)
  const organizationId =
    (image['conversations'] as Record<string, [string, { organizationId: string }]>)[site.kept]?.[1].organizationId ?? ''
  const command: Command = {
    type: 'conversation.erase',
    commandId: derivePlain('command', ['test', 'undecided']),
    organizationId,
    actor: { kind: 'conversation', id: site.kept },
    by: { kind: 'system', id: null },
    asksOutcome: false,
    bodyHash: '',
    at: Date.now(),
    data: { reason: null },
  }
  const { entry, record } = recordOf(command)
  const letter = { topic: 'commands', partition: 3, offset: 7, key: 'k', code: 'poison', error: 'Error: e', at: 1, isPoison: true }
  const value = encode(deadLetter, { ...letter, organizationId, bytes: Buffer.from(record.value ?? []) })
  const mark = encode(backfillMark, { accountId: organizationId, readUpTo: 5 })
  await log.append([
    { ...entry, records: [record] },
    { topic: 'dead-letters', partition: 3, records: [{ key: 'k/commands/3/7', value, headers: { type: 'dead-letter' }, time: 1 }] },
    {
      topic: 'ownership',
      partition: 0,
      records: [{ key: `backfill/${organizationId}`, value: mark, headers: { type: 'backfill' }, time: 1 }],
    },
  ])
  const [letters, commands] = [await stateOf(log, 'dead-letters'), await stateOf(log, 'commands')]
  assert.ok(Object.keys(commands).length > 5, 'most commands were decided long ago')
  await log.close()
  const from = join(work, 'undecided-archive')
  assert.equal((await run(['export', from, '--passphrase-file', passphraseFile()], copy)).code, 0)
  const there = await target('decided')
  assert.equal((await importInto(there, from)).code, 0)
  assert.match((await importInto(there, from)).out, /nothing was changed/)
  const arrived = await openLog(there)
  assert.deepEqual(await stateOf(arrived, 'dead-letters'), letters)
  assert.equal(Object.keys(await stateOf(arrived, 'commands')).length, 1, 'the undecided one alone')
  assert.ok(`backfill/${organizationId}` in (await stateOf(arrived, 'ownership')))
  await arrived.close()
  const server = await startServer({ dataDirectory: there })
  try {
    await until('the command is decided', async () => {
      const { items } = await server.api<Items<{ type: string }>>(`/v1/conversations/${site.kept}/events?limit=100`)
      return items.some(({ type }) => type === 'conversation.erased')
    })
  } finally {
    await server.kill()
  }
})

test('what was erased since does not come back: no content, no row, no file, and the actor says so itself', async () => {
  const list = join(work, 'erasures.jsonl')
  const here = await run(['export', list, '--erasures'], site.dataDirectory)
  assert.match(here.out, /2 erased conversations and contacts/)
  const snapshots = image['conversations'] as Record<string, [string, { seq: number; organizationId: string }]>
  const { seq, organizationId } = snapshots[site.kept]?.[1] ?? { seq: 0, organizationId: '' }
  await appendFile(list, `${JSON.stringify({ kind: 'conversation', id: site.kept, organizationId, upToSeq: seq })}\n`)
  const there = await target('erased')
  const done = await importInto(there, archive, ['--erasures', list])
  assert.match(done.out, /1 files brought in, 1 erasures follow/, done.err)
  const log = await openLog(there)
  try {
    for (const topic of ['events', 'messages', 'marks', 'outbox'] as const) {
      const text = JSON.stringify(await stateOf(log, topic))
      assert.doesNotMatch(text, /plum|be kind|with a file/, topic)
    }
  } finally {
    await log.close()
  }
  const server = await startServer({ dataDirectory: there })
  try {
    const events = await until('the erasure is a fact there', async () => {
      const { items } = await server.api<Items<{ type: string; seq: number }>>(`/v1/conversations/${site.kept}/events?limit=100`)
      return items.some(({ type }) => type === 'conversation.erased') && items
    })
    assert.ok(events.some((event) => event.seq === seq + 1 && event.type === 'conversation.erased'))
    const { items } = await server.api<Items<{ isErased: boolean; content: unknown }>>(`/v1/conversations/${site.kept}/messages`)
    assert.ok(items.length > 3 && items.every(({ isErased, content }) => isErased && content === null))
  } finally {
    await server.kill()
  }
  assert.match((await importInto(there, archive, ['--erasures', list])).out, /nothing was changed/)
})
