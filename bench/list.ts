// `list`: the first page of conversations and searches on a full store, and whether ingest slows down on it.

import { startServer, temporaryDirectory, removeDirectory, until, type RunningServer } from '../test/harness.ts'
import { round, type Benchmark, type BenchmarkRun } from './benchmark.ts'
import { fill, phoneOf } from './fill.ts'
import { connectTwilio, drive, prepare } from './ingest.ts'
import { quantile } from './load.ts'
import { watchEvents } from './socket-watch.ts'
import type { TwilioAccount } from '../test/twilio-webhooks.ts'

/** The published mix: rare word, common word, two words, prefix, phone suffix. */
const queries = (n: number): string[] => [
  `term${(n * 37) % 20_000}`,
  ['order', 'invoice', 'refund'][n % 3] ?? '',
  `order term${(n * 91) % 20_000}`,
  `term${n % 90}`,
  phoneOf(n * 17).slice(-6),
]

const timed = async (server: RunningServer, paths: readonly string[], token: string): Promise<Float64Array> => {
  const times: number[] = []
  for (const path of paths) {
    const startedAt = performance.now()
    const answer = await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${token}` } })
    await answer.text()
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
    times.push(performance.now() - startedAt)
  }
  return Float64Array.from(times).sort()
}

const ingestRate = async (server: RunningServer, account: TwilioAccount, count: number): Promise<number> => {
  const watch = await watchEvents(server.url, await server.token())
  await drive(server, watch, prepare(account, 1, 2000), { run: 1 })
  const outcome = await drive(server, watch, prepare(account, 2, count), { run: 2 })
  watch.close()
  return outcome.result.ok / outcome.settledSeconds
}

const onEmpty = async (count: number): Promise<number> => {
  const server = await startServer({ dataDirectory: await temporaryDirectory() })
  try {
    return await ingestRate(server, await connectTwilio(server), count)
  } finally {
    await server.kill()
    await removeDirectory(server.dataDirectory)
  }
}

const run = async ({ isQuick, say }: BenchmarkRun): Promise<Record<string, number>> => {
  const filled = await fill(
    isQuick ? { conversations: 10_000, messages: 60_000, say } : { conversations: 100_000, messages: 1_000_000, say },
  )
  const server = await startServer({ dataDirectory: filled.dataDirectory })
  try {
    await until(
      'the views hold everything',
      async () => (await server.api<{ items: unknown[] }>(`/v1/search?q=SMbench${filled.messages - 1}&type=message`)) !== null,
      600_000,
    )
    const token = await server.token()
    const rounds = isQuick ? 100 : 400
    await timed(
      server,
      Array.from({ length: 20 }, () => '/v1/conversations'),
      token,
    )
    const pages = await timed(
      server,
      Array.from({ length: rounds * 5 }, () => '/v1/conversations?limit=50'),
      token,
    )
    const searches = await timed(
      server,
      Array.from({ length: rounds }, (_, n) => queries(n))
        .flat()
        .map((q) => `/v1/search?type=message&q=${encodeURIComponent(q)}`),
      token,
    )
    say(
      `first page p50 ${round(quantile(pages, 0.5), 2)} p99 ${round(quantile(pages, 0.99), 2)} ms; search p50 ${round(quantile(searches, 0.5), 2)} p99 ${round(quantile(searches, 0.99), 2)} ms`,
    )
    const accounts = await server.api<{ items: { id: string; channel: string; ingestUrl: string }[] }>('/v1/accounts')
    const { pathname: path, origin: publicUrl } = new URL(
      accounts.items.find((account) => account.channel === 'twilio')?.ingestUrl ?? server.url,
    )
    const account = {
      accountSid: `AC${'a1'.repeat(16)}`,
      authToken: '0123456789abcdef0123456789abcdef',
      number: '+15550100',
      path,
      publicUrl,
    }
    const count = isQuick ? 10_000 : 60_000
    const full = await ingestRate(server, account, count)
    await server.stop()
    const empty = await onEmpty(count)
    say(`ingest: ${round(full, 0)}/s on the full store, ${round(empty, 0)}/s on an empty one`)
    return {
      firstPageP99Ms: round(quantile(pages, 0.99), 2),
      searchP99Ms: round(quantile(searches, 0.99), 2),
      ingestFullRatio: round(full / empty),
      ratio: round(full / empty),
      firstPageP50Ms: round(quantile(pages, 0.5), 2),
      searchP50Ms: round(quantile(searches, 0.5), 2),
      ingestFullPerSecond: round(full, 0),
      baselinePerSecond: round(empty, 0),
      conversations: filled.conversations,
      messages: filled.messages,
    }
  } finally {
    await server.kill()
    await filled.remove()
  }
}

export const list: Benchmark = {
  name: 'list',
  explains:
    'First page of conversations and newest-first searches over HTTP on a full store (100,000 conversations, 1,000,000 messages; quick: 10,000 and 60,000); baseline: ingest on an empty store.',
  fields: 'firstPageP99Ms, searchP99Ms (rare word, common word, two words, prefix, phone suffix in equal parts), ingestFullRatio',
  goal: 'firstPageP99Ms < 5, searchP99Ms < 20, ingestFullRatio >= 0.8',
  run,
}
