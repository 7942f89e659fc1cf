// A disk that fills under a running server: writes are refused with 503, reads go on, nothing is half-written, and it recovers by itself.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openEmbeddedReader, type PlacedRecord } from '#log'
import type { Topic } from '#topics'
import { removeDirectory, startServer, temporaryDirectory, until, type RunningServer } from '../harness.ts'
import { inboundParameters, messageSid, signTwilio, testAccount, type TwilioAccount } from '../twilio-webhooks.ts'

const MEGABYTE = 1_048_576

/** A disk of its own, where this user may make one. */
const mountDisk = (path: string): boolean => spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', path]).status === 0

const fill = async (path: string): Promise<void> => {
  const file = await open(path, 'w')
  try {
    for (const bytes of [MEGABYTE, 4096]) {
      const block = Buffer.alloc(bytes)
      for (let isFull = false; !isFull;)
        isFull = await file.write(block).then(
          () => false,
          () => true,
        )
    }
  } finally {
    await file.close()
  }
}

const write = async (server: RunningServer, name: string): Promise<Response> =>
  fetch(`${server.url}/v1/labels`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await server.token()}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name, color: '#123456' }),
  })

const receive = (server: RunningServer, account: TwilioAccount): Promise<Response> => {
  const parameters = inboundParameters(account, { sid: messageSid(9, 1), from: '+15550123', text: 'x'.repeat(1500) })
  const signature = signTwilio(account.authToken, `${account.publicUrl}${account.path}`, parameters)
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature }
  return fetch(`${server.url}${account.path}`, { method: 'POST', headers, body: new URLSearchParams(parameters).toString() })
}

const names = async (server: RunningServer): Promise<string[]> =>
  (await server.api<{ items: { name: string }[] }>('/v1/labels')).items.map(({ name }) => name)

const records = (dataDirectory: string, topic: Topic): readonly PlacedRecord[] => {
  const reader = openEmbeddedReader({ directory: join(dataDirectory, 'log') })
  try {
    return reader.before(reader.latest(), { topics: [topic] }).records
  } finally {
    reader.close()
  }
}

test('writes are refused, reads go on, and freed space is enough', { timeout: 120_000 }, async (context) => {
  const dataDirectory = await temporaryDirectory()
  if (!mountDisk(dataDirectory)) {
    await removeDirectory(dataDirectory)
    if (process.env['CI'] === 'true')
      throw new Error('the disk-full test needs root, to mount a small tmpfs; with CI=true nothing may be skipped')
    return context.skip('needs root, to mount a small tmpfs: run `npm test` as root')
  }
  let server: RunningServer | undefined
  try {
    server = await startServer({ dataDirectory })
    const running = server
    assert.equal((await write(running, 'before')).status, 201)
    const { accountSid, authToken } = testAccount('', '')
    const credentials = { accountSid, authToken }
    const { ingestUrl } = await running.api<{ ingestUrl: string }>('/v1/accounts', {
      body: { channel: 'twilio', name: 'SMS', externalId: '+15550100', credentials },
    })
    const { pathname, origin } = new URL(ingestUrl)
    await fill(join(dataDirectory, 'filler'))
    // What the WAL has room for already may still go through.
    const accepted = ['before']
    const refusal = await until('a write is refused', async () => {
      const name = `n${accepted.length}-${'x'.repeat(150)}`
      const answer = await write(running, name)
      if (answer.status === 201) accepted.push(name)
      return answer.status === 201 ? undefined : answer
    })
    assert.equal(refusal.status, 503)
    const problem = (await refusal.json()) as { code: string; detail?: string; title: string }
    assert.equal(problem.code, 'log_full')
    assert.match(problem.title, /disk is full/)
    assert.ok(Number(refusal.headers.get('retry-after')) >= 1)
    assert.deepEqual((await names(running)).toSorted(), accepted.toSorted(), 'reads go on')
    assert.equal((await fetch(`${running.url}/healthz`)).status, 200)
    const stored = records(dataDirectory, 'raw').length
    const webhook = await receive(running, testAccount(pathname, origin))
    assert.deepEqual([webhook.status, Number(webhook.headers.get('retry-after')) >= 1], [503, true], 'so that the provider sends it again')
    assert.equal(records(dataDirectory, 'raw').length, stored)
    await rm(join(dataDirectory, 'filler'))
    await until('a write goes through again', async () => (await write(running, 'after')).status === 201)
    assert.deepEqual((await names(running)).toSorted(), [...accepted, 'after'].toSorted(), 'what was refused is not there')
    assert.equal(await running.stop(), 0)
    const commands = records(dataDirectory, 'commands').filter(({ record }) => record.headers['type'] === 'setting.write')
    const outcomes = new Set(records(dataDirectory, 'outcomes').map(({ record }) => record.key))
    assert.deepEqual(
      commands.filter(({ record }) => !outcomes.has(record.headers['commandId'] ?? '')),
      [],
      'every command in the log was decided',
    )
    const again = await startServer({ dataDirectory })
    server = again
    assert.deepEqual((await names(again)).toSorted(), [...accepted, 'after'].toSorted(), 'and so it is after a restart')
    assert.equal(await again.stop(), 0)
  } finally {
    if (server?.process.exitCode === null) await server.kill()
    spawnSync('umount', ['-l', dataDirectory])
    await removeDirectory(dataDirectory)
  }
})
