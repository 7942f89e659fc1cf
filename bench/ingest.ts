// `ingest`: signed webhooks over HTTP until decided, durable, searchable and pushed to a subscribed socket, against a bare route.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { freePort, removeDirectory, startServer, until, type RunningServer } from '../test/harness.ts'
import { messageSid, signedRequest, testAccount, type TwilioAccount } from '../test/twilio-webhooks.ts'
import { round, type Benchmark, type BenchmarkRun } from './benchmark.ts'
import { load, quantile, type LoadResult } from './load.ts'
import { watchEvents, type Watch } from './socket-watch.ts'

const CONNECTIONS = 64
const CONVERSATIONS = 2000
const WORDS = 'order invoice delivery address tomorrow question refund package window morning cancel thanks please number broken'.split(' ')

const textOf = (n: number): string =>
  Array.from({ length: 12 }, (_, index) => WORDS[(n * 7 + index * 5 + (n >> 4)) % WORDS.length]).join(' ')

/** Requests first..first+count, spread over the conversations; made before the clock starts. */
export const prepare = (account: TwilioAccount, run: number, count: number): Buffer[] =>
  Array.from({ length: count }, (_, n) =>
    signedRequest(account, {
      sid: messageSid(run, n),
      from: `+1555${String(1_000_000 + (n % CONVERSATIONS))}`,
      text: `${textOf(n)} w${run}x${n}`,
    }),
  )

export const connectTwilio = async (server: RunningServer): Promise<TwilioAccount> => {
  const account = testAccount('', server.url)
  const made = await server.api<{ ingestUrl: string }>('/v1/accounts', {
    body: {
      channel: 'twilio',
      name: 'bench',
      externalId: account.number,
      credentials: { accountSid: account.accountSid, authToken: account.authToken },
    },
  })
  const { pathname, origin } = new URL(made.ingestUrl)
  return { ...account, path: pathname, publicUrl: origin }
}

export const baseline = async (requests: readonly Buffer[]): Promise<LoadResult> => {
  const port = await freePort()
  const child = spawn(process.execPath, [join(import.meta.dirname, 'baseline-server.ts'), String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  try {
    return await load({ host: '127.0.0.1', port, connections: CONNECTIONS, next: (n) => requests[n] })
  } finally {
    child.kill('SIGKILL')
  }
}

interface Outcome {
  readonly result: LoadResult
  /** Seconds until the last event was pushed and the views had caught up. */
  readonly settledSeconds: number
  readonly latencies: Float64Array
  readonly lost: number
}

/** Sends all, then waits until each has been pushed and the newest is found by search. */
export const drive = async (
  server: RunningServer,
  watch: Watch,
  requests: readonly Buffer[],
  options: { run: number; perSecond?: number },
): Promise<Outcome> => {
  const sentAt = new Float64Array(requests.length)
  const startedAt = performance.now()
  const result = await load({
    host: '127.0.0.1',
    port: server.port,
    connections: CONNECTIONS,
    next: (n) => requests[n],
    onSent: (n) => (sentAt[n] = performance.now()),
    ...(options.perSecond === undefined ? {} : { perSecond: options.perSecond }),
  })
  const ids = Array.from(requests, (_, n) => messageSid(options.run, n))
  const missing = (): number => ids.reduce((count, id) => count + (watch.seen.has(id) ? 0 : 1), 0)
  await until('every message was pushed', () => watch.seen.has(ids.at(-1) ?? '') && missing() === 0, 30_000).catch(() => undefined)
  const last = `w${options.run}x${requests.length - 1}`
  await until(
    'the last message is searchable',
    async () => (await server.api<{ items: unknown[] }>(`/v1/search?q=${last}&type=message`)).items.length > 0,
    30_000,
  )
  const settledSeconds = (performance.now() - startedAt) / 1000
  const latencies = Float64Array.from(
    ids.flatMap((id, n) => (watch.seen.has(id) ? [(watch.seen.get(id) ?? 0) - (sentAt[n] ?? 0)] : [])),
  ).sort()
  return { result, settledSeconds, latencies, lost: missing() }
}

const run = async ({ isQuick, say }: BenchmarkRun): Promise<Record<string, number>> => {
  const server = await startServer({ environment: { CONFAB_LOG_LEVEL: 'error' } })
  try {
    const account = await connectTwilio(server)
    const watch = await watchEvents(server.url, await server.token())
    const count = isQuick ? 40_000 : 200_000
    await drive(server, watch, prepare(account, 1, 4000), { run: 1 })
    const requests = prepare(account, 2, count)
    say(`sending ${count} webhooks over ${CONNECTIONS} connections, ${CONVERSATIONS} conversations`)
    const full = await drive(server, watch, requests, { run: 2 })
    const perSecond = full.result.ok / full.settledSeconds
    const tenth = Math.max(100, Math.round(perSecond / 10))
    say(
      `${round(perSecond, 0)}/s until pushed and searchable (answers: ${round(full.result.ok / full.result.seconds, 0)}/s, p99 ${round(quantile(full.result.latencies, 0.99), 1)} ms); now at ${tenth}/s`,
    )
    const slow = await drive(server, watch, prepare(account, 3, tenth * (isQuick ? 5 : 20)), { run: 3, perSecond: tenth })
    watch.close()
    await server.stop()
    const bare = await baseline(requests)
    const baselinePerSecond = bare.ok / bare.seconds
    say(`bare route: ${round(baselinePerSecond, 0)}/s`)
    return {
      ratio: round(perSecond / baselinePerSecond),
      perSecond: round(perSecond, 0),
      baselinePerSecond: round(baselinePerSecond, 0),
      p50Ms: round(quantile(slow.latencies, 0.5), 2),
      p99Ms: round(quantile(slow.latencies, 0.99), 2),
      lost: full.lost + slow.lost,
      duplicates: watch.duplicates(),
      answersPerSecond: round(full.result.ok / full.result.seconds, 0),
      answerP99Ms: round(quantile(full.result.latencies, 0.99), 2),
    }
  } finally {
    await server.kill()
    await removeDirectory(server.dataDirectory)
  }
}

export const ingest: Benchmark = {
  name: 'ingest',
  explains:
    'Signed Twilio webhooks over HTTP until decided, durable, searchable and pushed to a socket; baseline: a bare Fastify route reading the same body.',
  fields: 'ratio, perSecond, baselinePerSecond, p50Ms and p99Ms (webhook to socket at a tenth of the rate), lost, duplicates',
  goal: 'ratio >= 0.20, p99Ms < 20, lost and duplicates 0',
  run,
}
