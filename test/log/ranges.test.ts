// Ranges: what a thread reads beside the log is what the log itself reads, cut anywhere, with holes, without what a fenced owner left.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openEmbeddedLog, openRanges, type LogRecord, type StoredRecord } from '#log'
import { RawHeaders } from '../../src/log/embedded/raw-headers.ts'
import { encodeRecord } from '../../src/log/embedded/record.ts'

const open = async (context: TestContext, holes?: { seed: number }) => {
  const directory = mkdtempSync(join(tmpdir(), 'confab-ranges-'))
  const log = await openEmbeddedLog({ directory, synchronous: 'OFF', cleanIntervalMs: 0, ...(holes === undefined ? {} : { holes }) })
  const ranges = openRanges(log.ranges ?? assert.fail('the embedded form has ranges'))
  context.after(async () => {
    ranges.close()
    await log.close()
    rmSync(directory, { recursive: true })
  })
  return { log, ranges }
}

const recordOf = (n: number): LogRecord => ({
  key: `schlüssel ${n}/${n}/0`,
  value: n % 7 === 3 ? null : Buffer.from(`value ${n}`),
  headers: { type: n % 2 === 0 ? 'message.received' : 'content.message', other: 'ü' },
  time: n,
})

const readAll = async (log: Awaited<ReturnType<typeof open>>['log'], to: number): Promise<StoredRecord[]> => {
  const records: StoredRecord[] = []
  const abort = new AbortController()
  for await (const chunk of log.read([{ topic: 'marks', partition: 3, offset: 0 }], { signal: abort.signal })) {
    records.push(...chunk.records)
    if (chunk.next >= to) abort.abort()
  }
  return records
}

for (const holes of [undefined, { seed: 5 }])
  test(`ranges hold what a reader is handed${holes === undefined ? '' : ', holes between offsets or not'}`, async (context) => {
    const { log, ranges } = await open(context, holes)
    const lease = await log.lease('conversations', 3)
    let n = 0
    for (let batch = 0; batch < 40; batch++) {
      const records = Array.from({ length: 1 + (batch % 5) }, () => recordOf(n++))
      await lease.commit({ entries: [{ topic: 'marks', partition: 3, records }] }, batch)
    }
    const { end } = await log.bounds('marks', 3)
    const wanted = (await readAll(log, end)).map(({ key, value, headers, offset }) => [
      key,
      offset,
      headers['type'],
      value?.toString() ?? null,
    ])
    for (const recordsMax of [1, 3, 1_000]) {
      const found: unknown[] = []
      for (let from = 0; from < end;) {
        const range = ranges.read({ topic: 'marks', partition: 3, from, to: end, recordsMax })
        while (range.advance()) found.push([range.key, range.offset, range.type, range.isTombstone ? null : range.value.toString()])
        assert.ok(range.next > from && range.next <= end)
        from = range.next
      }
      assert.equal(found.length, n)
      assert.deepEqual(found, wanted)
    }
  })

test('a range that begins before what is kept says so', async (context) => {
  const { log, ranges } = await open(context)
  await log.append([{ topic: 'commands', partition: 0, records: [{ key: 'a', value: Buffer.from('b'), headers: {}, time: 1 }] }])
  await log.clean()
  const { start, end } = await log.bounds('commands', 0)
  assert.equal(start, 1)
  assert.throws(() => ranges.read({ topic: 'commands', partition: 0, from: 0, to: end, recordsMax: 10 }), { code: 'offset_below_start' })
})

test('owner and epoch are compared with the record before, whatever stands between', () => {
  const target = Buffer.alloc(1_000)
  const body = (headers: Record<string, string>): Uint8Array => {
    const record = { key: 'k', value: Buffer.from('v'), headers, time: 1 }
    return Uint8Array.from(target.subarray(0, encodeRecord(record, target, new DataView(target.buffer, target.byteOffset), 0)))
  }
  const headers = new RawHeaders()
  const first = body({ type: 'a', owner: 'sender', epoch: '12', in: '7' })
  assert.equal(headers.read(first), false)
  assert.equal(headers.read(body({ longer: 'x'.repeat(70), type: 'b', owner: 'sender', epoch: '12', in: '8' })), true)
  assert.equal(headers.type, 'b')
  for (const epoch of ['21', '112', '1', '13']) assert.equal(headers.read(body({ type: 'a', owner: 'sender', epoch })), false, epoch)
  assert.equal(headers.read(body({ type: 'a', owner: 'webhooks', epoch: '13' })), false)
  assert.equal(headers.read(body({ type: 'a' })), true, 'no owner is nobody to doubt')
  headers.forget()
  assert.equal(headers.read(first), false)
})
