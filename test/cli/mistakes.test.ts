// Mistakes that people make when they start and run a server: each ends in one line that names the setting, path or field, and exit code 1.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, chown, cp, mkdir, open, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { DatabaseSync } from 'node:sqlite'
import { openEmbeddedReader } from '#log'
import { freePort, removeDirectory, startServer, temporaryDirectory, until } from '../harness.ts'
import { confab, startConfab, type Ran, type RunOptions } from './command.ts'

let scratch: string
/** A data directory that a server has run on and left. */
let used: string

before(async () => {
  scratch = await temporaryDirectory()
  used = join(scratch, 'used')
  const server = await startServer({ dataDirectory: used })
  assert.equal(await server.stop(), 0)
})
after(() => removeDirectory(scratch))

let copies = 0
const copy = async (): Promise<string> => {
  const path = join(scratch, `copy-${copies++}`)
  await cp(used, path, { recursive: true })
  return path
}

const serve = async (dataDirectory: string, environment: Record<string, string> = {}, options: RunOptions = {}): Promise<Ran> =>
  confab(['serve'], {
    ...options,
    environment: { CONFAB_PORT: String(await freePort()), CONFAB_DATA_DIR: dataDirectory, CONFAB_LOG_LEVEL: 'error', ...environment },
  })

