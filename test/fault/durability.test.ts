// G1 at the system calls: no 2xx leaves before the fdatasync of its bytes has returned.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { connectTwilio } from '../../bench/ingest.ts'
import { removeDirectory, startServer, temporaryDirectory, until } from '../harness.ts'
import { messageSid, signedRequest } from '../twilio-webhooks.ts'
import { runLanes } from './lanes.ts'
import { judge, parseStrace, type Verdict } from './strace.ts'

const SIDS = Array.from({ length: 20 }, (_, n) => messageSid(77, n))

/** One webhook after the other under strace; the verdict on each. */
const observe = async (synchronous: 'FULL' | 'OFF'): Promise<Verdict[]> => {
  const dataDirectory = await temporaryDirectory()
  const trace = join(dataDirectory, 'strace.out')
  const calls = 'trace=pwrite64,pwritev,fdatasync,fsync,write,writev,sendto,sendmsg'
  const wrapper = ['strace', '-f', '-s', '16384', '-e', calls, '-e', 'signal=none', '-o', trace]
  const server = await startServer({ dataDirectory, wrapper, environment: { CONFAB_LOG_SYNCHRONOUS: synchronous } })
  try {
    const account = await connectTwilio(server)
    const verdicts: Verdict[] = []
    for (const sid of SIDS) {
      const before = (await readFile(trace, 'latin1')).length
      const lanes = [[signedRequest(account, { sid, from: '+15551000001', text: 'is it on disk?' })]]
      await runLanes({
        port: () => server.port,
        lanes,
        onAccepted: () => undefined,
        whenUp: () => Promise.reject(new Error('the server went away')),
      })
      // strace writes its line a moment after the call has returned.
      const seen = async (): Promise<string> => (await readFile(trace, 'latin1')).slice(before)
      await until('strace saw the answer', async () => (await seen()).includes('<Response/>'))
      verdicts.push(judge(parseStrace(await seen()), sid))
    }
    return verdicts
  } finally {
    await server.kill()
    await removeDirectory(dataDirectory)
  }
}

const hasStrace = spawnSync('strace', ['-V']).status === 0
const skip = hasStrace ? false : 'strace is not installed: apt-get install strace'

test('no 2xx leaves before the fdatasync of its bytes returned', { skip }, async () => {
  for (const verdict of await observe('FULL')) assert.ok(verdict.isDurable, verdict.because)
})

test('the judge notices a log that does not sync', { skip }, async () => {
  const verdicts = await observe('OFF')
  assert.ok(
    verdicts.every(({ isDurable }) => !isDurable),
    'a 2xx counted as durable though nothing was synced',
  )
})