/** Ended by itself, with code 1 and one line for people on standard error. */
const refusedWith = ({ code, err, out }: Ran, ...parts: readonly (string | RegExp)[]): void => {
  assert.equal(code, 1, `${out}${err}`)
  assert.match(err, /^confab: [^\n]+\n$/, 'one line, no stack trace')
  for (const part of parts) assert.match(err, typeof part === 'string' ? new RegExp(part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')) : part)
}

test('a port in use is named with its setting', async () => {
  const blocker = createServer()
  const port = await new Promise<number>((resolve) => blocker.listen(0, () => resolve((blocker.address() as { port: number }).port)))
  try {
    refusedWith(await serve(await copy(), { CONFAB_PORT: String(port) }), `CONFAB_PORT is ${port}`, 'port_in_use')
  } finally {
    blocker.close()
  }
})

test('an address that is not of this machine is named with its settings', async () => {
  refusedWith(await serve(await copy(), { CONFAB_HOST: '192.0.2.1' }), 'CONFAB_HOST is 192.0.2.1', 'address_unusable')
})

test('a data directory that another process holds is named; the other goes on, and doctor says so', async () => {
  const dataDirectory = await copy()
  const server = await startServer({ dataDirectory })
  try {
    refusedWith(await serve(dataDirectory), 'in use by another process', dataDirectory, 'data_locked')
    assert.equal((await fetch(`${server.url}/readyz`)).status, 200)
    const doctor = await confab(['doctor'], { environment: { CONFAB_DATA_DIR: dataDirectory, CONFAB_PORT: String(server.port) } })
    assert.match(doctor.out, /in use by a running server/)
    assert.equal(doctor.code, 0, doctor.out)
  } finally {
    await server.kill()
  }
})

test('a log whose bytes were overwritten is named', async () => {
  for (const position of [0, 8192]) {
    const dataDirectory = await copy()
    const file = await open(join(dataDirectory, 'log', 'log.db'), 'r+')
    await file.write(randomBytes(65_536), 0, 65_536, position)
    await file.close()
    refusedWith(await serve(dataDirectory), join(dataDirectory, 'log', 'log.db'), 'Restore it from a backup', 'data_corrupt')
    const doctor = await confab(['doctor'], { environment: { CONFAB_DATA_DIR: dataDirectory } })
    assert.match(doctor.out, /✗ .*damaged/)
    assert.equal(doctor.code, 1)
  }
})

test('a log that a newer version wrote is left alone and named', async () => {
  const dataDirectory = await copy()
  const database = new DatabaseSync(join(dataDirectory, 'log', 'log.db'))
  database.exec('PRAGMA user_version = 99')
  database.close()
  refusedWith(await serve(dataDirectory), 'newer version', 'format 99', join('log', 'log.db'), 'data_newer')
  refusedWith(await confab(['tail'], { environment: { CONFAB_DATA_DIR: dataDirectory } }), 'format 99', 'data_newer')
  assert.match((await confab(['doctor'], { environment: { CONFAB_DATA_DIR: dataDirectory } })).out, /✗ .*newer version/)
})

test('a secret that is too short, no file, or not the one of the log is named with its setting', async () => {
  const dataDirectory = await copy()
  const short = join(scratch, 'short-secret')
  await writeFile(short, 'c2hvcnQ=\n')
  refusedWith(
    await serve(dataDirectory, { CONFAB_SECRET_FILE: short }),
    `CONFAB_SECRET_FILE is ${short}`,
    'holds 5 bytes, not 32',
    'secret_unreadable',
  )
  refusedWith(await serve(dataDirectory, { CONFAB_SECRET_FILE: scratch }), `CONFAB_SECRET_FILE is ${scratch}`, 'secret_unreadable')
  const other = join(scratch, 'other-secret')
  await writeFile(other, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 })
  refusedWith(await serve(dataDirectory, { CONFAB_SECRET_FILE: other }), 'Set CONFAB_SECRET_FILE to the old one', 'secret_mismatch')
  const doctor = await confab(['doctor'], { environment: { CONFAB_DATA_DIR: dataDirectory, CONFAB_SECRET_FILE: other } })
  assert.match(doctor.out, /✗ .*not the one it was sealed under/)
  await removeDirectory(join(dataDirectory, 'secret'))
  refusedWith(await serve(dataDirectory), join(dataDirectory, 'secret'), 'secret_unreadable')
})

const isRoot = process.getuid?.() === 0
const NOBODY = 65_534

test('a data directory that cannot be made, or belongs to another user, is named with its setting', async (context) => {
  const file = join(scratch, 'a-file')
  await writeFile(file, '')
  refusedWith(await serve(file), `CONFAB_DATA_DIR is ${file}`, 'data_unwritable')
  refusedWith(await serve(join(file, 'below')), 'CONFAB_DATA_DIR', 'data_unwritable')
  if (!isRoot) return context.diagnostic('SKIPPED in part: only root can start a server as another user')
  await chmod(scratch, 0o755)
  const owned = await copy()
  refusedWith(await serve(owned, {}, { user: NOBODY }), `CONFAB_DATA_DIR is ${owned}`, 'EACCES', 'data_unwritable')
  const inner = await copy()
  await chown(inner, NOBODY, NOBODY)
  await chown(join(inner, 'secret'), NOBODY, NOBODY)
  refusedWith(await serve(inner, {}, { user: NOBODY }), join(inner, 'log'), 'data_unwritable')
  for (const folder of ['log', 'views', 'files']) await chown(join(inner, folder), NOBODY, NOBODY)
  refusedWith(await serve(inner, {}, { user: NOBODY }), join(inner, 'log'), 'data_unwritable')
})

test('settings that are wrong or unknown are named, all of them, on one line', async () => {
  const environment = {
    CONFAB_PORT: '80800',
    CONFAB_PUBLIC_URL: 'chat.example',
    CONFAB_INGEST_BYTES_MAX: 'much',
    CONFAB_DATADIR: '/x',
    CONFAB_LOG_LEVEL: 'loud',
  }
  for (const command of ['serve', 'config', 'doctor', 'tail']) {
    refusedWith(
      await confab([command], { environment }),
      /CONFAB_PORT expects a whole number from 0 to 65535/,
      /CONFAB_PUBLIC_URL expects an http or https URL/,
      /CONFAB_INGEST_BYTES_MAX expects a whole number/,
      /CONFAB_DATADIR is not a setting/,
      /CONFAB_LOG_LEVEL expects one of/,
      'config_invalid',
    )
  }
})

test('options and names that do not exist are named; a data directory without a log says how to get one', async () => {
  const environment = { CONFAB_DATA_DIR: used }
  refusedWith(await confab(['tail', '--topic', 'evnets'], { environment }), '--topic evnets', 'events')
  refusedWith(await confab(['tail', '--from', 'yesterday'], { environment }), '--from', 'option_invalid')
  refusedWith(await confab(['find', 'x', '--limit', '0'], { environment }), '--limit', 'option_invalid')
  refusedWith(
    await confab(['tail'], { environment: { CONFAB_DATA_DIR: join(scratch, 'nowhere') } }),
    join(scratch, 'nowhere'),
    'data_missing',
  )
  refusedWith(
    await confab(['token', 'list'], { environment: { ...environment, CONFAB_PORT: '1' } }),
    'http://127.0.0.1:1',
    'server_unreachable',
  )
  refusedWith(await confab(['token', 'list'], { environment: { CONFAB_DATA_DIR: scratch } }), 'admin-token', 'token_missing')
  const unknown = await confab(['tial'], { environment })
  assert.equal(unknown.code, 1)
  assert.match(unknown.err, /unknown command 'tial'/)
  assert.match((await confab([], { environment })).out, /serve[\s\S]+tail[\s\S]+find[\s\S]+dead-letters/)
})

test('a stop ends a server with code 0 within 10 seconds, with sockets open and a request half sent', async () => {
  const server = await startServer({ dataDirectory: await copy() })
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/v1/socket`, 'confab.v1')
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', reject)
  })
  const half = connect(server.port, '127.0.0.1')
  half.on('error', () => undefined)
  await new Promise<void>((resolve) =>
    half.write('POST /v1/accounts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\ncontent-length: 100\r\n\r\n{', () => resolve()),
  )
  const idle = connect(server.port, '127.0.0.1')
  await new Promise((resolve) => idle.once('connect', resolve))
  const startedAt = performance.now()
  assert.equal(await server.stop(), 0, server.output())
  assert.ok(performance.now() - startedAt < 10_000)
  idle.destroy()
  half.destroy()
})

test('a stop while the server still starts ends it with code 0', async () => {
  const dataDirectory = await copy()
  const running = startConfab(['serve'], { environment: { CONFAB_PORT: String(await freePort()), CONFAB_DATA_DIR: dataDirectory } })
  // The log's lock is taken early in the start.
  const lock = join(dataDirectory, 'log')
  const reader = openEmbeddedReader({ directory: lock })
  await until('it has begun', () => reader.facts().isInUse)
  reader.close()
  running.process.kill('SIGTERM')
  const { code, err } = await running.ended
  assert.equal(code, 0, err)
})

test('mkdir of a missing parent is no mistake: the data directory is made whole', async () => {
  const dataDirectory = join(scratch, 'made', 'of', 'parents')
  await mkdir(join(scratch, 'made'))
  const server = await startServer({ dataDirectory })
  assert.equal(await server.stop(), 0)
})
